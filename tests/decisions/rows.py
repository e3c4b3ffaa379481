"""A committee and its applications, for tests of decisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.calls.models import Call
from grants.conflicts.models import ConflictDeclaration, Grade
from grants.core.db import db
from grants.core.rules import Refused
from grants.decisions import actions
from grants.decisions.models import Choice, Decision, Meeting
from grants.reviews.queries import applicants_to_declare
from tests.factories import person, save
from tests.reviews.rows import case, declares_for_year, reviewed

AT = datetime(2027, 4, 8, 12, tzinfo=UTC)


def members(number: int = 3) -> list[Person]:
    """Members of the committee, who have declared their ties of the year."""
    people = [person(Role.COMMITTEE_MEMBER) for _ in range(number)]
    for one in people:
        declares_for_year(one)
    return people


def declare_for(of_call: Call, people: Sequence[Person]) -> None:
    """Everybody has declared that they have no tie to the applicants of a call that they may see."""
    for one in people:
        for applicant in applicants_to_declare(one, of_call.id):
            about = {"organization_id": applicant.id, "call_id": of_call.id}
            save(ConflictDeclaration(person_id=one.id, grade=Grade.NONE, reason="", **about))


def coordinator(*regions: str) -> Person:
    """A coordinator of all regions, or of some."""
    return person(Role.GLOBAL_COORDINATOR, regions=list(regions or ("AFR", "ASI", "LAC")))


def scored(call_: Call, a1: int = 4, b1: int = 4, **more: Any) -> Application:
    """An application with two reviews that agree; the score is 4 x a1 + 16 x b1."""
    application = case(call_, **more)
    reviewed(application, a1, b1)
    reviewed(application, a1, b1)
    return application


def session_of(call_: Call, people: Sequence[Person], *, quorum: int = 2, by: Person | None = None) -> Meeting:
    """A meeting in session at which everybody is present and has declared their ties."""
    chair = by or coordinator()
    meeting = actions.call_meeting(call_, starts_at=AT, members=people, quorum=quorum, by=chair)
    for one in people:
        actions.mark_present(meeting, one, by=chair)
    actions.open_meeting(meeting, by=chair, early=True)
    declare_for(call_, people)
    return meeting


def decided(
    meeting: Meeting, application: Application, people: Sequence[Person], outcome: str = "award", **more: Any
) -> Decision:
    """A decision that these people voted for; the vote is closed without whoever else is there."""
    amount = {"amount": application.requested} if outcome == "award" else {}
    decision = actions.propose(meeting, application, outcome=outcome, **(amount | {"by": people[0]} | more))
    for one in people:
        actions.vote(decision, Choice.FOR, by=one)
    return actions.take(decision, by=people[0], closes_vote=True)


def refusal(act: Callable[..., object], *args: object, **more: object) -> set[str]:
    """The codes for which an act is refused; what it did before is undone, as the web undoes it."""
    with pytest.raises(Refused) as refused, db.session.begin_nested():
        act(*args, **more)
    return {one.code for one in refused.value.obstacles}
