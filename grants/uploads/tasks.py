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
    """Join photographs, one page a transaction, so that the person sees it go on; says how many PDFs were finished."""
    finished = 0
    for booklet_id in queries.booklets_to_do():
        going = True
        while going:
            with transaction():
                booklet = queries.booklet_to_do(booklet_id)
                going = booklet is not None and not actions.join_one_page(booklet)
        finished += 1
    return finished


@every(timedelta(minutes=1))
@shared_task(name=SCAN_FILES)
def scan_now() -> int:
    """Look at the files that wait, one transaction a file; says how many were looked at. No answer leaves them waiting."""
    looked_at = 0
    if not scanning.is_configured():
        return looked_at
    for file_id in queries.files_to_scan():
        with transaction():
            stored = queries.file_to_scan(file_id)
            if stored is None:
                continue
            try:
                actions.look_for_viruses(stored)
            except scanning.NoAnswer as error:
                log.warning("virus_scanner_does_not_answer", error=str(error))
                return looked_at
            except FileNotFoundError:
                log.exception("stored_file_is_gone", file=file_id)
        looked_at += 1
    return looked_at


@every(timedelta(hours=1))
@shared_task(name="uploads.clear")
def clear_now() -> int:
    """Clear what nobody went on with; says how many uploads were cleared."""
    with transaction():
        return actions.clear_uploads(clock.now())
