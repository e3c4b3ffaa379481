"""Random histories of money with faults, and what must hold at every moment of them.

A history is one grant from its signature on: whatever people may try, in any order, each in a transaction that really
commits. A step may be posted twice, be killed in the middle of its statements, or be done by two people at the same moment
on connections of their own; and people who own the database try to write past the product. What is refused changes
nothing, and what is not must leave the ledger whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Barrier, BrokenBarrierError
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError

from config import SAMPLE_ACCOUNT
from grants.accounts.models import Person
from grants.awards.models import Award
from grants.banking import actions as banking
from grants.banking import queries as bank_queries
from grants.banking import rules as bank_rules
from grants.banking.models import PaymentOrder
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.money import Money
from grants.core.permissions import scope
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.history.models import HistoryEntry
from grants.payments import actions, queries
from grants.payments.models import AccountKind, BankAccount, Disbursement, Refund, Tranche, Transfer
from grants.payments.queries import OVER, SENT
from grants.portfolio.queries import money_of_calls
from tests.banking.files import camt, line
from tests.payments import rows
from tests.payments.rows import CALL_BACK, IBAN, OTHER_IBAN, PDF, SIGNING_DAY, Scene

OWN = bank_rules.fund_account(SAMPLE_ACCOUNT)

MOVES = (
    *("prepare", "approve", "pay", "confirm", "return", "cancel", "refund", "ask", "withdraw", "account", "verify"),
    *("report", "order", "release", "statement", "wait"),
)
LIKELY = (
    "prepare",
    "approve",
    "pay",
    "prepare",
    "approve",
    "order",
    "release",
    "statement",
    "confirm",
    "verify",
    "wait",
)
FAULTS = (*[""] * 7, "double", "kill", "together")
FORGED = (
    "UPDATE transfer SET amount_minor = amount_minor + 1 WHERE id = (SELECT max(id) FROM transfer)",
    "DELETE FROM transfer WHERE id = (SELECT max(id) FROM transfer)",
    "DELETE FROM history_entry WHERE id = (SELECT max(id) FROM history_entry)",
    "UPDATE account SET credits_minor = credits_minor + 1 WHERE award_id = :award",
    "UPDATE disbursement SET approved_by_id = prepared_by_id WHERE tranche_id IN (SELECT id FROM tranche WHERE award_id = :award)",
    "UPDATE disbursement SET amount_minor = amount_minor + 1 WHERE tranche_id IN (SELECT id FROM tranche WHERE award_id = :award)",
)

STEP = st.tuples(
    st.one_of(st.sampled_from(LIKELY), st.sampled_from(MOVES)),
    st.integers(0, 2),
    st.integers(0, 3),
    st.integers(1, 1_100_000),
    st.sampled_from(FAULTS),
    st.integers(2, 14),
)


class Killed(Exception):
    """The process ended in the middle of a step."""


@dataclass
class Lived:
    """How much was lived through, and what became of it."""

    histories: int = 0
    steps: int = 0
    done: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    killed: int = 0
    forged_refused: int = 0


def run(number: int, steps: int, chance: int, *, app: Flask, lived: Lived) -> Lived:
    """Live through histories of so many steps on a database where commits are commits; raises where one breaks."""

    @seed(chance)
    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(STEP, min_size=steps, max_size=steps))
    def live(taken: list[Any]) -> None:
        if lived.histories >= number:
            return
        History(app, lived).live(taken)

    live()
    return lived


class History:
    """One grant, and what is tried with it."""

    def __init__(self, app: Flask, lived: Lived) -> None:
        self.app, self.lived, self.at = app, lived, SIGNING_DAY
        db.session.rollback()
        db.session.expunge_all()
        with clock.at(self.at), transaction():
            made = rows.scene()
            self.award_id, self.owner_id = made.award.id, made.owner.id
            self.officer_ids = [one.id for one in made.officers]
            self.tranche_ids = [one.id for one in made.tranches]
            self.final_id = made.final.id

    def live(self, taken: list[Any]) -> None:
        for n, (move, who, which, minor, fault, k) in enumerate(taken):
            self.lived.steps += 1
            if move == "wait":
                self.at += timedelta(days=1 + minor % 4)
            else:
                self._with_fault(move, who, which, minor, fault, k)
            if n % 10 == 9:
                self._forge(minor)
                with clock.at(self.at):
                    check(self.scene())
        with clock.at(self.at):
            check(self.scene())
            check_whole(self.scene())
        db.session.rollback()
        self.lived.histories += 1

    def scene(self) -> Scene:
        """The people and the grant as they are now, in the present session."""
        get = db.session.get_one
        award = get(Award, self.award_id)
        return Scene(
            award,
            award.organization,
            get(Person, self.owner_id),
            [get(Person, one) for one in self.officer_ids],
            None,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            [get(Tranche, one) for one in self.tranche_ids],
            get(rows.ReportDue, self.final_id),
        )

    def _with_fault(self, move: str, who: int, which: int, minor: int, fault: str, k: int) -> None:
        if fault == "together" and move != "report":  # what the grantee spent is told by the test itself
            self._together(move, who, which, minor)
            return
        with killed_after(k if fault == "kill" else None):
            self._once(move, who, which, minor)
        if fault == "double":
            self._once(move, who, which, minor)

    def _once(self, move: str, who: int, which: int, minor: int) -> str:
        try:
            with clock.at(self.at), transaction():
                step(self.scene(), move, who, which, minor, self.at)
        except (Refused, NoSuchMove):
            self.lived.refused += 1
            return "refused"
        except Killed:
            self.lived.killed += 1
            return "killed"
        finally:
            db.session.rollback()
            db.session.expunge_all()
        self.lived.done[move] += 1
        return "done"

    def _together(self, move: str, who: int, which: int, minor: int) -> None:
        """Two people do the same at the same moment, each on a connection of their own."""
        together = Barrier(2)

        def one(person: int) -> str:
            with self.app.test_request_context(method="POST"):
                try:
                    with suppress(BrokenBarrierError):
                        together.wait(10)
                    return self._once(move, person, which, minor)
                finally:
                    db.session.remove()

        with ThreadPoolExecutor(2) as pool:
            ended = list(pool.map(one, (who, (who + 1) % 3)))
        if move in ("prepare", "approve", "pay", "return", "confirm", "cancel"):
            assert ended.count("done") <= 1, (move, ended)

    def _forge(self, minor: int) -> None:
        """Somebody who may write to the database tries to write past the product; nothing changes."""
        statement = FORGED[minor % len(FORGED)]
        try:
            changed = db.session.execute(text(statement), {"award": self.award_id} if ":award" in statement else {})
            assert changed.rowcount == 0, statement
        except DBAPIError:
            self.lived.forged_refused += 1
        finally:
            db.session.rollback()


@contextmanager
def killed_after(statements: int | None) -> Iterator[None]:
    """The step ends with the so-manieth statement that it sends."""
    left = [statements or 0]

    def count(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    if statements is None:
        yield
        return
    event.listen(db.engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", count)


# ------------------------------------------------------------------ what is tried


def step(made: Scene, move: str, who: int, which: int, minor: int, at: datetime) -> None:
    """One person tries one thing; what is refused changes nothing."""
    by = made.officers[who]
    acts: dict[str, Callable[[], object]] = {
        "prepare": lambda: actions.prepare(made.tranches[which % 2], by=by),
        "refund": lambda: rows.refund(made, minor, by=by, received_on=at.date()),
        "ask": lambda: actions.ask_for_refund(
            made.award, amount=Money(minor, "EUR"), due_on=at.date(), reason="Unspent", by=by
        ),
        "withdraw": lambda: actions.withdraw_request(made.award, "Spent after all", by=by),
        "report": lambda: rows.spend(made, minor) if made.final.state != "accepted" else None,
        "account": lambda: (
            actions.enter_bank_account(
                made.organization, holder="H", number=IBAN if minor % 9 else OTHER_IBAN, bic="", currency="EUR", by=by
            )
            if minor % 4 == 0
            else None
        ),
        "verify": lambda: _verify(made, by),
        "order": lambda: _order(made, by, at),
        "release": lambda: _release(by),
        "statement": lambda: _statement(made, by, which, minor, at),
    }
    if move in acts:
        acts[move]()
    else:
        on_payment(made, move, by, which, at)


def payments_of(made: Scene) -> list[Disbursement]:
    found = select(Disbursement).join(Tranche).where(Tranche.award_id == made.award.id).order_by(Disbursement.id)
    return list(db.session.scalars(found.execution_options(populate_existing=True)))


def on_payment(made: Scene, move: str, by: Any, which: int, at: datetime) -> None:
    payments = payments_of(made)
    if not payments:
        raise Refused
    payment, day = payments[-1 - which % min(2, len(payments))], at.date()
    if move == "approve":
        actions.approve(payment, by=by)
    elif move == "pay":
        fee = Money(250, "EUR") if which == 3 else None
        paid = {"paid_on": day, "bank_reference": "B", "proof_name": "p.pdf", "proof_content": PDF}
        actions.pay(payment, fee=fee, by=by, **paid)
    elif move == "confirm":
        lost = which * 100
        received = Money(payment.amount.minor - lost, "EUR")
        why = "A bank on the way" if lost and which != 2 else ""
        actions.confirm(payment, received_on=day, received=received, rate=Decimal(1), by=made.owner, short_reason=why)
    elif move == "return":
        actions.return_(payment, "Came back", by=by)
    elif move == "cancel":
        actions.cancel(payment, "Given up", by=by)


def _verify(made: Scene, by: Any) -> None:
    account = queries.bank_account_of(made.organization.id)
    if account is not None:
        actions.verify_bank_account(account, CALL_BACK, by=by)


def _order(made: Scene, by: Any, at: datetime) -> None:
    chosen = [one for one in payments_of(made) if one.state == "approved"]
    banking.assemble(chosen, payer=OWN, execute_on=at.date(), by=by)


def _release(by: Any) -> None:
    order = db.session.scalar(select(PaymentOrder).order_by(PaymentOrder.id.desc()).limit(1))
    if order is not None:
        banking.release(order, payer=OWN, by=by)


def _statement(made: Scene, by: Any, which: int, minor: int, at: datetime) -> None:
    """The bank says that the last payment was sent, or that it came back; or it says something wrong."""
    payments = payments_of(made)
    if not payments:
        return
    payment = payments[-1]
    amount = payment.amount.amount + (1 if minor % 11 == 0 else 0)
    back = {"credit": True, "returned": "AC04"} if which == 1 else {"fee": "2.50" if which == 2 else ""}
    name = "NOBODY" if minor % 13 == 0 else payment.reference
    day = at.date().isoformat()
    key = f"{payment.reference}-{which}-{minor % 5}"
    content = camt(line(str(amount), name, on=day, reference=key, **back), reference=key)  # type: ignore[arg-type]
    statement = banking.bring(content, own=OWN, by=by)
    seen = scope(by, Disbursement)
    banking.apply(statement, "Left", seen=seen, everything=bank_queries.every_payment(), by=by)


# ------------------------------------------------------------------ what must hold


def check(made: Scene) -> None:
    """What must hold for one grant at every moment."""
    award = made.award
    payments = payments_of(made)
    sent = sum(p.amount_minor for p in payments if p.state in SENT)
    live = sum(p.amount_minor for p in payments if p.state not in OVER)
    refunds = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(Refund.award_id == award.id)
    refunded = int(db.session.scalar(refunds) or 0)
    # What was paid, less what came back, is never above the award, and never below zero.
    assert 0 <= sent - refunded <= award.amount_minor
    assert live - refunded <= award.amount_minor
    assert len({p.tranche_id for p in payments if p.state not in OVER}) == sum(p.state not in OVER for p in payments)
    # At least two people for each payment, and never an account that nobody else had verified.
    for payment in payments:
        assert payment.approved_by_id != payment.prepared_by_id
        if payment.approved_by_id is not None:
            account = db.session.get(BankAccount, payment.bank_account_id)
            assert account is not None
            assert account.verified_by_id not in (None, account.entered_by_id)
        if payment.state in ("approved", *SENT):
            assert queries.is_as_approved(payment)
    # The ledger says what the tables of payments say.
    held = {kind: money.minor for kind, money in queries.balances_of(award).items()}
    approved = sum(p.amount_minor for p in payments if p.state == "approved")
    assert held.get(AccountKind.PAYABLE, 0) == approved
    assert held.get(AccountKind.PAID, 0) == sent - refunded
    assert held.get(AccountKind.REFUNDED, 0) == refunded
    assert held.get(AccountKind.COMMITTED, 0) == award.amount_minor - approved - sent
    # The page tells the same figures.
    position = queries.position(award)
    assert (position.paid.minor, position.promised.minor, position.refunded.minor) == (sent, live, refunded)
    # Every payment has a story that begins with its preparation and whose last move ends in the state it is in.
    for payment in payments:
        entries = select(HistoryEntry).where(
            HistoryEntry.subject_kind == "disbursement", HistoryEntry.subject_id == payment.id
        )
        story = [one for one in db.session.scalars(entries.order_by(HistoryEntry.id)) if one.to_state]
        assert story[0].verb == "prepare"
        assert story[-1].to_state == payment.state


def check_whole(made: Scene) -> None:
    """What must hold for the ledger of a call: it balances, and says what the portfolio says."""
    call = made.award.call
    for trial in queries.trial_balance(call=call.reference):
        assert trial.balances
        assert sum(trial.minor.values()) == 0
        assert all(minor >= 0 for kind, minor in trial.minor.items() if kind != AccountKind.DONOR)
    (now,) = queries.trial_balance(call=call.reference)
    (past,) = queries.trial_balance(clock.now(), call=call.reference)
    assert now == past
    fees = select(func.coalesce(func.sum(Transfer.amount_minor), 0)).join(Transfer.debit_account)
    taken = db.session.scalar(fees.where(Transfer.memo == "fee", Transfer.debit_account.has(call_id=call.id)))
    assert now.minor["fees"] == taken
    shown = next((one for one in money_of_calls() if one.reference == call.reference), None)
    if shown is not None:
        told = (shown.committed.minor, shown.payable.minor, shown.paid.minor)
        assert told == (now.minor["committed"], now.minor["payable"], now.minor["paid"])
    assert queries.wrong_totals() == []
