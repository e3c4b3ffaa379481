"""Finding filled forms that wait, the version of a form that a file was made from, and what was saved then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import joinedload

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.core.db import db
from grants.questionnaires.models import Questionnaire, SectionAnswers, SectionRevision
from grants.wordforms.models import FilledForm

MOST_EXPIRED = 200


class Form(NamedTuple):
    """A questionnaire by its row: its key and version are what a file names it by."""

    id: int
    key: str
    version: int


def form_by_id(questionnaire_id: int) -> Form:
    """The key and version of a questionnaire."""
    found = select(Questionnaire.id, Questionnaire.key, Questionnaire.version)
    return Form(*db.session.execute(found.where(Questionnaire.id == questionnaire_id)).one())


def form_by_version(key: str, version: int) -> Form | None:
    """One version of a questionnaire; None when there is none, or no longer."""
    found = select(Questionnaire.id, Questionnaire.key, Questionnaire.version)
    row = db.session.execute(found.where(Questionnaire.key == key, Questionnaire.version == version)).one_or_none()
    return Form(*row) if row else None


def waiting_form(application: Application, person: Person, at: datetime, *, held: bool = False) -> FilledForm | None:
    """The form that a person sent in for an application and has not taken over yet; ``held`` until the transaction ends,
    so that of two clicks the second finds nothing left to do.
    """
    found = select(FilledForm).where(
        FilledForm.application_id == application.id, FilledForm.sent_by_id == person.id, FilledForm.expires_at > at
    )
    found = found.options(joinedload(FilledForm.file, innerjoin=True))
    return db.session.scalar(found.with_for_update(of=FilledForm) if held else found)


def sent_before(application: Application, person: Person) -> FilledForm | None:
    """The form that a person sent in earlier for an application, expired or not, held until the transaction ends."""
    found = select(FilledForm).where(FilledForm.application_id == application.id, FilledForm.sent_by_id == person.id)
    return db.session.scalar(found.options(joinedload(FilledForm.file, innerjoin=True)).with_for_update(of=FilledForm))


def expired_forms(at: datetime) -> list[FilledForm]:
    """Forms that nobody took over in time, the oldest first; those that somebody holds are left for the next time."""
    found = select(FilledForm).where(FilledForm.expires_at <= at).options(joinedload(FilledForm.file, innerjoin=True))
    return list(
        db.session.scalars(
            found.order_by(FilledForm.expires_at).limit(MOST_EXPIRED).with_for_update(skip_locked=True, of=FilledForm)
        )
    )


def values_then(sheet_id: int, versions: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """What some sections said in earlier versions, by section key, in one query; nothing for one never saved by then."""
    wanted = [
        and_(SectionAnswers.section_key == key, SectionRevision.version == version)
        for key, version in versions.items()
        if version > 0
    ]
    if not wanted:
        return {}
    found = (
        select(SectionAnswers.section_key, SectionRevision.values)
        .join(SectionRevision, SectionRevision.section_answers_id == SectionAnswers.id)
        .where(SectionAnswers.answer_sheet_id == sheet_id, or_(*wanted))
    )
    return {row["section_key"]: row["values"] for row in db.session.execute(found).mappings()}
