"""Who sees the draw of a call, and who draws."""

from __future__ import annotations

from typing import Any

from grants.calls.models import Call
from grants.decisions.permissions import can_follow_decisions, can_run_meeting


def can_see_draw(user: Any, *, invited: bool) -> bool:
    """Coordinators, auditors, and members of the committee who are invited to a meeting about the call."""
    return invited or can_follow_decisions(user)


def can_draw(user: Any, call: Call) -> bool:
    """Coordinators of a region of the call bind the seed, and draw."""
    return can_run_meeting(user, call)
