"""The life of a close-out."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


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
