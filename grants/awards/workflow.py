"""The life of an award: offered, accepted, signed and running, closed; and of the new budget of one that was reduced."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class AwardState(State):
    """Where an award stands."""

    OFFERED = "offered", _l("Offered, waiting for an answer"), "warning"
    ACCEPTED = "accepted", _l("Accepted, agreement in preparation"), "info"
    SENT = "sent", _l("Agreement waiting for signature"), "warning"
    ACTIVE = "active", _l("Running"), "success"
    SUSPENDED = "suspended", _l("Suspended"), "danger"
    CLOSED = "closed", _l("Grant closed"), "neutral"
    TERMINATED = "terminated", _l("Terminated"), "danger"
    REFUSED = "refused", _l("Refused by the applicant"), "neutral"
    LAPSED = "lapsed", _l("Lapsed"), "neutral"


S = AwardState

FELL_THROUGH = frozenset({S.REFUSED, S.LAPSED})
"""Offers that came to nothing: no agreement was signed, no money moved, nobody owes anything for them."""

AWARD = Workflow(
    "award",
    AwardState,
    S.OFFERED,
    [
        Transition("accept", {S.OFFERED}, S.ACCEPTED, said=_l("The grant was accepted")),
        Transition("refuse", {S.OFFERED}, S.REFUSED, needs_reason=True, said=_l("The grant was refused")),
        Transition(
            "lapse", {S.OFFERED, S.ACCEPTED, S.SENT}, S.LAPSED, needs_reason=True, said=_l("The offer was let lapse")
        ),
        Transition(
            "offer_again",
            {S.REFUSED, S.LAPSED},
            S.OFFERED,
            needs_reason=True,
            said=_l("The grant was offered again"),
        ),
        Transition("send_agreement", {S.ACCEPTED, S.SENT}, S.SENT, said=_l("The agreement was drawn up")),
        Transition("sign", {S.SENT}, S.ACTIVE, said=_l("The agreement was signed")),
        Transition("suspend", {S.ACTIVE}, S.SUSPENDED, needs_reason=True, said=_l("The grant was suspended")),
        Transition("resume", {S.SUSPENDED}, S.ACTIVE, needs_reason=True, said=_l("The grant was resumed")),
        Transition(
            "terminate",
            {S.ACTIVE, S.SUSPENDED},
            S.TERMINATED,
            needs_reason=True,
            said=_l("The agreement was terminated"),
        ),
        Transition("close", {S.ACTIVE, S.TERMINATED}, S.CLOSED, said=_l("The grant was closed")),
    ],
    notes={
        "offer": _l("The grant was offered"),
        "add_condition": _l("A condition was added"),
        "move_condition": _l("The date of a condition was moved"),
        "meet_condition": _l("A condition was found to be met"),
        "hand_in_copy": _l("A signed copy of the agreement was handed in"),
        "return_copy": _l("The signed copy was sent back"),
        "countersign": _l("The signed copy was countersigned"),
        "plan_instalment": _l("What an instalment waits for was changed"),
        "free_instalment": _l("It was decided to pay an instalment although its report was waived"),
        "plan_again": _l("Payments and reports were planned again"),
        "tighten": _l("The grant was made more confidential"),
        "loosen": _l("The grant was made less confidential, with the consent of the grantee"),
        "reach_milestone": _l("A milestone was reached"),
        "confirm_milestone": _l("The fund confirmed that a milestone was reached"),
        "move_milestone": _l("The date of a milestone was moved"),
        "refund": _l("Money came back from the grantee"),
        "take_back_refund": _l("Refund taken back: it was recorded by mistake"),
        "cofinancing": _l("Money of another source was told"),
        "extend": _l("The grant was made longer"),
        "rebudget": _l("Money was moved between headings"),
        "move_instalment": _l("The day of an instalment was moved"),
        "amend": _l("An amendment of the agreement came into force"),
        "settle": _l("What was still to be paid and reported was brought to an end"),
        "let_stand": _l("An instalment stands again that the end of the agreement had cancelled"),
    },
)


class BudgetState(State):
    """Where the new budget of a reduced award stands."""

    ASKED = "asked", _l("New budget to be handed in"), "warning"
    HANDED_IN = "handed_in", _l("New budget handed in"), "info"
    RETURNED = "returned", _l("New budget to be changed"), "warning"
    ACCEPTED = "accepted", _l("New budget accepted"), "success"


B = BudgetState

NEW_BUDGET = Workflow(
    "new_budget",
    BudgetState,
    B.ASKED,
    [
        Transition("hand_in", {B.ASKED, B.RETURNED}, B.HANDED_IN, said=_l("The new budget was handed in")),
        Transition("return", {B.HANDED_IN}, B.RETURNED, needs_reason=True, said=_l("The new budget was sent back")),
        Transition("accept", {B.HANDED_IN}, B.ACCEPTED, said=_l("The new budget was accepted")),
    ],
    notes={"ask": _l("A new budget was asked for: less was awarded than asked for")},
)
