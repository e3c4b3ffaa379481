"""Mails about reviews. They name applications by reference only."""

from __future__ import annotations

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.core.mail import Mail
from grants.reviews.models import Assignment


def review_asked(assignment: Assignment, application: Application) -> Mail:
    return Mail(
        "review_asked",
        to=assignment.reviewer,
        about=application.reference,
        due_on=assignment.due_on,
        occasion=str(assignment.id),
        context={
            "assignment": assignment,
            "call_title": application.call.title,
            "third": assignment.round == 2,
        },
    )


def assignment_released(assignment: Assignment, application: Application, occasion: int) -> Mail:
    return Mail(
        "assignment_released",
        to=assignment.reviewer,
        about=application.reference,
        occasion=str(occasion),
        context={"call_title": application.call.title},
    )


def review_reopened(assignment: Assignment, application: Application, reason: str, occasion: int) -> Mail:
    return Mail(
        "review_reopened",
        to=assignment.reviewer,
        about=application.reference,
        occasion=str(occasion),
        context={"assignment": assignment, "reason": reason},
    )


def reviews_complete(application: Application, to: Person, occasion: int, *, third_due: bool) -> Mail:
    return Mail(
        "reviews_complete",
        to=to,
        about=application.reference,
        occasion=str(occasion),
        context={
            "reference": application.reference,
            "call_reference": application.call.reference,
            "third_due": third_due,
        },
    )


def conflict_declared_late(application: Application, to: Person, occasion: int) -> Mail:
    return Mail(
        "conflict_declared_late",
        to=to,
        about=application.reference,
        occasion=str(occasion),
        context={"reference": application.reference, "call_reference": application.call.reference},
    )


def reviewer_missing(application: Application, to: Person, occasion: int) -> Mail:
    return Mail(
        "reviewer_missing",
        to=to,
        about=application.reference,
        occasion=str(occasion),
        context={"reference": application.reference, "call_reference": application.call.reference},
    )
