"""Who may see and do what in the committee."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, exists, false, or_, select, true

from grants.accounts.models import COORDINATORS, Person, Role
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.conflicts.queries import hidden_applications
from grants.core.permissions import composed_once, scope_of
from grants.decisions.models import Decision, Meeting, Seat
from grants.decisions.queries import TOLD
from grants.decisions.workflow import MeetingState
from grants.reviews.queries import to_hand_in

FOLLOWERS = (*COORDINATORS, Role.AUDITOR)


@scope_of(Meeting)
def meetings_seen_by(user: Any) -> Select[Meeting]:
    """Committee members the meetings they are invited to; coordinators and auditors all."""
    found = select(Meeting)
    if not user.is_authenticated:
        return found.where(false())
    if user.holds(*FOLLOWERS):
        return found
    if not user.holds(Role.COMMITTEE_MEMBER):
        return found.where(false())
    return found.where(exists().where(Seat.meeting_id == Meeting.id, Seat.person_id == user.id))


@composed_once
def cases_seen_by(user: Any) -> Select[Application]:
    """The eligible applications a person may see in meetings: members those of the calls they are invited for,
    coordinators their regions', auditors all; never one they stepped aside from, nor one of which they still have a review
    to hand in.
    """
    found = select(Application).where(Application.state == ApplicationState.ELIGIBLE)
    if not user.is_authenticated:
        return found.where(false())
    ways: list[Any] = [false()]
    if user.holds(Role.COMMITTEE_MEMBER):
        invited = (
            select(Meeting.call_id)
            .join(Seat, Seat.meeting_id == Meeting.id)
            .where(Seat.person_id == user.id, Meeting.state != MeetingState.CANCELLED)
        )
        ways.append(Application.call_id.in_(invited))
    if user.holds(*COORDINATORS):
        ways.append(Application.region.in_(sorted(user.regions)))
    if user.holds(Role.AUDITOR):
        ways.append(true())
    unseen = (hidden_applications(user.id), to_hand_in(user.id))
    return found.where(or_(*ways), *[Application.id.not_in(some) for some in unseen])


@scope_of(Decision)
def decisions_seen_by(user: Any) -> Select[Decision]:
    """Members their organization's once released; the committee, coordinators and auditors those of their cases."""
    found = select(Decision).join(Application, Application.id == Decision.application_id)
    if not user.is_authenticated:
        return found.where(false())
    own = Application.organization_id.in_([m.organization_id for m in user.memberships])
    cases = cases_seen_by(user).with_only_columns(Application.id)
    return found.where(or_(own & Decision.state.in_(TOLD), Application.id.in_(cases)))


def can_follow_decisions(user: Any) -> bool:
    """Coordinators and auditors: the ranked list of a call."""
    return bool(user.holds(*FOLLOWERS))


def can_see_case(user: Any, region: str | None, meeting: Meeting | None = None) -> bool:
    """Auditors and members invited to the meeting every region, coordinators their own; nobody what is hidden."""
    if user.holds(Role.AUDITOR) or (meeting is not None and can_sit(user, meeting)):
        return True
    return bool(user.holds(*COORDINATORS)) and user.coordinates(region or "")


@composed_once
def not_hidden(user: Any) -> Select[Application]:
    """The applications of any state that a person may see in the lists of a call's decisions."""
    found = select(Application).where(Application.id.not_in(hidden_applications(user.id)))
    if user.holds(Role.AUDITOR):
        return found
    return found.where(Application.region.in_(sorted(user.regions)))


def can_note_presence(user: Any, meeting: Meeting, person: Person) -> bool:
    """Coordinators of a region of the call for every member; members for themselves."""
    return can_run_meeting(user, meeting.call) or (bool(person.id == user.id) and can_sit(user, meeting))


def can_take(user: Any, meeting: Meeting) -> bool:
    """Coordinators of a region of the call, and members present in the meeting: record that a proposal is carried."""
    present = any(seat.person_id == user.id and seat.present for seat in meeting.seats)
    return can_run_meeting(user, meeting.call) or (present and can_sit(user, meeting))


def can_close_vote(user: Any, meeting: Meeting) -> bool:
    """Coordinators of a region of the call, and the member who chairs the meeting: close a vote before everybody voted."""
    return can_take(user, meeting) and (can_run_meeting(user, meeting.call) or bool(user.id == meeting.chair_id))


def can_call_meeting(user: Any) -> bool:
    """Coordinators: call a meeting of the committee."""
    return bool(user.holds(*COORDINATORS))


def can_run_meeting(user: Any, call: Call) -> bool:
    """Coordinators of a region of the call: prepare the agenda, say who chairs and who is present, open and close the
    meeting, write the minutes.
    """
    return bool(user.holds(*COORDINATORS)) and any(user.coordinates(region.region) for region in call.regions)


def can_sit(user: Any, meeting: Meeting) -> bool:
    """Members of the committee who are invited to the meeting, unless it was called off."""
    if meeting.state == MeetingState.CANCELLED:
        return False
    return bool(user.holds(Role.COMMITTEE_MEMBER)) and any(seat.person_id == user.id for seat in meeting.seats)


def can_propose(user: Any, meeting: Meeting, application: Application) -> bool:
    """Members present in the meeting, and coordinators of the application's region: propose an outcome."""
    present = any(seat.person_id == user.id and seat.present for seat in meeting.seats)
    coordinates = bool(user.holds(*COORDINATORS)) and user.coordinates(application.region or "")
    return coordinates or (present and can_sit(user, meeting))


def can_discuss(user: Any, meeting: Meeting, application: Application) -> bool:
    """Members invited to the meeting, and coordinators of the application's region: take part in the discussion."""
    coordinates = bool(user.holds(*COORDINATORS)) and user.coordinates(application.region or "")
    return coordinates or can_sit(user, meeting)


def can_vote(user: Any, meeting: Meeting) -> bool:
    """Members invited to the meeting: vote on a proposal (when present, and unless they stepped aside)."""
    return can_sit(user, meeting)


def can_recuse(user: Any, meeting: Meeting) -> bool:
    """Members invited to the meeting: step aside from an application."""
    return can_sit(user, meeting)


def can_sign(user: Any, meeting: Meeting) -> bool:
    """Members invited to the meeting: sign its decision sheet (when they were present)."""
    return can_sit(user, meeting)
