"""Who may see, plan, make and answer visits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, or_, select

from grants.awards.models import Award
from grants.awards.permissions import awards_seen_by, can_oversee
from grants.core.permissions import scope_of
from grants.visits.models import Visit
from grants.visits.workflow import TOLD


@scope_of(Visit)
def visits_seen_by(user: Any) -> Select[Visit]:
    """The fund: the visits of the awards a person may see. A member of the grantee: those it was told of."""
    seen = select(Visit).where(Visit.award_id.in_(awards_seen_by(user).with_only_columns(Award.id)))
    if not user.is_authenticated:
        return seen
    own = select(Award.id).where(Award.organization_id.in_([m.organization_id for m in user.memberships]))
    return seen.where(or_(Visit.announced_at.is_not(None), Visit.state.in_(TOLD), Visit.award_id.not_in(own)))


def can_visit(user: Any, award: Award) -> bool:
    """A coordinator of the region, not a member of the grantee, plans, makes and shares visits."""
    return can_oversee(user, award)


def can_answer(user: Any, award: Award) -> bool:
    """A member of the grantee answers what was found."""
    return bool(user.belongs_to(award.organization_id))


def can_do(user: Any, award: Award) -> bool:
    """A member of the grantee, or a coordinator of the region, says that a change is done."""
    return can_answer(user, award) or can_oversee(user, award)
