"""Rows for tests of reviews and of what comes after them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import event

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.calls.models import Call
from grants.conflicts.models import ConflictDeclaration, Grade, YearDeclaration
from grants.core.db import db
from grants.reviews import queries
from grants.reviews.models import Assignment, Recommendation, Review, ReviewerProfile, Score
from grants.reviews.workflow import AssignmentState
from tests.factories import application, call, organization, person, save

AT = datetime(2027, 3, 10, 9, tzinfo=UTC)
DUE = date(2027, 3, 26)


def reviewer(**more: Any) -> Person:
    """A reviewer who reads English, knows Africa and lot 1, and takes on five reviews."""
    profile = {"languages": ["en"], "regions": ["AFR"], "lots": ["L1"], "capacity": 5} | more.pop("profile", {})
    somebody = person(Role.REVIEWER, **more)
    save(ReviewerProfile(person_id=somebody.id, expertise={}, **profile))
    declares_for_year(somebody)
    return somebody


def declares_for_year(somebody: Person) -> None:
    """Somebody has declared in general that they belong to no organization."""
    save(YearDeclaration(person_id=somebody.id, words="None.", organizations=[]))


def case(call_: Call | None = None, **more: Any) -> Application:
    """An eligible application of an organization that nobody else is a member of."""
    owner = person()
    applicant = organization(owner, **more.pop("applicant", {}))
    return application(call_ or call(), applicant, owner, **more)


def declared(somebody: Person, application_: Application, grade: str = Grade.NONE, reason: str = "") -> None:
    """Somebody has declared for the call how they stand to the applicant."""
    about = {"organization_id": application_.organization_id, "call_id": application_.call_id}
    save(ConflictDeclaration(person_id=somebody.id, grade=grade, reason=reason, **about))


def assignment(application_: Application, reviewer_: Person, **more: Any) -> Assignment:
    """A reviewer who has accepted an assignment."""
    values = {"state": AssignmentState.ACCEPTED, "due_on": DUE, "round": 1, "asked_by_id": reviewer_.id}
    made = save(
        Assignment(
            application_id=application_.id,
            application=application_,
            reviewer_id=reviewer_.id,
            reviewer=reviewer_,
            **(values | more),
        )
    )
    save(Review(assignment_id=made.id, language="en"))
    db.session.refresh(made)
    return made


def reviewed(
    application_: Application,
    a1: int = 4,
    b1: int = 4,
    *,
    by: Person | None = None,
    summary: str = "Sound.",
    reason: str = "Because.",
    **more: Any,
) -> Assignment:
    """A submitted review; the total is 4 x a1 + 16 x b1."""
    made = assignment(application_, by or reviewer(), **({"state": AssignmentState.COMPLETED} | more))
    review = made.review
    assert review is not None
    for criterion in queries.criteria_of(application_.call):
        value = a1 if criterion.section == "A" else b1
        save(Score(review_id=review.id, criterion_id=criterion.id, value=value, reason=reason))
    review.total, review.submitted_at = 4 * a1 + 16 * b1, AT
    review.summary, review.for_applicant = summary, "Well prepared."
    review.recommendation = Recommendation.FUND
    db.session.flush()
    return made


def scores(a1: int = 4, b1: int = 4, reason: str = "") -> dict[str, tuple[int | None, str]]:
    """What is typed into the form of the two criteria."""
    return {"A1": (a1, reason), "B1": (b1, reason)}


@contextmanager
def counted(statements: list[str]) -> Iterator[None]:
    """Note the statements that the database is sent."""
    connection = db.session.connection()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", note)
