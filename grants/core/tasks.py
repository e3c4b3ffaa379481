"""The Celery side of the outbox."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from grants.core.jobs import every
from grants.core.mail import DELIVER_MAIL, deliver_due


@every(timedelta(seconds=20))
@shared_task(name=DELIVER_MAIL)
def deliver_mail() -> int:
    """Send what is due in the outbox; rung for by the web, and by the clock when nobody heard the bell."""
    return deliver_due()
