"""The life of a request for more information about an application."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class ClarificationState(State):
    """Where a request for more information stands."""

    ASKED = "asked", _l("Waits for the applicant"), "warning"
    ANSWERED = "answered", _l("Answered"), "success"
    CLOSED = "closed", _l("Closed without an answer"), "neutral"


S = ClarificationState

CLARIFICATION = Workflow(
    "clarification",
    ClarificationState,
    S.ASKED,
    [
        Transition("answer", {S.ASKED}, S.ANSWERED, said=_l("Answered, and handed in again")),
        Transition("close", {S.ASKED}, S.CLOSED, needs_reason=True, said=_l("Closed without an answer")),
    ],
    notes={
        "ask": _l("More information asked for"),
        "extend": _l("More time given for the answer"),
    },
)
