"""What stands in the way of paying, and of everything that leads to it and follows from it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import list_currencies

from grants.awards.models import Agreement, Award
from grants.awards.rules import Instalment
from grants.awards.workflow import AwardState
from grants.core.files import Scan, StoredFile
from grants.core.languages import LazyWords, _l, long_day, pick
from grants.core.money import Money
from grants.core.rules import Obstacle, mark_of
from grants.payments.models import (
    AccountKind,
    AgreementBatch,
    BankAccount,
    BatchState,
    Cofinancing,
    Disbursement,
    Refund,
    RefundRequest,
    Tranche,
    Trigger,
)
from grants.payments.queries import (
    ACCOUNT_CHANGE_DAYS,
    MOST_SOURCES,
    OVER,
    Position,
    Reserve,
    Standing,
)
from grants.payments.workflow import BankAccountState
from grants.reports.models import ReportDue
from grants.reports.workflow import ReportState

DAYS_AFTER_SIGNATURE = 10
DAYS_AFTER_REPORT = 15
DAYS_TO_HOLD = 30
DAYS_TO_REFUND = 30
PROOF_KINDS = ["pdf", "png", "jpg", "jpeg"]
SHORTEST_CALL_BACK = 20

POTS: dict[str, Any] = {
    AccountKind.DONOR: _l("From the donor"),
    AccountKind.ENVELOPE: _l("Envelope, still free"),
    AccountKind.COMMITTED: _l("Committed by agreements"),
    AccountKind.PAYABLE: _l("Approved, to be sent"),
    AccountKind.PAID: _l("Paid to grantees"),
    AccountKind.REFUNDED: _l("Returned by grantees"),
    AccountKind.FEES: _l("Fees of our bank"),
}
"""What the pots of the ledger are called."""

MOVES: dict[str, Any] = {
    "fund": _l("Envelope filled"),
    "lower": _l("Envelope lowered"),
    "commit": _l("Agreement signed"),
    "approve": _l("Payment approved"),
    "pay": _l("Payment sent"),
    "cancel": _l("Payment cancelled"),
    "return": _l("Payment returned by the bank"),
    "refund": _l("Refund from the grantee"),
    "release": _l("Rest released at the close-out"),
    "fee": _l("Fee of our bank"),
    "unpay": _l("Payment sent: taken back"),
    "unreturn": _l("Payment returned: taken back"),
    "unrefund": _l("Refund: taken back"),
    "unfee": _l("Fee: taken back"),
}
"""What the moves between them are called, by the memo of the transfer."""

ON_HOLD = _l("The fund has put this grant on hold. Nothing is paid until it is settled.")
"""Why nothing is paid while a name may stand on a sanctions list; the grantee may read it."""

IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
ACCOUNT_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9/.\-]{3,33}")
BANK_CODE = re.compile(r"[A-Z0-9\-]{2,28}")
BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")


# ------------------------------------------------------------------ numbers of accounts, and dates


def plain_number(number: str) -> str:
    """An account number as banks store it: capitals, without spaces."""
    return "".join(number.split()).upper()


def looks_like_iban(number: str) -> bool:
    """Whether a number is written as an IBAN: a country, two check digits, the account."""
    return IBAN.fullmatch(plain_number(number)) is not None


def iban_is_valid(number: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616: the number modulo 97 is one)."""
    plain = plain_number(number)
    digits = "".join(str(int(character, 36)) for character in plain[4:] + plain[:4])
    return int(digits) % 97 == 1


def hold_after_days(terms: Mapping[str, Any]) -> int:
    """After how many days of lateness a missing report holds payments, by the terms of the call (30 if unsaid)."""
    steps = terms.get("reporting", {}).get("escalation", {})
    days = [int(after) for after, step in steps.items() if "payment_hold" in str(step)]
    return min(days, default=DAYS_TO_HOLD)


def is_as_planned(tranches: Sequence[Tranche], planned: Sequence[Instalment]) -> bool:
    """Whether tranches are still those that the terms and the risk of a grant ask for, apart from what somebody changed."""
    if len(tranches) != len(planned):
        return False
    return all(
        (one.number, one.amount_minor) == (part.number, part.amount.minor)
        and (one.by_hand or (one.trigger, one.min_spent_percent) == (part.trigger, part.min_spent_percent))
        for one, part in zip(tranches, planned, strict=True)
    )


def due_after_signature(signed_on: date) -> date:
    """When the first tranche is due: ten days after the agreement is signed."""
    return signed_on + timedelta(days=DAYS_AFTER_SIGNATURE)


def due_after_report(report_due_on: date) -> date:
    """When a tranche that waits for a report is due: fifteen days after the report is."""
    return report_due_on + timedelta(days=DAYS_AFTER_REPORT)


def day_of(tranche: Tranche, follows: date) -> date:
    """When an instalment is due that may be paid from a day on (``follows``): fifteen days after its milestone too, and not
    before a day of its own.
    """
    milestone = [due_after_report(tranche.milestone.due_on)] if tranche.milestone else []
    return max([follows, *milestone, *([tranche.not_before] if tranche.not_before else [])])


def days_of(planned: Iterable[Instalment], reports: Mapping[str, date], signed_by: date) -> list[date]:
    """When the instalments of a plan are due: after the signature or their reports, and none before the one ahead of it."""
    days: list[date] = []
    for part in planned:
        key = report_key_of(part.trigger)
        due_on = due_after_report(reports[key]) if key else due_after_signature(signed_by)
        days.append(max(due_on, days[-1]) if days else due_on)
    return days


def report_key_of(trigger: str) -> str | None:
    """The key of the report a tranche waits for, or None for the one that follows the signature."""
    return None if trigger == Trigger.AGREEMENT_SIGNED else trigger.removesuffix("_approved")


def day_in(at: datetime, zone: str) -> date:
    """The calendar day of a moment in a time zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def end_of(day: date, zone: str) -> datetime:
    """The last moment of a day in a time zone."""
    return datetime.combine(day, time.max, ZoneInfo(zone))


# ------------------------------------------------------------------ bank accounts


def obstacles_to_entering(holder: str, number: str, bic: str, currency: str, bank_code: str = "") -> list[Obstacle]:
    """Why a bank account cannot be taken as typed. A number that is no IBAN needs its bank: by BIC or national code."""
    found = []
    plain = plain_number(number)
    if not holder.strip():
        found.append(Obstacle("no_holder", _l("Please say who holds the account.")))
    if looks_like_iban(plain) and not iban_is_valid(plain):
        found.append(
            Obstacle(
                "iban_checksum",
                _l("The check digits of this IBAN do not fit. Please compare it with your bank statement."),
            )
        )
    elif not ACCOUNT_NUMBER.fullmatch(plain):
        found.append(Obstacle("account_number", _l("Please type an IBAN, or an account number of 4 to 34 characters.")))
    elif not looks_like_iban(plain) and not bic.strip() and not bank_code.strip():
        found.append(Obstacle("no_bank", _l("Without an IBAN we need the BIC of your bank, or its national code.")))
    if bank_code.strip() and not BANK_CODE.fullmatch(plain_number(bank_code)):
        found.append(Obstacle("bank_code", _l("A national bank code has 2 to 28 letters and digits.")))
    if bic.strip() and not BIC.fullmatch(plain_number(bic)):
        found.append(Obstacle("bic", _l("A BIC has 8 or 11 letters and digits, such as ECOCSNDA.")))
    if currency not in list_currencies():
        found.append(Obstacle("currency", _l("Please type the three letters of a currency, such as XOF.")))
    return found


def print_of(account: BankAccount) -> str:
    """What names one account as it was entered: its id and a digest of everything a payment would follow."""
    told = (account.number_sealed, account.holder_sealed, account.bic.encode(), account.bank_code.encode())
    return f"{account.id}.{hashlib.sha256(chr(31).encode().join(told)).hexdigest()[:32]}"


def obstacles_to_judging(account: BankAccount, about: str | None) -> list[Obstacle]:
    """Why what somebody says is not about this account: another was entered since they opened the page. ``about`` is None
    for those who hold the account itself.
    """
    if about is None or about == print_of(account):
        return []
    where = ("payments.verification", {"reference": account.organization.reference})
    message = _l("Another account was entered since you opened the page. Please look at it, and call again.")
    return [Obstacle("another_account", message, where)]


def obstacles_to_verifying(
    account: BankAccount, by_id: int, reason: str | None, about: str | None = None
) -> list[Obstacle]:
    """Why an account cannot be marked as verified. ``reason`` is None while the page is only shown, ``about`` is the account
    that was called about.
    """
    found = obstacles_to_judging(account, about)
    if account.entered_by_id == by_id:
        found.append(
            Obstacle(
                "entered_by_you", _l("You entered this account yourself. A second person calls back and verifies it.")
            )
        )
    if reason is not None and len(reason.strip()) < SHORTEST_CALL_BACK:
        found.append(
            Obstacle(
                "no_call_back", _l("Please say whom you called, on which number, and when. It stays in the record.")
            )
        )
    return found


def payable_from(standing: Standing) -> date | None:
    """From which day a changed account is paid to: so many days after it was entered; None for a first account."""
    if not standing.bank_follows_another or standing.bank_entered_at is None:
        return None
    days = ACCOUNT_CHANGE_DAYS if standing.account_change_days is None else standing.account_change_days
    return day_in(standing.bank_entered_at, standing.timezone) + timedelta(days=days)


# ------------------------------------------------------------------ preparing


def obstacles_to_preparing(standing: Standing, at: datetime) -> list[Obstacle]:
    """Why a tranche cannot be paid yet, in the order in which people mend it; empty means it is due.

    Sources: no payment before its trigger; the part of the money received that must be spent first (70 % in the
    sample call); a hold while a required report is late by more days than the terms allow; total paid never above
    the award.
    """
    if standing.payment is not None:
        return [
            Obstacle(
                "under_way",
                _l("This tranche has its payment: %(reference)s.", reference=standing.payment),
                ("payments.show", {"reference": standing.payment}),
            )
        ]
    return [*_of_the_grant(standing), *_of_the_tranche(standing, at), *_of_the_grantee(standing, at)]


def is_free_of_report(standing: Standing) -> bool:
    """Whether the report of an instalment does not hold it any more: it is accepted; or it was waived, and either the next
    report is accepted or the fund has decided to pay all the same. A waiver alone sets no money free.
    """
    if standing.trigger == Trigger.AGREEMENT_SIGNED or standing.report_state == ReportState.ACCEPTED:
        return True
    return standing.report_state == ReportState.WAIVED and (standing.freed_at is not None or standing.later_accepted)


def waits_for_visit(standing: Standing) -> bool:
    """Whether an instalment falls due on the day from which a visit holds payments, or later, and nobody has made it."""
    return standing.visit_on is not None and standing.visit_on <= standing.due_on


def pays_after_termination(state: str, trigger: str) -> bool:
    """Whether an instalment pays what was spent in good faith until an agreement was terminated: the last one alone."""
    return state == AwardState.TERMINATED and trigger == Trigger.FINAL_REPORT_APPROVED


def _of_the_grant(standing: Standing) -> list[Obstacle]:
    page = ("payments.of_grant", {"reference": standing.award_reference})
    state = standing.award_state
    if standing.on_hold:
        where = ("diligence.of_grant", {"reference": standing.award_reference, "tab": "sanctions"})
        return [Obstacle("on_hold", ON_HOLD, where)]
    if state == AwardState.ACTIVE or pays_after_termination(state, standing.trigger):
        return []
    if state == AwardState.SUSPENDED:
        return [Obstacle("suspended", _l("The grant is suspended."), page)]
    if state in (AwardState.TERMINATED, AwardState.CLOSED):
        return [Obstacle("ended", _l("The grant has ended."), page)]
    return [Obstacle("not_signed", _l("The agreement is not signed yet."), page)]


def _of_the_tranche(standing: Standing, at: datetime) -> list[Obstacle]:
    found = []
    page = ("payments.of_grant", {"reference": standing.award_reference})
    if standing.earlier_unpaid:
        found.append(Obstacle("earlier_unpaid", _l("An earlier tranche has not been paid."), page))
    if not is_free_of_report(standing):
        where = ("reports.of_grant", {"reference": standing.award_reference})
        label = pick(standing.report_label) or "–"
        if standing.report_state == ReportState.WAIVED:
            message = _l(
                "This report was waived: %(report)s. The payment waits for the next accepted report, unless the fund decides "
                "to pay without it.",
                report=label,
            )
            found.append(Obstacle("report_waived", message, page))
        elif standing.report_state == ReportState.SUBMITTED:
            found.append(
                Obstacle(
                    "report_not_read", _l("This report waits to be read and accepted: %(report)s.", report=label), where
                )
            )
        else:
            found.append(Obstacle("report_missing", _l("This report is not in: %(report)s.", report=label), where))
    elif (
        standing.min_spent_percent is not None
        and not (standing.report_state == ReportState.WAIVED and standing.freed_at is not None)
        and standing.spent_minor * 100 < standing.min_spent_percent * standing.received_minor
    ):
        found.append(
            Obstacle(
                "too_little_spent",
                _l(
                    "Less than %(percent)s%% of the money received is shown as spent in accepted reports.",
                    percent=standing.min_spent_percent,
                ),
                ("reports.of_grant", {"reference": standing.award_reference}),
            )
        )
    elif standing.to_pay_minor <= 0:
        found.append(
            Obstacle(
                "nothing_to_pay", _l("The grantee has spent no more than was received: nothing is left to pay."), page
            )
        )
    if standing.milestone_id is not None and standing.milestone_confirmed_on is None:
        message = _l(
            "This milestone is not reached, or the fund has not confirmed it: %(milestone)s.",
            milestone=standing.milestone_title,
        )
        where = ("awards.milestones", {"reference": standing.award_reference})
        found.append(Obstacle("milestone_open", message, where))
    if standing.not_before is not None and day_in(at, standing.timezone) < standing.not_before:
        message = _l("Nothing of it is paid before %(day)s.", day=LazyWords(long_day, standing.not_before))
        found.append(Obstacle("too_early", message, page))
    if standing.promised_minor + standing.to_pay_minor > standing.awarded_minor:
        found.append(Obstacle("above_the_award", _l("This payment would bring the total above the award."), page))
    return found


INSIDE = frozenset({"condition_of_fund", "visit_missing"})
"""What the fund has to see to itself before it pays."""
ACCOUNT_PAGE = "payments.bank_account"
"""Where what stands in the way of an account is put right: for finance officers, auditors and the grantee."""


def as_grantee_reads(obstacles: Sequence[Obstacle]) -> list[Obstacle]:
    """Why a payment waits, as the grantee reads it: that the fund has something to see to, and not what."""
    shown = [one for one in obstacles if one.code not in INSIDE]
    if len(shown) == len(obstacles):
        return shown
    return [*shown, Obstacle("with_the_fund", _l("The fund still has something of its own to finish."))]


def as_coordinator_reads(obstacles: Sequence[Obstacle]) -> list[Obstacle]:
    """Why a payment waits, as coordinators read it: all of it, with no way to the account, which they may not open."""
    return [replace(one, where=None) if (one.where or ("",))[0] == ACCOUNT_PAGE else one for one in obstacles]


def _of_the_grantee(standing: Standing, at: datetime) -> list[Obstacle]:
    found = []
    conditions = ("awards.milestones", {"reference": standing.award_reference})
    own = standing.unmet_conditions - standing.unmet_by_fund
    if own and standing.award_state != AwardState.TERMINATED:
        message = _l("Conditions that hold payments are not met: %(number)s.", number=own)
        found.append(Obstacle("conditions_open", message, conditions))
    if standing.unmet_by_fund and standing.award_state != AwardState.TERMINATED:
        message = _l("Conditions that the fund itself has to meet: %(number)s.", number=standing.unmet_by_fund)
        found.append(Obstacle("condition_of_fund", message, conditions))
    if waits_for_visit(standing) and standing.award_state != AwardState.TERMINATED:
        where = ("visits.of_grant", {"reference": standing.award_reference})
        found.append(Obstacle("visit_missing", _l("The fund has to make a visit before this payment."), where))
    account = (ACCOUNT_PAGE, {"reference": standing.organization_reference})
    if standing.bank_state is None:
        found.append(Obstacle("no_account", _l("The grantee has not said where to pay."), account))
    elif standing.bank_state != BankAccountState.VERIFIED:
        found.append(Obstacle("account_unverified", _l("The bank account is not verified by call-back yet."), account))
    elif (free_on := payable_from(standing)) is not None and day_in(at, standing.timezone) < free_on:
        found.append(
            Obstacle(
                "account_rests",
                _l(
                    "The bank account was changed. Nothing is paid there before %(day)s, so that the grantee can object.",
                    day=LazyWords(long_day, free_on),
                ),
                account,
            )
        )
    late_by = (
        (day_in(at, standing.timezone) - standing.late_report_on).days if standing.late_report_on is not None else 0
    )
    if late_by > standing.hold_after_days:
        found.append(
            Obstacle(
                "report_late",
                _l(
                    "A report is late by %(days)s days; payments wait after %(limit)s.",
                    days=late_by,
                    limit=standing.hold_after_days,
                ),
                ("reports.of_grant", {"reference": standing.award_reference}),
            )
        )
    return found


def obstacles_to_postponing(
    number: int, standings: Mapping[int, Standing], due_on: date | None = None, reason: str | None = None
) -> list[Obstacle]:
    """Why the day of an instalment cannot be moved: there is none or it is being paid, the grant is over, or the day comes
    before its report or out of the order of the instalments. ``standings`` are those of the grant, by number.
    """
    standing = standings.get(number)
    if standing is None or standing.payment is not None or standing.is_settled:
        return [Obstacle("no_instalment", _l("Nothing of this instalment waits to be paid."))]
    found = [one for one in _of_the_grant(standing) if one.code in ("not_signed", "ended")]
    if due_on == standing.due_on:
        found.append(Obstacle("same_day", _l("This is the day it is due already.")))
    if due_on is not None and standing.report_due_on is not None and due_on < standing.report_due_on:
        found.append(Obstacle("before_its_report", _l("It waits for a report that is due later than that.")))
    if due_on is not None and waits_for_visit(standing) and standing.visit_on and due_on < standing.visit_on:
        found.append(Obstacle("before_its_visit", _l("It waits for a visit that was planned for a later day.")))
    if due_on is not None and standing.not_before is not None and due_on < standing.not_before:
        day = LazyWords(long_day, standing.not_before)
        found.append(Obstacle("too_early", _l("Nothing of it is paid before %(day)s.", day=day)))
    out_of_order = due_on is not None and any(
        (one.number < number and one.due_on > due_on) or (one.number > number and one.due_on < due_on)
        for one in standings.values()
    )
    if out_of_order:
        found.append(Obstacle("out_of_order", _l("Instalments are due one after the other.")))
    if reason is not None and not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


def obstacles_to_freeing(
    standing: Standing | None, reason: str | None = None, *, by_waiver: bool = False
) -> list[Obstacle]:
    """Why somebody does not decide that an instalment is paid without its report: the report was not waived, or by
    themselves (``by_waiver``); it was decided before, or nobody says why.
    """
    if standing is None or standing.payment is not None or standing.is_settled:
        return [Obstacle("no_instalment", _l("Nothing of this instalment waits to be paid."))]
    found = [one for one in _of_the_grant(standing) if one.code in ("not_signed", "ended")]
    if standing.report_state != ReportState.WAIVED or is_free_of_report(standing):
        found.append(Obstacle("not_waived", _l("It does not wait for a report that was waived.")))
    elif by_waiver:
        message = _l(
            "You waived this report. Another coordinator decides whether its payment waits for nothing any more."
        )
        found.append(Obstacle("waived_by_you", message))
    if reason is not None and not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


# ------------------------------------------------------------------ what an instalment waits for


@dataclass(frozen=True)
class Waits:
    """What an instalment waits for: the signature or a report, a milestone, a day, how much of the money is spent."""

    trigger: str
    milestone_id: int | None = None
    not_before: date | None = None
    min_spent_percent: int | None = None


def triggers_for(tranche: Tranche, owed: Iterable[str]) -> list[Trigger]:
    """What may set an instalment free: the signature, or a report that is owed. The one that settles the account always
    waits for the final report, and no other does.
    """
    if tranche.trigger == Trigger.FINAL_REPORT_APPROVED:
        return [Trigger.FINAL_REPORT_APPROVED]
    keys = {f"{key}_approved" for key in owed} - {Trigger.FINAL_REPORT_APPROVED.value}
    return [one for one in Trigger if one == Trigger.AGREEMENT_SIGNED or one.value in keys]


def obstacles_to_planning(award: Award) -> list[Obstacle]:
    """Why nobody changes what an instalment waits for: what was signed changes by amendment only."""
    if award.state in (AwardState.ACCEPTED, AwardState.SENT):
        return []
    message = _l(
        "This is planned until the agreement is signed. This grant: %(state)s.", state=AwardState(award.state).label
    )
    return [Obstacle("not_planned_now", message)]


def obstacles_to_waiting(
    award: Award, tranche: Tranche, waits: Waits, owed: Iterable[str], milestones: Iterable[int]
) -> list[Obstacle]:
    """Why an instalment cannot wait for this: it is not of this grant, or the day lies outside it."""
    found = obstacles_to_planning(award)
    if waits.trigger not in triggers_for(tranche, owed):
        found.append(Obstacle("no_trigger", _l("Please choose one of the answers offered.")))
    if waits.milestone_id is not None and waits.milestone_id not in set(milestones):
        found.append(Obstacle("no_milestone", _l("Please choose one of the answers offered.")))
    if waits.not_before is not None and award.end_on is not None and waits.not_before > award.end_on:
        found.append(Obstacle("outside_the_period", _l("The day lies outside the period of the grant.")))
    if waits.min_spent_percent is not None and not 0 < waits.min_spent_percent <= 100:
        found.append(Obstacle("no_percent", _l("A share lies between 1 and 100 percent.")))
    return found


def obstacles_by_plan(award: Award, agreement: Agreement | None, mark: str) -> list[Obstacle]:
    """Why an agreement is not signed: its plan is not the one that stands any more."""
    if agreement is None or agreement.plan_mark in (None, mark):
        return []
    message = _l("Something of the plan was changed after this agreement was drawn up. The fund draws it up again.")
    return [Obstacle("plan_moved", message, ("awards.agreement", {"reference": award.reference}))]


# ------------------------------------------------------------------ approving, paying, confirming


def obstacles_since_prepared(disbursement: Disbursement) -> list[Obstacle]:
    """Whether the account is still the one that was prepared, still verified, and the grant still runs."""
    found = []
    award = disbursement.tranche.award
    if disbursement.bank_account.state != BankAccountState.VERIFIED:
        found.append(
            Obstacle(
                "account_changed",
                _l(
                    "The bank account was changed or blocked after this payment was prepared. Cancel it and prepare it again."
                ),
                ("payments.bank_account", {"reference": award.organization.reference}),
            )
        )
    if award.on_hold:
        where = ("diligence.of_grant", {"reference": award.reference, "tab": "sanctions"})
        found.append(Obstacle("on_hold", ON_HOLD, where))
    if award.state != AwardState.ACTIVE and not pays_after_termination(award.state, disbursement.tranche.trigger):
        found.append(
            Obstacle("not_running", _l("The grant is not running: %(state)s.", state=AwardState(award.state).label))
        )
    return found


def obstacles_without_standing(standing: Standing | None) -> list[Obstacle]:
    """Why nothing is paid for an instalment that a termination has cancelled."""
    return [] if standing else [Obstacle("cancelled", _l("This instalment was cancelled. Nothing is paid for it."))]


def obstacles_still(disbursement: Disbursement, standing: Standing | None, at: datetime) -> list[Obstacle]:
    """Everything that stands in the way of a payment which was prepared, looked at anew: the account, the grant, and all
    that its instalment waits for. ``standing`` is that of the instalment; None when there is no such instalment any more.
    """
    found = obstacles_since_prepared(disbursement)
    if standing is None:
        return [*found, *obstacles_without_standing(standing)]
    alone = standing._replace(
        payment=None, payment_state=None, promised_minor=standing.promised_minor - disbursement.amount_minor
    )
    told = {one.code for one in found}
    anew = [*_of_the_tranche(alone, at), *_of_the_grantee(alone, at)]
    of_account = {"no_account", "account_unverified", "account_rests"} if "account_changed" in told else set()
    found += [one for one in anew if one.code not in of_account]
    if alone.to_pay_minor > 0 and alone.to_pay_minor != disbursement.amount_minor:
        message = _l("What is to be paid has changed since then. Cancel this payment and prepare it again.")
        found.append(Obstacle("amount_changed", message))
    return found


def obstacles_to_approving(
    disbursement: Disbursement, by_id: int, standing: Standing | None, at: datetime
) -> list[Obstacle]:
    """Why somebody cannot approve a payment: they prepared it, or something stands in its way that did not before."""
    found = []
    if disbursement.prepared_by_id == by_id:
        found.append(Obstacle("prepared_by_you", _l("You prepared this payment. Another finance officer approves it.")))
    return [*found, *obstacles_still(disbursement, standing, at)]


def obstacles_to_sending(
    disbursement: Disbursement, standing: Standing | None, at: datetime, *, as_approved: bool
) -> list[Obstacle]:
    """Why an approved payment does not go to the bank, in a payment order or by hand."""
    found = [] if as_approved else [NOT_AS_APPROVED]
    return [*found, *obstacles_still(disbursement, standing, at)]


WESTERNMOST = "Etc/GMT+12"
"""The zone in which a day ends last."""


NOT_AS_APPROVED = Obstacle(
    "not_as_approved",
    _l("Amount, account, tranche or award are not what was approved. Nothing is paid; please tell the administrators."),
)


def obstacles_to_paying(
    disbursement: Disbursement,
    paid_on: date | None,
    bank_reference: str | None,
    at: datetime,
    *,
    as_approved: bool,
) -> list[Obstacle]:
    """Why a payment cannot be recorded as sent. Day and reference are None while the page is only shown.

    What has left goes to the account as it was approved; a change since then makes it no less true that it was sent.
    """
    found = [] if as_approved else [NOT_AS_APPROVED]
    zone = disbursement.tranche.award.call.timezone
    if paid_on is not None and paid_on > day_in(at, zone):
        found.append(Obstacle("paid_in_future", _l("The day of the payment lies in the future.")))
    approved_at = disbursement.approved_at
    # The day is typed where the officer is: it may still be the day before where the call has its zone.
    if paid_on is not None and approved_at is not None and paid_on < day_in(approved_at, WESTERNMOST):
        found.append(Obstacle("paid_before_approval", _l("A payment is sent after it was approved, not before.")))
    if bank_reference is not None and not bank_reference.strip():
        found.append(Obstacle("no_bank_reference", _l("Please give the reference of the bank.")))
    return found


NOT_TAKEN_ON = Obstacle(
    "not_taken_on",
    _l("Say first that you send it by hand, so that nobody else does. Then send it, and record it here."),
)
BEING_SENT = Obstacle(
    "being_sent",
    _l("Somebody has taken it on and sends it by hand. If it was not sent, this is said on its page first."),
)


def obstacles_to_letting_go(disbursement: Disbursement) -> list[Obstacle]:
    """Why it cannot be said that a payment was not sent by hand: nobody has taken it on."""
    if disbursement.sending_by_id is not None:
        return []
    return [Obstacle("nobody_sends", _l("Nobody has taken this payment on to send it by hand."))]


def obstacles_to_sending_by_hand(disbursement: Disbursement) -> list[Obstacle]:
    """Why nobody takes a payment on to send it by hand: it stands in a payment order, or somebody has taken it on. One payment
    goes one way.
    """
    if disbursement.sending_by_id is not None:
        return [BEING_SENT]
    if not disbursement.order_reference:
        return []
    if disbursement.released_at:
        message = _l("The bank has it already, in the order %(order)s.", order=disbursement.order_reference)
    else:
        message = _l(
            "It goes to the bank in the order %(order)s. Take that order back first, if it should be sent by hand.",
            order=disbursement.order_reference,
        )
    return [Obstacle("in_an_order", message)]


def obstacles_to_cancelling(disbursement: Disbursement) -> list[Obstacle]:
    """Why a payment is not given up: it goes to the bank in a payment order, or is there already."""
    if disbursement.released_at is None or disbursement.sending_by_id is not None:
        return obstacles_to_sending_by_hand(disbursement)
    return [
        Obstacle(
            "on_its_way",
            _l(
                "The bank has this payment in order %(order)s. Take it out there first, when the bank has refused it.",
                order=disbursement.order_reference,
            ),
        )
    ]


def obstacles_to_fee(fee: Money | None, currency: str) -> list[Obstacle]:
    """Why a fee of the bank cannot be recorded."""
    if fee is None or (fee.minor > 0 and fee.currency == currency):
        return []
    return [Obstacle("fee", _l("A fee is more than zero, in %(currency)s.", currency=currency))]


def obstacles_to_replacing(proof: StoredFile | None) -> list[Obstacle]:
    """Why the proof of a payment stays: only one that was locked, because it holds a virus, gives way to another."""
    if proof is None or proof.scan != Scan.INFECTED:
        return [Obstacle("proof_not_locked", _l("Only a proof that was locked can be replaced."))]
    return []


SHORT_BY = Decimal("0.001")
"""What differs from what was sent, times the rate, by no more than this part is the same: rates are rounded."""


def is_short(sent: Money, received: Money, rate: Decimal) -> bool:
    """Whether less arrived than was sent, at the rate the grantee gives."""
    return received.amount < sent.amount * rate * (1 - (0 if received.currency == sent.currency else SHORT_BY))


def obstacles_to_confirming(
    disbursement: Disbursement,
    received_on: date,
    received_minor: int,
    currency: str,
    rate: Decimal,
    at: datetime,
    short_reason: str = "",
) -> list[Obstacle]:
    """Why the receipt of a payment cannot be confirmed as typed."""
    found = []
    if disbursement.paid_on is not None and received_on < disbursement.paid_on:
        found.append(Obstacle("received_before_paid", _l("The money cannot have arrived before it was sent.")))
    # The grantee may live a day ahead of the fund.
    if received_on > day_in(at, "Pacific/Kiritimati"):
        found.append(Obstacle("received_in_future", _l("The day lies in the future.")))
    if received_minor <= 0:
        found.append(Obstacle("nothing_received", _l("Please say how much arrived.")))
    if currency not in list_currencies():
        found.append(Obstacle("currency", _l("Please type the three letters of a currency, such as XOF.")))
    if not rate.is_finite() or rate <= 0 or rate >= Decimal(10) ** 11:
        found.append(Obstacle("rate", _l("The exchange rate is a number above zero.")))
    elif currency == disbursement.currency and rate != 1:
        found.append(Obstacle("rate", _l("In the same currency the exchange rate is 1.")))
    return found or _obstacles_to_amount(disbursement, Money(received_minor, currency), rate, short_reason)


def _obstacles_to_amount(
    disbursement: Disbursement, received: Money, rate: Decimal, short_reason: str
) -> list[Obstacle]:
    if received.currency == disbursement.currency and received > disbursement.amount:
        return [Obstacle("more_than_sent", _l("More cannot have arrived than was sent."))]
    if received.amount > disbursement.amount.amount * rate * (1 + SHORT_BY):
        message = _l(
            "At this rate more would have arrived than was sent. Please look at the amount and the rate again."
        )
        return [Obstacle("more_than_sent", message)]
    if is_short(disbursement.amount, received, rate) and not short_reason.strip():
        return [
            Obstacle(
                "short",
                _l("Less arrived than was sent. Please say why, such as fees of a bank on the way."),
            )
        ]
    return []


def rate_between(received: Money, sent: Money) -> Decimal:
    """The exchange rate that two amounts tell: units received for one unit sent, with six decimals; one and the same
    currency has the rate 1, whatever was lost on the way.
    """
    if received.currency == sent.currency:
        return Decimal(1)
    return (received.amount / sent.amount).quantize(Decimal("0.000001"))


def too_many_decimals(currency: str, digits: int) -> Obstacle:
    """An amount was typed with more decimals than its currency has."""
    return Obstacle("decimals", _l("%(currency)s has %(digits)s decimals.", currency=currency, digits=digits))


# ------------------------------------------------------------------ the agreement and the envelope


STALLED = timedelta(minutes=10)
"""After so long without an end a batch was forgotten by its worker; another takes it up."""


def obstacles_to_batch(latest: AgreementBatch | None, waiting: Sequence[int], at: datetime) -> list[Obstacle]:
    """Why agreements cannot be drawn up together: it is being done, or none waits."""
    if latest is not None and latest.state == BatchState.ASKED:
        return [Obstacle("being_drawn", _l("They are being drawn up."))]
    return [] if waiting else [Obstacle("none_waits", _l("No accepted grant waits for its agreement."))]


def terms_of_version(
    award: Award, reports: Iterable[ReportDue], tranches: Iterable[Tranche], scope: str
) -> dict[str, Any]:
    """Everything that binds both sides of a grant as it stands, to be kept; ``award`` comes with its lists loaded. What the
    fund has to see to itself binds nobody else and is not among it.
    """
    return {
        "minor": award.amount_minor,
        "currency": award.currency,
        "start_on": _written(award.start_on),
        "end_on": _written(award.end_on),
        "budget": [{"heading": line.heading, "title": line.title, "minor": line.amount_minor} for line in award.budget],
        "milestones": [{"id": m.id, "title": m.title, "due_on": _written(m.due_on)} for m in award.milestones],
        "tranches": [
            {
                "number": t.number,
                "minor": t.amount_minor,
                "trigger": t.trigger,
                "min_spent_percent": t.min_spent_percent,
                "due_on": _written(t.due_on),
            }
            | ({"milestone": t.milestone_title} if t.milestone else {})
            | ({"not_before": _written(t.not_before)} if t.not_before else {})
            for t in tranches
        ],
        "reports": [
            {"key": r.key, "label": r.label, "kind": r.kind, "required": r.required, "due_on": _written(r.due_on)}
            for r in reports
        ],
        "conditions": [{"text": c.text, "due_on": _written(c.due_on)} for c in award.conditions if c.owner_id is None],
        "scope": scope,
    }


def mark_of_plan(award: Award, terms: Mapping[str, Any]) -> str:
    """A mark of everything an agreement says of a grant, by which it is known again before it is signed."""
    return mark_of(award.confidentiality, json.dumps(terms, sort_keys=True))


def _written(day: date | None) -> str | None:
    return day.isoformat() if day else None


def obstacles_to_committing(award: Award, free: Money) -> list[Obstacle]:
    """Why an agreement cannot be signed for money reasons: the envelope of the call does not hold the award."""
    if award.amount.minor <= free.minor:
        return []
    return [
        Obstacle(
            "envelope_used_up",
            _l("The envelope of the call does not hold this amount any more. Please write to your coordinator."),
        )
    ]


# ------------------------------------------------------------------ returns, refunds, and what was recorded by mistake


def obstacles_to_returning(payment: Disbursement, position: Position, came: Money | None) -> list[Obstacle]:
    """Why the return of a payment cannot be recorded: another amount, or the money is recorded as a refund already."""
    if came is not None and not (came.currency == payment.currency and 0 < came.minor <= payment.amount_minor):
        return [Obstacle("came_back", _l("What came back is more than zero and at most what was sent."))]
    return _held_still(payment, position)


def _held_still(payment: Disbursement, position: Position) -> list[Obstacle]:
    if (position.paid - position.refunded).minor >= payment.amount_minor:
        return []
    where = ("payments.of_grant", {"reference": payment.tranche.award.reference})
    message = _l("Money of this grant is recorded as a refund. If it is this money, take the refund back first.")
    return [Obstacle("refunded_already", message, where)]


def obstacles_to_taking_back(payment: Disbursement, position: Position) -> list[Obstacle]:
    """Why it cannot be taken back that a payment was sent: some of it has come back as a refund."""
    return _held_still(payment, position)


def obstacles_to_taking_back_return(payment: Disbursement, reserve: Reserve) -> list[Obstacle]:
    """Why it cannot be taken back that a payment returned: it is paid again, or its money has gone elsewhere."""
    again = next((one for one in reserve.siblings if one.state not in OVER), None)
    if again is not None:
        where = ("payments.show", {"reference": again.reference})
        return [
            Obstacle("paid_again", _l("It is paid again already: %(reference)s.", reference=again.reference), where)
        ]
    tranche = payment.tranche
    kept = tranche.amount_minor if stands_or_can(tranche, reserve) else 0
    if min(reserve.committed.minor, kept) < payment.amount_minor:
        return [Obstacle("not_committed", _l("Its money is not kept for this instalment any more."))]
    return []


def stands_or_can(tranche: Tranche, reserve: Reserve) -> bool:
    """Whether an instalment stands, or can stand again after a termination cancelled it: nobody took its money over, or who
    did is not paid yet.
    """
    if tranche.cancelled_on is None or free_in_plan(tranche.award, reserve) >= tranche.amount_minor:
        return True
    heir = heir_in(reserve)
    return heir is not None and heir.amount_minor > tranche.amount_minor


def free_in_plan(award: Award, reserve: Reserve) -> int:
    """What of an award is in none of its instalments that stand, in minor units."""
    return award.amount_minor - sum(one.amount_minor for one in reserve.plan)


def heir_in(reserve: Reserve) -> Tranche | None:
    """The instalment that took over those that a termination cancelled: the last that is still to be paid."""
    return next((one for one in reversed(reserve.plan) if one.id in reserve.unpaid), None)


def obstacles_to_taking_back_refund(refund: Refund, taken_back: set[int]) -> list[Obstacle]:
    """Why a refund cannot be taken back: it was before, or is the taking back itself."""
    if refund.corrects_id is None and refund.id not in taken_back:
        return []
    return [Obstacle("taken_back", _l("This refund was taken back before."))]


def obstacles_to_another_refund(
    refunds: Iterable[Refund], amount: Money, received_on: date, bank_reference: str, *, another: bool
) -> list[Obstacle]:
    """Why a refund is not recorded a second time: by the reference of the bank, or by its amount and day unless somebody says
    that it is ``another`` one.
    """
    known = list(refunds)
    gone = {one.corrects_id for one in known}
    standing = [one for one in known if one.corrects_id is None and one.id not in gone]
    named = bank_reference.strip().lower()
    for one in standing:
        if one.bank_reference.strip().lower() == named:
            message = _l("This refund is recorded already: %(reference)s.", reference=one.reference)
            return [Obstacle("refund_known", message)]
    for one in standing:
        if not another and (one.amount_minor, one.received_on) == (amount.minor, received_on):
            message = _l(
                "A refund of this amount is recorded for this day: %(reference)s. If this is another one, say so below.",
                reference=one.reference,
            )
            return [Obstacle("refund_alike", message)]
    return []


def obstacles_to_refund(
    position: Position, amount: Money | None, received_on: date | None, bank_reference: str | None, today: date
) -> list[Obstacle]:
    """Why a refund cannot be recorded: nothing was paid, or more would come back than went out."""
    held = position.paid - position.refunded
    if held.minor <= 0:
        return [Obstacle("nothing_paid", _l("The grantee holds no money of this grant, so nothing can come back."))]
    found = []
    if amount is not None and (amount.minor <= 0 or amount.minor > held.minor):
        found.append(
            Obstacle("refund_amount", _l("A refund is more than zero and at most what was paid and not yet returned."))
        )
    if received_on is not None and received_on > today:
        found.append(Obstacle("refund_in_future", _l("The day lies in the future.")))
    if bank_reference is not None and not bank_reference.strip():
        found.append(Obstacle("no_bank_reference", _l("Please give the reference of the bank.")))
    return found


def refund_due(today: date, days: int | None) -> date:
    """Until when money is asked back, unless somebody names another day: so many days, by the terms of the call."""
    return today + timedelta(days=DAYS_TO_REFUND if days is None else days)


def obstacles_to_asking(
    position: Position, standing: RefundRequest | None, amount: Money | None, due_on: date | None, today: date
) -> list[Obstacle]:
    """Why money cannot be asked back. Amount and day are None while the page is only shown."""
    if standing is not None:
        return [Obstacle("asked_already", _l("A refund is asked for already. It is met or withdrawn first."))]
    held = position.paid - position.refunded
    if held.minor <= 0:
        return [Obstacle("nothing_paid", _l("The grantee holds no money of this grant, so nothing can come back."))]
    found = []
    if amount is not None and (amount.minor <= 0 or amount.minor > held.minor):
        found.append(
            Obstacle("refund_amount", _l("A refund is more than zero and at most what was paid and not yet returned."))
        )
    if due_on is not None and due_on < today:
        found.append(Obstacle("refund_due", _l("The day lies in the past.")))
    return found


def obstacles_to_cofinancing(
    award: Award,
    others: Sequence[Cofinancing],
    source: str,
    promised: Money,
    received: Money,
    *,
    has_evidence: bool,
) -> list[Obstacle]:
    """Why what another source gives cannot be taken as told."""
    if award.state in (AwardState.CLOSED, AwardState.TERMINATED):
        return [Obstacle("ended", _l("The grant has ended."))]
    found = []
    if not source.strip():
        found.append(Obstacle("no_source", _l("Please say who gives the money.")))
    elif len(others) >= MOST_SOURCES and source.strip() not in {other.source for other in others}:
        found.append(Obstacle("too_many_sources", _l("So many sources cannot be listed. Please add some of them up.")))
    if promised.minor < 0 or received.minor < 0 or not (promised.minor or received.minor):
        found.append(Obstacle("cofinancing_amount", _l("Please give what was promised or received, above zero.")))
    if received.minor > 0 and not has_evidence:
        found.append(Obstacle("no_evidence", _l("Please add the evidence of what was received.")))
    return found
