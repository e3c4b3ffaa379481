"""The life of a draw: its seed is bound, then it is drawn, once."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class DrawState(State):
    """Where a draw stands."""

    BOUND = "bound", _l("Seed bound, not drawn yet"), "info"
    DRAWN = "drawn", _l("Drawn"), "success"


DRAW = Workflow(
    "draw",
    DrawState,
    DrawState.BOUND,
    [Transition("draw", {DrawState.BOUND}, DrawState.DRAWN, said=_l("Drawn; the seed is disclosed"))],
    notes={"bind": _l("Seed bound: its fingerprint is published, the seed itself is not known to anybody")},
)
