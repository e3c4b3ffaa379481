"""Finding the draw of a call."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, bindparam, exists, select
from sqlalchemy.orm import joinedload

from grants.accounts.models import Person
from grants.calls.models import Call
from grants.core.db import Prepared, db
from grants.decisions.models import Decision, Meeting
from grants.decisions.workflow import DecisionState
from grants.draws.models import Draw


def draw_of(call: Call) -> Draw | None:
    """The draw of a call, bound or drawn."""
    found = select(Draw).where(Draw.call_id == call.id)
    return db.session.scalar(found.options(joinedload(Draw.call), joinedload(Draw.bound_by).load_only(Person.name)))


class Published(NamedTuple):
    """What everybody is told of a draw; the seed once the letters of the call are sent."""

    fingerprint: str
    seed: str | None


def published_of(call_id: int) -> Published | None:
    """What everybody is told of the draw of a call."""
    for fingerprint, seed, told in _PUBLISHED(call=call_id):
        return Published(fingerprint, seed if told else None)
    return None


_OF_CALL = bindparam("call", None, type_=BigInteger)

_PUBLISHED = Prepared(
    lambda: select(
        Draw.fingerprint,
        Draw.seed,
        exists().where(
            Decision.meeting_id == Meeting.id, Meeting.call_id == _OF_CALL, Decision.state == DecisionState.RELEASED
        ),
    ).where(Draw.call_id == _OF_CALL)
)
