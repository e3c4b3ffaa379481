"""The life of a complaint: received, taken up by somebody who had no part, upheld or dismissed; or withdrawn."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class ComplaintState(State):
    """Where a complaint stands."""

    RECEIVED = "received", _l("Waits to be taken up"), "warning"
    TAKEN_UP = "taken_up", _l("Being examined"), "info"
    UPHELD = "upheld", _l("Upheld"), "success"
    DISMISSED = "dismissed", _l("Dismissed"), "neutral"
    WITHDRAWN = "withdrawn", _l("Complaint withdrawn"), "neutral"


S = ComplaintState

OPEN = (S.RECEIVED, S.TAKEN_UP)
"""The states in which a complaint waits for its answer."""

COMPLAINT = Workflow(
    "complaint",
    ComplaintState,
    S.RECEIVED,
    [
        Transition("take_up", {S.RECEIVED}, S.TAKEN_UP, said=_l("Taken up by somebody who had no part")),
        Transition("hand_back", {S.TAKEN_UP}, S.RECEIVED, needs_reason=True, said=_l("Given back for somebody else")),
        Transition("uphold", {S.TAKEN_UP}, S.UPHELD, needs_reason=True, said=_l("Complaint upheld")),
        Transition("dismiss", {S.TAKEN_UP}, S.DISMISSED, needs_reason=True, said=_l("Complaint dismissed")),
        Transition("withdraw", OPEN, S.WITHDRAWN, said=_l("Withdrawn by the applicant")),
    ],
    notes={"complain": _l("Complaint made")},
)
