"""Who may see and change awards."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, false, or_, select

from grants.accounts.models import COORDINATORS, Role
from grants.awards.models import Agreement, Award, Milestone
from grants.calls.models import Call
from grants.conflicts.queries import hidden_applications
from grants.core.permissions import scope_of
from grants.decisions.models import Meeting

READERS = (Role.FINANCE_OFFICER, Role.AUDITOR)
STAFF = (*COORDINATORS, *READERS)


@scope_of(Award)
def awards_seen_by(user: Any) -> Select[Award]:
    """Members: their organization's; coordinators: their regions'; finance and auditors: all; never with a conflict."""
    found = select(Award)
    if not user.is_authenticated:
        return found.where(false())
    own = Award.organization_id.in_([m.organization_id for m in user.memberships])
    hidden = hidden_applications(user.id).cte()  # found once, however many parts a statement has
    without_conflict = Award.application_id.not_in(select(hidden.c.application_id))
    if user.holds(*READERS):
        return found.where(or_(own, without_conflict))
    if user.holds(*COORDINATORS):
        return found.where(or_(own, and_(Award.region.in_(sorted(user.regions)), without_conflict)))
    return found.where(own)


@scope_of(Agreement)
def agreements_seen_by(user: Any) -> Select[Agreement]:
    """The agreements of the awards a person may see."""
    return select(Agreement).where(Agreement.award_id.in_(awards_seen_by(user).with_only_columns(Award.id)))


@scope_of(Milestone)
def milestones_seen_by(user: Any) -> Select[Milestone]:
    """The milestones of the awards a person may see."""
    return select(Milestone).where(Milestone.award_id.in_(awards_seen_by(user).with_only_columns(Award.id)))


def can_release(user: Any, meeting: Meeting) -> bool:
    """A global coordinator sends the letters of a meeting."""
    return bool(user.holds(Role.GLOBAL_COORDINATOR))


def can_list_grants(user: Any, call: Call) -> bool:
    """Coordinators, finance officers and auditors see the list of a call's grants, each the ones of their regions."""
    return bool(user.holds(*STAFF))


def can_answer(user: Any, award: Award) -> bool:
    """An owner or a signatory of the grantee accepts or refuses the offer."""
    return bool(user.owns(award.organization_id) or user.signs_for(award.organization_id))


def can_budget(user: Any, award: Award) -> bool:
    """A member of the grantee writes the new budget and hands it in."""
    return bool(user.belongs_to(award.organization_id))


def can_sign(user: Any, award: Award) -> bool:
    """A member who may sign for the grantee signs the agreement."""
    return bool(user.signs_for(award.organization_id))


def can_oversee(user: Any, award: Award) -> bool:
    """A coordinator of the region, not a member of the grantee, looks after the grant."""
    return bool(
        user.holds(*COORDINATORS) and user.coordinates(award.region) and not user.belongs_to(award.organization_id)
    )


def can_meet_condition(user: Any, award: Award) -> bool:
    """A coordinator of the region marks a condition as met."""
    return can_oversee(user, award)


def can_add_condition(user: Any, award: Award) -> bool:
    """A coordinator of the region asks for something besides the action, and moves its date."""
    return can_oversee(user, award)


def can_reach_milestone(user: Any, award: Award) -> bool:
    """A member of the grantee, or a coordinator of the region, marks a milestone as reached."""
    return bool(user.belongs_to(award.organization_id)) or can_oversee(user, award)


def can_confirm_milestone(user: Any, award: Award) -> bool:
    """A coordinator of the region confirms that a milestone was reached."""
    return can_oversee(user, award)


def can_move_milestone(user: Any, award: Award) -> bool:
    """A coordinator of the region moves the date of a milestone."""
    return can_oversee(user, award)


def can_suspend(user: Any, award: Award) -> bool:
    """A coordinator of the region suspends, resumes or terminates a grant, lets an offer lapse, or offers it again."""
    return can_oversee(user, award)


def sees_as_staff(user: Any, award: Award) -> bool:
    """Whether a person reads an award for the fund and not as a member of the grantee: names and reasons are shown."""
    return bool(user.holds(*STAFF)) and not user.belongs_to(award.organization_id)
