"""The life of a close-out."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class ErasureState(State):
    """Where the erasure of what a grant holds about people stands."""

    PROPOSED = "proposed", _l("Proposed, waits for a second person"), "warning"
    CARRIED_OUT = "carried_out", _l("Erased"), "neutral"
    WITHDRAWN = "withdrawn", _l("Kept after all"), "info"


class CloseoutState(State):
    """Where a close-out stands."""

    OPENED = "opened", _l("Final checks"), "info"
    DONE = "done", _l("Grant closed"), "success"


CLOSEOUT = Workflow(
    "closeout",
    CloseoutState,
    CloseoutState.OPENED,
    [Transition("finish", {CloseoutState.OPENED}, CloseoutState.DONE, said=_l("Grant closed"))],
    notes={"open": _l("Close-out opened"), "explain": _l("Note on the results written")},
)

ERASURE = Workflow(
    "erasure",
    ErasureState,
    ErasureState.PROPOSED,
    [
        Transition(
            "carry_out",
            {ErasureState.PROPOSED},
            ErasureState.CARRIED_OUT,
            said=_l("Sensitive papers and mails were erased"),
        ),
        Transition(
            "withdraw",
            {ErasureState.PROPOSED},
            ErasureState.WITHDRAWN,
            needs_reason=True,
            said=_l("Sensitive papers and mails are kept after all"),
        ),
    ],
    notes={"propose": _l("It was proposed to erase sensitive papers and mails")},
)
