"""What may stand in a letter, how its placeholders are filled, and until when one complains after it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from grants.calls.models import Call
from grants.core.languages import _l, long_day, pick
from grants.core.money import Money
from grants.core.rules import Obstacle
from grants.letters.models import LetterKind
from grants.letters.queries import Paragraphs

PLACEHOLDERS: dict[str, Any] = {
    "organization": _l("the name of the organization"),
    "title": _l("the title of the application"),
    "reference": _l("the reference of the application"),
    "call": _l("the title of the call"),
    "amount": _l("the amount that is offered"),
    "start": _l("the first day of the action"),
    "end": _l("the last day of the action"),
    "reserve_until": _l("the day until which the reserve list is kept"),
    "complain_until": _l("the last day for a complaint"),
    "keep_until": _l("the day until which records are kept"),
}

ONLY_IN: dict[str, tuple[LetterKind, ...]] = {
    "amount": (LetterKind.AWARD, LetterKind.AGREEMENT, LetterKind.CLOSING),
    "keep_until": (LetterKind.CLOSING,),
    "start": (LetterKind.AGREEMENT,),
    "end": (LetterKind.AGREEMENT,),
    "reserve_until": (LetterKind.RESERVE,),
    "complain_until": (LetterKind.RESERVE, LetterKind.DECLINE, LetterKind.INELIGIBLE),
}
"""Placeholders that have a value in some letters only."""

PLACE = re.compile(r"\{([^{}\n]*)\}|[{}]")

WINDOW_DAYS = 14
"""For how many days after a letter a complaint is taken where the call does not say."""


def placeholders_in(kind: str) -> dict[str, Any]:
    """The placeholders that a kind of letter may hold, each with what stands for it."""
    return {name: label for name, label in PLACEHOLDERS.items() if kind in ONLY_IN.get(name, (kind,))}


def obstacles_in(kind: str, text: str) -> list[Obstacle]:
    """What cannot stand in a paragraph of a letter: nothing at all, or a placeholder that has no meaning there."""
    if not text.strip():
        return [Obstacle("part_missing", _l("Please write this part of the letter."))]
    known, found = placeholders_in(kind), []
    for place in PLACE.finditer(text):
        if place[1] not in known:
            before = text[: place.start()]
            message = _l(
                "%(found)s in line %(line)s, character %(n)s, is no placeholder of this letter.",
                found=place[0],
                line=before.count("\n") + 1,
                n=place.start() - before.rfind("\n"),
            )
            found.append(Obstacle("placeholder_unknown", message))
    return found


def obstacles_to_wording(kind: str, paragraphs: Paragraphs) -> list[Obstacle]:
    """Why a letter cannot be worded like this."""
    return [obstacle for text in paragraphs for obstacle in obstacles_in(kind, text)]


def filled(text: str, values: Mapping[str, str | None]) -> str:
    """A paragraph with its placeholders filled in; a line with one that has no value is left out."""
    lines = [
        PLACE.sub(lambda place: values.get(place[1]) or "", line)
        for line in text.split("\n")
        if all(values.get(place[1]) for place in PLACE.finditer(line))
    ]
    return "\n".join(lines).strip()


def written(paragraphs: Paragraphs, values: Mapping[str, str | None]) -> Paragraphs:
    """The paragraphs of a letter as its applicant reads them."""
    return Paragraphs(*(filled(text, values) for text in paragraphs))


def values_in(
    call: Call, language: str, *, terms: Mapping[str, Any], at: datetime, organization: str, title: str, reference: str,
    amount: Money | None = None, start: date | None = None, end: date | None = None, keep_until: date | None = None,
) -> dict[str, str | None]:  # fmt: skip
    """What stands for the placeholders of a letter sent at a moment, in its language."""
    until = complaint_deadline(call, at, window_days(terms))
    return {
        "organization": organization,
        "title": title or reference,
        "reference": reference,
        "call": str(pick(call.title, language, call.authoritative_language)),
        "amount": amount.shown(language) if amount else None,
        "start": long_day(start, language) if start else None,
        "end": long_day(end, language) if end else None,
        "reserve_until": long_day(call.reserve_valid_until, language) if call.reserve_valid_until else None,
        "complain_until": long_day(until, language),
        "keep_until": long_day(keep_until, language) if keep_until else None,
    }


def window_days(terms: Mapping[str, Any]) -> int:
    """For how many days after a letter a complaint is taken, by the terms of a call."""
    return int((terms.get("complaints") or {}).get("window_days", WINDOW_DAYS))


def complaint_deadline(call: Call, told_at: datetime, window_days: int) -> date:
    """The last day for a complaint: as announced, but never fewer days after the letter than the call promises."""
    after_letter = told_at.astimezone(ZoneInfo(call.timezone)).date() + timedelta(days=window_days)
    return max(call.complaints_until, after_letter) if call.complaints_until else after_letter
