"""The Celery side of accounts."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from grants.accounts.actions import clear_old_sign_ins
from grants.core import clock
from grants.core.db import transaction
from grants.core.jobs import every


@every(timedelta(hours=1))
@shared_task(name="accounts.clear_old_sign_ins")
def clear_now() -> tuple[int, int]:
    """Delete sessions long over and wrong passwords that no longer count."""
    with transaction():
        return clear_old_sign_ins(clock.now())
