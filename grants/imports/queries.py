"""Finding imports, mappings of columns, awards of earlier programmes, and the organizations that they went to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Select, Text, bindparam, cast, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from grants.accounts.models import Organization, Person
from grants.core.db import Base, db
from grants.history.models import HistoryEntry
from grants.imports.models import AwardImport, ColumnMapping, PastAward
from grants.imports.workflow import ImportState
from grants.organizations.models import Comparison, Resemblance

LATEST = 50
"""So many imports and mappings are listed."""

_ONE_AT_A_TIME = 5_318_008
"""Any number, as long as everybody who imports takes the same advisory lock."""


def latest_imports(seen: Select[AwardImport]) -> list[AwardImport]:
    """The last imports, newest first."""
    found = seen.order_by(AwardImport.id.desc()).limit(LATEST)
    return list(db.session.scalars(found.options(joinedload(AwardImport.file), _sender())))


def import_by_id(seen: Select[AwardImport], import_id: int) -> AwardImport | None:
    """One import among those a person may see, with its file and who sent it."""
    found = seen.where(AwardImport.id == import_id)
    return db.session.scalar(found.options(joinedload(AwardImport.file), _sender()))


def _sender() -> Any:
    return joinedload(AwardImport.sent_by).load_only(Person.name)


def mappings() -> list[ColumnMapping]:
    """The mappings that were saved, by name."""
    found = select(ColumnMapping).order_by(ColumnMapping.name).limit(LATEST)
    return list(db.session.scalars(found.options(joinedload(ColumnMapping.saved_by).load_only(Person.name))))


def mapping_called(name: str) -> ColumnMapping | None:
    """The mapping with a name."""
    return db.session.scalar(select(ColumnMapping).where(ColumnMapping.name == name))


def mapping_for(fingerprint: str) -> ColumnMapping | None:
    """The mapping saved last for tables with the same header."""
    found = select(ColumnMapping).where(ColumnMapping.header_fingerprint == fingerprint)
    return db.session.scalar(found.order_by(ColumnMapping.saved_at.desc(), ColumnMapping.id.desc()).limit(1))


# ------------------------------------------------------------------ carrying one out


def wait_for_others(patience: str = "8s") -> None:
    """Let one import after the other write: until this transaction ends, every other one waits here, so long at most."""
    for limit in ("lock_timeout", "statement_timeout"):
        db.session.execute(select(func.set_config(limit, patience, True)))
    db.session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))


def imports_to_carry_out(stalled: datetime) -> list[int]:
    """The imports that were confirmed, oldest first; those that a worker began before ``stalled`` and left as well."""
    waits = or_(AwardImport.begun_at.is_(None), AwardImport.begun_at < stalled)
    found = select(AwardImport.id).where(AwardImport.state == ImportState.ASKED, waits).order_by(AwardImport.id)
    return list(db.session.scalars(found.limit(LATEST)))


def import_to_carry_out(import_id: int) -> AwardImport | None:
    """An import that was confirmed, with its file; None when it is done already."""
    found = select(AwardImport).where(AwardImport.id == import_id, AwardImport.state == ImportState.ASKED)
    return db.session.scalar(found.options(joinedload(AwardImport.file)).execution_options(populate_existing=True))


def begin(import_id: int, at: datetime, stalled: datetime) -> bool:
    """Take an import that waits; False when another worker has it."""
    free = or_(AwardImport.begun_at.is_(None), AwardImport.begun_at < stalled)
    taken = update(AwardImport).where(AwardImport.id == import_id, AwardImport.state == ImportState.ASKED, free)
    return db.session.scalar(taken.values(begun_at=at, done=0).returning(AwardImport.id)) is not None


def note_progress(import_id: int, done: int, total: int) -> None:
    """Say how far an import is, so that it is seen before the import has been committed: in a transaction of its own."""
    with Session(db.engine) as beside, beside.begin():
        beside.execute(update(AwardImport).where(AwardImport.id == import_id).values(done=done, total=total))


def fingerprints_present(fingerprints: Iterable[str]) -> set[str]:
    """Which of these awards are there already."""
    wanted = bindparam("wanted", list(fingerprints), type_=ARRAY(Text))
    return set(db.session.scalars(select(PastAward.fingerprint).where(PastAward.fingerprint == func.any(wanted))))


def classes_tightened() -> dict[str, list[str]]:
    """To which classes awards were made more confidential one by one, by their fingerprints, also of imports taken back."""
    found = select(HistoryEntry.details).where(
        HistoryEntry.subject_kind == "award_import",
        HistoryEntry.subject_id.in_(select(AwardImport.id)),
        HistoryEntry.verb == "tighten",
    )
    classes: dict[str, list[str]] = {}
    for told in db.session.scalars(found):
        classes.setdefault(told.get("fingerprint", ""), []).append(told["after"])
    return classes


class KnownOrganization(NamedTuple):
    """An organization that is there already. ``counts`` is the account that counts, when it is a second one."""

    id: int
    name: str
    country: str
    city: str
    confidentiality: str
    is_from_past: bool
    counts: int


def organizations_named(names: Sequence[str]) -> list[KnownOrganization]:
    """The organizations with one of these names, whatever accents, case and punctuation."""
    wanted = select(func.unnest(cast(list(names), ARRAY(Text))).label("name")).subquery()
    folded = select(func.plain_name(wanted.c.name)).distinct()
    found = select(
        Organization.id,
        Organization.name,
        Organization.country,
        func.coalesce(Organization.city, ""),
        Organization.confidentiality_default,
        Organization.is_from_past,
        func.coalesce(Organization.duplicate_of_id, Organization.id),
    ).where(func.plain_name(Organization.name).in_(folded))
    return [KnownOrganization(*row) for row in db.session.execute(found)]


# ------------------------------------------------------------------ looking, and taking back


def import_to_change(import_id: int) -> AwardImport:
    """An import, held until the transaction ends."""
    found = select(AwardImport).where(AwardImport.id == import_id).with_for_update(of=AwardImport)
    return db.session.scalars(found.execution_options(populate_existing=True)).one()


def take_back_awards(import_id: int) -> None:
    """Take away the awards that an import brought."""
    db.session.execute(delete(PastAward).where(PastAward.import_id == import_id))


def take_back_organizations(ids: Sequence[int]) -> None:
    """Take away those of these organizations to which nothing refers any more but what is computed about all of them."""
    organization = Organization.__table__
    computed = {Comparison.__table__, Resemblance.__table__}
    referring = [
        key.parent
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table is organization and table not in computed and table is not organization
    ]
    other = aliased(Organization)
    of_another = select(other.id).where(
        or_(other.fiscal_sponsor_id == Organization.id, other.duplicate_of_id == Organization.id)
    )
    free = [~exists().where(column == Organization.id) for column in referring] + [~of_another.exists()]
    found = select(Organization.id).where(Organization.id.in_(ids), Organization.is_from_past, *free)
    going = list(db.session.scalars(found))
    db.session.execute(delete(Comparison).where(Comparison.organization_id.in_(going)))
    db.session.execute(
        delete(Resemblance).where(or_(Resemblance.first_id.in_(going), Resemblance.second_id.in_(going)))
    )
    db.session.execute(delete(Organization).where(Organization.id.in_(going)))


def tables_left(before: datetime) -> list[AwardImport]:
    """Tables that were sent before a moment and that nobody confirmed, held, with their files."""
    found = select(AwardImport).where(AwardImport.state == ImportState.PREPARED, AwardImport.sent_at < before)
    found = found.order_by(AwardImport.id).limit(LATEST).options(joinedload(AwardImport.file, innerjoin=True))
    return list(db.session.scalars(found.with_for_update(of=AwardImport, skip_locked=True)))


def imports_quoting(before: datetime) -> list[AwardImport]:
    """Imports that ended before a moment and still say what stood in the rows that were refused, held."""
    quotes = AwardImport.refused.path_exists('$[*] ? (@.said != "")')
    found = select(AwardImport).where(AwardImport.finished_at < before, quotes).order_by(AwardImport.id).limit(LATEST)
    return list(db.session.scalars(found.with_for_update(of=AwardImport, skip_locked=True)))


def past_award_by_reference(seen: Select[PastAward], reference: str) -> PastAward | None:
    """One award of an earlier programme among those a person may see, with what is told of it."""
    found = seen.where(PastAward.reference == reference).options(
        joinedload(PastAward.organization).load_only(
            *(Organization.reference, Organization.name, Organization.country),
            *(Organization.is_from_past, Organization.confidentiality_default),
        ),
        joinedload(PastAward.import_).options(joinedload(AwardImport.file), _sender()),
    )
    return db.session.scalar(found)
