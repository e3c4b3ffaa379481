"""The Celery side of close-outs: what is kept no longer."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from grants.closeout.actions import forget_enquirers
from grants.core import clock
from grants.core.db import transaction
from grants.core.jobs import every


@every(timedelta(hours=6))
@shared_task(name="closeout.forget_enquirers")
def forget_now() -> int:
    """Remove the addresses of visitors who asked about calls that were decided long ago."""
    with transaction():
        return forget_enquirers(clock.now())
