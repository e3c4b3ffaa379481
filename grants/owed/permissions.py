"""Who may see what is owed, and move its days."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from grants.accounts.models import COORDINATORS
from grants.awards.permissions import STAFF
from grants.owed.queries import Owed


def own_organizations(user: Any) -> Collection[int]:
    """The organizations a person belongs to: on their grants nothing is shown that stays inside the fund."""
    return [membership.organization_id for membership in user.memberships]


def sees_many(user: Any) -> bool:
    """Whether a person may see grants of others than their own organizations."""
    return bool(user.holds(*STAFF))


def can_move(user: Any, item: Owed) -> bool:
    """A coordinator of the region, not a member of the grantee, moves the days of a grant."""
    return bool(
        user.holds(*COORDINATORS) and user.coordinates(item.region) and not user.belongs_to(item.organization_id)
    )
