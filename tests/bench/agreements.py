"""How long an agreement takes, and five hundred of them that a coordinator has drawn up together."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from grants.calls.models import Call
from grants.core.db import db, transaction
from grants.core.languages import speaking
from grants.payments import actions
from grants.payments.models import AgreementBatch
from tests.bench import world
from tests.bench.world import FAR, copy

NUMBER = 500
TARGET = 0.5
"""Seconds for one agreement: planned, checked, set as a tagged PDF, stored, written down, mailed."""


def measure(folder: Path) -> dict[str, Any]:
    """Each agreement of a batch as the worker draws it up, and all of them together."""
    with world.opened(folder) as app, app.app_context():
        with transaction():
            call_id = _accepted(NUMBER)
        with transaction():
            call = db.session.scalars(select(Call).where(Call.id == call_id)).one()
            batch_id = actions.ask_for_agreements(call, by=world.person("STF-07")).id
        took = []
        begun = time.perf_counter()
        with speaking("en"):
            with transaction():
                waiting = [one for one in actions.begin_batch(batch_id) if one > FAR]
            for award_id in waiting:
                start = time.perf_counter()
                with transaction():
                    actions.draw_up_next(batch_id, award_id)
                took.append(time.perf_counter() - start)
            with transaction():
                actions.finish_batch(batch_id)
        seconds = time.perf_counter() - begun
        drawn = db.session.get_one(AgreementBatch, batch_id).drawn
    first = took.pop(0)  # it reads the fonts, once in a worker
    took.sort()
    slow = took[len(took) * 95 // 100]
    return {
        "agreement": {
            "drawn": drawn,
            "milliseconds": round(took[len(took) // 2] * 1000),
            "milliseconds_p95": round(slow * 1000),
            "milliseconds_first": round(first * 1000),
            "milliseconds_slowest": round(took[-1] * 1000),
            "batch_seconds": round(seconds, 1),
            "target": {"seconds_each": TARGET, "drawn": NUMBER},
            "met": slow < TARGET and drawn == NUMBER,
        }
    }


def _accepted(number: int) -> int:
    """Copies of a running grant that are accepted and checked, each with an organization of its own; their call."""
    award = world.row_of("SELECT * FROM award WHERE state = 'active' ORDER BY id LIMIT 1")
    application = world.row_of(f"SELECT * FROM application WHERE id = {award['application_id']}")
    own = f"{FAR} + g"
    copy("organization", award["organization_id"], number, reference="'ORG-B' || g")
    copy("answer_sheet", application["answer_sheet_id"], number)
    same = {"organization_id": own, "answer_sheet_id": own}
    copy("application", application["id"], number, reference="'APP-B' || g", **same)
    copy("decision", award["decision_id"], number, application_id=own)
    both = {"application_id": own, "decision_id": own, "organization_id": own}
    copy("award", award["id"], number, reference="'GRANT-B' || g", state="'accepted'", **both)
    for table in ("budget_line", "milestone", "diligence", "sanctions_check"):
        fresh = f"nextval(pg_get_serial_sequence('{table}', 'id'))"
        for row in db.session.scalars(text(f"SELECT id FROM {table} WHERE award_id = {award['id']}")).all():
            now = {"made_at": "now()"} if table == "sanctions_check" else {}
            copy(table, row, number, id=fresh, award_id=own, **now)
    db.session.execute(
        text(
            "INSERT INTO membership (organization_id, person_id, role, may_sign) SELECT o.id, m.person_id, 'owner', true"
            " FROM organization o, membership m WHERE o.id > :far AND m.organization_id = :source AND m.may_sign"
        ),
        {"far": FAR, "source": award["organization_id"]},
    )
    return int(award["call_id"])
