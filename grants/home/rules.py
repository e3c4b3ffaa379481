"""What awaits a person, in sentences: one line a kind of work, with the page where it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from grants.core.languages import _l
from grants.home.queries import Work

KINDS: dict[str, tuple[Any, str, str | None]] = {
    "submit_draft": (_l("Finish and submit your application"), "applications.show", "reference"),
    "certify": (_l("Read and certify your application"), "applications.certify", "reference"),
    "certify_asked": (
        _l("A colleague asks you to read and certify your application"),
        "applications.certify",
        "reference",
    ),
    "answer_question": (_l("Answer our question about your application"), "checks.clarifications", "reference"),
    "chase_answer": (
        _l("An applicant has not answered: give more time or close it"),
        "checks.clarifications",
        "reference",
    ),
    "have_confirmed": (_l("Have an application confirmed that the fund typed"), "entries.entry", "reference"),
    "answer_offer": (_l("Answer our letter"), "awards.agreement", "reference"),
    "write_budget": (_l("Hand in a new budget"), "awards.budget", "reference"),
    "read_budget": (_l("Read a new budget"), "awards.budget", "reference"),
    "sign_agreement": (_l("Sign the agreement"), "payments.sign", "reference"),
    "hand_in_documents": (_l("Hand in what we need before the agreement"), "diligence.of_grant", "reference"),
    "answer_consent": (
        _l("Answer whether your grant may be less confidential"),
        "diligence.confidentiality",
        "reference",
    ),
    "pay_back": (_l("Pay back what we asked for"), "payments.of_grant", "reference"),
    "confirm_change": (_l("Confirm a change that we wrote down"), "amendments.of_grant", "reference"),
    "work_out_change": (_l("Work out a change that we approved"), "amendments.of_grant", "reference"),
    "sign_amendment": (_l("Sign an amendment"), "amendments.of_grant", "reference"),
    "answer_change": (_l("Answer a change that a grantee asks for"), "amendments.of_grant", "reference"),
    "check_change": (_l("Check a change that was worked out"), "amendments.of_grant", "reference"),
    "chase_change": (
        _l("Ask for a change that waits for its grantee, or let it lapse"),
        "amendments.of_grant",
        "reference",
    ),
    "write_report": (_l("Write a report"), "reports.show", "due_id"),
    "confirm_report": (_l("Read and confirm a report that we wrote up"), "writeups.show", "due_id"),
    "mend_report": (_l("Change a report we sent back"), "reports.show", "due_id"),
    "confirm_payment": (_l("Confirm that our payment arrived"), "payments.of_grant", "reference"),
    "reach_milestone": (_l("Reach a milestone"), "portfolio.grant", "reference"),
    "fulfil_condition": (_l("Meet a condition of your grant"), "awards.milestones", "reference"),
    "do_change": (_l("Do what we agreed on in a visit"), "visits.of_grant", "reference"),
    "enter_account": (_l("Tell us to which account we pay"), "payments.bank_account", "reference"),
    "declare": (_l("Declare whether you have a conflict of interest"), "reviews.show", "assignment_id"),
    "declare_year": (_l("Make your declaration of the year"), "declarations.of_year", None),
    "review": (_l("Write a review"), "reviews.show", "assignment_id"),
    "vote": (_l("Vote in the committee"), "decisions.meeting", "reference"),
    "attend": (_l("Prepare for a meeting of the committee"), "decisions.meeting", "reference"),
    "answer_questions": (_l("Answer questions about a call"), "enquiries.of_call", "reference"),
    "publish_answers": (_l("Publish answers that are ready"), "enquiries.of_call", "reference"),
    "check_applications": (_l("Check the eligibility of applications"), "applications.of_call", "reference"),
    "assign_reviewers": (_l("Find reviewers for applications"), "decisions.reviews_of_call", "reference"),
    "call_meeting": (_l("Call a meeting of the committee"), "decisions.of_call", "reference"),
    "answer_complaint": (_l("Answer a complaint, or leave it to who had no part"), "complaints.show", "reference"),
    "open_closeout": (_l("Open the close-out of a grant"), "closeout.of_grant", "reference"),
    "release_letters": (_l("Release the letters of a meeting"), "awards.release", "reference"),
    "begin_diligence": (_l("Begin the due diligence of a grant"), "diligence.of_grant", "reference"),
    "judge_points": (_l("Judge what was handed in before an agreement"), "diligence.of_grant", "reference"),
    "finish_diligence": (_l("Finish the due diligence of a grant"), "diligence.of_grant", "reference"),
    "second_look": (_l("Look at names that were found on a sanctions list"), "diligence.of_grant", "reference"),
    "countersign": (_l("Countersign an agreement signed on paper"), "payments.countersign", "reference"),
    "meet_condition": (_l("See to a condition of a grant"), "awards.milestones", "reference"),
    "finish_import": (_l("Finish or put aside an import of earlier awards"), "imports.show", "import_id"),
    "check_condition": (_l("See whether a grantee has met a condition"), "awards.milestones", "reference"),
    "confirm_milestone": (_l("Confirm a milestone: money waits for it"), "awards.milestones", "reference"),
    "decide_instalment": (
        _l("Decide about an instalment whose report was waived"),
        "payments.of_grant",
        "reference",
    ),
    "chase_offer": (_l("Ask for an answer that is late, or let the offer lapse"), "awards.agreement", "reference"),
    "write_up_report": (_l("Finish a report that you write up for a grantee"), "writeups.show", "due_id"),
    "draw_up_again": (
        _l("Draw an agreement up again: the grant was made more confidential"),
        "payments.plan",
        "reference",
    ),
    "draw_up_agreement": (_l("Draw up an agreement"), "payments.plan", "reference"),
    "read_report": (_l("Read a report"), "reports.show", "due_id"),
    "chase_report": (_l("Ask for a late report"), "reports.show", "due_id"),
    "chase_receipt": (_l("Ask whether a payment has arrived"), "payments.of_grant", "reference"),
    "make_visit": (_l("Make a visit"), "visits.of_grant", "reference"),
    "share_visit": (_l("Share with the grantee what was found in a visit"), "visits.of_grant", "reference"),
    "publish_call": (_l("Publish a call in preparation"), "calls.manage", "reference"),
    "propose_erasure": (_l("Look at records whose time to be kept is over"), "closeout.retention", None),
    "confirm_erasure": (_l("Erase, or keep, sensitive papers of a closed grant"), "closeout.kept", "reference"),
    "finish_closeout": (_l("Finish a close-out"), "closeout.of_grant", "reference"),
    "approve_payment": (_l("Approve a payment"), "payments.show", "reference"),
    "send_payment": (_l("Send a payment"), "payments.show", "reference"),
    "release_order": (_l("Release a payment order to the bank"), "banking.order", "reference"),
    "look_after_order": (_l("See whether the bank has carried out a payment order"), "banking.order", "reference"),
    "take_in_statement": (_l("Take a statement of the bank into the books"), "banking.statement", "number"),
    "chase_refund": (_l("Ask for money that was not paid back in time"), "payments.of_grant", "reference"),
    "judge_bank": (_l("Judge the bank details before an agreement"), "diligence.of_grant", "reference"),
    "verify_account": (_l("Verify a bank account"), "payments.queue", None),
    "prepare_payment": (_l("Prepare a payment"), "payments.queue", None),
    "look_at_mails": (_l("Look at mails that did not arrive"), "deliveries.failed", None),
    "confirm_role": (_l("Confirm a role that another administrator proposed"), "accounts.person", "reference"),
    "invite_again": (_l("Invite somebody again who has not come yet"), "accounts.person", "reference"),
    "second_administrator": (_l("Name a second administrator"), "accounts.people", None),
    "second_finance_officer": (_l("Name a second finance officer: a payment needs two"), "accounts.people", None),
}


SINCE = frozenset(
    {
        *("answer_consent", "second_look", "countersign", "confirm_erasure", "take_in_statement", "confirm_role"),
        "release_letters",
    }
)
"""What stands with the moment since which it waits: it comes before what has a day to come, and nobody is late with it."""


@dataclass(frozen=True)
class Task:
    """Something that waits for a person, with its sentence and the page where it is done."""

    words: Any
    page: tuple[str, dict[str, Any]]
    reference: str
    note: Any
    due: date | datetime | None
    late: bool


def tasks(works: Sequence[Work], at: datetime) -> list[Task]:
    """What awaits a person, in words, the most urgent first; what has no day comes last."""
    ordered = sorted(works, key=lambda work: (_sortable(work.due), work.kind, work.reference))
    return [_task(work, at) for work in ordered]


def _task(work: Work, at: datetime) -> Task:
    words, endpoint, parameter = KINDS[work.kind]
    value = {"reference": work.reference}.get(parameter or "", work.number)
    page = (endpoint, {parameter: value} if parameter else {})
    late = work.due is not None and work.kind not in SINCE and _sortable(work.due) < at
    return Task(words, page, work.reference, work.note, work.due, late)


def _sortable(due: date | datetime | None) -> datetime:
    if due is None:
        return datetime.max.replace(tzinfo=UTC)
    return due if isinstance(due, datetime) else datetime.combine(due, time(23, 59), UTC)
