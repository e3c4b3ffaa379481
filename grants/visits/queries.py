"""Finding visits, what was agreed in them, and who is told of them."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload, selectinload

from grants.accounts.models import Person
from grants.awards.models import Award
from grants.core.db import db
from grants.history.models import HistoryEntry
from grants.visits.models import AgreedChange, Visit, VisitFile

TO_SHARE = timedelta(days=14)
"""What was found in a visit is shared with the grantee within two weeks."""


def visits_of(seen: Select[Visit], award: Award) -> list[Visit]:
    """The visits of a grant that a person may see, by day, with who makes them and what was agreed."""
    found = seen.where(Visit.award_id == award.id).options(
        joinedload(Visit.lead).load_only(Person.name), selectinload(Visit.changes)
    )
    return list(db.session.scalars(found.order_by(Visit.due_on, Visit.id)))


def visit_by_number(seen: Select[Visit], award: Award, number: int) -> Visit | None:
    """One visit of a grant with its files and what was agreed."""
    found = (
        seen.where(Visit.award_id == award.id, Visit.number == number)
        .options(
            joinedload(Visit.lead).load_only(Person.name),
            joinedload(Visit.answered_by).load_only(Person.name),
            selectinload(Visit.changes),
            selectinload(Visit.files).joinedload(VisitFile.file),
        )
        .execution_options(populate_existing=True)
    )
    return db.session.scalar(found)


def asked_by_risk(award: Award) -> list[Visit]:
    """The visits of a grant that its risk asked for."""
    return list(db.session.scalars(select(Visit).where(Visit.award_id == award.id, Visit.key.is_not(None))))


def next_number(award: Award) -> int:
    """The number of the next visit of a grant; the grant is held by who asks."""
    return (
        int(db.session.scalar(select(func.coalesce(func.max(Visit.number), 0)).where(Visit.award_id == award.id)) or 0)
        + 1
    )


def change_of(visit: Visit, change_id: int) -> AgreedChange | None:
    """One change that was agreed in a visit."""
    return next((change for change in visit.changes if change.id == change_id), None)


def file_of(visit: Visit, number: int) -> VisitFile | None:
    """One file of a visit."""
    return next((file for file in visit.files if file.number == number), None)


def former_days(visits: list[Visit]) -> dict[int, list[date]]:
    """The days for which visits were planned before they were moved, the first first, by visit."""
    found = select(HistoryEntry.subject_id, HistoryEntry.details).where(
        HistoryEntry.subject_kind == "visit",
        HistoryEntry.subject_id.in_([visit.id for visit in visits]),
        HistoryEntry.verb == "move",
    )
    days: dict[int, list[date]] = {}
    for visit_id, told in db.session.execute(found.order_by(HistoryEntry.id)):
        days.setdefault(visit_id, []).append(date.fromisoformat(told["before"]))
    return days
