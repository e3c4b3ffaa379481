"""Mails about the eligibility check, and about what applicants are asked. They name the application by its reference only."""

from __future__ import annotations

from datetime import date
from typing import Any

from grants.accounts.models import Person
from grants.applications import queries as applications
from grants.applications.mails import receipt_and_copy
from grants.applications.models import Application
from grants.applications.rules import may_be_enclosed
from grants.checks import queries
from grants.checks.models import Clarification
from grants.core.mail import Enclosure, Mail, OutboxMail, enclosed_in
from grants.letters.models import Letter


def application_found_eligible(application: Application, to: Person, occasion: str) -> Mail:
    """The application meets the rules of the call and goes on to the reviewers."""
    return Mail(
        "application_found_eligible",
        to=to,
        about=application.reference,
        occasion=occasion,
        context={"application": application, "call": application.call},
    )


def application_found_ineligible(application: Application, letter: Letter, to: Person, occasion: str) -> Mail:
    """The application does not meet the rules of the call: which ones, why, and until when one may complain, as the letter
    says.
    """
    told = letter.details
    return Mail(
        "application_found_ineligible",
        to=to,
        about=application.reference,
        occasion=occasion,
        context={
            "application": application,
            "rules": told["rules"],
            "reason": told["reason"],
            "complain_until": date.fromisoformat(told["complain_until"]),
        },
    )


def clarification_asked(clarification: Clarification, to: Person) -> Mail:
    """The fund asks for more information: which application, and by when. What is asked is read after signing in."""
    return Mail("clarification_asked", to=to, **_about(clarification))


def clarification_extended(clarification: Clarification, to: Person) -> Mail:
    """There is more time to answer a request."""
    return Mail("clarification_extended", to=to, due_on=clarification.due_on, **_about(clarification))


def clarification_received(clarification: Clarification, to: Person) -> Mail:
    """What was asked for has arrived: the number and fingerprint of the new receipt."""
    enclosing = may_be_enclosed(clarification.application)
    told = _about(clarification, receipt=clarification.after, enclosing=enclosing)
    return Mail("clarification_received", to=to, **told)


@enclosed_in("clarification_received")
def enclosed_with_new_receipt(mail: OutboxMail) -> list[Enclosure]:
    """The new receipt, and a copy of the whole application as it now is."""
    number = queries.receipt_after(mail.about, int(mail.occasion))
    receipt = applications.receipt_by_number(number) if number else None
    return receipt_and_copy(receipt, mail.to_person_id) if receipt else []


def clarification_answered(clarification: Clarification, to: Person) -> Mail:
    """To coordinators: the applicant has answered."""
    return Mail("clarification_answered", to=to, **_about(clarification))


def clarification_closed(clarification: Clarification, reason: str, to: Person) -> Mail:
    """The request was closed without an answer; what had been handed in before counts."""
    return Mail("clarification_closed", to=to, **_about(clarification, reason=reason))


def _about(clarification: Clarification, **context: Any) -> dict[str, Any]:
    application = clarification.application
    told = {"clarification": clarification, "application": application, "call": application.call}
    return {"about": application.reference, "occasion": str(clarification.number), "context": told | context}
