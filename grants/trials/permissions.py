"""Who may try the form of a call."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, select

from grants.accounts.models import COORDINATORS
from grants.calls.models import Call
from grants.calls.workflow import CallState
from grants.core.permissions import scope_of
from grants.trials.models import Trial


@scope_of(Trial)
def trials_seen_by(user: Any) -> Select[Any]:
    """Everybody sees their own trials, and nobody another's."""
    return select(Trial).where(Trial.person_id == user.id if user.is_authenticated else false())


def can_try(user: Any, call: Call) -> bool:
    """Coordinators try the form of a call in preparation."""
    return bool(user.is_authenticated and user.holds(*COORDINATORS) and call.state == CallState.DRAFT)
