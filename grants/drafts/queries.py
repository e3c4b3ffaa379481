"""Finding notes, earlier versions of a section, and applications whose answers can be used again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import joinedload, load_only

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.calls.models import Call
from grants.core.db import db
from grants.drafts.models import Note
from grants.questionnaires.models import SectionAnswers, SectionRevision

MOST_SHOWN = 50
"""So many versions of a section, and so many settled notes, are listed."""


def notes_of(application: Application) -> list[Note]:
    """The notes about an application: the open ones first, each with who wrote and who settled it."""
    people = [joinedload(who).options(load_only(Person.name)) for who in (Note.written_by, Note.settled_by)]
    found = select(Note).where(Note.application_id == application.id).options(*people)
    return list(db.session.scalars(found.order_by(Note.settled_at.is_not(None), Note.id).limit(4 * MOST_SHOWN)))


def note_in(seen: Select[Any], application: Application, note_id: int) -> Note | None:
    """One note about an application, among those a person may see."""
    found: Note | None = db.session.scalar(seen.where(Note.id == note_id, Note.application_id == application.id))
    return found


class Version(NamedTuple):
    """A section as it was saved once."""

    number: int
    values: dict[str, Any]
    saved_at: datetime
    saved_by: str | None


def versions_of(application: Application, section_key: str) -> list[Version]:
    """The versions of a section, the present one first."""
    present = db.session.execute(
        select(SectionAnswers, Person.name)
        .outerjoin(Person, Person.id == SectionAnswers.saved_by_id)
        .where(SectionAnswers.answer_sheet_id == application.answer_sheet_id, SectionAnswers.section_key == section_key)
    ).one_or_none()
    if present is None or not present[0].version:
        return []
    section, name = present
    former = (
        select(SectionRevision, Person.name)
        .outerjoin(Person, Person.id == SectionRevision.saved_by_id)
        .where(SectionRevision.section_answers_id == section.id)
        .order_by(SectionRevision.version.desc())
        .limit(MOST_SHOWN)
    )
    return [
        Version(section.version, section.values, section.saved_at, name),
        *(Version(row.version, row.values, row.saved_at, who) for row, who in db.session.execute(former)),
    ]


def earlier_applications(seen: Select[Any], application: Application) -> list[Application]:
    """The other applications of the same organization, newest first: their answers can be used again."""
    found = (
        seen.where(Application.organization_id == application.organization_id, Application.id != application.id)
        .options(joinedload(Application.call).options(load_only(Call.reference, Call.title)))
        .order_by(Application.id.desc())
        .limit(MOST_SHOWN)
    )
    return list(db.session.scalars(found))


def thin_out(before: datetime, spacing: timedelta) -> int:
    """Of the versions saved before a moment keep the last of each person and span of time; how many went.

    Somebody who writes for an hour saves a thousand times by itself; a version every few minutes is what people look for.
    """
    span = func.floor(func.extract("epoch", SectionRevision.saved_at) / spacing.total_seconds())
    place = func.row_number().over(
        partition_by=(SectionRevision.section_answers_id, SectionRevision.saved_by_id, span),
        order_by=SectionRevision.version.desc(),
    )
    ranked = select(SectionRevision.id, place.label("place")).where(SectionRevision.saved_at < before).subquery()
    gone = delete(SectionRevision).where(SectionRevision.id.in_(select(ranked.c.id).where(ranked.c.place > 1)))
    result: Any = db.session.execute(gone.execution_options(synchronize_session=False))
    return int(result.rowcount)
