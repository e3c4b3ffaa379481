"""The finance queue and the ledger, as they are taken out in a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

from grants.accounts.models import Confidentiality
from grants.awards.models import Award
from grants.awards.queries import award_by_reference
from grants.core.languages import _l
from grants.core.listings import Asked, Column, Kind, Lines, listing_of
from grants.core.money import Money
from grants.core.permissions import require, scope
from grants.core.web import found
from grants.payments import permissions, queries, rules
from grants.payments.models import AccountKind, Disbursement, Transfer
from grants.payments.queries import GrantBalance, PaymentLine, Standing, TransferLine
from grants.payments.workflow import DisbursementState

WAITING = ("due", "waiting")


class Payable(NamedTuple):
    """A payment as it stands: one that can be prepared, one that waits and why, or one that was prepared."""

    award: str
    organization: str
    confidentiality: str
    number: int
    due_on: date
    stands: Any
    why: str
    amount: Money
    payment: str | None = None
    prepared_by: str | None = None
    approved_by: str | None = None
    paid_on: date | None = None


def _planned(tranches: Iterator[Standing], at: datetime) -> Iterator[Payable]:
    for one in tranches:
        why = "; ".join(str(obstacle.message) for obstacle in rules.obstacles_to_preparing(one, at))
        stands, amount = (_l("Waiting"), one.amount) if why else (_l("Due now"), one.to_pay)
        about = (one.award_reference, one.organization_name, one.confidentiality, one.number, one.due_on)
        yield Payable(*about, stands, why, amount)


def _prepared(payment: PaymentLine) -> Payable:
    about = (payment.award_reference, payment.organization_name, payment.confidentiality, payment.number)
    stands = DisbursementState(payment.state).label
    people = (payment.reference, payment.prepared_by, payment.approved_by, payment.paid_on)
    return Payable(*about, payment.due_on, stands, "", payment.amount, *people)


@listing_of(
    "payments.queue",
    _l("Payments"),
    Column(_l("Grant"), "award"),
    Column(_l("Grantee"), "organization", tells=True),
    Column(_l("Tranche"), "number", Kind.NUMBER),
    Column(_l("Payment"), "payment"),
    Column(_l("Where it stands"), "stands"),
    Column(_l("Planned for"), "due_on", Kind.DAY),
    Column(_l("Amount"), "amount", Kind.AMOUNT),
    Column(_l("What stands in the way"), "why", tells=True),
    Column(_l("Prepared by"), "prepared_by"),
    Column(_l("Approved by"), "approved_by"),
    Column(_l("Sent"), "paid_on", Kind.DAY),
    withheld=lambda payment: payment.confidentiality != Confidentiality.PUBLIC,
)
def payments(asked: Asked) -> Lines:
    """What is to be paid, by where it stands."""
    show = asked.get("show") or "due"
    figures, _page = queries.queue(scope(asked.person, Award), asked.at, show=show)
    figure = found(figures.get(show))
    if show in WAITING:
        return Lines(figure.number, _planned(queries.whole_queue(scope(asked.person, Award), asked.at, show), asked.at))
    return Lines(figure.number, map(_prepared, queries.every_payment_in(show, scope(asked.person, Disbursement))))


# ------------------------------------------------------------------ the ledger


def _until(asked: Asked) -> datetime | None:
    """The end of the day that the address names; None asks for the present."""
    try:
        return rules.end_of(date.fromisoformat(asked.get("at")), asked.person.timezone)
    except ValueError:
        return None


def _amount(move: TransferLine) -> Money:
    return Money(move.amount_minor, move.currency)


MOVES = (
    Column(_l("When"), "at", Kind.MOMENT),
    Column(_l("Move"), lambda move: rules.MOVES[move.memo]),
    Column(_l("Call"), "call_reference"),
    Column(_l("Grant"), "award_reference"),
    Column(_l("Payment"), "payment"),
    Column(_l("Out of"), lambda move: rules.POTS[move.debit_kind]),
    Column(_l("Into"), lambda move: rules.POTS[move.credit_kind]),
    Column(_l("Amount"), _amount, Kind.AMOUNT),
    Column(_l("By"), "by"),
)


@listing_of("payments.ledger", _l("Ledger"), *MOVES)
def ledger(asked: Asked) -> Lines:
    """Every move of money, or those of one call, until a day."""
    require(permissions.can_see_ledger(asked.person))
    seen, call, at = scope(asked.person, Transfer), asked.get("call")[:60], _until(asked)
    _page, number = queries.transfers(seen, call=call, at=at)
    return Lines(number, queries.every_transfer(seen, call=call, at=at))


@listing_of("payments.ledger_of_grant", _l("Ledger of the grant"), *MOVES)
def ledger_of_grant(asked: Asked) -> Lines:
    """Every move of the money of one grant, until a day."""
    require(permissions.can_see_ledger(asked.person))
    award = found(award_by_reference(scope(asked.person, Award), asked.get("reference")))
    seen, at = scope(asked.person, Transfer), _until(asked)
    _page, number = queries.transfers(seen, award=award, at=at)
    return Lines(number, queries.every_transfer(seen, award=award, at=at))


def _pot(kind: AccountKind) -> Column:
    def held(grant: GrantBalance) -> Money:
        return grant.of(kind)

    return Column(rules.POTS[kind], held, Kind.AMOUNT)


@listing_of(
    "payments.ledger_of_call",
    _l("Ledger of a call"),
    Column(_l("Grant"), "reference"),
    Column(_l("Grantee"), "organization_name", tells=True),
    *map(_pot, (AccountKind.COMMITTED, AccountKind.PAYABLE, AccountKind.PAID, AccountKind.REFUNDED)),
    withheld=lambda grant: grant.confidentiality != Confidentiality.PUBLIC,
)
def ledger_of_call(asked: Asked) -> Lines:
    """The grants of a call with what was in their pots at the end of a day."""
    require(permissions.can_see_ledger(asked.person))
    call = asked.get("call")[:60]
    grants, number = queries.balances_by_grant(scope(asked.person, Award), call, at=_until(asked), page=None)
    return Lines(number, grants)
