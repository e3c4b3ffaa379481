"""The life of a bank account and of a disbursement."""

from __future__ import annotations

from grants.core.languages import _l
from grants.core.workflow import State, Transition, Workflow


class BankAccountState(State):
    """Where a bank account stands. Only a verified one is paid to."""

    UNVERIFIED = "unverified", _l("Not verified"), "warning"
    VERIFIED = "verified", _l("Verified by a second person"), "success"
    BLOCKED = "blocked", _l("Blocked"), "danger"


BANK_ACCOUNT = Workflow(
    "bank_account",
    BankAccountState,
    BankAccountState.UNVERIFIED,
    [
        Transition(
            "verify",
            {BankAccountState.UNVERIFIED},
            BankAccountState.VERIFIED,
            needs_reason=True,
            said=_l("Bank account verified by call-back"),
        ),
        Transition(
            "block",
            {BankAccountState.UNVERIFIED, BankAccountState.VERIFIED},
            BankAccountState.BLOCKED,
            needs_reason=True,
            said=_l("Bank account blocked"),
        ),
    ],
    notes={"enter": _l("Bank account entered"), "look": _l("Full account number looked at")},
)


class DisbursementState(State):
    """Where a disbursement stands."""

    PREPARED = "prepared", _l("Prepared, waiting for approval"), "warning"
    APPROVED = "approved", _l("Approved, to be paid"), "info"
    PAID = "paid", _l("Paid, waiting for the grantee’s confirmation"), "info"
    CONFIRMED = "confirmed", _l("Received by the grantee"), "success"
    RETURNED = "returned", _l("Returned by the bank"), "danger"
    CANCELLED = "cancelled", _l("Payment cancelled"), "neutral"


S = DisbursementState

DISBURSEMENT = Workflow(
    "disbursement",
    DisbursementState,
    S.PREPARED,
    [
        Transition("approve", {S.PREPARED}, S.APPROVED, said=_l("Payment approved by a second person")),
        Transition("cancel", {S.PREPARED, S.APPROVED}, S.CANCELLED, needs_reason=True, said=_l("Payment cancelled")),
        Transition("pay", {S.APPROVED}, S.PAID, said=_l("Payment sent")),
        Transition("confirm", {S.PAID}, S.CONFIRMED, said=_l("Receipt of the payment confirmed")),
        Transition(
            "return", {S.PAID, S.CONFIRMED}, S.RETURNED, needs_reason=True, said=_l("Payment returned by the bank")
        ),
        Transition(
            "take_back", {S.PAID}, S.APPROVED, needs_reason=True, said=_l("Taken back: the payment was not sent")
        ),
        Transition(
            "take_back_return",
            {S.RETURNED},
            S.PAID,
            needs_reason=True,
            said=_l("Taken back: the payment did not return"),
        ),
    ],
    notes={
        "prepare": _l("Payment prepared"),
        "release": _l("Sent to the bank in a payment order"),
        "take_on": _l("Taken on by one person, who sends it by hand"),
        "let_go": _l("Not sent by hand after all"),
        "take_out": _l("Not carried out by the bank, taken out of its payment order"),
        "fee": _l("Fee of our bank recorded"),
        "lock": _l("Proof locked, because it holds a virus"),
        "replace_proof": _l("Locked proof replaced by another"),
    },
)


class RefundRequestState(State):
    """Where it stands that money was asked back."""

    ASKED = "asked", _l("Asked back"), "warning"
    MET = "met", _l("All of it has come back"), "success"
    WITHDRAWN = "withdrawn", _l("Not asked any more"), "neutral"


REFUND_REQUEST = Workflow(
    "refund_request",
    RefundRequestState,
    RefundRequestState.ASKED,
    [
        Transition("meet", {RefundRequestState.ASKED}, RefundRequestState.MET, said=_l("Refund received in full")),
        Transition(
            "withdraw",
            {RefundRequestState.ASKED},
            RefundRequestState.WITHDRAWN,
            needs_reason=True,
            said=_l("Refund not asked any more"),
        ),
        Transition(
            "reopen", {RefundRequestState.MET}, RefundRequestState.ASKED, said=_l("Refund taken back, asked for again")
        ),
    ],
    notes={
        "ask": _l("Refund asked for"),
        "receive": _l("Part of the refund received"),
        "miss": _l("Refund taken back"),
    },
)
