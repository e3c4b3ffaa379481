"""The life of a payment order and of a bank's statement."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class OrderState(State):
    """Where a payment order stands."""

    ASSEMBLED = "assembled", _l("Assembled, waiting for release"), "warning"
    RELEASED = "released", _l("Released to the bank"), "success"
    DISSOLVED = "dissolved", _l("Not sent"), "neutral"


ORDER = Workflow(
    "payment_order",
    OrderState,
    OrderState.ASSEMBLED,
    [
        Transition(
            "release", {OrderState.ASSEMBLED}, OrderState.RELEASED, said=_l("Payment order released by a second person")
        ),
        Transition(
            "dissolve",
            {OrderState.ASSEMBLED},
            OrderState.DISSOLVED,
            needs_reason=True,
            said=_l("Payment order not sent"),
        ),
    ],
    notes={
        "assemble": _l("Payment order assembled"),
        "download": _l("File for the bank taken out"),
        "take_out": _l("A payment taken out, the bank did not carry it out"),
    },
)


class StatementState(State):
    """Where a statement of the bank stands."""

    UNREAD = "unread", _l("Columns to be chosen"), "warning"
    READ = "read", _l("To be looked through"), "warning"
    APPLIED = "applied", _l("Taken into the books"), "success"
    DISCARDED = "discarded", _l("Put aside"), "neutral"


STATEMENT = Workflow(
    "bank_statement",
    StatementState,
    StatementState.UNREAD,
    [
        Transition("lay_out", {StatementState.UNREAD}, StatementState.READ, said=_l("Statement read")),
        Transition(
            "apply",
            {StatementState.READ, StatementState.APPLIED},
            StatementState.APPLIED,
            said=_l("Statement taken into the books"),
        ),
        Transition(
            "discard",
            {StatementState.UNREAD, StatementState.READ},
            StatementState.DISCARDED,
            needs_reason=True,
            said=_l("Statement put aside"),
        ),
    ],
    notes={"bring": _l("Statement brought in"), "take_back": _l("What a line meant was taken back")},
)
