"""The life of a call. Whether it is open is a matter of its dates, not of its state."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class CallState(State):
    """Where a call stands."""

    DRAFT = "draft", _l("In preparation"), "neutral"
    PUBLISHED = "published", _l("Published"), "success"
    CANCELLED = "cancelled", _l("Cancelled"), "danger"


CALL = Workflow(
    "call",
    CallState,
    CallState.DRAFT,
    [
        Transition("publish", {CallState.DRAFT}, CallState.PUBLISHED, said=_l("Published")),
        Transition(
            "cancel",
            {CallState.DRAFT, CallState.PUBLISHED},
            CallState.CANCELLED,
            needs_reason=True,
            said=_l("Cancelled"),
        ),
    ],
    notes={
        "begin": _l("Begun"),
        "import": _l("Imported"),
        "import_again": _l("Imported again, in place of the former draft"),
        "copy": _l("Made from another call"),
        "write": _l("Its wording was changed"),
        "correct": _l("Corrected after it was published"),
        "word_letter": _l("A letter was worded"),
        "draw_up_agreements": _l("Agreements were drawn up together"),
        "reset_letter": _l("A letter went back to our wording"),
    },
)
