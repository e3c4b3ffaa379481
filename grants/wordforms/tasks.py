"""The Celery side of filled forms."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from grants.core import clock
from grants.core.db import transaction
from grants.core.jobs import every
from grants.wordforms.actions import forget_expired


@every(timedelta(hours=6))
@shared_task(name="wordforms.forget_expired")
def forget_now() -> int:
    """Take away filled forms that nobody took over in time."""
    with transaction():
        return forget_expired(clock.now())
