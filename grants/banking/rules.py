"""What stands in the way of ordering payments from the bank, and which payment a line of its statement means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from grants.awards.models import Award
from grants.banking.models import PaymentOrder, StatementEntry, Verdict
from grants.banking.queries import MOST_IN_ORDER
from grants.banking.workflow import OrderState, StatementState
from grants.core.bankfiles import COLUMNS, DAYS, LONGEST_ID, MARKS, Columns, Party, is_readable
from grants.core.languages import _l
from grants.core.rules import Obstacle
from grants.payments.models import Disbursement, Refund
from grants.payments.rules import looks_like_iban, obstacles_since_prepared, obstacles_to_paying, plain_number
from grants.payments.workflow import DisbursementState

AHEAD = timedelta(days=30)

REASONS: dict[str, Any] = {
    "AC01": _l("The account number is wrong."),
    "AC03": _l("The account number is wrong."),
    "AC04": _l("The account is closed."),
    "AC06": _l("The account is blocked."),
    "AC13": _l("The account is of a kind that cannot be paid to."),
    "AG01": _l("Transfers to this account are forbidden."),
    "AG02": _l("The bank does not take this kind of transfer."),
    "AM04": _l("There was not enough money on the fund’s account."),
    "AM05": _l("The bank takes it for a second time of the same payment."),
    "BE01": _l("Name and number of the account do not belong together."),
    "BE04": _l("The address of the payee is missing or wrong."),
    "BE06": _l("The bank does not know this payee."),
    "CNOR": _l("The bank of the payee is not registered for transfers."),
    "CUST": _l("The payee asked to send it back."),
    "DNOR": _l("The fund’s bank is not registered for transfers."),
    "ED05": _l("The banks could not settle it."),
    "FOCR": _l("It was called back."),
    "MD07": _l("The payee has died."),
    "MS02": _l("The payee did not say why."),
    "MS03": _l("The bank did not say why."),
    "NARR": _l("The bank gives the reason in its own words."),
    "RC01": _l("The code of the bank is wrong."),
    "RR01": _l("An authority asks for the account of the payer."),
    "RR02": _l("An authority asks for the name or address of the payer."),
    "RR03": _l("An authority asks for the name or address of the payee."),
    "RR04": _l("An authority has stopped it."),
    "TM01": _l("It came too late in the day."),
}
"""Why banks send money back, in words (ISO 20022 external code set: return reasons)."""

VERDICTS: dict[str, tuple[Any, str]] = {
    Verdict.PAID: (_l("Payment sent"), "success"),
    Verdict.RETURNED: (_l("Payment returned"), "warning"),
    Verdict.REFUNDED: (_l("Refund from the grantee"), "success"),
    Verdict.FEE: (_l("Fee of our bank"), "info"),
    Verdict.KNOWN: (_l("Recorded before"), "neutral"),
    Verdict.LEFT: (_l("Left"), "danger"),
    Verdict.TAKEN_BACK: (_l("Taken back"), "neutral"),
}
"""What becomes of a line, in words, with the tone of its badge."""

WHY: dict[str, Any] = {
    "unknown_reference": _l("No payment has this reference."),
    "several": _l("The text names several payments."),
    "currency_differs": _l("The currency is not that of the payment."),
    "amount_differs": _l("The amount is not that of the payment."),
    "not_approved": _l("The payment is not approved."),
    "given_up": _l("The payment was cancelled or has come back."),
    "stated_twice": _l("A statement has shown this payment before. Has the bank sent it twice?"),
    "not_sent": _l("Money comes in for a payment that was not sent."),
    "received": _l("The grantee has confirmed that it arrived."),
    "came_in_part": _l("Less came back than was sent. Record the return on the page of the payment, and say why."),
    "reversed": _l("The bank takes back something that it had booked. Please ask it what."),
    "refund_amount": _l("It is more than the grantee holds."),
    "several_grants": _l("The text names several grants."),
    "fee_twice": _l("A statement has shown this fee before."),
    "refunded_already": _l("Money of this grant is recorded as a refund. Take that back first if it is this money."),
    "unclear": _l("Money comes in that names a payment, but the bank does not say that it is returned."),
    "fee_unknown": _l("A fee that names no payment of one call."),
    "fee_currency": _l("The fee is in another currency than the payment."),
    "refused": _l("It cannot be recorded on this day."),
    "sent_anyway": _l(
        "The bank has sent it although the account was changed or the grant was stopped. Please find out who sent it, and to"
        " which account."
    ),
    "of_an_order": _l(
        "It is the sum of a payment order, without its parts. Record its payments on their pages, with the statement as proof."
    ),
    "not_as_approved": _l("The payment is not what was approved."),
}
"""Why a line is left, in words. Nothing is ever guessed."""

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{3,60}[A-Za-z0-9])")
ORDER = re.compile(r"PO-\d{8}-[0-9A-F]{6}(-\d+)?")
"""What a payment order is called at the bank, or its part in one currency."""
LONG_NUMBER = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9 ]{8,34}|\d[\d ]{5,33}\d")


def fund_account(text: str) -> Party | None:
    """The fund's own account as it was configured: name;number;BIC. None where it is not set."""
    if not text:
        return None
    name, number, bic = (part.strip() for part in text.split(";"))
    return Party(name, plain_number(number), looks_like_iban(number), bic.upper())


def end_to_end_of(disbursement: Disbursement) -> str:
    """What a payment is called at the bank: its reference, or a shorter name where banks would cut it."""
    return disbursement.reference if len(disbursement.reference) <= LONGEST_ID else f"PAYMENT-{disbursement.id}"


# ------------------------------------------------------------------ orders


def obstacles_to_assembling(
    payer: Party | None, chosen: Sequence[Disbursement], taken: set[int], execute_on: date, today: date
) -> list[Obstacle]:
    """Why payments cannot be put into one order."""
    if payer is None:
        return [
            Obstacle("no_fund_account", _l("The fund’s own account is not set. An administrator sets FUND_ACCOUNT."))
        ]
    found = []
    if not chosen:
        found.append(Obstacle("nothing_chosen", _l("Please choose at least one payment.")))
    if len(chosen) > MOST_IN_ORDER:
        found.append(Obstacle("too_many", _l("At most %(number)s payments go into one order.", number=MOST_IN_ORDER)))
    if not today <= execute_on <= today + AHEAD:
        found.append(Obstacle("execute_on", _l("The day lies today or within the next thirty days.")))
    found += [
        Obstacle("not_free", _l("%(reference)s is not approved, or in an order already.", reference=one.reference))
        for one in chosen
        if one.state != DisbursementState.APPROVED or one.id in taken or one.released_at is not None
    ]
    return found


def obstacle_of_holder(reference: str, holder: str) -> list[Obstacle]:
    """Why a bank could not read who is paid: the name is in letters that banks do not take."""
    if is_readable(holder):
        return []
    return [
        Obstacle(
            "holder_letters",
            _l(
                "The holder of the account of %(reference)s is written in letters that banks do not take. The grantee"
                " enters the account anew, with the Latin spelling of the bank.",
                reference=reference,
            ),
        )
    ]


def obstacles_to_releasing(order: PaymentOrder, by_id: int, payer: Party | None) -> list[Obstacle]:
    """Why somebody cannot release an order: they put it together themselves, or the fund's account is not set."""
    found = []
    if order.assembled_by_id == by_id:
        found.append(
            Obstacle("assembled_by_you", _l("You put this order together. Another finance officer releases it."))
        )
    if payer is None:
        found.append(
            Obstacle("no_fund_account", _l("The fund’s own account is not set. An administrator sets FUND_ACCOUNT."))
        )
    if not any(line.stands for line in order.lines):
        found.append(Obstacle("empty", _l("No payment is left in this order.")))
    return found


def obstacles_to_downloading(order: PaymentOrder) -> list[Obstacle]:
    """Why the file of an order cannot be taken out: it was not released."""
    if order.state == OrderState.RELEASED:
        return []
    return [Obstacle("not_released", _l("The order is not released, so there is no file."))]


# ------------------------------------------------------------------ statements


def obstacles_to_bringing(own: Party | None, account: str, reference: str, *, taken: bool) -> list[Obstacle]:
    """Why a statement is not taken: it is of another account, or was brought before."""
    if own is None or plain_number(account) != own.number:
        return [Obstacle("other_account", _l("This statement is not of the fund’s account."))]
    if taken:
        return [Obstacle("taken_before", _l("This statement was brought before: %(reference)s.", reference=reference))]
    return []


def obstacles_to_columns(columns: Columns, header: Sequence[str]) -> list[Obstacle]:
    """Why columns cannot be chosen so."""
    missing = [what for what in COLUMNS[:4] if columns.named.get(what) not in header]
    found = []
    if missing:
        found.append(Obstacle("columns", _l("Please choose the columns of day, amount, currency and reference.")))
    if columns.days not in DAYS or columns.mark not in MARKS:
        found.append(Obstacle("columns", _l("Please say how days and amounts are written.")))
    return found


UNDONE = (Verdict.PAID, Verdict.RETURNED, Verdict.REFUNDED, Verdict.FEE)
"""What a line has moved, and what can be taken back."""


def obstacles_to_taking_back(entry: StatementEntry) -> list[Obstacle]:
    """Why what a line of a statement meant cannot be taken back: it has moved nothing."""
    if entry.verdict in UNDONE:
        return []
    return [Obstacle("nothing_moved", _l("This line has moved no money."))]


def obstacles_to_applying(state: str, to_do: int, left: int, note: str) -> list[Obstacle]:
    """Why a statement is not taken into the books: nothing is to be done, or what is left is not explained."""
    if state not in (StatementState.READ, StatementState.APPLIED):
        return [Obstacle("not_read", _l("This statement was not read, or was put aside."))]
    if not to_do and state == StatementState.APPLIED:
        return [Obstacle("nothing_new", _l("No line of this statement means a payment that is still open."))]
    if left and not note.strip():
        return [Obstacle("left_unexplained", _l("Please say what is done about the lines that are left."))]
    return []


def names_in(entry: StatementEntry, text: str) -> list[str]:
    """The names by which a line may mean a payment: what the bank gives as our reference; else the words of its text."""
    words = [word.rstrip(".-") for word in NAME.findall(text)]
    return list(dict.fromkeys([entry.end_to_end, *words] if entry.end_to_end else words))


def masked(text: str) -> str:
    """A text of a statement for a page: of anything that may be an account, its last four characters."""
    return LONG_NUMBER.sub(lambda found: f"•••• {found[0].strip()[-4:]}", text)


@dataclass(frozen=True)
class Judged:
    """What a line of a statement means, and why it is left when it is; ``hidden``: it is about a grant that is none of
    the reader's business, and stands for somebody else to settle.
    """

    entry: StatementEntry
    verdict: Verdict
    why: str = ""
    payment: Disbursement | None = None
    hidden: bool = False
    award: Award | None = None
    refund: Refund | None = None


@dataclass(frozen=True)
class Books:
    """What the books say that the lines of a statement are held against. ``seen`` are payments by their names, ``by_bank`` by
    the bank's own; ``everything`` the names of those that are none of the reader's business; ``stated`` payments that a
    statement has shown as sent; ``held`` what grantees hold; ``refunds`` those that no statement has shown yet.
    """

    seen: Mapping[str, Disbursement]
    everything: frozenset[str]
    stated: frozenset[int]
    by_bank: Mapping[str, Disbursement]
    grants: Mapping[str, Award]
    held: Mapping[int, int]
    refunds: Sequence[Refund]
    fees: frozenset[tuple[int, date, int]]


ABOUT_THE_SAME_DAY = timedelta(days=5)
"""A refund that somebody recorded and one that the bank shows are the same when they are so near, of one amount."""


class Judge:
    """Goes through the lines of a statement in their order, and remembers what the earlier ones change."""

    def __init__(self, books: Books, at: datetime) -> None:
        self._books, self._seen, self._all, self._at = books, books.seen, books.everything, at
        self._stated, self._fees, self._held = set(books.stated), set(books.fees), dict(books.held)
        self._refunds = list(books.refunds)
        self._states: dict[int, str] = {}

    def judge(self, entry: StatementEntry, text: str) -> Judged:
        """What one line means now."""
        names = names_in(entry, text)
        meant = self._meant(entry, names)
        grants = {name: self._books.grants[name] for name in names if name in self._books.grants}
        if len(meant) > 1:
            return Judged(entry, Verdict.LEFT, "several")
        if meant:
            return self._of_payment(entry, meant[0])
        if grants and entry.is_credit and not entry.is_return and not entry.is_fee:
            if len(grants) > 1:
                return Judged(entry, Verdict.LEFT, "several_grants")
            return self._refunded(entry, *grants.values())
        whole = "of_an_order" if ORDER.fullmatch(entry.end_to_end) else "unknown_reference"
        why = "fee_unknown" if entry.is_fee else whole
        return Judged(entry, Verdict.LEFT, why, hidden=any(name in self._all for name in names))

    def _meant(self, entry: StatementEntry, names: list[str]) -> list[Disbursement]:
        """The payments that a line may mean: by our name for it, by the words of its text, else by the bank's own name."""
        if entry.end_to_end in self._seen:
            return [self._seen[entry.end_to_end]]
        meant = {self._seen[name].id: self._seen[name] for name in names if name in self._seen}
        by_bank = self._books.by_bank.get(entry.bank_reference)
        return list(meant.values()) or ([by_bank] if by_bank else [])

    def _of_payment(self, entry: StatementEntry, payment: Disbursement) -> Judged:
        verdict, why = self._of(entry, payment)
        held = self._held.get(payment.tranche.award_id, 0)
        is_new = self._state(payment) != payment.state
        if verdict == Verdict.RETURNED and held < payment.amount_minor and not is_new:
            verdict, why = Verdict.LEFT, "refunded_already"
        if verdict == Verdict.PAID:
            self._states[payment.id] = DisbursementState.PAID
        if verdict == Verdict.RETURNED:
            self._states[payment.id] = DisbursementState.RETURNED
        if verdict in (Verdict.PAID, Verdict.KNOWN) and not entry.is_credit:
            self._stated.add(payment.id)
        if verdict == Verdict.FEE:
            self._fees.add((payment.id, entry.booked_on, entry.amount_minor))
        return Judged(entry, verdict, why, payment)

    def _refunded(self, entry: StatementEntry, award: Award) -> Judged:
        """Money that names a grant and is no payment of ours: the grantee sends it back."""
        if entry.currency != award.currency:
            return Judged(entry, Verdict.LEFT, "currency_differs", award=award)
        for known in self._refunds:
            near = abs(known.received_on - entry.booked_on) <= ABOUT_THE_SAME_DAY
            same = known.amount_minor == entry.amount_minor and near
            if known.award_id == award.id and same:
                self._refunds.remove(known)
                return Judged(entry, Verdict.KNOWN, award=award, refund=known)
        held = self._held.get(award.id, 0)
        if not 0 < entry.amount_minor <= held:
            return Judged(entry, Verdict.LEFT, "refund_amount", award=award)
        self._held[award.id] = held - entry.amount_minor
        return Judged(entry, Verdict.REFUNDED, award=award)

    def _of(self, entry: StatementEntry, payment: Disbursement) -> tuple[Verdict, str]:
        if entry.currency != payment.currency:
            return Verdict.LEFT, "fee_currency" if entry.is_fee else "currency_differs"
        if entry.fee is not None and entry.fee.currency != payment.currency:
            return Verdict.LEFT, "fee_currency"
        if entry.is_fee:
            return self._fee(entry, payment)
        came_back = entry.is_credit and entry.is_return and 0 < entry.amount_minor <= payment.amount_minor
        if came_back and self._state(payment) == DisbursementState.RETURNED:
            return Verdict.KNOWN, ""
        whole = entry.amount_minor + (entry.fee_minor or 0 if came_back else 0)
        if payment.amount_minor not in (entry.amount_minor, whole):
            return Verdict.LEFT, "came_in_part" if came_back else "amount_differs"
        return self._came_in(entry, payment) if entry.is_credit else self._went_out(entry, payment)

    def _fee(self, entry: StatementEntry, payment: Disbursement) -> tuple[Verdict, str]:
        if entry.is_credit:
            return Verdict.LEFT, "unclear"
        twice = (payment.id, entry.booked_on, entry.amount_minor) in self._fees
        return (Verdict.LEFT, "fee_twice") if twice else (Verdict.FEE, "")

    def _state(self, payment: Disbursement) -> str:
        return self._states.get(payment.id, payment.state)

    def _went_out(self, entry: StatementEntry, payment: Disbursement) -> tuple[Verdict, str]:
        if entry.is_return or payment.id in self._stated:
            return Verdict.LEFT, "reversed" if entry.is_return else "stated_twice"
        state = self._state(payment)
        if state == DisbursementState.APPROVED:
            obstacles = obstacles_to_paying(
                payment, entry.booked_on, entry.bank_reference or entry.key, self._at, as_approved=True
            )
            days = [one for one in obstacles if one.code.startswith("paid_")]
            if days:
                return Verdict.LEFT, "refused"
            return Verdict.PAID, "" if payment.released_at or not obstacles_since_prepared(payment) else "sent_anyway"
        if state in (DisbursementState.PAID, DisbursementState.CONFIRMED, DisbursementState.RETURNED):
            return Verdict.KNOWN, ""
        return Verdict.LEFT, "not_approved" if state == DisbursementState.PREPARED else "given_up"

    def _came_in(self, entry: StatementEntry, payment: Disbursement) -> tuple[Verdict, str]:
        if not entry.is_return and not entry.end_to_end:
            return Verdict.LEFT, "unclear"
        state = self._state(payment)
        if state == DisbursementState.PAID or (state == DisbursementState.CONFIRMED and entry.is_return):
            return Verdict.RETURNED, entry.reason
        if state == DisbursementState.RETURNED:
            return Verdict.KNOWN, ""
        return Verdict.LEFT, "received" if state == DisbursementState.CONFIRMED else "not_sent"


def reason_in_words(code: str) -> Any:
    """Why money came back, in a sentence."""
    if code in REASONS:
        return REASONS[code]
    return _l("The bank gives the code %(code)s.", code=code) if code else _l("The bank gives no reason.")
