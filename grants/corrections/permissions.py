"""Who may correct published calls."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import Role
from grants.calls.models import Call


def can_correct(user: Any, call: Call) -> bool:
    """Global coordinators publish corrections of a published call."""
    return bool(user.is_authenticated and user.holds(Role.GLOBAL_COORDINATOR))
