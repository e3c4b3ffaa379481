"""The Celery side of the reminders."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from celery import shared_task

from grants.core import clock
from grants.core.jobs import every
from grants.reminders.actions import sweep


@every(timedelta(minutes=1))
@shared_task(name="reminders.sweep")
def sweep_now() -> dict[str, Any]:
    """Look at every deadline."""
    return run_sweeps(clock.now())


def run_sweeps(at: datetime) -> dict[str, Any]:
    """Run the sweeps as of a moment (with a zone); says how many reminders were owed and how many were new."""
    run = sweep(at)
    return {"as_of": run.as_of.isoformat(), "found": run.found, "posted": run.posted, "seconds": run.seconds}
