"""Finding scenarios, and what they are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, func, select
from sqlalchemy.orm import joinedload, selectinload

from grants.accounts.models import Organization, Person
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.calls.queries import documents_of
from grants.core.db import Prepared, db, packed, unpacked
from grants.core.questions import points_of
from grants.decisions.models import Meeting
from grants.decisions.workflow import GONE
from grants.scenarios.models import LaidBefore, Scenario


def leads_of(call_id: int) -> dict[int, int]:
    """Of the applicants to a call that are second accounts of an organization, the account that counts for it."""
    found = (
        select(Organization.id, Organization.duplicate_of_id)
        .join(Application, Application.organization_id == Organization.id)
        .where(Application.call_id == call_id, Organization.duplicate_of_id.is_not(None))
    )
    return {account: main for account, main in db.session.execute(found) if main is not None}


def plan_points_of(call_id: int) -> dict[int, list[int]]:
    """The points of the plan of action that each eligible application to a call serves."""
    found = select(Application.id, Application.plan_points).where(
        Application.call_id == call_id, Application.state == ApplicationState.ELIGIBLE
    )
    return {row.id: row.plan_points for row in db.session.execute(found)}


def plan_of(call: Call) -> Mapping[int, Any]:
    """The points of the plan of action that the lots of a call serve, by number; those of a call without lots all."""
    served = {number for lot in call.lots for number in lot.plan_points}
    points = {point["number"]: point["text"] for point in points_of(documents_of(call)["plan_of_action"] or {})}
    return {number: text for number, text in points.items() if not served or number in served}


def scenarios_of(seen: Select[Scenario], call_id: int, numbers: Collection[int] | None = None) -> list[Scenario]:
    """The scenarios of a call that a person may see, the latest first; only some ``numbers`` when they are given."""
    found = seen.where(Scenario.call_id == call_id).options(joinedload(Scenario.saved_by).load_only(Person.name))
    if numbers is not None:
        found = found.where(Scenario.number.in_(numbers))
    return list(db.session.scalars(found.order_by(Scenario.number.desc())))


def last_number(call_id: int) -> int:
    """The number of the latest scenario of a call; 0 when there is none."""
    return db.session.scalar(select(func.max(Scenario.number)).where(Scenario.call_id == call_id)) or 0


def laid_before(call_id: int) -> dict[str, int]:
    """The number of the scenario that lies before each meeting about a call, by the reference of the meeting."""
    found = (
        select(Meeting.reference, Scenario.number)
        .join(LaidBefore, LaidBefore.meeting_id == Meeting.id)
        .join(Scenario, Scenario.id == LaidBefore.scenario_id)
        .where(Meeting.call_id == call_id)
        .order_by(LaidBefore.id)
    )
    return {row.reference: row.number for row in db.session.execute(found)}


def meetings_ahead(seen: Select[Meeting], call_id: int) -> list[Meeting]:
    """The meetings about a call that are not closed or called off, among those a person may see, with who sits in them."""
    found = seen.where(Meeting.call_id == call_id, Meeting.state.not_in(GONE)).options(
        selectinload(Meeting.seats), joinedload(Meeting.call).selectinload(Call.regions)
    )
    return list(db.session.scalars(found.order_by(Meeting.starts_at)))


def scenario_before(meeting_id: int) -> Scenario | None:
    """The scenario that lies before a meeting, to be read only."""
    return next((unpacked(Scenario, one) for (one,) in _BEFORE(meeting=meeting_id)), None)


_BEFORE = Prepared(
    lambda: (
        select(packed(Scenario))
        .join(LaidBefore, LaidBefore.scenario_id == Scenario.id)
        .where(LaidBefore.meeting_id == bindparam("meeting", None, type_=BigInteger))
        .order_by(LaidBefore.id.desc())
        .limit(1)
    )
)
