"""What has to be settled before a grant is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.closeout.models import RETENTION_YEARS, Closeout, Erasure
from grants.closeout.queries import Balance, Facts
from grants.closeout.workflow import CloseoutState, ErasureState
from grants.core.languages import _l, long_day, pick
from grants.core.rules import Obstacle
from grants.core.templating import money
from grants.diligence.workflow import DiligenceState
from grants.letters.models import Letter
from grants.payments.models import AccountKind
from grants.payments.queries import SETTLED_REPORT, Standing
from grants.payments.rules import pays_after_termination
from grants.payments.workflow import DisbursementState
from grants.reports.models import ReportDue
from grants.reports.workflow import ReportState
from grants.visits.workflow import VisitState

DAYS_TO_CLOSE = 60
ENQUIRER_KEPT = timedelta(days=180)
"""Visitors who asked about a call can be written to for half a year after its last letters, complaints included."""

ENQUIRER_OF_UNDECIDED_KEPT = timedelta(days=730)
"""Where a call never came to letters, two years after it closed."""

FINAL_REPORT = "final_report"


@dataclass(frozen=True)
class Check:
    """One line of the checklist: what is asked, and what is still missing for it. What ``is_inside`` only the fund reads."""

    label: Any
    obstacles: list[Obstacle]
    is_inside: bool = False

    @property
    def is_done(self) -> bool:
        """Whether nothing is missing."""
        return not self.obstacles


def due_after_opening(today: date) -> date:
    """By when a close-out should be done."""
    return today + timedelta(days=DAYS_TO_CLOSE)


def keep_until(last_moved_on: date, years: int | None) -> date:
    """Until when the record is kept: the end of the year of the last payment, and so many years more."""
    return date(last_moved_on.year + (RETENTION_YEARS if years is None else years), 12, 31)


def obstacles_to_opening(award: Award, reports: Sequence[ReportDue], closeout: Closeout | None) -> list[Obstacle]:
    """Why the close-out cannot be opened: the final report is not in, and the grant was not terminated either."""
    if closeout is not None:
        return [Obstacle("opened_already", _l("The close-out was opened before."))]
    if award.state == AwardState.TERMINATED:
        return []
    if award.state != AwardState.ACTIVE:
        return [Obstacle("not_running", _l("Only a running or a terminated grant can be closed."))]
    final = next((due for due in reports if due.key == FINAL_REPORT), None)
    if final is None or final.state in (ReportState.OWED, ReportState.RETURNED):
        where = ("reports.of_grant", {"reference": award.reference})
        return [Obstacle("final_report_missing", _l("The final report is not in yet."), where)]
    return []


def checklist(award: Award, facts: Facts, closeout: Closeout | None) -> list[Check]:
    """The final checks in the order in which they are settled."""
    return [
        Check(_l("Every required report is accepted or waived"), _reports(award, facts)),
        Check(_l("Every payment is received or given up"), _payments(award, facts)),
        Check(_l("Every condition is met"), _conditions(award, facts)),
        Check(_l("Every milestone is reached, or explained"), _milestones(award, facts, closeout)),
        Check(_l("What was agreed in visits is done, or explained"), _agreed(award, facts, closeout)),
        Check(_l("Every visit is made and shared, or given up"), _visits(award, facts), is_inside=True),
        Check(_l("No change of the agreement is on its way"), _change(award, facts)),
        Check(_l("The due diligence is finished, and nothing is on hold"), _diligence(award, facts), is_inside=True),
        Check(_l("Money that was not spent is back"), _refund(award, facts)),
        Check(_l("The ledger says the same"), _ledger(award, facts), is_inside=True),
    ]


INSIDE = frozenset({
    "condition_of_fund", "visit_open", "visit_unshared", "on_hold", "diligence_open", "ledger_differs", "payable_open", "payment_open",
    "in_an_order",
})  # fmt: skip
"""What the fund has to finish itself. The grantee is told that there is something, not what: a search of names, a visit and
a payment on its way to the bank are the fund's own.
"""


def as_grantee_reads(checks: Sequence[Check]) -> list[Check]:
    """The final checks as the grantee reads them: its own one by one, those of the fund as one."""
    shown, waits = [], False
    for check in checks:
        own = [one for one in check.obstacles if one.code.partition(":")[0] not in INSIDE]
        waits = waits or len(own) < len(check.obstacles)
        if not check.is_inside:
            shown.append(Check(check.label, own))
    message = _l("The fund still has something of its own to finish.")
    return [*shown, Check(_l("The fund has finished its part"), [Obstacle("with_the_fund", message)] if waits else [])]


def obstacles_to_finishing(award: Award, facts: Facts, closeout: Closeout | None) -> list[Obstacle]:
    """Everything that is missing before the grant can be closed, in words, with the place to mend it."""
    found = []
    if closeout is None:
        found.append(Obstacle("not_opened", _l("The close-out has not been opened.")))
    elif closeout.state != CloseoutState.OPENED:
        found.append(Obstacle("closed_already", _l("This grant is closed.")))
    if award.state not in (AwardState.ACTIVE, AwardState.TERMINATED):
        found.append(Obstacle("not_running", _l("Only a running or a terminated grant can be closed.")))
    for check in checklist(award, facts, closeout):
        found.extend(check.obstacles)
    return found


def _reports(award: Award, facts: Facts) -> list[Obstacle]:
    where = ("reports.of_grant", {"reference": award.reference})
    return [
        Obstacle(
            f"report_open:{due.key}",
            _l(
                "This report is not accepted: %(report)s (%(state)s).",
                report=pick(due.label),
                state=ReportState(due.state).label,
            ),
            where,
        )
        for due in facts.reports
        # A report that was only invited holds nothing up, unless it was sent in and waits for an answer.
        if due.state not in SETTLED_REPORT and (due.required or due.state == ReportState.SUBMITTED)
    ]


def _payments(award: Award, facts: Facts) -> list[Obstacle]:
    where = ("payments.of_grant", {"reference": award.reference})
    found = []
    for tranche in facts.tranches:
        if _is_settled(award, tranche):
            continue
        if tranche.payment is None:
            found.append(
                Obstacle("tranche_unpaid", _l("Tranche %(number)s is not paid.", number=tranche.number), where)
            )
        else:
            found.append(_open_payment(tranche.payment, tranche.payment_state, facts))
    if facts.balance.pot(AccountKind.PAYABLE).minor:
        found.append(
            Obstacle("payable_open", _l("The ledger still holds an approved payment that was not sent."), where)
        )
    return found


def _open_payment(reference: str, state: str | None, facts: Facts) -> Obstacle:
    where = ("payments.show", {"reference": reference})
    if state == DisbursementState.PAID:
        message = _l("The grantee has not confirmed that the payment %(reference)s arrived.", reference=reference)
        return Obstacle("receipt_open", message, where)
    if reference in facts.orders:
        message = _l(
            "The payment %(reference)s is with the bank or on its way there, in the order %(order)s.",
            reference=reference,
            order=facts.orders[reference],
        )
        return Obstacle("in_an_order", message, where)
    message = _l("The payment %(reference)s is prepared or approved. Send it or cancel it.", reference=reference)
    return Obstacle("payment_open", message, where)


def _is_settled(award: Award, tranche: Standing) -> bool:
    """After a termination the last tranche alone is paid, and only what was spent beyond what was received."""
    if tranche.is_settled:
        return True
    owed = pays_after_termination(award.state, tranche.trigger) and tranche.to_pay_minor > 0
    return award.state == AwardState.TERMINATED and tranche.payment is None and not owed


def _conditions(award: Award, facts: Facts) -> list[Obstacle]:
    where = ("awards.milestones", {"reference": award.reference})
    if award.state == AwardState.TERMINATED:
        return []
    found, left = [], [condition for condition in facts.conditions if condition.met_on is None]
    if number := sum(condition.owner_id is None for condition in left):
        found.append(Obstacle("conditions_open", _l("Conditions that are not met: %(number)s.", number=number), where))
    if number := len(left) - number:
        message = _l("Conditions that the fund itself has to meet: %(number)s.", number=number)
        found.append(Obstacle("condition_of_fund", message, where))
    return found


def _milestones(award: Award, facts: Facts, closeout: Closeout | None) -> list[Obstacle]:
    missed = sum(milestone.reached_on is None for milestone in facts.milestones)
    if not missed or (closeout is not None and closeout.note.strip()):
        return []
    return [
        Obstacle(
            "milestones_open",
            _l("Milestones that were not reached: %(number)s. Mark them, or explain them below.", number=missed),
            ("awards.milestones", {"reference": award.reference}),
        )
    ]


def _agreed(award: Award, facts: Facts, closeout: Closeout | None) -> list[Obstacle]:
    explained = closeout is not None and closeout.note.strip()
    if not facts.agreed or explained or award.state == AwardState.TERMINATED:
        return []
    message = _l(
        "Changes agreed in visits that are not done: %(number)s. Mark them, or explain them below.", number=facts.agreed
    )
    return [Obstacle("agreed_open", message, ("visits.of_grant", {"reference": award.reference}))]


def _visits(award: Award, facts: Facts) -> list[Obstacle]:
    found = []
    for number, state in facts.visits.items():
        where = ("visits.show", {"reference": award.reference, "number": number})
        if state == VisitState.PLANNED:
            text = _l(
                "Visit %(number)s is planned. Write down what you found, or give it up with a reason.", number=number
            )
            found.append(Obstacle(f"visit_open:{number}", text, where))
        else:
            text = _l("What was found in visit %(number)s is not shared with the grantee.", number=number)
            found.append(Obstacle(f"visit_unshared:{number}", text, where))
    return found


def _change(award: Award, facts: Facts) -> list[Obstacle]:
    if facts.change is None:
        return []
    where = ("amendments.show", {"reference": award.reference, "number": facts.change.number})
    return [Obstacle("change_open", _l("A change of the agreement is on its way."), where)]


def _diligence(award: Award, facts: Facts) -> list[Obstacle]:
    where = ("diligence.of_grant", {"reference": award.reference})
    found = []
    if award.on_hold:
        message = _l("A name may stand on a sanctions list. A second person has to clear it first.")
        found.append(Obstacle("on_hold", message, where))
    if facts.diligence is not None and facts.diligence.state != DiligenceState.FINISHED:
        found.append(Obstacle("diligence_open", _l("The due diligence is not finished."), where))
    return found


def _refund(award: Award, facts: Facts) -> list[Obstacle]:
    where = ("payments.of_grant", {"reference": award.reference})
    found = []
    if facts.balance.position.unspent:
        message = _l("The grantee still holds money that was not spent. Its return is recorded by a finance officer.")
        found.append(Obstacle("refund_due", message, where))
    if facts.asked_back is not None:
        message = _l(
            "Money was asked back and has not all come: %(amount)s. Record it, or no longer ask for it.",
            amount=money(facts.asked_back.missing),
        )
        found.append(Obstacle("asked_back", message, where))
    return found


def _ledger(award: Award, facts: Facts) -> list[Obstacle]:
    if facts.balance.agrees:
        return []
    message = _l("The ledger says something else than the payments and refunds of this grant. Tell an administrator.")
    return [Obstacle("ledger_differs", message, ("payments.of_grant", {"reference": award.reference}))]


def balance_in_words(balance: Balance) -> list[list[str]]:
    """The final balance, line by line, in the language spoken now."""
    position = balance.position
    lines = [
        (_l("Awarded"), position.awarded),
        (_l("Paid"), position.paid),
        (_l("Shown as spent in accepted reports"), position.spent),
        (_l("Found not eligible"), balance.ineligible),
        (_l("Returned by the grantee"), position.refunded),
        (_l("Still to be returned"), position.unspent),
        (_l("Still to be paid"), position.owed),
        (_l("Released back to the envelope of the call"), balance.released),
    ]
    return [[str(label), money(amount)] for label, amount in lines]


def letter_in_words(letter: Letter, award: Award, closed_on: date | None) -> dict[str, Any]:
    """The closing letter as a document, in the language spoken now."""
    parts = [
        {"kind": "text", "text": letter.opening},
        {"kind": "text", "text": letter.outcome},
        {"kind": "section", "text": str(_l("The final balance"))},
        {"kind": "facts", "pairs": letter.details["balance"]},
        {"kind": "text", "text": letter.closing},
    ]
    day = long_day(closed_on, letter.language) if closed_on else ""
    return {"title": str(_l("Grant closed")), "lead": day, "reference": award.reference, "parts": parts}


def obstacles_to_explaining(closeout: Closeout | None, note: str | None) -> list[Obstacle]:
    """Why the note on the results cannot be kept. ``note`` is None while the page is only shown."""
    if closeout is None or closeout.state != CloseoutState.OPENED:
        return [Obstacle("not_opened", _l("The close-out has not been opened."))]
    if note is not None and not note.strip():
        return [Obstacle("no_note", _l("Please write a sentence."))]
    return []


# ------------------------------------------------------------------ what is kept, and until when


@dataclass(frozen=True)
class Kept:
    """A part of the record of a grant: until when it is kept, and why. ``until`` is None for what always stays."""

    what: Any
    until: date | None
    why: Any


def kept_of(until: date, years: int | None, erasure: Erasure | None, *, signed: bool = True) -> list[Kept]:
    """What is kept of a grant that is over, until when, and why; ``signed`` when there was an agreement, and so money."""
    because = (
        _l("By our own rule: %(years)s years after the year of the last payment.", years=RETENTION_YEARS)
        if years is None
        else _l("By the terms of the call: %(years)s years after the year of the last payment.", years=years)
    )
    if not signed:
        number = RETENTION_YEARS if years is None else years
        because = _l("%(years)s years after the year in which the grant was refused or lapsed.", years=number)
    gone = erasure is not None and erasure.state == ErasureState.CARRIED_OUT
    about_people = _l("Erased, because their time was over.") if gone else because
    return [
        Kept(_l("Agreement, its versions, letters, decisions and reports"), until, because),
        Kept(
            _l("Payments, refunds, their proofs, the ledger and the history"),
            None,
            _l("The record of the money is never deleted; the database refuses it."),
        ),
        Kept(
            _l("Papers of the due diligence, and sensitive documents of the application"),
            until,
            about_people,
        ),
        Kept(_l("The words and addresses of mails to the grantee"), until, about_people),
    ]


def obstacles_to_proposing(kept_until: date | None, erasure: Erasure | None, today: date) -> list[Obstacle]:
    """Why sensitive papers and mails cannot be proposed for erasure."""
    if kept_until is None:
        return [Obstacle("not_closed", _l("This grant is not closed."))]
    if kept_until >= today:
        day = long_day(kept_until)
        return [Obstacle("still_kept", _l("The record is kept until %(day)s.", day=day))]
    if erasure is not None and erasure.state != ErasureState.WITHDRAWN:
        return [Obstacle("proposed_already", _l("This was proposed or done before."))]
    return []


def obstacles_to_erasing(erasure: Erasure, by_id: int) -> list[Obstacle]:
    """Why sensitive papers and mails cannot be erased now by somebody: it is done, or nobody else has looked."""
    if erasure.state != ErasureState.PROPOSED:
        return [Obstacle("not_proposed", _l("Nothing is proposed for erasure."))]
    if erasure.proposed_by_id == by_id:
        message = _l("You proposed it. Another person looks, and erases.")
        return [Obstacle("second_person", message)]
    return []
