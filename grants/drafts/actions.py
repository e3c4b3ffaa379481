"""What colleagues do with a draft besides writing: leave notes, bring back an earlier version, use answers again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from grants.accounts.models import Person
from grants.applications import actions as applications
from grants.applications.models import Application
from grants.applications.rules import obstacles_to_editing
from grants.core import clock
from grants.core.db import db
from grants.core.languages import _l
from grants.core.rules import Obstacle, refuse
from grants.drafts import queries, rules
from grants.drafts.models import Note
from grants.questionnaires.models import SectionAnswers
from grants.questionnaires.queries import answers_of_sheets, definition_of, sections_of


def leave_note(application: Application, section_key: str, text: str, *, by: Person) -> Note:
    """Leave a note for colleagues about a section. Raises Refused when it is empty or too long."""
    definition = definition_of(application.questionnaire_id)
    refuse(rules.obstacles_to_noting(text, section_key, definition))
    note = Note(application=application, section_key=section_key, text=text.strip(), written_by_id=by.id)
    db.session.add(note)
    db.session.flush()
    return note


def settle_note(note: Note, *, by: Person) -> None:
    """A note is dealt with; it stays readable below the others."""
    if note.settled_at is None:
        note.settled_by_id, note.settled_at = by.id, clock.now()
        db.session.flush()


def bring_back(application: Application, section_key: str, number: int, *, seen: int, by: Person) -> SectionAnswers:
    """Let a section say again what it said in an earlier version; what it says now becomes an earlier version itself.

    ``seen`` is the present version that the person had before their eyes: when somebody saved meanwhile, the two are
    put together as always (raises EditConflict). Raises Refused when there is no such version.
    """
    refuse(obstacles_to_editing(application, section_key))
    wanted = next((v for v in queries.versions_of(application, section_key) if v.number == number), None)
    if wanted is None:
        refuse([Obstacle("no_such_version", _l("This version is not kept any more."))])
    assert wanted is not None
    definition = definition_of(application.questionnaire_id)
    section = definition.section(section_key)
    everything = {question.key: None for question in section.questions} if section else {}
    return applications.save_section(application, section_key, everything | wanted.values, by=by, version=seen)


def answers_to_use(application: Application, earlier: Application) -> dict[str, dict[str, Any]]:
    """The answers of an earlier application that fit questions still open in this one, by section and question."""
    sheets = answers_of_sheets([application.answer_sheet_id, earlier.answer_sheet_id])
    return rules.usable(
        definition_of(application.questionnaire_id),
        sheets.get(application.answer_sheet_id, {}),
        definition_of(earlier.questionnaire_id),
        sheets.get(earlier.answer_sheet_id, {}),
    )


def use_answers(application: Application, earlier: Application, *, by: Person) -> int:
    """Fill open questions with the answers of an earlier application of the organization; how many were filled.

    Nothing that was written here is touched, also when a colleague answers in the very same moment.
    """
    refuse(obstacles_to_editing(application))
    found = answers_to_use(application, earlier)
    present = sections_of(application.answer_sheet_id)
    for section_key, values in found.items():
        kept = present.get(section_key)
        stored = kept.values if kept else {}
        applications.save_section(
            application, section_key, {**stored, **values}, by=by, version=kept.version if kept else 0
        )
    return sum(len(values) for values in found.values())


def thin_out_versions(at: datetime) -> int:
    """Of versions older than a few days keep one every few minutes; how many went."""
    return queries.thin_out(at - rules.KEPT_WHOLE, rules.SPACING)
