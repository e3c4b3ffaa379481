"""Who declares ties."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import COORDINATORS, Role

DECLARERS = (*COORDINATORS, Role.REVIEWER, Role.COMMITTEE_MEMBER, Role.FINANCE_OFFICER, Role.AUDITOR)
"""Those who read other people's applications declare their ties."""


def can_declare_interests(user: Any) -> bool:
    """Reviewers, committee members, coordinators, finance officers and auditors: declare a tie to an organization."""
    return bool(user.holds(*DECLARERS))
