"""The Celery side of organizations."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from grants.core.db import transaction
from grants.core.jobs import every
from grants.organizations.actions import compare_changed

AT_ONCE, BATCHES = 50, 20
"""Among ten thousand organizations one comparison takes up to a sixteenth of a second."""


@every(timedelta(minutes=5))
@shared_task(name="organizations.compare_changed")
def compare_now() -> int:
    """Look whether organizations that are new or have changed resemble others; says how many were compared.

    After a change to thousands the next run goes on where this one ends, so that no run takes long.
    """
    compared = 0
    for _batch in range(BATCHES):
        with transaction():
            now = compare_changed(AT_ONCE)
        compared += now
        if now < AT_ONCE:
            break
    return compared
