"""How quickly the reminders of a day go out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from grants.core import clock
from grants.core.db import db, transaction
from grants.reminders.tasks import run_sweeps
from tests.bench import world


def measure(folder: Path) -> dict[str, Any]:
    """A sweep in which a thousand grantees are owed a reminder, and the same sweep again."""
    with world.opened(folder) as app:
        world.grow(app, 1000)
        with app.app_context():
            day = db.session.execute(text(f"SELECT due_on FROM report_due WHERE id = {world.FAR} + 1")).scalar_one()
            with transaction():
                db.session.execute(
                    text(
                        "INSERT INTO membership (organization_id, person_id, role, may_sign)"
                        " SELECT o.id, p.id, 'owner', true FROM organization o, person p"
                        f" WHERE o.id BETWEEN {world.FAR} AND {world.FAR} + 1000 AND p.reference = 'USR-SN-1'"
                    )
                )
            at = clock.now().replace(year=day.year, month=day.month, day=day.day, hour=20) - timedelta(days=7)
            with clock.at(at), transaction():
                db.session.execute(text(f"UPDATE report_due SET state = 'owed' WHERE id > {world.FAR}"))
            first = run_sweeps(at)
            again = run_sweeps(at)
    return {
        "sweep": {
            "reminders": first["posted"],
            "seconds": first["seconds"],
            "reminders_per_second": round(first["posted"] / max(first["seconds"], 0.001)),
            "again_new": again["posted"],
            "again_seconds": again["seconds"],
            "met": first["posted"] >= 1000 and again["posted"] == 0,
        }
    }
