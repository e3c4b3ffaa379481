"""The Celery side of payments: what was found in their proofs, and agreements drawn up together."""

from __future__ import annotations

from datetime import timedelta

import structlog
from celery import shared_task

from grants.core import clock
from grants.core.db import transaction
from grants.core.jobs import every
from grants.core.languages import speaking
from grants.payments import actions, queries, rules

log = structlog.get_logger()


@every(timedelta(seconds=20))
@shared_task(name=actions.DRAW_UP)
def draw_up_now() -> int:
    """Draw up the agreements that coordinators asked for."""
    return draw_up_waiting()


def draw_up_waiting() -> int:
    """Draw up agreements batch by batch, each in a transaction of its own, so that whoever asked sees it go on; says how
    many batches were done.
    """
    return sum(_done(*waiting) for waiting in queries.batches_to_do(clock.now() - rules.STALLED))


def _done(batch_id: int, language: str) -> bool:
    try:
        with speaking(language):
            with transaction():
                waiting = actions.begin_batch(batch_id)
            for award_id in waiting:
                with transaction():
                    actions.draw_up_next(batch_id, award_id)
            with transaction():
                return actions.finish_batch(batch_id)
    except Exception:
        log.exception("agreements_not_drawn", batch=batch_id)
        with transaction():
            actions.finish_batch(batch_id, failed=True)
        return False


@every(timedelta(minutes=5))
@shared_task(name="payments.tell_of_locked_proofs")
def tell_now() -> int:
    """Tell of proofs that were found to hold a virus."""
    with transaction():
        return actions.tell_of_locked_proofs()
