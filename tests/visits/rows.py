"""A running grant with a visit, for tests of visits."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from grants.visits import actions
from grants.visits.models import Visit, VisitKind
from grants.visits.rules import Account, Agreed
from tests.payments.rows import Scene, scene

VISIT_DAY = date(2027, 9, 15)
TODAY = datetime(2027, 9, 15, 9, tzinfo=UTC)
FINDINGS = "The two assemblies took place. The list of participants was not kept."


def planned(made: Scene | None = None, **more: Any) -> tuple[Scene, Visit]:
    made = made or scene()
    told: dict[str, Any] = {"kind": VisitKind.ON_SITE, "purpose": "See the work.", "due_on": VISIT_DAY}
    return made, actions.plan(made.award, **told | {"by": made.coordinator} | more)


def account(**more: Any) -> Account:
    told: dict[str, Any] = {
        "made_on": VISIT_DAY,
        "kind": VisitKind.ON_SITE,
        "went": "Coordinator, and an interpreter",
        "met": "The director and four members of the committee",
        "findings": FINDINGS,
        "note": "The director seemed tired.",
        "changes": [Agreed("Keep a list of participants", date(2027, 10, 15))],
    }
    return Account(**told | more)


def shared(made: Scene | None = None, **more: Any) -> tuple[Scene, Visit]:
    made, visit = planned(made, **more)
    actions.write_down(visit, account(), by=made.coordinator)
    return made, actions.share(visit, by=made.coordinator)
