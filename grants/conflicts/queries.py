"""Finding who stands too close to whom, what it hides, and what people declared.

What counts as too close is written once, in two functions of the database: ``close_organizations`` (people and
organizations) and ``conflicts`` (people and applications). Every scope, list, search, file and mail asks them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    BindParameter,
    CompoundSelect,
    Exists,
    Select,
    TableValuedAlias,
    Text,
    bindparam,
    case,
    cast,
    column,
    exists,
    func,
    null,
    or_,
    select,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import joinedload

from grants.accounts.models import Organization, Person
from grants.accounts.queries import coordinators_of
from grants.calls.models import Call
from grants.conflicts.models import ConflictDeclaration, Grade, YearDeclaration
from grants.core.db import Prepared, db

OF_CALL = bindparam("call", None, type_=BigInteger)
PEOPLE = bindparam("people", None, type_=ARRAY(BigInteger))


class ApplicationOfCall(Protocol):
    """An application to a call."""

    id: int
    call_id: int


def conflicts(people: Any, call_id: Any = None) -> TableValuedAlias:
    """The applications (to one call, or to all) of which people may see nothing: person_id, application_id,
    organization_id, kind, through_id (the organization through which a tie was computed).
    """
    columns = [column(name, BigInteger) for name in ("person_id", "application_id", "organization_id")]
    call = null() if call_id is None else call_id
    found = func.conflicts(people, cast(call, BigInteger))
    return found.table_valued(*columns, column("kind", Text), column("through_id", BigInteger))


def _only(person_id: int | BindParameter[int]) -> Any:
    return cast(array([person_id]), ARRAY(BigInteger))


def hidden_applications(person_id: int | BindParameter[int], call_id: Any = None) -> Select[int]:
    """The applications (to one call, or to all) of which a person may see nothing, in whatever role."""
    return select(conflicts(_only(person_id), call_id).c.application_id)


def hidden_ids(person: Person, call_id: int | None) -> set[int]:
    """The applications to one call (or, without one, to all) of which a person may see nothing."""
    return {application_id for _, application_id in conflicts_in(call_id, [person.id])}


def is_hidden(person: Person, application: ApplicationOfCall) -> bool:
    """Whether a person may see nothing of an application."""
    return application.id in hidden_ids(person, application.call_id)


def conflicts_in(call_id: int | None, person_ids: Iterable[int]) -> dict[tuple[int, int], str]:
    """The pairs (person, application) of a call (or, without one, of all) that stand too close, or in which the person
    stepped aside, and the kind of tie; of several, what was declared or stepped aside from comes before what was computed.
    """
    return {
        (person, application): kind for person, application, kind in _CONFLICTS(people=list(person_ids), call=call_id)
    }


def _pairs() -> Select[int, int, str]:
    found = conflicts(PEOPLE, OF_CALL)
    last = case((found.c.kind == "declared", 2), (found.c.kind == "recused", 1), else_=0)
    return select(found.c.person_id, found.c.application_id, found.c.kind).order_by(last)


_CONFLICTS = Prepared(_pairs)


# ------------------------------------------------------------------ organizations


def ties_of(person_ids: Iterable[int], call_id: int | None) -> frozenset[tuple[int, int]]:
    """The pairs (person, organization) that stand too close, in one call or (without one) in any."""
    people = list(person_ids)
    if not people:
        return frozenset()
    return frozenset((p, o) for p, o in _ties(call_id is not None)(people=people, call=call_id))


@cache
def _ties(in_one_call: bool) -> Prepared:
    return Prepared(lambda: _stand_too_close(PEOPLE, OF_CALL if in_one_call else None))


def tied_organizations(person_id: int | BindParameter[int]) -> Select[int]:
    """The organizations to which a person stands too close, in any call."""
    return select(_stand_too_close(_only(person_id)).subquery().c.organization_id)


def _stand_too_close(people: Any, call_id: Any = None) -> CompoundSelect[int, int]:
    about = conflicts(people, call_id)
    names = ("person_id", "organization_id", "said")
    near = func.close_organizations(people).table_valued(*(column(name, BigInteger) for name in names))
    call = cast(null() if call_id is None else call_id, BigInteger)
    return union(
        select(near.c.person_id, near.c.organization_id).where(func.still_said(near.c.said, call)),
        select(about.c.person_id, about.c.organization_id).where(about.c.kind != "recused"),
    )


def in_conflict(person: Person, organization_ids: Iterable[int], *, call_id: int | None = None) -> set[int]:
    """Those of the organizations to which a person stands too close, in one call or (without one) in any."""
    wanted = set(organization_ids)
    return {organization for _, organization in ties_of([person.id], call_id)} & wanted


class Applied(Protocol):
    """An application, or the grant that came of it."""

    @property
    def region(self) -> str | None:
        """The region whose coordinators look after it."""

    @property
    def organization_id(self) -> int:
        """The applicant."""

    @property
    def call_id(self) -> int:
        """The call."""


def free_coordinators(about: Applied) -> list[Person]:
    """The coordinators of the region of an application or a grant who have no conflict: those who may be told of it."""
    return free_among(coordinators_of(about.region), about.organization_id, about.call_id)


def free_among(people: Iterable[Person], organization_id: int, call_id: int | None = None) -> list[Person]:
    """Those of these people who may be told of an applicant: who have no conflict with it in one call, or in any."""
    asked = list(people)
    ties = ties_of([person.id for person in asked], call_id)
    return [person for person in asked if (person.id, organization_id) not in ties]


# ------------------------------------------------------------------ what was declared


def conflict_reasons(person_ids: Iterable[int], call_id: int) -> dict[tuple[int, int], str]:
    """What people wrote when they declared a conflict for this call or for all: (person, organization) to the reason."""
    found = (
        select(ConflictDeclaration.person_id, ConflictDeclaration.organization_id, ConflictDeclaration.reason)
        .where(
            ConflictDeclaration.person_id.in_(list(person_ids)),
            ConflictDeclaration.grade == Grade.CONFLICT,
            or_(ConflictDeclaration.call_id.is_(None), ConflictDeclaration.call_id == call_id),
        )
        .order_by(ConflictDeclaration.id)
    )
    return {(int(p), int(o)): reason for p, o, reason in db.session.execute(found)}


def interests_of(person: Person) -> list[ConflictDeclaration]:
    """What a person has declared about organizations, newest first."""
    found = (
        select(ConflictDeclaration)
        .where(ConflictDeclaration.person_id == person.id)
        .options(
            joinedload(ConflictDeclaration.organization).load_only(Organization.reference, Organization.name),
            joinedload(ConflictDeclaration.call).load_only(Call.reference, Call.title, Call.hides_applicants),
        )
        .order_by(ConflictDeclaration.id.desc())
        .limit(100)
    )
    return list(db.session.scalars(found))


def organizations_named(words: str, limit: int = 20) -> list[tuple[str, str, str]]:
    """Organizations whose name, acronym or reference holds these words: reference, name, country."""
    if len(words.strip()) < 2:
        return []
    pattern = f"%{words.strip()}%"
    found = (
        select(Organization.reference, Organization.name, Organization.country)
        .where(
            or_(
                Organization.name.ilike(pattern),
                Organization.acronym.ilike(pattern),
                Organization.reference.ilike(pattern),
            )
        )
        .order_by(Organization.name)
        .limit(limit)
    )
    return [(r, n, c) for r, n, c in db.session.execute(found)]


def organization_named(reference: str) -> Organization | None:
    """The organization with this reference. Declaring a tie to it reveals nothing but its name."""
    return db.session.scalar(select(Organization).where(Organization.reference == reference))


def calls_running(at: datetime) -> list[tuple[str, Any]]:
    """The calls that were published, latest first, to declare a tie for one of them: reference, title."""
    found = select(Call.reference, Call.title).where(Call.state == "published", Call.opens_at <= at)
    return [(r, t) for r, t in db.session.execute(found.order_by(Call.closes_at.desc()).limit(20))]


def declared_for(person: Person, organization_id: int, call_id: int) -> ConflictDeclaration | None:
    """What a person declared last about an applicant for one call; None before they have."""
    about = ConflictDeclaration
    found = select(about).where(
        about.person_id == person.id, about.organization_id == organization_id, about.call_id == call_id
    )
    return db.session.scalar(found.order_by(about.id.desc()).limit(1))


def has_declared_since(person_id: Any, moment: Any) -> Exists:
    """Whether a person has declared in general since a moment."""
    return exists().where(YearDeclaration.person_id == person_id, YearDeclaration.declared_at > moment)


def year_declaration_of(person: Person) -> YearDeclaration | None:
    """What a person declared in general last; None before they have."""
    found = select(YearDeclaration).where(YearDeclaration.person_id == person.id)
    return db.session.scalar(found.order_by(YearDeclaration.id.desc()).limit(1))
