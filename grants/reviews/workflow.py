"""The life of an assignment: asked, accepted after declaring no conflict, completed with a review."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class AssignmentState(State):
    """Where an assignment stands."""

    ASKED = "asked", _l("Waiting for your declaration"), "warning"
    ACCEPTED = "accepted", _l("To review"), "info"
    COMPLETED = "completed", _l("Review submitted"), "success"
    DECLINED = "declined", _l("Review declined"), "neutral"
    RECUSED = "recused", _l("Recused"), "neutral"
    RELEASED = "released", _l("Released"), "neutral"
    REPLACED = "replaced", _l("Replaced by a fresh assessment"), "neutral"


S = AssignmentState

LIVE = (S.ASKED, S.ACCEPTED, S.COMPLETED)
"""The states in which the reviewer still has something to do with the application."""

ASSIGNMENT = Workflow(
    "assignment",
    AssignmentState,
    S.ASKED,
    [
        Transition("accept", {S.ASKED}, S.ACCEPTED, said=_l("Accepted, after declaring no conflict")),
        Transition(
            "decline", {S.ASKED, S.ACCEPTED}, S.DECLINED, needs_reason=True, said=_l("Declined by the reviewer")
        ),
        Transition(
            "recuse",
            {S.ASKED, S.ACCEPTED, S.COMPLETED},
            S.RECUSED,
            needs_reason=True,
            said=_l("The reviewer stepped aside because of a conflict"),
        ),
        Transition(
            "release", {S.ASKED, S.ACCEPTED}, S.RELEASED, needs_reason=True, said=_l("Released by the coordinator")
        ),
        Transition(
            "replace",
            {S.ASKED, S.ACCEPTED, S.COMPLETED},
            S.REPLACED,
            needs_reason=True,
            said=_l("Replaced by a fresh assessment, after a complaint"),
        ),
        Transition("complete", {S.ACCEPTED}, S.COMPLETED, said=_l("Review submitted")),
        Transition("reopen", {S.COMPLETED}, S.ACCEPTED, needs_reason=True, said=_l("Review reopened")),
    ],
    notes={
        "ask": _l("Reviewer asked"),
        "translate": _l("An answer was translated"),
        "disagree": _l("Reviews disagree: a further one is due"),
    },
)
