"""The Celery side of imports: carried out one after the other; tables that nobody confirmed are taken away."""

from __future__ import annotations

from datetime import timedelta

import structlog
from celery import shared_task

from grants.core import clock
from grants.core.db import transaction
from grants.core.jobs import every
from grants.imports import actions, queries, rules

log = structlog.get_logger()


@every(timedelta(seconds=30))
@shared_task(name=actions.CARRY_OUT)
def carry_out_now() -> int:
    """Carry out the imports that were confirmed."""
    return carry_out_waiting()


def carry_out_waiting() -> int:
    """Carry out the imports that wait, each whole or not at all; says how many were."""
    return sum(map(_carried_out, queries.imports_to_carry_out(clock.now() - rules.STALLED)))


def _carried_out(import_id: int) -> bool:
    at = clock.now()
    with transaction():
        taken = queries.begin(import_id, at, at - rules.STALLED)
    if not taken:
        return False
    try:
        with transaction():
            return actions.carry_out(import_id, lambda done, total: queries.note_progress(import_id, done, total))
    except Exception:
        log.exception("import_not_carried_out", number=import_id)
        with transaction():
            actions.give_up(import_id)
        return False


@every(timedelta(hours=6))
@shared_task(name="imports.forget_left")
def forget_now() -> int:
    """Take away tables that nobody confirmed in time, and what refused rows said."""
    with transaction():
        return actions.forget_left(clock.now())
