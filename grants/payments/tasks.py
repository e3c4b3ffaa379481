"""The Celery side of payments: what was found in their proofs."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from grants.core.db import transaction
from grants.core.jobs import every
from grants.payments.actions import tell_of_locked_proofs


@every(timedelta(minutes=5))
@shared_task(name="payments.tell_of_locked_proofs")
def tell_now() -> int:
    """Tell of proofs that were found to hold a virus."""
    with transaction():
        return tell_of_locked_proofs()
