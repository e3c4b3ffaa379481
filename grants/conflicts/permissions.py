"""Who declares ties, and who has declared them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from grants.accounts.models import COORDINATORS, Person, Role
from grants.conflicts.queries import has_declared_since
from grants.conflicts.rules import year_before
from grants.core import clock
from grants.core.db import db

DECLARERS = (*COORDINATORS, Role.REVIEWER, Role.COMMITTEE_MEMBER, Role.FINANCE_OFFICER, Role.AUDITOR)
"""Those who read other people's applications declare their ties."""


def can_declare_interests(user: Any) -> bool:
    """Reviewers, committee members, coordinators, finance officers and auditors: declare a tie to an organization."""
    return bool(user.holds(*DECLARERS))


def has_declared_year(person: Person) -> bool:
    """Whether what somebody declared last in general still holds; not when they have declared nothing."""
    return bool(db.session.scalar(select(has_declared_since(person.id, year_before(clock.now())))))
