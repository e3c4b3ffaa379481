"""The Celery side of lists: long ones are written one after the other, and old files taken away."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import structlog
from celery import shared_task

from grants.core import clock
from grants.core.db import transaction
from grants.core.jobs import every
from grants.core.languages import speaking
from grants.listings import actions, queries, rules

log = structlog.get_logger()


@every(timedelta(seconds=20))
@shared_task(name=actions.MAKE_FILES)
def make_now() -> int:
    """Write the long lists that were asked for."""
    return make_waiting()


def make_waiting() -> int:
    """Write the lists that wait; says how many were."""
    return sum(map(_made, queries.files_to_make(clock.now() - rules.STALLED)))


def _made(file_id: int) -> bool:
    at = clock.now()
    with transaction():
        language = queries.begin(file_id, at, at - rules.STALLED)
    if language is None:
        return False
    try:
        with speaking(language), transaction():
            return actions.make(file_id, partial(queries.note_progress, file_id))
    except Exception:
        log.exception("list_not_written", number=file_id)
        with transaction():
            actions.give_up(file_id)
        return False


@every(timedelta(hours=6))
@shared_task(name="listings.forget_old")
def forget_now() -> int:
    """Take away files that were made a while ago."""
    with transaction():
        return actions.forget_old(clock.now())
