"""Finding the draw of a call."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Select, bindparam, exists, func, not_, select
from sqlalchemy.orm import joinedload

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.core.db import Prepared, db
from grants.decisions.models import Decision, Meeting
from grants.decisions.queries import TOLD
from grants.decisions.workflow import MeetingState
from grants.draws.models import Draw


def draw_of(call: Call) -> Draw | None:
    """The draw of a call, bound or drawn."""
    found = select(Draw).where(Draw.call_id == call.id)
    return db.session.scalar(found.options(joinedload(Draw.call), joinedload(Draw.bound_by).load_only(Person.name)))


def has_met(call: Call) -> bool:
    """Whether a meeting about a call has been opened."""
    return bool(
        db.session.scalar(select(exists().where(Meeting.call_id == call.id, Meeting.state != MeetingState.PLANNED)))
    )


class Published(NamedTuple):
    """What everybody is told of a draw; the seed once everybody who was drawn has their letter."""

    fingerprint: str
    seed: str | None


def published_of(call_id: int) -> Published | None:
    """What everybody is told of the draw of a call."""
    for fingerprint, seed, waiting in _PUBLISHED(call=call_id):
        return Published(fingerprint, None if waiting else seed)
    return None


def _published() -> Select[str, str | None, bool]:
    of_call = bindparam("call", None, type_=BigInteger)
    told = exists().where(Decision.application_id == Application.id, Decision.state.in_(TOLD))
    waiting = exists().where(
        Application.call_id == of_call,
        Application.state == ApplicationState.ELIGIBLE,
        Draw.lines.contains(func.jsonb_build_array(func.jsonb_build_object("id", Application.id))),
        not_(told),
    )
    return select(Draw.fingerprint, Draw.seed, waiting).where(Draw.call_id == of_call)


_PUBLISHED = Prepared(_published)
