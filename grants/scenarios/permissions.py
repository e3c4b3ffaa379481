"""Who sees the scenarios of a call, and who makes them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, select

from grants.accounts.models import COORDINATORS, Role
from grants.calls.models import Call
from grants.core.permissions import scope_of
from grants.decisions.models import Meeting, Seat
from grants.decisions.permissions import can_follow_decisions, can_run_meeting, can_sit
from grants.scenarios.models import Scenario


@scope_of(Scenario)
def scenarios_seen_by(user: Any) -> Select[Scenario]:
    """Coordinators and auditors all; committee members those of the calls they are invited for. What a reader stepped
    aside from is left out of each.
    """
    found = select(Scenario)
    if not user.is_authenticated:
        return found.where(false())
    if can_follow_decisions(user):
        return found
    if not user.holds(Role.COMMITTEE_MEMBER):
        return found.where(false())
    invited = select(Meeting.call_id).join(Seat, Seat.meeting_id == Meeting.id).where(Seat.person_id == user.id)
    return found.where(Scenario.call_id.in_(invited))


def can_see_scenarios(user: Any, *, invited: bool) -> bool:
    """Coordinators, auditors, and members of the committee who are invited to a meeting about the call."""
    return invited or can_follow_decisions(user)


def can_compose(user: Any, call: Call, *, invited: bool) -> bool:
    """Who sees the whole ranked list makes scenarios of it: members invited to a meeting about the call, and coordinators
    of all its regions.
    """
    everywhere = all(user.coordinates(one.region) for one in call.regions)
    return invited or (bool(user.holds(*COORDINATORS)) and everywhere)


def can_lay_before(user: Any, meeting: Meeting) -> bool:
    """Coordinators of a region of the call, and members invited to the meeting: lay a scenario before it."""
    return can_run_meeting(user, meeting.call) or can_sit(user, meeting)
