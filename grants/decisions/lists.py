"""The meetings of the committee, as they are taken out in a file."""

from __future__ import annotations

from grants.core.languages import _l, pick
from grants.core.listings import Asked, Column, Kind, Lines, listing_of
from grants.core.permissions import scope
from grants.decisions import queries
from grants.decisions.models import Meeting
from grants.decisions.workflow import MeetingState


@listing_of(
    "decisions.meetings",
    _l("Meetings of the committee"),
    Column(_l("Meeting"), "reference"),
    Column(_l("Call"), "call.reference"),
    Column(_l("Title"), lambda meeting: pick(meeting.call.title)),
    Column(_l("When"), "starts_at", Kind.MOMENT),
    Column(_l("State"), lambda meeting: MeetingState(meeting.state).label),
)
def meetings(asked: Asked) -> Lines:
    """The meetings that the asker is concerned with, the latest first."""
    rows = queries.meetings_in(scope(asked.person, Meeting), limit=None)
    return Lines(len(rows), rows)
