"""The life of a visit: planned, made, shared with the grantee, answered by it."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class VisitState(State):
    """Where a visit stands. What was found in it is the grantee's to read once it is shared."""

    PLANNED = "planned", _l("Visit planned"), "info"
    MADE = "made", _l("Made, not shared yet"), "warning"
    SHARED = "shared", _l("Shared with the grantee"), "success"
    ANSWERED = "answered", _l("Answered by the grantee"), "success"
    CANCELLED = "cancelled", _l("Visit given up"), "neutral"


S = VisitState

TOLD = (S.SHARED, S.ANSWERED)
"""What was found in a visit is with the grantee."""

VISIT = Workflow(
    "visit",
    VisitState,
    S.PLANNED,
    [
        Transition("make", {S.PLANNED}, S.MADE, said=_l("The visit was made and written down")),
        Transition("share", {S.MADE}, S.SHARED, said=_l("What was found was shared with the grantee")),
        Transition("answer", {S.SHARED}, S.ANSWERED, said=_l("The grantee answered what was found")),
        Transition("cancel", {S.PLANNED}, S.CANCELLED, needs_reason=True, said=_l("The visit was given up")),
    ],
    notes={
        "plan": _l("A visit was planned"),
        "announce": _l("The grantee was told of the visit"),
        "move": _l("The day of the visit was moved"),
        "mend": _l("What was found was written anew"),
        "add_file": _l("A file was added"),
        "remove_file": _l("A file was taken away"),
        "do": _l("A change that was agreed is done"),
        "move_change": _l("The day of a change that was agreed was moved"),
    },
)
