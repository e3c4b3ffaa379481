"""Finding whom a correction concerns."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from grants.accounts.models import Membership, Person
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.core.db import db


def drafts_held(call: Call) -> list[Application]:
    """The applications to a call that are being written, each locked until the transaction ends."""
    found = (
        select(Application)
        .where(Application.call_id == call.id, Application.state == ApplicationState.DRAFT)
        .options(joinedload(Application.answer_sheet), joinedload(Application.organization))
        .order_by(Application.id)
        .with_for_update(of=Application)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(found))


def drafts_of(call: Call) -> int:
    """How many applications to a call are being written."""
    found = select(func.count(Application.id)).where(
        Application.call_id == call.id, Application.state == ApplicationState.DRAFT
    )
    return db.session.scalar(found) or 0


def was_applied_to(call: Call) -> bool:
    """Whether an application to a call was ever sent in."""
    found = select(Application.id).where(Application.call_id == call.id, Application.submitted_at.is_not(None))
    return db.session.scalar(found.limit(1)) is not None


def writers_of(applications: Iterable[Application]) -> list[tuple[Application, Person]]:
    """The members of the organizations that write these applications, each with theirs."""
    by_organization = {application.organization_id: application for application in applications}
    found = (
        select(Membership.organization_id, Person)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.organization_id.in_(by_organization), Membership.ended_at.is_(None), Person.active)
        .order_by(Membership.id)
    )
    return [(by_organization[organization], person) for organization, person in db.session.execute(found)]
