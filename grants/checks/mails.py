"""Mails about the eligibility check. They name the application by its reference only."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import Person
from grants.applications.models import Application
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
