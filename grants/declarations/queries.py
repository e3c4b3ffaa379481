"""Finding what was declared, computed and stepped aside from in a call."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Select,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)

from grants.accounts.models import Organization, Person, RoleGrant
from grants.applications.models import Application
from grants.conflicts.models import ConflictDeclaration, Grade
from grants.conflicts.permissions import DECLARERS
from grants.conflicts.queries import OF_CALL, conflicts, hidden_applications
from grants.core.db import Prepared, db, prepared_once
from grants.decisions.models import Meeting, Recusal, Seat
from grants.history.models import HistoryEntry
from grants.reviews.models import Assignment, Review
from grants.reviews.workflow import AssignmentState


class Line(NamedTuple):
    """One line of the register. ``kind`` is a key of ``conflicts.rules.KIND_LABELS``; what is computed has no moment, no
    words, and maybe another organization that it goes ``through``. ``is_in_force``: nothing that was declared later takes it
    back. ``is_voided``: a submitted review no longer counts.

    Of an application that the reader does not look after (``is_seen``) there is nothing but the reference, and of one that
    is hidden from them because of a conflict no line at all.
    """

    at: datetime | None
    person: str
    name: str
    application: str
    organization: str | None
    kind: str
    grade: str
    reason: str | None
    through: str | None
    is_in_force: bool
    is_aside: bool
    is_voided: bool
    is_seen: bool
    total: int
    confidentiality: str


def register_of(call_id: int, seen: Select[Application], reader: Person, *, page: int, size: int) -> list[Line]:
    """One page of the register of a call, by application and person, without those who declared that they have no tie;
    ``seen`` are the applications the reader may see. The first page when there is no such page.
    """
    rows = _register(seen, is_whole=False)(call=call_id, reader=reader.id, size=size, start=(page - 1) * size)
    if not rows and page > 1:
        return register_of(call_id, seen, reader, page=1, size=size)
    return list(map(Line._make, rows))


def whole_register_of(call_id: int, seen: Select[Application], reader: Person) -> list[Line]:
    """The whole register of a call, those who declared that they have no tie included."""
    return list(map(Line._make, _register(seen, is_whole=True)(call=call_id, reader=reader.id)))


_READER = bindparam("reader", None, type_=BigInteger)


@prepared_once
def _register(seen: Select[Application], *, is_whole: bool) -> Prepared:
    return Prepared(lambda: _lines(seen, is_whole))


def _lines(seen: Select[Application], is_whole: bool) -> Select[*tuple[Any, ...]]:
    every = union_all(_declared(is_whole), _computed(), _asides(), _recusals()).subquery()
    about, through = Organization.__table__.alias("about"), Organization.__table__.alias("through")
    visible = seen.with_only_columns(Application.id).subquery()
    is_seen = visible.c.id.is_not(None)
    aside = or_(
        exists().where(_pair(Assignment.reviewer_id, Assignment.application_id, every), _stepped_aside()),
        exists().where(_pair(Recusal.person_id, Recusal.application_id, every)),
    )
    voided = exists().where(
        _pair(Assignment.reviewer_id, Assignment.application_id, every),
        Review.assignment_id == Assignment.id,
        Review.voided_at.is_not(None),
        Review.total.is_not(None),
    )
    found = (
        select(
            *(every.c.at, Person.reference, Person.name, Application.reference),
            *(_if(is_seen, about.c.name), every.c.kind, every.c.grade),
            *(_if(is_seen, every.c.reason), _if(is_seen, through.c.name)),
            *(every.c.in_force, aside, voided, is_seen, func.count().over(), Application.confidentiality),
        )
        .join(Person, Person.id == every.c.person_id)
        .join(Application, Application.id == every.c.application_id)
        .join(about, about.c.id == Application.organization_id)
        .outerjoin(visible, visible.c.id == Application.id)
        .outerjoin(through, through.c.id == every.c.through_id)
        .where(Application.id.not_in(hidden_applications(_READER)))
        .order_by(Application.reference, Person.reference, every.c.at, every.c.kind)
    )
    if is_whole:
        return found
    size, start = (bindparam(name, None, type_=BigInteger) for name in ("size", "start"))
    return found.limit(size).offset(start)


def _if(condition: ColumnElement[bool], value: Any) -> ColumnElement[Any]:
    return case((condition, value), else_=null())


def _pair(person_id: Any, application_id: Any, every: Any) -> ColumnElement[bool]:
    both: ColumnElement[bool] = (person_id == every.c.person_id) & (application_id == every.c.application_id)
    return both


def _stepped_aside() -> ColumnElement[bool]:
    return Assignment.state == AssignmentState.RECUSED


def _sent_in() -> ColumnElement[bool]:
    there: ColumnElement[bool] = (Application.call_id == OF_CALL) & Application.submitted_at.is_not(None)
    return there


NEVER = cast(null(), DateTime(timezone=True)).label("at")
NOBODY = cast(null(), BigInteger).label("through_id")
ALWAYS = true().label("in_force")


def _declared(is_whole: bool) -> Select[*tuple[Any, ...]]:
    said = ConflictDeclaration
    found = (
        select(
            *(said.declared_at.label("at"), said.person_id, Application.id.label("application_id")),
            *(literal("declared").label("kind"), said.grade, said.reason, NOBODY),
            func.still_said(said.id, OF_CALL).label("in_force"),
        )
        .join(Application, Application.organization_id == said.organization_id)
        .where(_sent_in(), or_(said.call_id.is_(None), said.call_id == OF_CALL))
    )
    return found if is_whole else found.where(said.grade != Grade.NONE)


def _computed() -> Select[*tuple[Any, ...]]:
    holders = select(func.array_agg(RoleGrant.person_id.distinct())).where(
        RoleGrant.role.in_(DECLARERS), RoleGrant.revoked_at.is_(None)
    )
    found = conflicts(holders.scalar_subquery(), OF_CALL)
    return (
        select(
            NEVER,
            found.c.person_id,
            found.c.application_id,
            found.c.kind,
            *_grade_and_reason(""),
            found.c.through_id,
            ALWAYS,
        )
        .join(Application, Application.id == found.c.application_id)
        .where(_sent_in(), found.c.kind.not_in(("declared", "recused")))
        .distinct()
    )


def _grade_and_reason(reason: Any) -> tuple[Any, Any]:
    return literal(Grade.CONFLICT.value).label("grade"), (literal(reason) if reason == "" else reason).label("reason")


def _asides() -> Select[*tuple[Any, ...]]:
    noted = (HistoryEntry.subject_kind == "assignment") & (HistoryEntry.subject_id == Assignment.id)
    return (
        select(
            *(HistoryEntry.at, Assignment.reviewer_id, Assignment.application_id),
            *(literal("recused"), *_grade_and_reason(HistoryEntry.reason), NOBODY, ALWAYS),
        )
        .join(Application, Application.id == Assignment.application_id)
        .join(HistoryEntry, noted & (HistoryEntry.verb == "recuse"))
        .where(_sent_in(), _stepped_aside())
    )


def _recusals() -> Select[*tuple[Any, ...]]:
    return (
        select(
            *(Recusal.recused_at, Recusal.person_id, Recusal.application_id),
            *(literal("recused"), *_grade_and_reason(Recusal.reason), NOBODY, ALWAYS),
        )
        .join(Application, Application.id == Recusal.application_id)
        .where(_sent_in())
    )


# ------------------------------------------------------------------ what is to be declared


def judges_in(person: Person, call_id: int) -> bool:
    """Whether a person has a review to write about a call, or sits in a meeting about it."""
    reviews = exists().where(
        Assignment.application_id == Application.id,
        Application.call_id == call_id,
        Assignment.reviewer_id == person.id,
        Assignment.state.in_((AssignmentState.ASKED, AssignmentState.ACCEPTED)),
    )
    sits = exists().where(
        Seat.meeting_id == Meeting.id,
        Meeting.call_id == call_id,
        Seat.person_id == person.id,
    )
    return bool(db.session.scalar(select(or_(reviews, sits))))
