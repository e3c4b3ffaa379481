"""The Celery side of questions about calls."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from grants.core import clock
from grants.core.db import transaction
from grants.core.jobs import every
from grants.enquiries.actions import forget_unconfirmed


@every(timedelta(hours=1))
@shared_task(name="enquiries.forget_unconfirmed")
def forget_now() -> int:
    """Remove the questions that nobody confirmed in time."""
    with transaction():
        return forget_unconfirmed(clock.now())
