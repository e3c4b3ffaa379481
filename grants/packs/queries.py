"""Finding packs, and what goes into one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import joinedload, selectinload

from grants.accounts.models import Organization
from grants.applications.models import Application
from grants.calls.models import Call
from grants.core.db import db
from grants.decisions.models import Meeting, Seat
from grants.packs.models import Pack, PackState


def pack_of(seen: Select[Pack], meeting_id: int) -> Pack | None:
    """One's own pack of a meeting, with its file."""
    return db.session.scalar(seen.where(Pack.meeting_id == meeting_id).options(joinedload(Pack.file)))


def pack_to_change(meeting_id: int, person_id: int) -> Pack | None:
    """The pack of a person for a meeting, kept for whoever asked first."""
    found = select(Pack).where(Pack.meeting_id == meeting_id, Pack.person_id == person_id)
    return db.session.scalar(found.options(selectinload(Pack.file)).with_for_update(of=Pack))


def packs_to_make(stalled: datetime, limit: int = 50) -> list[int]:
    """The packs that wait, oldest first; those that a worker began before ``stalled`` and did not finish as well."""
    waits = or_(Pack.begun_at.is_(None), Pack.begun_at < stalled)
    found = select(Pack.id).where(Pack.state == PackState.ASKED, waits).order_by(Pack.id).limit(limit)
    return list(db.session.scalars(found))


def language_of(pack_id: int) -> str:
    """The language in which a pack is written."""
    return db.session.scalars(select(Pack.language).where(Pack.id == pack_id)).one()


def pack_to_make(pack_id: int) -> Pack | None:
    """A pack that waits, held by this transaction; None when it is made or another worker has it."""
    found = select(Pack).where(Pack.id == pack_id, Pack.state == PackState.ASKED)
    return db.session.scalar(
        found.options(joinedload(Pack.person))
        .with_for_update(of=Pack, skip_locked=True)
        .execution_options(populate_existing=True)
    )


def note_progress(pack_id: int, done: int, total: int) -> None:
    """Say how far a pack is."""
    db.session.execute(update(Pack).where(Pack.id == pack_id).values(done=done, total=total))


def packs_made_before(moment: datetime, limit: int = 200) -> list[Pack]:
    """Packs that were made before a moment, held; what another worker clears already is left out."""
    found = select(Pack).where(Pack.made_at < moment).order_by(Pack.id).limit(limit).options(selectinload(Pack.file))
    return list(db.session.scalars(found.with_for_update(skip_locked=True)))


def meeting_of(pack: Pack) -> Meeting:
    """The meeting of a pack with its call, its promises and who sits in it."""
    found = select(Meeting).where(Meeting.id == pack.meeting_id)
    beside = (
        joinedload(Meeting.call).options(selectinload(Call.lots), selectinload(Call.regions)),
        selectinload(Meeting.seats).joinedload(Seat.person),
    )
    return db.session.scalars(found.options(*beside)).one()


def readable_ids(seen: Select[Application], call_id: int) -> set[int]:
    """The applications to a call among those a person may see."""
    return set(db.session.scalars(seen.where(Application.call_id == call_id).with_only_columns(Application.id)))


def applications_to_read(ids: Iterable[int]) -> dict[int, Application]:
    """Applications with their organizations and calls, by key."""
    found = select(Application).where(Application.id.in_(list(ids)))
    beside = (
        joinedload(Application.call),
        joinedload(Application.organization).load_only(
            Organization.reference, Organization.name, Organization.acronym, Organization.country
        ),
    )
    return {one.id: one for one in db.session.scalars(found.options(*beside))}
