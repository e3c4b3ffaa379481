"""Finding questions about calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, bindparam, delete, func, or_, select
from sqlalchemy.orm import joinedload

from grants.calls.models import Call
from grants.core.db import Prepared, db, paged
from grants.enquiries.models import Enquiry
from grants.enquiries.workflow import EnquiryState

PAGE = 50
MOST_PUBLISHED = 200
LOCK_SPACE = 4_751
"""The first number of the advisory locks under which the questions of one hour are counted."""

HOUR = timedelta(hours=1)


class Published(NamedTuple):
    """A question and its answer as everybody reads them."""

    reference: str
    question: dict[str, str]
    answer: dict[str, str]
    published_at: datetime


def _published() -> Select[*tuple[Any, ...]]:
    return (
        select(Enquiry.reference, Enquiry.question, Enquiry.answer, Enquiry.published_at)
        .where(
            Enquiry.call_id == bindparam("call", None, type_=BigInteger),
            Enquiry.state == EnquiryState.PUBLISHED,
        )
        .order_by(Enquiry.asked_at, Enquiry.id)
        .limit(MOST_PUBLISHED)
    )


_PUBLISHED = Prepared(_published)


def published_answers(call: Call) -> list[Published]:
    """The published questions about a call with their answers, in the order in which they were asked."""
    return [Published(*row) for row in _PUBLISHED(call=call.id)]


def enquiry_in(seen: Select[Enquiry], call: Call, reference: str) -> Enquiry | None:
    """One question about a call among those a person may see."""
    return db.session.scalar(seen.where(Enquiry.call_id == call.id, Enquiry.reference == reference))


def enquiry_by_token(token_hash: str) -> Enquiry | None:
    """The question that waits to be confirmed by this link, with its call."""
    found = select(Enquiry).where(Enquiry.token_hash == token_hash, Enquiry.state == EnquiryState.UNCONFIRMED)
    return db.session.scalar(found.options(joinedload(Enquiry.call, innerjoin=True)))


def own_enquiries(call: Call, person_id: int) -> Sequence[Enquiry]:
    """What a person asked about a call, the latest first."""
    found = select(Enquiry).where(Enquiry.call_id == call.id, Enquiry.asker_id == person_id)
    return db.session.scalars(found.order_by(Enquiry.id.desc()).limit(PAGE)).all()


def enquiries_page(
    seen: Select[Enquiry], call: Call, state: str, page: int | None
) -> tuple[list[Enquiry], dict[str, int]]:
    """One page of the questions about a call in one state (all when empty), the oldest first (every one without a
    ``page``); and how many in each.
    """
    here = seen.where(Enquiry.call_id == call.id)
    counts = here.with_only_columns(Enquiry.state, func.count()).group_by(Enquiry.state).order_by(None)
    numbers = {row[0]: row[1] for row in db.session.execute(counts)}
    wanted = here.where(Enquiry.state == state) if state else here
    rows = wanted.order_by(Enquiry.asked_at, Enquiry.id)
    return list(db.session.scalars(paged(rows, page, PAGE))), numbers


def prepared_enquiries(call: Call) -> Sequence[Enquiry]:
    """The questions about a call that are ready to be published, kept from others until we are done."""
    found = select(Enquiry).where(Enquiry.call_id == call.id, Enquiry.state == EnquiryState.PREPARED)
    return db.session.scalars(
        found.options(joinedload(Enquiry.asker)).order_by(Enquiry.asked_at, Enquiry.id).with_for_update(of=Enquiry)
    ).all()


class Lately(NamedTuple):
    """How many questions came within the last hour: from this person or address, from this network address, to the call."""

    asker: int
    origin: int
    call: int


def asked_lately(call: Call, asker_id: int | None, email: str | None, origin: str) -> Lately:
    """How many questions came within the last hour; others who ask about this call wait until we are done."""
    db.session.execute(select(func.pg_advisory_xact_lock(LOCK_SPACE, func.hashint8(call.id))))
    same = or_(
        Enquiry.asker_id == asker_id if asker_id is not None else Enquiry.id.is_(None),
        func.lower(Enquiry.email) == (email or "").lower(),
    )
    counts = select(
        func.count().filter(same),
        func.count().filter(Enquiry.origin == origin),
        func.count().filter(Enquiry.call_id == call.id),
    ).where(Enquiry.asked_at > func.app_now() - HOUR)
    return Lately(*db.session.execute(counts).one())


def remove_unconfirmed(before: datetime) -> list[str]:
    """Remove the questions from before a moment that nobody confirmed; their references."""
    late = delete(Enquiry).where(Enquiry.state == EnquiryState.UNCONFIRMED, Enquiry.asked_at < before)
    return list(db.session.scalars(late.returning(Enquiry.reference)))
