"""Mails about applications. They name the application by its reference only; the rest is read after signing in."""

from __future__ import annotations

from datetime import datetime

from grants.accounts.models import Person
from grants.applications import queries, rules
from grants.applications.models import Application, Receipt
from grants.applications.rules import Audience
from grants.calls.models import Call
from grants.core import pdf
from grants.core.mail import Enclosure, Mail, OutboxMail, enclosed_in
from grants.questionnaires.queries import definition_of


def application_submitted(receipt: Receipt, application: Application, to: Person) -> Mail:
    """The application has arrived: receipt number, server time and hash."""
    return Mail(
        "application_submitted",
        to=to,
        about=application.reference,
        occasion=receipt.number,
        context={
            "receipt": receipt,
            "application": application,
            "call": application.call,
            "enclosing": rules.may_be_enclosed(application),
        },
    )


@enclosed_in("application_submitted")
def enclosed_with_receipt(mail: OutboxMail) -> list[Enclosure]:
    """The receipt that the mail is about, and a copy of what it was given for."""
    receipt = queries.receipt_by_number(mail.occasion)
    return receipt_and_copy(receipt, mail.to_person_id) if receipt else []


def receipt_and_copy(receipt: Receipt, to_person_id: int) -> list[Enclosure]:
    """A receipt and a copy of what it was given for as documents, in the language now spoken. For members of the
    applicant organization only, and as long as nobody asked for confidentiality: nothing for others.
    """
    application = receipt.application
    members = {person.id for person in queries.people_of(application)}
    if to_person_id not in members or not rules.may_be_enclosed(application):
        return []
    definition, answers = definition_of(application.questionnaire_id), receipt.content["answers"]
    papers = queries.papers_received(receipt, application)
    copy = rules.copy_in_words(application, definition, answers, papers, Audience.APPLICANT)
    copy["title"] = rules.facts_in(answers, application.call.currency)["title"] or application.reference
    words = rules.receipt_in_words(receipt, application, queries.labelled(receipt, application))
    return [
        Enclosure(f"{receipt.number}.pdf", pdf.render("document", **words)),
        Enclosure(f"{application.reference}.pdf", pdf.render("document", **copy)),
    ]


def certification_asked(application: Application, by: Person, at: datetime, to: Person) -> Mail:
    """A colleague asks a signatory to read the application and certify it: one mail each time they ask."""
    return Mail(
        "certification_asked",
        to=to,
        about=application.reference,
        occasion=at.isoformat(),
        context={"application": application, "call": application.call, "by": by},
    )


def application_certified(application: Application, by: Person, at: datetime, to: Person) -> Mail:
    """A signatory has certified the application: its people are told that it can be sent in."""
    return Mail(
        "application_certified",
        to=to,
        about=application.reference,
        occasion=at.isoformat(),
        context={"application": application, "call": application.call, "by": by, "at": at},
    )


def application_resumed(application: Application, to: Person, occasion: str) -> Mail:
    """A withdrawn application is a draft again: it must be sent in once more before the deadline."""
    return Mail(
        "application_resumed",
        to=to,
        about=application.reference,
        occasion=occasion,
        context={"application": application, "call": application.call},
    )


def call_answers_published(call: Call, number: int, at: datetime, to: Person) -> Mail:
    """Answers about a call were published while somebody writes an application to it: one mail a publication."""
    return Mail(
        "call_answers_published",
        to=to,
        about=call.reference,
        occasion=at.isoformat(),
        context={"call": call, "number": number},
    )


def application_withdrawn(application: Application, reason: str, to: Person) -> Mail:
    """An applicant withdrew an application that had been sent in; told to the coordinators of its region."""
    return Mail(
        "application_withdrawn",
        to=to,
        about=application.reference,
        context={"application": application, "reason": reason},
    )
