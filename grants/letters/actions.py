"""Wording letters, and writing them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.applications.queries import hold_call
from grants.calls.models import Call
from grants.calls.queries import documents_of
from grants.core import clock
from grants.core.db import db
from grants.core.money import Money
from grants.core.rules import refuse
from grants.history import actions as history
from grants.letters import queries, rules
from grants.letters.models import Letter, LetterKind, LetterTemplate


def word(call: Call, kind: LetterKind, language: str, paragraphs: queries.Paragraphs, *, by: Person) -> LetterTemplate:
    """Word a letter of a call in a language. What was sent already stays as it was. Raises Refused for a part without
    words, or a placeholder that has no meaning in it.
    """
    refuse(rules.obstacles_to_wording(kind, paragraphs))
    hold_call(call)
    template = queries.templates_of(call).get((kind, language))
    if template is None:
        template = LetterTemplate(call_id=call.id, kind=kind, language=language)
        db.session.add(template)
    template.opening, template.outcome, template.closing = paragraphs
    template.written_by_id, template.written_at = by.id, clock.now()
    db.session.flush()
    history.note("call", call.id, "word_letter", by=by, letter=str(kind), language=language)
    return template


def reset(call: Call, kind: LetterKind, language: str, *, by: Person) -> None:
    """Go back to our own wording of a letter."""
    hold_call(call)
    template = queries.templates_of(call).get((kind, language))
    if template is not None:
        db.session.delete(template)
        history.note("call", call.id, "reset_letter", by=by, letter=str(kind), language=language)


def compose(
    application: Application,
    kind: LetterKind,
    wording: Mapping[tuple[str, str], queries.Paragraphs],
    *,
    at: datetime,
    details: Mapping[str, Any],
    amount: Money | None = None,
    keep_until: date | None = None,
    language: str = "",
) -> Letter:
    """A letter as it would be sent at a moment, in the language of the application if no other is named; its details keep
    the last day for a complaint that it promises. It is not kept.
    """
    call, language = application.call, language or application.language
    terms = documents_of(call)["terms"]
    until = rules.complaint_deadline(call, at, rules.window_days(terms))
    promised = {"complain_until": until.isoformat()} if kind in rules.ONLY_IN["complain_until"] else {}
    values = rules.values_in(
        call,
        language,
        terms=terms,
        at=at,
        organization=application.organization.name,
        title=application.title,
        reference=application.reference,
        amount=amount,
        keep_until=keep_until,
    )
    fallback = queries.built_in()[kind, "en"]
    paragraphs = rules.written(wording.get((kind, language), fallback), values)
    return Letter(
        application_id=application.id,
        kind=kind,
        language=language,
        **paragraphs._asdict(),
        details=dict(details) | promised,
    )
