"""The Celery side of organizations."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from grants.core.db import transaction
from grants.core.jobs import every
from grants.organizations.actions import compare_changed


@every(timedelta(minutes=5))
@shared_task(name="organizations.compare_changed")
def compare_now() -> int:
    """Look whether organizations that are new or have changed resemble others; a few hundred a time."""
    with transaction():
        return compare_changed()
