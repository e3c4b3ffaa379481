"""The life of an amendment: asked for, approved, worked out, drawn up, signed."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class AmendmentState(State):
    """Where an amendment stands. Nothing of it applies before it is signed, or granted in writing."""

    REQUESTED = "requested", _l("Change asked for"), "info"
    APPROVED = "approved", _l("Approved, to be worked out"), "warning"
    REVISED = "revised", _l("Worked out, with the fund"), "info"
    RETURNED = "returned", _l("To be worked out again"), "warning"
    DRAWN_UP = "drawn_up", _l("Amendment waiting for signature"), "warning"
    SIGNED = "signed", _l("Signed and in force"), "success"
    GRANTED = "granted", _l("Approved in writing and in force"), "success"
    REFUSED = "refused", _l("Change refused"), "neutral"
    WITHDRAWN = "withdrawn", _l("Withdrawn"), "neutral"
    LAPSED = "lapsed", _l("Lapsed"), "neutral"


S = AmendmentState

OPEN = (S.REQUESTED, S.APPROVED, S.REVISED, S.RETURNED, S.DRAWN_UP)
"""A grant has at most one amendment in these states."""

AMENDMENT = Workflow(
    "amendment",
    AmendmentState,
    S.REQUESTED,
    [
        Transition("approve", {S.REQUESTED}, S.APPROVED, said=_l("The change was approved, to be worked out")),
        Transition("grant", {S.REQUESTED}, S.GRANTED, said=_l("The change was approved in writing")),
        Transition("refuse", {S.REQUESTED}, S.REFUSED, needs_reason=True, said=_l("The change was refused")),
        Transition("hand_in", {S.APPROVED, S.RETURNED}, S.REVISED, said=_l("What changes was worked out")),
        Transition(
            "return",
            {S.REVISED, S.DRAWN_UP},
            S.RETURNED,
            needs_reason=True,
            said=_l("What changes was sent back to be worked out again"),
        ),
        Transition("draw_up", {S.REVISED}, S.DRAWN_UP, said=_l("The amendment was drawn up")),
        Transition("sign", {S.DRAWN_UP}, S.SIGNED, said=_l("The amendment was signed")),
        Transition("withdraw", OPEN, S.WITHDRAWN, needs_reason=True, said=_l("The change was withdrawn")),
        Transition("lapse", OPEN, S.LAPSED, needs_reason=True, said=_l("The change was let lapse")),
    ],
    notes={
        "ask": _l("A change was asked for"),
        "confirm": _l("The grantee confirmed what the fund wrote down for it"),
    },
)
