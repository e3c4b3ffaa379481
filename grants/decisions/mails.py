"""Mails of the committee. No title, name or amount stands in them: people sign in to read their letter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from grants.accounts.models import Person
from grants.core.languages import LazyWords
from grants.core.mail import Mail
from grants.decisions.models import Decision, Meeting
from grants.decisions.queries import Point
from grants.decisions.rules import worded_point


def meeting_called(meeting: Meeting, to: Person, agenda: Sequence[Point]) -> Mail:
    return Mail(
        "meeting_called", to=to, about=meeting.reference, due_on=meeting.starts_at, context=_invitation(meeting, agenda)
    )


def meeting_agenda(meeting: Meeting, to: Person, agenda: Sequence[Point]) -> Mail:
    """The agenda as this member may read it: one mail for each that is another."""
    said = hashlib.sha256(repr([(point.kind, point.reference, point.title) for point in agenda]).encode()).hexdigest()
    return Mail(
        "meeting_agenda", to=to, about=meeting.reference, occasion=said[:16], context=_invitation(meeting, agenda)
    )


def _invitation(meeting: Meeting, agenda: Sequence[Point]) -> dict[str, Any]:
    points = [LazyWords(worded_point, point, titled=False) for point in agenda]
    return {"meeting": meeting, "call_title": meeting.call.title, "agenda": points}


def meeting_moved(meeting: Meeting, to: Person, occasion: int) -> Mail:
    return Mail(
        "meeting_moved",
        to=to,
        about=meeting.reference,
        due_on=meeting.starts_at,
        occasion=str(occasion),
        context={"meeting": meeting, "call_title": meeting.call.title},
    )


def meeting_cancelled(meeting: Meeting, to: Person) -> Mail:
    return Mail(
        "meeting_cancelled",
        to=to,
        about=meeting.reference,
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
