"""The life of a committee meeting, and of each decision taken in it."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class MeetingState(State):
    """Where a meeting stands."""

    PLANNED = "planned", _l("Planned"), "neutral"
    OPENED = "opened", _l("In session"), "info"
    CLOSED = "closed", _l("Closed and signed"), "success"


MEETING = Workflow(
    "meeting",
    MeetingState,
    MeetingState.PLANNED,
    [
        Transition("open", {MeetingState.PLANNED}, MeetingState.OPENED),
        Transition("close", {MeetingState.OPENED}, MeetingState.CLOSED),
    ],
)


class DecisionState(State):
    """Where a decision stands. Applicants see nothing of it before it is released."""

    PROPOSED = "proposed", _l("Being decided"), "warning"
    TAKEN = "taken", _l("Decided, letters not sent"), "info"
    RELEASED = "released", _l("Letters sent"), "success"


DECISION = Workflow(
    "decision",
    DecisionState,
    DecisionState.PROPOSED,
    [
        Transition("take", {DecisionState.PROPOSED}, DecisionState.TAKEN),
        Transition("reconsider", {DecisionState.TAKEN}, DecisionState.PROPOSED, needs_reason=True),
        Transition("release", {DecisionState.TAKEN}, DecisionState.RELEASED),
    ],
)
