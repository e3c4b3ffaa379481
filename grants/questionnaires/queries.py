"""Reading questionnaires and what was answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import BigInteger, ColumnElement, Select, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import joinedload

from grants.accounts.models import Person
from grants.core.db import Prepared, db, packed, unpacked
from grants.core.questions import Definition, Question, Section, parse_definition
from grants.questionnaires.models import AnswerSetAside, AnswerSheet, Questionnaire, SectionAnswers, SectionRevision

MOST_KEPT = 200


def definition_of(questionnaire_id: int) -> Definition:
    """The questions of a questionnaire, read once a process.

    A stored questionnaire never changes: importing a draft call again makes a new one. So nothing has to be forgotten.
    """
    kept: dict[int, Definition] = current_app.extensions.setdefault("questionnaires", {})
    if questionnaire_id not in kept:
        found = select(Questionnaire.definition).where(Questionnaire.id == questionnaire_id)
        definition = parse_definition(db.session.execute(found).scalar_one())
        if len(kept) >= MOST_KEPT:
            kept.pop(next(iter(kept)))
        kept[questionnaire_id] = definition
    return kept[questionnaire_id]


def sections_of(sheet_id: int) -> dict[str, SectionAnswers]:
    """The saved sections of a sheet by their key, with who saved them."""
    found = (
        select(SectionAnswers)
        .where(SectionAnswers.answer_sheet_id == sheet_id)
        .options(joinedload(SectionAnswers.saved_by))
        .order_by(SectionAnswers.id)
    )
    return {section.section_key: section for section in db.session.scalars(found)}


def answers_of(sheet: AnswerSheet) -> dict[str, Any]:
    """Every answer of a sheet, by question key, as it is stored."""
    return answers_of_sheets([sheet.id]).get(sheet.id, {})


def answers_of_sheets(sheet_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Every answer of several sheets, by sheet and question key, in one query."""
    together: dict[int, dict[str, Any]] = {}
    for sheet_id, values in _ANSWERS(sheets=list(sheet_ids)):
        together.setdefault(sheet_id, {}).update(values)
    return together


_ANSWERS = Prepared(
    lambda: (
        select(SectionAnswers.answer_sheet_id, SectionAnswers.values)
        .where(SectionAnswers.answer_sheet_id == any_(bindparam("sheets", None, ARRAY(BigInteger))))
        .order_by(SectionAnswers.id)
    )
)


def complete_sections(sheet_ids: Iterable[int]) -> dict[int, dict[str, bool]]:
    """Which sections were saved, and whether they are complete, by sheet, in one query."""
    rows = db.session.execute(
        select(SectionAnswers.answer_sheet_id, SectionAnswers.section_key, SectionAnswers.complete).where(
            SectionAnswers.answer_sheet_id.in_(list(sheet_ids)), SectionAnswers.version > 0
        )
    )
    together: dict[int, dict[str, bool]] = {}
    for sheet_id, key, complete in rows:
        together.setdefault(sheet_id, {})[key] = complete
    return together


def locked_sections(sheet_id: int) -> dict[str, SectionAnswers]:
    """The sections of a sheet by their key as they are now, to be read only; locked until the end of the transaction."""
    rows = [unpacked(SectionAnswers, row) for (row,) in _LOCKED(sheet=sheet_id)]
    return {row.section_key: row for row in rows}


_LOCKED = Prepared(
    lambda: (
        select(packed(SectionAnswers))
        .where(SectionAnswers.answer_sheet_id == bindparam("sheet", None, BigInteger))
        .order_by(SectionAnswers.id)
        .with_for_update()
    )
)


KEPT = ("version", "values", "saved_at", "saved_by_id")
"""What a revision keeps of a section when it is saved again."""


def said_before(section: ColumnElement[bool]) -> Select[Any]:
    """What a section says until the statement changes it that reads this; nothing when nobody has saved it yet."""
    kept = (getattr(SectionAnswers, name) for name in KEPT)
    return select(SectionAnswers.id, *kept).where(section, SectionAnswers.version > 0)


class SetAside(NamedTuple):
    """An answer that no longer fits after a correction, and the version of the form that asked for it.

    ``typed_by`` is who typed it when the questions had been corrected already; nobody for what the correction found.
    """

    questionnaire_id: int
    question_key: str
    answer: Any
    typed_by: str | None


COLUMNS_SET_ASIDE = (
    AnswerSetAside.questionnaire_id,
    AnswerSetAside.question_key,
    AnswerSetAside.answer,
    select(Person.name).where(Person.id == AnswerSetAside.typed_by_id).scalar_subquery(),
)
"""What a :class:`SetAside` is made of."""


def set_aside_in(sheet_id: int) -> list[SetAside]:
    """The answers of a sheet that no longer fit after a correction, in the order in which they were set aside."""
    found = select(*COLUMNS_SET_ASIDE).where(AnswerSetAside.answer_sheet_id == sheet_id).order_by(AnswerSetAside.id)
    return [SetAside(*row) for row in db.session.execute(found)]


class Remainder(NamedTuple):
    """Answers that have no place any more: the version that asked, its questions as a section, what was answered, by whom."""

    definition: Definition
    section: Section
    answers: dict[str, Any]
    typed_by: str | None


def sections_set_aside(answers_set_aside: Iterable[SetAside], section_key: str | None = None) -> list[Remainder]:
    """Answers that were set aside, to be read; ``section_key`` leaves those that were asked for in one section."""
    together: dict[tuple[int, str | None], dict[str, Any]] = {}
    for row in answers_set_aside:
        if section_key in (None, definition_of(row.questionnaire_id).section_of[row.question_key].key):
            together.setdefault((row.questionnaire_id, row.typed_by), {})[row.question_key] = row.answer
    found = []
    for number, ((questionnaire_id, typed_by), answers) in enumerate(together.items(), 1):
        asked = definition_of(questionnaire_id)
        questions = {key: _apart(question, number) for key, question in asked.questions.items() if key in answers}
        section = Section(f"set-aside-{number}", asked.title, {}, tuple(questions.values()))
        found.append(Remainder(asked, section, {questions[key].key: answers[key] for key in questions}, typed_by))
    return found


@lru_cache(maxsize=500)
def _apart(question: Question, number: int) -> Question:
    """A question under a name of its own, so that it can be told on a page more than once."""
    return replace(question, key=f"{question.key}-{number}")


def values_at(section: SectionAnswers, version: int) -> dict[str, Any]:
    """What a section said in an earlier version; nothing when it had not been saved yet."""
    if version == section.version:
        return section.values
    found = select(SectionRevision.values).where(
        SectionRevision.section_answers_id == section.id, SectionRevision.version == version
    )
    return db.session.scalar(found) or {}


def revisions_of(section: SectionAnswers) -> list[SectionRevision]:
    """What a section said before, newest first."""
    found = select(SectionRevision).where(SectionRevision.section_answers_id == section.id)
    return list(db.session.scalars(found.order_by(SectionRevision.version.desc())))


def next_version(key: str) -> int:
    """The number that the next version of a questionnaire gets."""
    return (db.session.scalar(select(func.max(Questionnaire.version)).where(Questionnaire.key == key)) or 0) + 1


def is_answered(questionnaire_id: int) -> bool:
    """Whether anybody has begun to answer a questionnaire."""
    return (
        db.session.scalar(select(AnswerSheet.id).where(AnswerSheet.questionnaire_id == questionnaire_id).limit(1))
        is not None
    )
