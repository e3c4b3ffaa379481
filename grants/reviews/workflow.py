"""The life of an assignment: asked, accepted after declaring no conflict, completed with a review."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class AssignmentState(State):
    """Where an assignment stands."""

    ASKED = "asked", _l("Waiting for your declaration"), "warning"
    ACCEPTED = "accepted", _l("To review"), "info"
    COMPLETED = "completed", _l("Review submitted"), "success"
    DECLINED = "declined", _l("Declined"), "neutral"
    RECUSED = "recused", _l("Recused"), "neutral"
    RELEASED = "released", _l("Released"), "neutral"


S = AssignmentState

ASSIGNMENT = Workflow(
    "assignment",
    AssignmentState,
    S.ASKED,
    [
        Transition("accept", {S.ASKED}, S.ACCEPTED),
        Transition("decline", {S.ASKED, S.ACCEPTED}, S.DECLINED, needs_reason=True),
        Transition("recuse", {S.ASKED, S.ACCEPTED, S.COMPLETED}, S.RECUSED, needs_reason=True),
        Transition("release", {S.ASKED, S.ACCEPTED}, S.RELEASED, needs_reason=True),
        Transition("complete", {S.ACCEPTED}, S.COMPLETED),
        Transition("reopen", {S.COMPLETED}, S.ACCEPTED, needs_reason=True),
    ],
)
