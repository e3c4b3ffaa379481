"""Finding the files and the filters of a person, and what a person may see now."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from grants.accounts.models import Person
from grants.accounts.queries import tightenings
from grants.conflicts.queries import hidden_ids, ties_of
from grants.core.db import db
from grants.listings.models import FileState, KeptFilter, ListFile

LATEST = 50
"""So many files and filters are listed."""


def files_of(seen: Select[ListFile]) -> list[ListFile]:
    """The files among those a person may see, newest first."""
    found = seen.order_by(ListFile.id.desc()).limit(LATEST).options(joinedload(ListFile.file))
    return list(db.session.scalars(found))


def file_to_give(seen: Select[ListFile], file_id: int) -> ListFile | None:
    """One file among those a person may see."""
    return db.session.scalar(seen.where(ListFile.id == file_id).options(joinedload(ListFile.file)))


def is_one_being_made(person: Person) -> bool:
    """Whether a file is being made for a person."""
    found = select(ListFile.id).where(ListFile.person_id == person.id, ListFile.state == FileState.ASKED)
    return db.session.scalar(found) is not None


def rights_of(person: Person) -> str:
    """What a person may see now, as a digest: their roles and places, what is hidden from them because of ties, and how
    often something was made more confidential.
    """
    hidden, tied = sorted(hidden_ids(person, None)), sorted(ties_of([person.id], None))
    return hashlib.sha256(repr((person.standing, hidden, tied, tightenings())).encode()).hexdigest()


# ------------------------------------------------------------------ making files


def files_to_make(stalled: datetime, limit: int = 50) -> list[int]:
    """The files that wait, oldest first; those that a worker began before ``stalled`` and did not finish as well."""
    waits = or_(ListFile.begun_at.is_(None), ListFile.begun_at < stalled)
    found = select(ListFile.id).where(ListFile.state == FileState.ASKED, waits).order_by(ListFile.id).limit(limit)
    return list(db.session.scalars(found))


def begin(file_id: int, at: datetime, stalled: datetime) -> str | None:
    """Take a file that waits, and say in which language it is written; None when another worker has it."""
    free = or_(ListFile.begun_at.is_(None), ListFile.begun_at < stalled)
    taken = update(ListFile).where(ListFile.id == file_id, ListFile.state == FileState.ASKED, free)
    return db.session.scalar(taken.values(begun_at=at, done=0).returning(ListFile.language))


def file_to_make(file_id: int) -> ListFile | None:
    """A file that waits, with the person who asked for it; None when it is made."""
    found = select(ListFile).where(ListFile.id == file_id, ListFile.state == FileState.ASKED)
    return db.session.scalar(found.options(joinedload(ListFile.person)).execution_options(populate_existing=True))


def note_progress(file_id: int, done: int) -> None:
    """Say how many rows stand in a file, so that it is seen before it is finished: in a transaction of its own."""
    with Session(db.engine) as beside, beside.begin():
        beside.execute(update(ListFile).where(ListFile.id == file_id, ListFile.total >= done).values(done=done))


def files_asked_before(moment: datetime, limit: int = 200) -> list[ListFile]:
    """Files that were asked for before a moment, held; what another worker clears already is left out."""
    there = (ListFile.asked_at < moment) & (ListFile.state != FileState.GONE)
    found = select(ListFile).where(there).order_by(ListFile.id).limit(limit)
    return list(db.session.scalars(found.options(selectinload(ListFile.file)).with_for_update(skip_locked=True)))


# ------------------------------------------------------------------ filters


def filters_kept(seen: Select[KeptFilter], endpoint: str | None = None) -> Sequence[KeptFilter]:
    """The filters among those a person may see, of one list or of all, by name."""
    found = seen if endpoint is None else seen.where(KeptFilter.endpoint == endpoint)
    return db.session.scalars(found.order_by(KeptFilter.name, KeptFilter.id).limit(LATEST)).all()


def filter_by_id(seen: Select[KeptFilter], filter_id: int) -> KeptFilter | None:
    """One filter among those a person may see."""
    return db.session.scalar(seen.where(KeptFilter.id == filter_id))


def filter_called(person: Person, endpoint: str, name: str) -> KeptFilter | None:
    """The filter of a list that a person keeps under a name."""
    found = select(KeptFilter).where(KeptFilter.person_id == person.id, KeptFilter.endpoint == endpoint)
    return db.session.scalar(found.where(KeptFilter.name == name))
