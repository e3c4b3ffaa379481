"""The complaints about a call, as they are taken out in a file."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import Confidentiality
from grants.calls.models import Call
from grants.calls.queries import call_to_read
from grants.complaints import actions, permissions, queries
from grants.complaints.models import Complaint
from grants.complaints.workflow import ComplaintState
from grants.core.languages import _l
from grants.core.listings import Asked, Column, Kind, Lines, listing_of
from grants.core.permissions import require, scope
from grants.core.web import found


def _subject(line: tuple[Complaint, Any]) -> Any:
    return _l("The decision") if line[0].decision_id else _l("The eligibility check")


@listing_of(
    "complaints.of_call",
    _l("Complaints"),
    Column(_l("Complaint"), lambda line: line[0].reference),
    Column(_l("Application"), lambda line: line[0].application.reference),
    Column(_l("Organization"), lambda line: line[0].application.organization.name, tells=True),
    Column(_l("About"), _subject),
    Column(_l("Ground"), lambda line: line[1]),
    Column(_l("Where it stands"), lambda line: ComplaintState(line[0].state).label),
    Column(_l("Made"), lambda line: line[0].made_at, Kind.MOMENT),
    Column(_l("Answer by"), lambda line: line[0].answer_by, Kind.DAY),
    Column(_l("Answered"), lambda line: line[0].answered_at, Kind.MOMENT),
    Column(_l("Examined by"), lambda line: line[0].examiner and line[0].examiner.name),
    withheld=lambda line: line[0].application.confidentiality != Confidentiality.PUBLIC,
)
def of_call(asked: Asked) -> Lines:
    """The complaints about a call that the asker may see; what they say is read on their pages."""
    require(permissions.can_follow_complaints(asked.person))
    call = found(call_to_read(scope(asked.person, Call), asked.get("reference")))
    grounds = actions.promise_of(call).grounds
    complaints = queries.complaints_of_call(scope(asked.person, Complaint), call, limit=None)
    return Lines(len(complaints), [(one, grounds.get(one.ground, one.ground)) for one in complaints])
