"""Who may have which papers of the committee."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, select

from grants.accounts.models import COORDINATORS, Role
from grants.core.permissions import scope_of
from grants.decisions.models import Meeting
from grants.decisions.permissions import can_run_meeting, can_sit, meetings_seen_by
from grants.packs.models import Pack


@scope_of(Pack)
def packs_seen_by(user: Any) -> Select[Pack]:
    """Everybody their own, of the meetings they may see; nobody that of somebody else."""
    if not user.is_authenticated or not user.holds(Role.COMMITTEE_MEMBER, *COORDINATORS):
        return select(Pack).where(false())
    meetings = meetings_seen_by(user).with_only_columns(Meeting.id)
    return select(Pack).where(Pack.person_id == user.id, Pack.meeting_id.in_(meetings))


def can_have_pack(user: Any, meeting: Meeting) -> bool:
    """Members who are invited to the meeting, and coordinators of a region of the call: a pack of what they may read."""
    return can_sit(user, meeting) or can_run_meeting(user, meeting.call)
