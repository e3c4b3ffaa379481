"""Payment orders and statements of the bank, as they are taken out in a file; nothing of an account stands in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grants.banking import actions, queries, rules
from grants.banking.models import BankStatement, PaymentOrder, Verdict
from grants.banking.rules import Judged
from grants.banking.workflow import OrderState, StatementState
from grants.core.languages import _l
from grants.core.listings import Asked, Column, Kind, Lines, listing_of, yes_or_no
from grants.core.money import Money
from grants.core.permissions import scope
from grants.core.web import found
from grants.payments.models import Disbursement


def _together(order: PaymentOrder) -> Money | None:
    amounts = [line.disbursement.amount for line in order.lines]
    return sum(amounts[1:], amounts[0]) if amounts else None


@listing_of(
    "banking.orders",
    _l("Payment orders"),
    Column(_l("Order"), "reference"),
    Column(_l("State"), lambda order: OrderState(order.state).label),
    Column(_l("Put together"), "assembled_at", Kind.MOMENT),
    Column(_l("By"), "assembled_by.name"),
    Column(_l("Released"), "released_at", Kind.MOMENT),
    Column(_l("To be carried out on"), "execute_on", Kind.DAY),
    Column(_l("Payments"), lambda order: len(order.lines), Kind.NUMBER),
    Column(_l("Amount"), _together, Kind.AMOUNT),
)
def orders(asked: Asked) -> Lines:
    """Every payment order, the latest first."""
    rows, number = queries.orders(scope(asked.person, PaymentOrder), None)
    return Lines(number, rows)


@listing_of(
    "banking.statements",
    _l("Statements of the bank"),
    Column(_l("Statement"), "reference"),
    Column(_l("State"), lambda statement: StatementState(statement.state).label),
    Column(_l("Brought"), "brought_at", Kind.MOMENT),
    Column(_l("By"), "brought_by.name"),
    Column(_l("SHA-256"), "sha256"),
)
def statements(asked: Asked) -> Lines:
    """Every statement that was brought, the latest first."""
    rows, number = queries.statements(scope(asked.person, BankStatement), None)
    return Lines(number, rows)


def _why(line: Judged) -> Any:
    if line.verdict == Verdict.LEFT:
        return rules.WHY[line.why]
    return rules.reason_in_words(line.why) if line.verdict == Verdict.RETURNED else None


def _of_entry(name: str) -> Callable[[Judged], Any]:
    return lambda line: getattr(line.entry, name)


@listing_of(
    "banking.statement",
    _l("Statement of the bank"),
    Column(_l("Booked on"), _of_entry("booked_on"), Kind.DAY),
    Column(_l("Payment"), lambda line: line.payment and line.payment.reference),
    Column(_l("What it means"), lambda line: rules.VERDICTS[line.verdict][0]),
    Column(_l("Why"), _why),
    Column(_l("Money coming in"), lambda line: yes_or_no(line.entry.is_credit)),
    Column(_l("Amount"), _of_entry("amount"), Kind.AMOUNT),
)
def statement(asked: Asked) -> Lines:
    """What the lines of a statement mean, or what became of them; not what the bank wrote, which may name anybody."""
    number = int(asked.get("number"))
    shown = found(queries.statement_by_number(scope(asked.person, BankStatement), number))
    judged = actions.judged(shown, scope(asked.person, Disbursement), queries.every_payment())
    lines = [one for one in judged if not one.hidden]
    return Lines(len(lines), lines)
