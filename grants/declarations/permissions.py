"""Who declares what, and who reads the register."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import COORDINATORS, Role

READERS = (*COORDINATORS, Role.AUDITOR)


def can_read_register(user: Any) -> bool:
    """Coordinators and auditors: the register of ties and recusals of a call, each case as far as they may see it."""
    return bool(user.holds(*READERS))
