"""Mails about questions that people ask about calls. The subject names the call, never what was asked or by whom."""

from __future__ import annotations

from datetime import date, datetime

from grants.accounts.mails import Stranger
from grants.accounts.models import Person
from grants.calls.models import Call
from grants.core.mail import Mail, Recipient
from grants.enquiries.models import Enquiry


def _asker_of(enquiry: Enquiry) -> Recipient:
    """Whoever asked: a person with an account, or an address."""
    return enquiry.asker or Stranger(enquiry.email or "", enquiry.language)


def call_question_confirm(enquiry: Enquiry, call: Call, token: str, until: datetime) -> Mail:
    """Somebody without an account asked: only the link in this mail brings the question to the coordinators."""
    return Mail(
        "call_question_confirm",
        to=_asker_of(enquiry),
        about=enquiry.reference,
        context={"enquiry": enquiry, "call": call, "token": token, "until": until},
    )


def call_question_asked(call: Call, day: date, *, to: Person) -> Mail:
    """Questions about a call wait for an answer; a coordinator is told once a day at most."""
    return Mail("call_question_asked", to=to, about=call.reference, occasion=day.isoformat(), context={"call": call})


def call_question_answered(enquiry: Enquiry, call: Call, at: datetime) -> Mail:
    """Whoever asked gets the answer; ``published`` when everybody can read it on the page of the call."""
    return Mail(
        "call_question_answered",
        to=_asker_of(enquiry),
        about=enquiry.reference,
        occasion=at.isoformat(),
        context={"enquiry": enquiry, "call": call, "published": enquiry.published_at is not None},
    )
