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
from unittest.mock import patch

from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import Select, event, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from config import SAMPLE_ACCOUNT
from grants.accounts.models import Person
from grants.amendments import actions as amendments
from grants.amendments.models import Amendment, Kind
from grants.amendments.rules import Request
from grants.awards import actions as awards
from grants.awards import queries as award_queries
from grants.awards.models import Award
from grants.banking import actions as banking
from grants.banking import queries as bank_queries
from grants.banking import rules as bank_rules
from grants.banking.models import BankStatement, OrderLine, PaymentOrder
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.money import Money
from grants.core.permissions import scope
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.history.models import HistoryEntry
from grants.home.queries import money_of_calls
from grants.payments import actions, queries
from grants.payments.models import AccountKind, BankAccount, Disbursement, Refund, Tranche, Transfer
from grants.payments.queries import OVER, SENT
from tests.banking.files import camt, line
from tests.payments import rows
from tests.payments.rows import CALL_BACK, IBAN, OTHER_IBAN, PDF, SIGNING_DAY, Scene

OWN = bank_rules.fund_account(SAMPLE_ACCOUNT)

MOVES = (
    *(
        "prepare",
        "approve",
        "take on",
        "let go",
        "pay",
        "confirm",
        "return",
        "cancel",
        "refund",
        "ask",
        "withdraw",
        "account",
        "verify",
    ),
    *("report", "order", "release", "statement", "wait"),
    *("part", "unpay", "unreturn", "unrefund", "unline", "take out", "dissolve"),
    *("suspend", "resume", "terminate", "close", "postpone", "raise", "lower", "amend"),
)
"""Everything that is tried with a grant. ``un…`` takes back what was recorded, ``part`` is a return of less than was sent."""
LIKELY = (*["next"] * 36, *MOVES)
"""Mostly what comes next in the life of a payment, so that there is something to go wrong; see :func:`natural`."""
BY_ONE = ("report", "close")
"""What the test itself tells, which is no act of the product that two people could do at once."""
FITS = {
    **dict.fromkeys(("return", "part"), SENT),
    "unreturn": ("returned",),
    "unpay": ("paid",),
    "approve": ("prepared",),
    **dict.fromkeys(("take on", "let go", "pay"), ("approved",)),
    "confirm": ("paid",),
}
"""On which payments something is tried where there is one; else it is refused."""
FAULTS = (*[""] * 7, "double", "kill", "together")
FORGED = (
    "UPDATE transfer SET amount_minor = amount_minor + 1 WHERE id = (SELECT max(id) FROM transfer)",
    "DELETE FROM transfer WHERE id = (SELECT max(id) FROM transfer)",
    (
        "INSERT INTO refund (reference, award_id, amount_minor, currency, received_on, bank_reference, proof_id, recorded_by_id)"
        " SELECT 'forged', award_id, 1, currency, received_on, bank_reference, proof_id, recorded_by_id FROM refund r"
        " WHERE award_id = :award AND corrects_id IS NULL AND NOT EXISTS (SELECT FROM refund c WHERE c.corrects_id = r.id)"
    ),
    "UPDATE tranche SET amount_minor = amount_minor + 1 WHERE award_id = :award",
    (
        "UPDATE call SET envelope_minor = envelope_minor - 1 - (SELECT balance_minor FROM account WHERE kind = 'envelope'"
        " AND call_id = call.id) WHERE id = (SELECT call_id FROM award WHERE id = :award)"
    ),
    "DELETE FROM history_entry WHERE id = (SELECT max(id) FROM history_entry)",
    "UPDATE account SET credits_minor = credits_minor + 1 WHERE award_id = :award",
    "UPDATE disbursement SET approved_by_id = prepared_by_id WHERE tranche_id IN (SELECT id FROM tranche WHERE award_id = :award)",
    "UPDATE disbursement SET amount_minor = amount_minor + 1 WHERE tranche_id IN (SELECT id FROM tranche WHERE award_id = :award)",
)

STEP = st.tuples(
    st.sampled_from(LIKELY),
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

    @property
    def told(self) -> dict[str, Any]:
        """The figures, and how often each kind of move was made."""
        counts = {"histories": self.histories, "steps": self.steps, "killed": self.killed, "refused": self.refused}
        return counts | {"forged": self.forged_refused, "made": dict(sorted(self.done.items()))}


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

    # What the extract of a line looks like is tested elsewhere, and drawing it would take most of the time.
    with patch("grants.core.pdf.render", lambda *_, **__: PDF):
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
        if move == "next":
            with clock.at(self.at):
                move, who = natural(self.scene(), who)
            db.session.rollback()
            db.session.expunge_all()
        if move == "wait":
            self.at += timedelta(days=1 + minor % 4)
            return
        if fault == "together" and move not in BY_ONE:
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
        except IntegrityError as error:
            # An envelope is a number that people write; the database alone knows what is committed of it.
            if move != "lower" or "never_overdrawn" not in str(error):
                raise
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
        if move in ("prepare", "approve", "take on", "pay", "cancel", "terminate"):
            assert ended.count("done") <= 1, (move, ended)

    def _forge(self, minor: int) -> None:
        """Somebody who may write to the database tries to write past the product; nothing changes."""
        statement = FORGED[minor % len(FORGED)]
        try:
            changed = db.session.execute(text(statement), {"award": self.award_id} if ":award" in statement else {})
            if changed.rowcount:
                db.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
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
        "take out": lambda: _take_out(by),
        "dissolve": lambda: banking.dissolve(_last(PaymentOrder), "Not today", by=by),
        "unline": lambda: _take_line_back(by, which),
        "unrefund": lambda: _take_refund_back(made, by),
        "suspend": lambda: awards.suspend(made.award, "Waiting", by=by),
        "resume": lambda: awards.resume(made.award, "Settled", by=by),
        "terminate": lambda: _rarely(minor, 5) and amendments.terminate(made.award, "Ended", by=by),
        "close": lambda: _rarely(minor, 5) and _close(made, by),
        "postpone": lambda: actions.postpone(
            made.award, 1 + which % 2, at.date() + timedelta(days=minor % 90), "Later", by=by
        ),
        "amend": lambda: _amend(made, by, which, minor),
        "raise": lambda: _envelope(made, 12_000_000 + minor),
        "lower": lambda: _envelope(made, 900_000 + minor),
        "statement": lambda: _statement(made, by, which, minor, at),
    }
    if move in acts:
        acts[move]()
    else:
        on_payment(made, move, by, which, at)


def natural(made: Scene, who: int) -> tuple[str, int]:  # noqa: PLR0911 - one answer for each place it may stand
    """What comes next in the life of a grant and its payments, and by whom: by another person than the one before."""
    award, payments = made.award, payments_of(made)
    account = queries.bank_account_of(made.organization.id)
    live = [one for one in payments if one.state not in OVER]
    last = live[-1] if live else None
    ids = [one.id for one in made.officers]

    def other(than: int) -> int:
        return (ids.index(than) + 1 + who % 2) % 3 if than in ids else who

    if award.state == "suspended":
        return "resume", who
    if account is None:
        return "account", who
    if account.state == "unverified":
        return "verify", other(account.entered_by_id)
    if last is None or (last.state == "confirmed" and made.final.state == "accepted" and len(live) == 1):
        return "prepare", who
    if last.state == "confirmed":
        return ("report", "part", "refund")[who] if len(live) == 1 else ("return", "part", "refund")[who], who
    if last.state == "prepared":
        return "approve", other(last.prepared_by_id)
    if last.state == "paid":
        return ("confirm", "confirm", "return")[who], who
    if last.sending_by_id is not None:
        return ("pay", "pay", "statement")[who], who
    if last.released_at is not None:
        return "statement", who
    if last.order_reference:
        return "release", other(_last(PaymentOrder).assembled_by_id)
    return ("order", "order", "take on")[who], who


def payments_of(made: Scene) -> list[Disbursement]:
    found = select(Disbursement).join(Tranche).where(Tranche.award_id == made.award.id).order_by(Disbursement.id)
    return list(db.session.scalars(found.execution_options(populate_existing=True)))


def on_payment(made: Scene, move: str, by: Any, which: int, at: datetime) -> None:
    payments = payments_of(made)
    if not payments:
        raise Refused
    fitting = [one for one in payments if one.state in FITS.get(move, (one.state,))] or payments
    payment, day = fitting[-1 - which % min(2, len(fitting))], at.date()
    if move == "approve":
        actions.approve(payment, by=by)
    elif move == "take on":
        actions.take_on(payment, by=by)
    elif move == "let go":
        actions.let_go(payment, "The bank was closed", by=by)
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
    elif move == "part":
        came = Money(max(1, payment.amount_minor * (1 + which) // 5), "EUR")
        actions.return_(payment, "A part came back", came=came, rest_stayed=which > 0, by=by)
    elif move == "unpay":
        actions.take_back(payment, "Another line", by=by)
    elif move == "unreturn":
        actions.take_back_return(payment, "Another line", by=by)
    elif move == "cancel":
        actions.cancel(payment, "Given up", by=by)


def _verify(made: Scene, by: Any) -> None:
    account = queries.bank_account_of(made.organization.id)
    if account is not None:
        actions.verify_bank_account(account, CALL_BACK, by=by)


def _order(made: Scene, by: Any, at: datetime) -> None:
    chosen = [one for one in payments_of(made) if one.state == "approved"]
    banking.assemble(chosen, payer=OWN, execute_on=at.date(), by=by)


def _last(kind: Any) -> Any:
    """The latest of something; every history tries its own, for the others are over."""
    found = db.session.scalar(select(kind).order_by(kind.id.desc()).limit(1))
    if found is None:
        raise Refused
    return found


def _rarely(minor: int, times: int) -> bool:
    """Once in so many: what ends a grant leaves little to live through."""
    if minor % times:
        raise Refused
    return True


def _release(by: Any) -> None:
    banking.release(_last(PaymentOrder), payer=OWN, by=by)


def _take_out(by: Any) -> None:
    order = _last(PaymentOrder)
    banking.take_out(order, order.lines[-1].disbursement.reference, "AC04", by=by)


def _take_line_back(by: Any, which: int) -> None:
    statement = _last(BankStatement)
    lines = bank_queries.entries_of(statement)
    if not lines:
        raise Refused
    banking.take_line_back(statement, lines[which % len(lines)].id, "Another grant", by=by)


def _take_refund_back(made: Scene, by: Any) -> None:
    refunds = queries.refunds_of(made.award)
    if not refunds:
        raise Refused
    actions.take_back_refund(made.award, refunds[0], "Another grant", by=by)


def _envelope(made: Scene, minor: int) -> None:
    made.award.call.envelope_minor = minor
    db.session.flush()


def _amend(made: Scene, by: Any, which: int, minor: int) -> None:
    """The grantee asks for more time or for another budget, the fund agrees to it, and it is signed."""
    end_on = made.award.end_on
    if end_on is None:
        raise Refused
    if which % 2:
        asked = Request(frozenset({Kind.EXTENSION}), "The rains came.", end_on=end_on + timedelta(days=1 + minor % 29))
    else:
        moves = {"activities": -minor, "staff": minor}
        asked = Request(frozenset({Kind.BUDGET}), "Prices rose.", moves=moves)
    amendment = amendments.ask(made.award, asked, by=made.owner)
    if isinstance(amendment, Amendment):
        amendments.approve(amendment, by=by)
        amendments.hand_in(amendment, by=made.owner)
        amendments.draw_up(amendment, by=by)
        amendments.sign(amendment, signature=made.owner.name, by=made.owner)


def _close(made: Scene, by: Any) -> None:
    """The grant ends as a close-out ends it: every payment is received or given up, and the rest goes back."""
    queries.lock_grant(made.award.id)
    db.session.refresh(made.award, ["state"])
    over = all(one.state in (*OVER, "confirmed") for one in payments_of(made))
    if not over or made.award.state not in ("active", "terminated"):
        raise Refused
    actions.release_rest(made.award, by=by)
    awards.close(made.award, by=by)


def _statement(made: Scene, by: Any, which: int, minor: int, at: datetime) -> None:
    """The bank says that the last payment was sent, or that it came back; or it says something wrong."""
    payments = payments_of(made)
    if not payments:
        return
    if which == 3:
        _refund_stated(made, by, minor, at)
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


def _refund_stated(made: Scene, by: Any, minor: int, at: datetime) -> None:
    """The bank says that the grantee has sent money back; some of it was recorded by hand already."""
    known = queries.refunds_of(made.award)
    amount = Money(abs(known[0].amount_minor) if known and minor % 2 else minor, "EUR").amount
    key = f"{made.award.reference}-back-{minor}"
    content = camt(
        line(str(amount), text=f"Refund {made.award.reference}", credit=True, on=at.date().isoformat(), reference=key),
        reference=key,
    )
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
    released = queries.released_of(award).minor
    assert held.get(AccountKind.COMMITTED, 0) == award.amount_minor - approved - sent - released
    # The instalments add up to the award, and none carries more than was planned for it.
    plan = {one.id: one.amount_minor for one in db.session.scalars(_plan_of(award))}
    assert sum(plan.values()) == award.amount_minor
    assert all(p.amount_minor <= plan[p.tranche_id] for p in payments if p.state not in OVER)
    # What was signed last says how much the grant is and until when; its headings add up to it.
    db.session.refresh(award)
    signed = award_queries.versions_of(award)[-1].terms
    assert (signed["minor"], signed["end_on"]) == (award.amount_minor, award.end_on and award.end_on.isoformat())
    assert sum(queries.budget_minors(award)) == award.amount_minor
    # What an order holds goes no other way.
    ordered = {one.disbursement_id: one.order.reference for one in db.session.scalars(_ordered_of(payments))}
    assert {p.id: p.order_reference for p in payments if p.order_reference and p.state == "approved"} == {
        p.id: ordered[p.id] for p in payments if p.id in ordered and p.state == "approved"
    }
    # Each refund is taken back once at most, and whole.
    refunds_ = queries.refunds_of(award)
    assert len({one.corrects_id for one in refunds_ if one.corrects_id}) == sum(
        one.corrects_id is not None for one in refunds_
    )
    gone = {one.corrects_id for one in refunds_}
    names = [one.bank_reference.lower() for one in refunds_ if one.corrects_id is None and one.id not in gone]
    assert len(names) == len(set(names))
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


def _plan_of(award: Award) -> Select[Tranche]:
    found = select(Tranche).where(Tranche.award_id == award.id, Tranche.cancelled_on.is_(None))
    return found.execution_options(populate_existing=True)


def _ordered_of(payments: list[Disbursement]) -> Select[OrderLine]:
    found = select(OrderLine).where(OrderLine.stands, OrderLine.disbursement_id.in_([one.id for one in payments]))
    return found.execution_options(populate_existing=True)


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
    moved = select(Transfer.memo, func.sum(Transfer.amount_minor)).where(Transfer.debit_account.has(call_id=call.id))
    of_memo = {memo: int(minor) for memo, minor in db.session.execute(moved.group_by(Transfer.memo))}
    assert now.minor["fees"] == of_memo.get("fee", 0) - of_memo.get("unfee", 0)
    # The donor gave the envelope as it is now, and what banks took.
    db.session.refresh(call, ["envelope_minor"])
    assert -now.minor["donor"] == call.envelope_minor + now.minor["fees"]
    shown = next((one for one in money_of_calls() if one.reference == call.reference), None)
    if shown is not None:
        told = (shown.committed.minor, shown.payable.minor, shown.paid.minor)
        assert told == (now.minor["committed"], now.minor["payable"], now.minor["paid"])
    assert queries.wrong_totals() == []
