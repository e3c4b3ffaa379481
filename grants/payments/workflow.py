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
        Transition("verify", {BankAccountState.UNVERIFIED}, BankAccountState.VERIFIED, needs_reason=True),
        Transition(
            "block",
            {BankAccountState.UNVERIFIED, BankAccountState.VERIFIED},
            BankAccountState.BLOCKED,
            needs_reason=True,
        ),
    ],
)


class DisbursementState(State):
    """Where a disbursement stands."""

    PREPARED = "prepared", _l("Prepared, waiting for approval"), "warning"
    APPROVED = "approved", _l("Approved, to be paid"), "info"
    PAID = "paid", _l("Paid, waiting for the grantee's confirmation"), "info"
    CONFIRMED = "confirmed", _l("Received by the grantee"), "success"
    RETURNED = "returned", _l("Returned by the bank"), "danger"
    CANCELLED = "cancelled", _l("Cancelled"), "neutral"


S = DisbursementState

DISBURSEMENT = Workflow(
    "disbursement",
    DisbursementState,
    S.PREPARED,
    [
        Transition("approve", {S.PREPARED}, S.APPROVED),
        Transition("cancel", {S.PREPARED, S.APPROVED}, S.CANCELLED, needs_reason=True),
        Transition("pay", {S.APPROVED}, S.PAID),
        Transition("confirm", {S.PAID}, S.CONFIRMED),
        Transition("return", {S.PAID}, S.RETURNED, needs_reason=True),
    ],
)
