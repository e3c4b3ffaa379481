"""Whatever order people do things in, the money adds up."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from grants.core.db import db
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.history.models import HistoryEntry
from grants.payments import actions, queries
from grants.payments.models import AccountKind, BankAccount, Disbursement, Refund, Tranche
from grants.payments.queries import OVER, SENT
from tests.payments import rows
from tests.payments.rows import CALL_BACK, IBAN, OTHER_IBAN, PDF, Scene

MOVES = ("prepare", "approve", "pay", "confirm", "return", "cancel", "refund", "account", "verify", "report")

STEPS = st.lists(
    st.tuples(st.sampled_from(MOVES), st.integers(0, 2), st.integers(0, 3), st.integers(1, 1_100_000)),
    min_size=4,
    max_size=25,
)


def step(made: Scene, move: str, who: int, which: int, minor: int) -> None:
    """One person tries one thing on one payment; what is refused changes nothing."""
    by = made.officers[who]
    tranche = made.tranches[which % 2]
    if move == "prepare":
        actions.prepare(tranche, by=by)
    elif move == "refund":
        rows.refund(made, minor, by=by)
    elif move == "report":
        rows.spend(made, minor)
    elif move == "account":
        number = IBAN if which % 2 else OTHER_IBAN
        actions.enter_bank_account(made.organization, holder="H", number=number, bic="", currency="EUR", by=by)
    elif move == "verify":
        account = queries.bank_account_of(made.organization.id)
        if account is not None:
            actions.verify_bank_account(account, CALL_BACK, by=by)
    else:
        on_payment(made, move, by, which)


def on_payment(made: Scene, move: str, by: Any, which: int) -> None:
    found = select(Disbursement).join(Tranche).where(Tranche.award_id == made.award.id).order_by(Disbursement.id)
    payments = list(db.session.scalars(found))
    if not payments:
        return
    payment = payments[-1 - which % len(payments)]
    day = date(2027, 5, 10)
    if move == "approve":
        actions.approve(payment, by=by)
    elif move == "pay":
        actions.pay(payment, paid_on=day, bank_reference="B", proof_name="p.pdf", proof_content=PDF, by=by)
    elif move == "confirm":
        actions.confirm(payment, received_on=day, received=payment.amount, rate=Decimal(1), by=made.owner)
    elif move == "return":
        actions.return_(payment, "Came back", by=by)
    elif move == "cancel":
        actions.cancel(payment, "Given up", by=by)


def check(made: Scene) -> None:
    award = made.award
    found = select(Disbursement).join(Tranche).where(Tranche.award_id == award.id)
    payments = list(db.session.scalars(found.execution_options(populate_existing=True)))
    sent = sum(p.amount_minor for p in payments if p.state in SENT)
    live = sum(p.amount_minor for p in payments if p.state not in OVER)
    refunds = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(Refund.award_id == award.id)
    refunded = int(db.session.scalar(refunds) or 0)
    # What was paid, less what came back, is never above the award, and never below zero.
    assert 0 <= sent - refunded <= award.amount_minor
    assert live - refunded <= award.amount_minor
    assert len({p.tranche_id for p in payments if p.state not in OVER}) == sum(p.state not in OVER for p in payments)
    # Never the same person, and never an account that nobody else had verified.
    for payment in payments:
        assert payment.approved_by_id != payment.prepared_by_id
        if payment.approved_by_id is not None:
            account = db.session.get(BankAccount, payment.bank_account_id)
            assert account is not None
            assert account.verified_by_id not in (None, account.entered_by_id)
    # The ledger balances, and says what the tables of payments say.
    for trial in queries.trial_balance():
        assert trial.balances
    assert rows.wrong_totals() == []
    held = {kind: money.minor for kind, money in queries.balances_of(award).items()}
    approved = sum(p.amount_minor for p in payments if p.state == "approved")
    assert held.get(AccountKind.PAYABLE, 0) == approved
    assert held.get(AccountKind.PAID, 0) == sent - refunded
    assert held.get(AccountKind.REFUNDED, 0) == refunded
    assert held.get(AccountKind.COMMITTED, 0) == award.amount_minor - approved - sent
    # The page tells the same figures.
    position = queries.position(award)
    assert (position.paid.minor, position.promised.minor, position.refunded.minor) == (sent, live, refunded)
    # Every payment has a story that begins with its preparation and ends in the state it is in.
    for payment in payments:
        entries = select(HistoryEntry).where(
            HistoryEntry.subject_kind == "disbursement", HistoryEntry.subject_id == payment.id
        )
        story = list(db.session.scalars(entries.order_by(HistoryEntry.id)))
        assert story[0].verb == "prepare"
        assert story[-1].to_state == payment.state


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_money_adds_up_whoever_does_what_in_which_order(app: Flask, steps: list[tuple[str, int, int, int]]) -> None:
    db.session.rollback()
    made = rows.scene()
    award_id = made.award.id
    for move, who, which, minor in steps:
        with suppress(Refused, NoSuchMove, IntegrityError), db.session.begin_nested():
            step(made, move, who, which, minor)
        assert made.award.id == award_id
    check(made)
    db.session.rollback()


LIKELY = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["confirm", "return", "cancel"])), min_size=1, max_size=6
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=LIKELY, spent=st.integers(0, 1_200_000), back=st.integers(1, 1_000_000))
def test_money_adds_up_along_the_whole_way(app: Flask, steps: list[tuple[int, str]], spent: int, back: int) -> None:
    """Payments that get far: prepared, approved by the next person, sent, and then confirmed, returned or given up."""
    db.session.rollback()
    made = rows.scene()
    for n, (who, end) in enumerate(steps):
        if n == len(steps) // 2:
            rows.spend(made, spent)
        tranche = made.tranches[0 if n < len(steps) // 2 + 1 else 1]
        for move in ("prepare", "approve", *(("cancel",) if end == "cancel" else ("pay", end))):
            by = who + 1 if move == "approve" else who
            with suppress(Refused, NoSuchMove, IntegrityError), db.session.begin_nested():
                step(made, move, by % 3, tranche.number - 1 if move == "prepare" else 0, 1)
    with suppress(Refused), db.session.begin_nested():
        rows.refund(made, back)
    check(made)
    db.session.rollback()
