"""The Celery side of decisions: ties that come to be without a word."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from grants.core.db import transaction
from grants.core.jobs import every
from grants.decisions.actions import close_hidden_reviews


@every(timedelta(minutes=5))
@shared_task(name="decisions.close_hidden_reviews")
def close_hidden_now() -> int:
    """Close the reviews of people who stand too close to the applicant since they were asked."""
    with transaction():
        return close_hidden_reviews()
