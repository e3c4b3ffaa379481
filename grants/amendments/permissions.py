"""Who may see, ask for, decide about and sign changes of a grant."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from grants.amendments.models import Amendment
from grants.awards.models import Award
from grants.awards.permissions import awards_seen_by, can_oversee
from grants.core.permissions import scope_of


@scope_of(Amendment)
def amendments_seen_by(user: Any) -> Select[Amendment]:
    """The changes of the awards a person may see."""
    return select(Amendment).where(Amendment.award_id.in_(awards_seen_by(user).with_only_columns(Award.id)))


def can_ask(user: Any, award: Award) -> bool:
    """A member of the grantee asks for a change; a coordinator of the region writes one down for it."""
    return bool(user.belongs_to(award.organization_id)) or can_oversee(user, award)


def can_confirm(user: Any, award: Award) -> bool:
    """An owner or a signatory of the grantee confirms what the fund wrote down for it."""
    return bool(user.owns(award.organization_id) or user.signs_for(award.organization_id))


def can_work_out(user: Any, award: Award) -> bool:
    """A member of the grantee works out what an approved change comes to, and withdraws a change."""
    return bool(user.belongs_to(award.organization_id))


def can_decide(user: Any, award: Award) -> bool:
    """A coordinator of the region, not a member of the grantee, decides about changes."""
    return can_oversee(user, award)


def can_sign(user: Any, award: Award) -> bool:
    """A member who may sign for the grantee signs an amendment."""
    return bool(user.signs_for(award.organization_id))


def can_terminate(user: Any, award: Award) -> bool:
    """A coordinator of the region terminates an agreement."""
    return can_oversee(user, award)
