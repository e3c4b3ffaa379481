"""The Celery side of files: joining photographs, looking for viruses, clearing what was left lying."""

from __future__ import annotations

from datetime import timedelta

import structlog
from celery import shared_task

from grants.core import clock, scanning
from grants.core.db import transaction
from grants.core.files import SCAN_FILES
from grants.core.jobs import every
from grants.uploads import actions, queries

log = structlog.get_logger()


@every(timedelta(seconds=20))
@shared_task(name=actions.JOIN_PHOTOGRAPHS)
def join_now() -> int:
    """Join photographs."""
    return join_waiting()


def join_waiting() -> int:
    """Join photographs, one page a transaction, so that the person sees it go on; says how many booklets are over."""
    over = 0
    for booklet_id in queries.booklets_to_do():
        going = True
        while going:
            with transaction():
                booklet = queries.booklet_to_do(booklet_id)
                going = booklet is not None and not actions.join_one_page(booklet)
        over += 1
    return over


@every(timedelta(minutes=1))
@shared_task(name=SCAN_FILES)
def scan_now() -> int:
    """Look at the files that wait."""
    return scan_waiting()


def scan_waiting() -> int:
    """Look at the files that wait, one transaction a file; says how many were looked at. No answer leaves them waiting."""
    if not scanning.is_configured():
        return 0
    looked_at = 0
    for file_id in queries.files_to_scan():
        try:
            with transaction():
                looked_at += _scan(file_id)
        except scanning.NoAnswer as error:
            log.warning("virus_scanner_does_not_answer", error=str(error))
            break
        except FileNotFoundError:
            log.exception("stored_file_is_gone", file=file_id)
    return looked_at


def _scan(file_id: int) -> int:
    stored = queries.file_to_scan(file_id)
    if stored is not None:
        actions.look_for_viruses(stored)
    return int(stored is not None)


@every(timedelta(hours=1))
@shared_task(name="uploads.clear")
def clear_now() -> int:
    """Clear what nobody went on with; says how many uploads were cleared."""
    with transaction():
        return actions.clear_uploads(clock.now())
