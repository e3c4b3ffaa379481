"""Who declares what, and who reads the register."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import COORDINATORS, Role
from grants.calls.models import Call

READERS = (*COORDINATORS, Role.AUDITOR)


def can_read_register(user: Any) -> bool:
    """Coordinators and auditors: the register of ties and recusals of a call, each case as far as they may see it."""
    return bool(user.holds(*READERS))


def can_declare_for_call(user: Any, call: Call, *, judges: bool) -> bool:
    """Reviewers with a review to write about the call, and committee members invited to a meeting about it: read
    the names of its applicants and declare their ties. Reviewers not where applicants are hidden from them.
    """
    if call.hides_applicants and not user.holds(Role.COMMITTEE_MEMBER):
        return False
    return judges and bool(user.holds(Role.REVIEWER, Role.COMMITTEE_MEMBER))
