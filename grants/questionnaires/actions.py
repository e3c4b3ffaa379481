"""Keeping questionnaires and what is answered to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import ReturningUpdate

from grants.accounts.models import Person
from grants.core import clock
from grants.core.db import Prepared, db, renewed
from grants.core.languages import _l
from grants.core.questions import Definition, parse_definition
from grants.core.rules import Obstacle, Refused
from grants.questionnaires import queries, rules
from grants.questionnaires.models import AnswerSetAside, AnswerSheet, Questionnaire, SectionAnswers, SectionRevision


@dataclass(frozen=True)
class Conflict:
    """A question that two people changed at the same time: what each wants to say."""

    question: str
    mine: Any
    theirs: Any


class EditConflict(Exception):
    """The same question was changed by somebody else meanwhile; nothing was saved.

    ``conflicts`` has both texts by question key, ``version`` is what the section stands at now, ``values`` what the
    section would say with all changes that do not collide, ``by`` who saved last.
    """

    def __init__(self, section: SectionAnswers, conflicts: dict[str, Conflict], values: dict[str, Any]) -> None:
        self.conflicts, self.values = conflicts, values
        self.version, self.by, self.at = section.version, section.saved_by, section.saved_at
        super().__init__(", ".join(conflicts))


def create_questionnaire(definition: Mapping[str, Any], context: Mapping[str, Any] | None = None) -> Questionnaire:
    """Store a questionnaire with everything it refers to, as the next version of its key. Raises BadDefinition."""
    read = parse_definition(definition, context)
    questionnaire = Questionnaire(
        key=read.key,
        version=queries.next_version(read.key),
        title=dict(read.title),
        languages=list(read.languages),
        definition={**definition, "sources": dict(read.sources)},
    )
    db.session.add(questionnaire)
    db.session.flush()
    return questionnaire


def discard_questionnaire(questionnaire: Questionnaire) -> None:
    """Take away a questionnaire that nobody has answered, when a draft call is imported again."""
    if not queries.is_answered(questionnaire.id):
        db.session.delete(questionnaire)
        db.session.flush()


def new_sheet(questionnaire: Questionnaire, *, language: str, by: Person | None) -> AnswerSheet:
    """Begin to answer a questionnaire in one of its languages."""
    sheet = AnswerSheet(questionnaire_id=questionnaire.id, language=language)
    db.session.add(sheet)
    db.session.flush()
    return sheet


def save_section(
    sheet: AnswerSheet,
    section_key: str,
    values: Mapping[str, Any],
    *,
    by: Person | None,
    version: int | None = None,
    rows: dict[str, SectionAnswers] | None = None,
) -> SectionAnswers:
    """Save the answers of one section; the former text stays in section_revision.

    ``values`` may be what a form read or plain values of a file; answers that are not among them stay as they are.
    ``version`` is what the person had before their eyes (0: nothing yet; None: overwrite whatever there is). When
    somebody saved meanwhile, the two are merged question by question; raises EditConflict when both changed the same
    one, and Refused for a section that does not exist. Whether sections are complete is worked out again.

    ``rows`` are the locked sections of the sheet, when the caller has them already; a new one is added there.
    """
    definition = queries.definition_of(sheet.questionnaire_id)
    section = definition.section(section_key)
    if section is None:
        raise Refused(Obstacle("no_such_section", _l("This form has no such section.")))
    rows = queries.locked_sections(sheet.id) if rows is None else rows
    kept = _row_of(sheet, section_key, rows)
    wanted = _together(kept, rules.normalised_section(section, values), version)
    if wanted != kept.values or kept.version == 0:
        answers = rules.answers_in(rows.values()) | wanted
        complete = not rules.obstacles_to_completing(definition, answers, sections=[section_key])
        _write(kept, wanted, complete=complete, by_id=by.id if by else None)
        set_committed_value(kept, "saved_by", by)
        for other in definition.dependents.get(section_key, frozenset()) - {section_key}:
            if other in rows:
                _judge(rows[other], definition, answers)
    return kept


def _row_of(sheet: AnswerSheet, section_key: str, rows: dict[str, SectionAnswers]) -> SectionAnswers:
    """The row of a section among the locked ones, to be changed; made first when it is new, so that two first saves do
    not collide.
    """
    if section_key not in rows:
        db.session.execute(
            insert(SectionAnswers)
            .values(answer_sheet_id=sheet.id, section_key=section_key, values={}, version=0, complete=False)
            .on_conflict_do_nothing(index_elements=["answer_sheet_id", "section_key"])
        )
        rows.update(queries.locked_sections(sheet.id))
    rows[section_key] = renewed(rows[section_key])
    return rows[section_key]


def _judge(row: SectionAnswers, definition: Definition, answers: Mapping[str, Any]) -> None:
    """Say again whether a section is complete whose conditions ask for what was answered in another."""
    complete = not rules.obstacles_to_completing(definition, answers, sections=[row.section_key])
    if row.complete != complete:
        renewed(row).complete = complete


def _write(row: SectionAnswers, values: dict[str, Any], *, complete: bool, by_id: int | None) -> None:
    """Let a locked section say something else; what it said before stays in section_revision, by the same statement."""
    told = {"saved_at": clock.now(), "saved_by_id": by_id, "complete": complete}
    ((version,),) = _WRITING(section=row.id, its_values=json.dumps(values), **{f"its_{k}": v for k, v in told.items()})
    for name, value in (told | {"values": values, "version": version}).items():
        set_committed_value(row, name, value)


def _writing() -> ReturningUpdate[int]:
    table = SectionAnswers.__table__
    told = {
        name: bindparam(f"its_{name}", None, table.c[name].type)
        for name in ("values", "complete", "saved_at", "saved_by_id")
    }
    section = SectionAnswers.id == bindparam("section", None, table.c.id.type)
    former = insert(SectionRevision).from_select(["section_answers_id", *queries.KEPT], queries.said_before(section))
    changed = update(SectionAnswers).where(section).values(version=SectionAnswers.version + 1, **told)
    return changed.returning(SectionAnswers.version).add_cte(former.cte("former"))


_WRITING = Prepared(_writing)


def _together(kept: SectionAnswers, mine: dict[str, Any], version: int | None) -> dict[str, Any]:
    if version is None or version >= kept.version:
        return {**kept.values, **mine}
    together, collisions = rules.merged(queries.values_at(kept, version), kept.values, mine)
    if collisions:
        conflicts = {key: Conflict(key, *both) for key, both in collisions.items()}
        raise EditConflict(kept, conflicts, together)
    return together


def carry_over(sheet: AnswerSheet, questionnaire_id: int) -> dict[str, Any]:
    """Let a sheet answer another version of its questionnaire; whoever calls this has locked what the sheet belongs to.

    Answers stay with their questions, wherever those stand now; what no longer fits is set aside, to be shown. Which
    sections are complete is judged again. Returns all answers as they stand now.
    """
    former, now = queries.definition_of(sheet.questionnaire_id), queries.definition_of(questionnaire_id)
    rows = queries.locked_sections(sheet.id)
    wanted: dict[str, dict[str, Any]] = {section.key: {} for section in now.sections}
    for row in rows.values():
        for key, answer in row.values.items():
            asked = former.questions.get(key)
            question = now.questions.get(key)
            carried = rules.carried_over(asked, question, answer) if asked else rules.Carried(None, answer)
            if question is not None and (carried.kept is not None or now.section_of[key].key == row.section_key):
                wanted[now.section_of[key].key].setdefault(key, carried.kept)
            if carried.aside is not None:
                _set_aside(sheet, key, carried.aside, shown=sheet.questionnaire_id, by=None)
    sheet.questionnaire_id = questionnaire_id
    answers = {key: value for values in wanted.values() for key, value in values.items()}
    for key in {*wanted, *rows}:
        values = wanted.get(key, {})
        if key not in rows and not values:
            continue
        row = _row_of(sheet, key, rows)
        complete = key in wanted and not rules.obstacles_to_completing(now, answers, sections=[key])
        if row.values != values or row.version == 0:
            _write(row, values, complete=complete, by_id=row.saved_by_id)
        elif row.complete != complete:
            row.complete = complete
    db.session.flush()
    db.session.expire(sheet, ["questionnaire"])
    return answers


def _set_aside(sheet: AnswerSheet, key: str, answer: Any, *, shown: int, by: Person | None) -> None:
    """Keep an answer to a version of the questions; what the same person typed later takes the place of it."""
    kept = insert(AnswerSetAside).values(
        answer_sheet_id=sheet.id,
        questionnaire_id=shown,
        question_key=key,
        answer=answer,
        typed_by_id=by.id if by else None,
    )
    if by is None:
        db.session.execute(kept.on_conflict_do_nothing())
        return
    same = ["answer_sheet_id", "questionnaire_id", "question_key", "typed_by_id"]
    db.session.execute(kept.on_conflict_do_update(index_elements=same, set_={"answer": answer}))


def save_late(
    sheet: AnswerSheet, section_key: str, values: Mapping[str, Any], *, shown: int, by: Person, version: int
) -> int:
    """Save what was typed on a page that showed an earlier version of the questions; how many answers were set aside.

    ``shown`` is that version, ``version`` the one of the section on that page: only what the person changed there counts.
    It goes to its question wherever that stands now. What no longer fits, or what a colleague answers otherwise
    meanwhile, is set aside with the name of the person. Whoever calls this has locked what the sheet belongs to.
    Raises Refused for a section that there never was.
    """
    former, now = queries.definition_of(shown), queries.definition_of(sheet.questionnaire_id)
    section = former.section(section_key)
    if section is None:
        raise Refused(Obstacle("no_such_section", _l("This form has no such section.")))
    rows = queries.locked_sections(sheet.id)
    seen = queries.values_at(rows[section_key], version) if section_key in rows else {}
    typed = rules.normalised_section(section, values)
    changed = {key: answer for key, answer in typed.items() if answer != seen.get(key)}
    aside: set[str] = set()
    places: dict[str, dict[str, Any]] = {}
    for key, answer in changed.items():
        question = now.questions.get(key)
        carried = rules.carried_over(former.questions[key], question, answer)
        if carried.aside is not None:
            aside.add(key)
        if question is not None and (carried.kept is not None or carried.aside is None):
            places.setdefault(now.section_of[key].key, {})[key] = carried.kept
    for place, mine in places.items():
        base = {key: rules.carried_over(former.questions[key], now.questions[key], seen.get(key)).kept for key in mine}
        together, collisions = rules.merged(base, rows[place].values if place in rows else {}, mine)
        aside.update(key for key in collisions if mine[key] is not None)
        save_section(sheet, place, {key: together.get(key) for key in mine if key not in collisions}, by=by, rows=rows)
    for key in sorted(aside):
        _set_aside(sheet, key, changed[key], shown=shown, by=by)
    return len(aside)


def discard_sheet(sheet: AnswerSheet) -> None:
    """Throw a sheet away with all that was answered: a trial, never an application."""
    sections = [row.id for row in queries.sections_of(sheet.id).values()]
    db.session.execute(delete(SectionRevision).where(SectionRevision.section_answers_id.in_(sections)))
    for model in (SectionAnswers, AnswerSetAside):
        db.session.execute(delete(model).where(model.answer_sheet_id == sheet.id))
    db.session.execute(delete(AnswerSheet).where(AnswerSheet.id == sheet.id))
