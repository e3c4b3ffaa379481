"""Mails about the eligibility check, and about what applicants are asked. They name the application by its reference only."""

from __future__ import annotations

from datetime import date
from typing import Any

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.checks.models import Clarification
from grants.core.mail import Mail


def application_found_eligible(application: Application, to: Person, occasion: str) -> Mail:
    """The application meets the rules of the call and goes on to the reviewers."""
    return Mail(
        "application_found_eligible",
        to=to,
        about=application.reference,
        occasion=occasion,
        context={"application": application, "call": application.call},
    )


def application_found_ineligible(
    application: Application, rules: list[dict[str, Any]], reason: str, to: Person, occasion: str
) -> Mail:
    """The application does not meet the rules of the call: which ones, why, and the right to complain."""
    return Mail(
        "application_found_ineligible",
        to=to,
        about=application.reference,
        occasion=occasion,
        context={"application": application, "call": application.call, "rules": rules, "reason": reason},
    )


def clarification_asked(clarification: Clarification, to: Person) -> Mail:
    """The fund asks for more information: which application, and by when. What is asked is read after signing in."""
    return _about(clarification, "clarification_asked", to)


def clarification_extended(clarification: Clarification, to: Person) -> Mail:
    """There is more time to answer a request."""
    return _about(clarification, "clarification_extended", to, due_on=clarification.due_on)


def clarification_received(clarification: Clarification, to: Person) -> Mail:
    """What was asked for has arrived: the number and fingerprint of the new receipt."""
    return _about(clarification, "clarification_received", to, receipt=clarification.after)


def clarification_answered(clarification: Clarification, to: Person) -> Mail:
    """To coordinators: the applicant has answered."""
    return _about(clarification, "clarification_answered", to)


def clarification_closed(clarification: Clarification, reason: str, to: Person) -> Mail:
    """The request was closed without an answer; what had been handed in before counts."""
    return _about(clarification, "clarification_closed", to, reason=reason)


def _about(clarification: Clarification, name: str, to: Person, due_on: date | None = None, **context: Any) -> Mail:
    application = clarification.application
    return Mail(
        name,
        to=to,
        about=application.reference,
        due_on=due_on,
        occasion=str(clarification.number),
        context={"clarification": clarification, "application": application, "call": application.call} | context,
    )
