"""Mails of the committee. No title, name or amount stands in them: people sign in to read their letter."""

from __future__ import annotations

from grants.accounts.models import Person
from grants.core.mail import Mail
from grants.decisions.models import Decision, Meeting


def meeting_called(meeting: Meeting, to: Person) -> Mail:
    return Mail(
        "meeting_called",
        to=to,
        about=meeting.reference,
        due_on=meeting.starts_at,
        context={"meeting": meeting, "call_title": meeting.call.title},
    )


def sheet_ready(meeting: Meeting, to: Person) -> Mail:
    return Mail("sheet_ready", to=to, about=meeting.reference, context={"meeting": meeting})


def conflict_after_decision(decision: Decision, to: Person, occasion: int) -> Mail:
    return Mail(
        "conflict_after_decision",
        to=to,
        about=decision.application.reference,
        occasion=str(occasion),
        context={"reference": decision.application.reference, "meeting": decision.meeting.reference},
    )


def decision_declined(decision: Decision, to: Person) -> Mail:
    return Mail(
        "decision_declined",
        to=to,
        about=decision.application.reference,
        context={"reference": decision.application.reference},
    )


def decision_reserve(decision: Decision, to: Person) -> Mail:
    return Mail(
        "decision_reserve",
        to=to,
        about=decision.application.reference,
        context={"reference": decision.application.reference},
    )
