"""Who may see and change calls."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from grants.accounts.models import COORDINATORS, Role
from grants.calls.models import Call
from grants.calls.workflow import CallState
from grants.core.permissions import scope_of

STAFF = (*COORDINATORS, Role.AUDITOR)
"""Who sees calls in preparation, and the pages about running a call."""


@scope_of(Call)
def calls_seen_by(user: Any) -> Select[Call]:
    """Everybody sees published calls; coordinators and auditors also those in preparation or cancelled."""
    if user.is_authenticated and user.holds(*STAFF):
        return select(Call)
    return select(Call).where(Call.state == CallState.PUBLISHED)


def can_import(user: Any) -> bool:
    """Global coordinators import calls."""
    return bool(user.is_authenticated and user.holds(Role.GLOBAL_COORDINATOR))


def can_begin(user: Any) -> bool:
    """Global coordinators begin a new call."""
    return can_import(user)


def can_manage(user: Any, call: Call) -> bool:
    """Coordinators and auditors open the pages about running a call."""
    return bool(user.is_authenticated and user.holds(*STAFF))


def can_preview(user: Any, call: Call) -> bool:
    """Coordinators and auditors see a call as applicants will see it."""
    return can_manage(user, call)


def can_publish(user: Any, call: Call) -> bool:
    """Global coordinators publish calls."""
    return can_import(user)


def can_cancel(user: Any, call: Call) -> bool:
    """Global coordinators cancel calls."""
    return can_import(user)


def can_write(user: Any, call: Call) -> bool:
    """Coordinators write calls in preparation; global coordinators also corrections of published ones."""
    if not user.is_authenticated:
        return False
    if call.state == CallState.DRAFT:
        return bool(user.holds(*COORDINATORS))
    return bool(call.state == CallState.PUBLISHED and user.holds(Role.GLOBAL_COORDINATOR))


def can_copy(user: Any, call: Call) -> bool:
    """Global coordinators make a new call from another one."""
    return can_import(user)
