"""The Celery side of drafts."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from grants.core import clock
from grants.core.db import transaction
from grants.core.jobs import every
from grants.drafts.actions import thin_out_versions


@every(timedelta(hours=6))
@shared_task(name="drafts.thin_out_versions")
def thin_out_now() -> int:
    """Forget the many versions that were saved by themselves a while ago."""
    with transaction():
        return thin_out_versions(clock.now())
