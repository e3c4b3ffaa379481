"""Finding how letters are worded, and letters that were sent."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, load_only

from grants.accounts.models import Organization, Person
from grants.applications.models import Application
from grants.calls.models import Call
from grants.core.db import db
from grants.letters.models import Letter, LetterKind, LetterTemplate

BUILT_IN = Path(__file__).with_name("wording.yaml")


class Paragraphs(NamedTuple):
    """The wording of a letter: what it begins with, what it tells, how it ends."""

    opening: str
    outcome: str
    closing: str


@cache
def built_in() -> dict[tuple[str, str], Paragraphs]:
    """Our own wording by kind and language."""
    raw = yaml.safe_load(BUILT_IN.read_text(encoding="utf-8"))
    return {
        (kind, code): Paragraphs(**texts) for kind, by_language in raw.items() for code, texts in by_language.items()
    }


def templates_of(call: Call) -> dict[tuple[str, str], LetterTemplate]:
    """What the coordinators of a call worded themselves, by kind and language."""
    found = select(LetterTemplate).where(LetterTemplate.call_id == call.id)
    found = found.options(joinedload(LetterTemplate.written_by).load_only(Person.name))
    return {(one.kind, one.language): one for one in db.session.scalars(found)}


def wording_of(call: Call) -> dict[tuple[str, str], Paragraphs]:
    """How every letter of a call is worded, by kind and language: by its coordinators, else by us (in English where we
    have no wording in a language).
    """
    own, ours = templates_of(call), built_in()
    return {
        (kind, code): Paragraphs(one.opening, one.outcome, one.closing)
        if (one := own.get((kind, code)))
        else ours.get((kind, code), ours[kind, "en"])
        for kind in LetterKind
        for code in call.languages
    }


def worded(call: Call, kind: LetterKind, language: str) -> Paragraphs:
    """How one kind of letter is worded in a language: by the coordinators of the call, else by us, else in English."""
    found = select(LetterTemplate).where(
        LetterTemplate.call_id == call.id, LetterTemplate.kind == kind, LetterTemplate.language == language
    )
    if one := db.session.scalar(found):
        return Paragraphs(one.opening, one.outcome, one.closing)
    return built_in().get((kind, language), built_in()[kind, "en"])


def letter_about(application: Application, kind: LetterKind) -> Letter | None:
    """The latest letter of a kind about an application."""
    found = select(Letter).where(Letter.application_id == application.id, Letter.kind == kind)
    return db.session.scalar(found.order_by(Letter.id.desc()).limit(1))


def example_in(seen: Select[Application], call: Call) -> Application | None:
    """An application to a call that a person may see, to look at a letter with: the first that was sent in."""
    found = (
        seen.where(Application.call_id == call.id, Application.submitted_at.is_not(None))
        .options(joinedload(Application.organization).load_only(Organization.name, Organization.reference))
        .options(load_only(Application.reference, Application.title, Application.requested_minor, Application.currency))
        .order_by(Application.id)
        .limit(1)
    )
    return db.session.scalar(found)
