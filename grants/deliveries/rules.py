"""What sort of mail it is, why it failed, and whether trying again makes sense."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from grants.accounts.rules import INVITATION_LASTS
from grants.core.languages import _l
from grants.core.mail import PATIENCE
from grants.core.rules import Obstacle

SORTS: dict[tuple[str, ...], Any] = {
    ("account_", "role_"): _l("About an account"),
    ("joining_", "ownership_", "sponsorship_", "accounts_"): _l("About an organization"),
    ("reminder_",): _l("A reminder"),
    ("call_",): _l("About a call"),
    ("review", "assignment_", "conflict_"): _l("About a review"),
    ("meeting_", "sheet_"): _l("About a meeting"),
    (
        "application_", "decision_", "award_", "agreement_", "report_", "bank_account_", "disbursement_", "refund_",
        "closeout_", "clarification_", "complaint_", "entry_", "document_", "certification_", "proof_", "new_budget_",
        "diligence_", "consent_", "amendment_", "budget_noticed", "visit_", "writeup_",
    ): _l("About an application or a grant"),
}  # fmt: skip
"""Sorts of mails by how their names begin. Administrators see no applications, so they are not told which became grants."""

CAUSES: dict[str, Any] = {
    "SMTPRecipientsRefused": _l("The mail server does not know this address."),
    "SMTPAuthenticationError": _l("The mail server did not accept our password."),
    "SMTPSenderRefused": _l("The mail server does not accept mail from us."),
    "SMTPDataError": _l("The mail server refused the message."),
    "SMTPNotSupportedError": _l("The mail server lacks something we need."),
    "SMTPServerDisconnected": _l("The mail server broke off."),
    "ConnectionRefusedError": _l("The mail server did not answer."),
    "TimeoutError": _l("The mail server did not answer."),
    "gaierror": _l("The mail server was not found."),
    "SSLCertVerificationError": _l("The certificate of the mail server is not good."),
}
"""Why a mail failed, by the kind of error that was noted."""

LINKS_LAST: dict[str, timedelta] = {
    "account_reset": timedelta(hours=2),
    "account_confirm": timedelta(days=5),
    "account_welcome": timedelta(days=5),
    "account_opened": INVITATION_LASTS,
    "account_invited": INVITATION_LASTS,
    "call_question_confirm": timedelta(days=3),
}
"""How long the link in a mail is good, for mails that are worth nothing without it."""


def sort_of(kind: str) -> Any:
    """What sort of mail it is, in words that tell nothing of what it says."""
    return next((words for starts, words in SORTS.items() if kind.startswith(starts)), _l("A message"))


FULL = re.compile(r"\b(452|552)\b")
"""What mail servers answer for a mailbox that has no room left (RFC 5321, 4.2.3)."""


def cause_of(error: str | None) -> Any:
    """Why it failed, in a sentence; what the server said stands beside it."""
    if FULL.search(error or ""):
        return _l("The mailbox is full.")
    return CAUSES.get((error or "").partition(":")[0], _l("Something else went wrong."))


def last_tried_at(next_at: datetime, attempts: int) -> datetime:
    """When a mail was tried last: before the wait that would have followed."""
    return next_at - PATIENCE[min(max(attempts, 1), len(PATIENCE)) - 1]


def obstacles_to_trying_again(kind: str, posted_at: datetime, at: datetime) -> list[Obstacle]:
    """Why a failed mail of a kind, written at ``posted_at``, is not worth sending at ``at``."""
    if kind in LINKS_LAST and posted_at + LINKS_LAST[kind] <= at:
        return [Obstacle("link_over", _l("The link in it is no longer good. The person needs a new one."))]
    return []
