"""Finding what can be ordered from the bank, the orders and statements, and which payment a line of a statement means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import aliased, contains_eager, joinedload, selectinload, undefer

from grants.accounts.models import Organization, Person
from grants.awards.models import Award
from grants.banking.models import BankStatement, OrderLine, PaymentOrder, StatementEntry, StatementShape, Verdict
from grants.banking.workflow import StatementState
from grants.core.db import db, paged
from grants.payments.models import Account, AccountKind, BankAccount, Disbursement, Refund, Tranche
from grants.payments.workflow import DisbursementState

PAGE = 25
LINES = 100
MOST_IN_ORDER = 500
"""So many payments go into one order."""


def _with_grant(found: Select[Disbursement]) -> Select[Disbursement]:
    return (
        found.join(Disbursement.tranche)
        .join(Tranche.award)
        .join(Award.organization)
        .options(
            contains_eager(Disbursement.tranche)
            .contains_eager(Tranche.award)
            .options(
                contains_eager(Award.organization).load_only(Organization.reference, Organization.name),
                joinedload(Award.call),
            ),
            joinedload(Disbursement.bank_account),
        )
    )


def _standing() -> Select[int]:
    return select(OrderLine.disbursement_id).where(OrderLine.stands)


def to_order(seen: Select[Disbursement]) -> list[Disbursement]:
    """The payments that are approved, in no order yet and sent by nobody's hand, the longest due first."""
    found = _with_grant(
        seen.where(
            Disbursement.state == DisbursementState.APPROVED,
            Disbursement.released_at.is_(None),
            Disbursement.id.not_in(_standing()),
        )
    )
    return list(db.session.scalars(found.order_by(Tranche.due_on, Disbursement.id).limit(MOST_IN_ORDER)))


def named(seen: Select[Disbursement], references: Iterable[str]) -> list[Disbursement]:
    """The payments with these references, in the order of their ids."""
    found = _with_grant(seen.where(Disbursement.reference.in_(list(references))))
    return list(db.session.scalars(found.order_by(Disbursement.id)))


def in_an_order(disbursements: Sequence[Disbursement]) -> set[int]:
    """Which of these payments stand in an order already."""
    found = _standing().where(OrderLine.disbursement_id.in_([one.id for one in disbursements]))
    return set(db.session.scalars(found))


def orders(seen: Select[PaymentOrder], page: int | None) -> tuple[list[PaymentOrder], int]:
    """One page of payment orders, the latest first (all without a ``page``); and how many there are."""
    number = db.session.scalar(seen.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    found = seen.options(
        joinedload(PaymentOrder.assembled_by).load_only(Person.name),
        selectinload(PaymentOrder.lines).joinedload(OrderLine.disbursement),
    )
    return list(db.session.scalars(paged(found.order_by(PaymentOrder.id.desc()), page, PAGE))), number


def order_by_reference(seen: Select[PaymentOrder], reference: str) -> PaymentOrder | None:
    """One payment order with its lines, their grants and accounts, and the people who handled it."""
    found = seen.where(PaymentOrder.reference == reference).options(
        joinedload(PaymentOrder.assembled_by).load_only(Person.name),
        joinedload(PaymentOrder.released_by).load_only(Person.name),
        selectinload(PaymentOrder.lines)
        .joinedload(OrderLine.disbursement)
        .options(
            joinedload(Disbursement.bank_account),
            joinedload(Disbursement.tranche)
            .joinedload(Tranche.award)
            .options(joinedload(Award.organization), joinedload(Award.call)),
        ),
    )
    return db.session.scalar(found)


def lock_order(order: PaymentOrder) -> None:
    """Let nobody else release or dissolve an order until the transaction ends."""
    db.session.execute(select(PaymentOrder.id).where(PaymentOrder.id == order.id).with_for_update())
    db.session.refresh(order, ["state"])


def file_of(order: PaymentOrder) -> bytes | None:
    """The sealed file of an order."""
    return db.session.scalar(select(PaymentOrder.file_sealed).where(PaymentOrder.id == order.id))


# ------------------------------------------------------------------ statements


def statements(seen: Select[BankStatement], page: int | None) -> tuple[list[BankStatement], int]:
    """One page of statements, the latest first (all without a ``page``); and how many there are."""
    number = db.session.scalar(seen.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    found = seen.options(joinedload(BankStatement.brought_by).load_only(Person.name)).order_by(BankStatement.id.desc())
    return list(db.session.scalars(paged(found, page, PAGE))), number


def statement_by_number(seen: Select[BankStatement], number: int) -> BankStatement | None:
    """One statement, with its sealed file."""
    found = seen.where(BankStatement.id == number)
    return db.session.scalar(
        found.options(
            undefer(BankStatement.content_sealed), joinedload(BankStatement.brought_by).load_only(Person.name)
        )
    )


def lock_statement(statement: BankStatement) -> None:
    """Let nobody else take this statement into the books until the transaction ends."""
    db.session.execute(select(BankStatement.id).where(BankStatement.id == statement.id).with_for_update())
    db.session.refresh(statement, ["state"])


BRINGING = 4713
"""The advisory lock under which lines of statements are kept."""


def lock_bringing() -> None:
    """One statement is read at a time, until the transaction ends: two people who bring the same do not both keep it."""
    db.session.execute(select(func.pg_advisory_xact_lock(BRINGING)))


def statement_taken(reference: str) -> BankStatement | None:
    """The statement that was brought under a name, unless it was put aside."""
    found = select(BankStatement).where(
        BankStatement.reference == reference, BankStatement.state != StatementState.DISCARDED
    )
    return db.session.scalar(found)


def shape_known(shape: str) -> StatementShape | None:
    """Which columns were chosen for a table with this header."""
    return db.session.scalar(select(StatementShape).where(StatementShape.shape == shape))


def entries_of(statement: BankStatement) -> list[StatementEntry]:
    """The lines of a statement, as the bank lists them."""
    found = select(StatementEntry).where(StatementEntry.statement_id == statement.id)
    beside = (
        joinedload(StatementEntry.disbursement).joinedload(Disbursement.tranche).joinedload(Tranche.award),
        joinedload(StatementEntry.refund).joinedload(Refund.award),
    )
    return list(db.session.scalars(found.options(*beside).order_by(StatementEntry.id)))


def grants_meant(seen: Select[Disbursement], names: Iterable[str]) -> dict[str, Award]:
    """The grants that go by some names and for which something was paid or begun that a person may see."""
    paid = select(Tranche.award_id).where(Tranche.id.in_(seen.with_only_columns(Disbursement.tranche_id)))
    found = select(Award).where(Award.reference.in_(list(names)), Award.id.in_(paid)).options(joinedload(Award.call))
    return {award.reference: award for award in db.session.scalars(found)}


def grants_visible(seen: Select[Disbursement], ids: Iterable[int]) -> set[int | None]:
    """Which of some grants a person may see."""
    asked = list(ids)
    if not asked:
        return set()
    paid = seen.join(Tranche, Tranche.id == Disbursement.tranche_id).where(Tranche.award_id.in_(asked))
    return set(db.session.scalars(paid.with_only_columns(Tranche.award_id, maintain_column_froms=True)))


def held_by(awards: Iterable[Award]) -> dict[int, int]:
    """What the grantees of some grants hold in minor units, as the ledger says."""
    found = select(Account.award_id, Account.balance_minor).where(
        Account.kind == AccountKind.PAID, Account.award_id.in_([award.id for award in awards])
    )
    return {award_id: minor for award_id, minor in db.session.execute(found) if award_id is not None}


def refunds_recorded(awards: Iterable[Award]) -> list[Refund]:
    """The refunds of some grants that stand and that no statement has shown yet."""
    other = aliased(Refund)
    back = select(other.id).where(other.corrects_id == Refund.id)
    stated = select(StatementEntry.id).where(StatementEntry.refund_id == Refund.id)
    found = select(Refund).where(
        Refund.award_id.in_([award.id for award in awards]),
        Refund.corrects_id.is_(None),
        ~back.exists(),
        ~stated.exists(),
    )
    return list(db.session.scalars(found.order_by(Refund.id)))


def fees_stated(payments: Iterable[Disbursement]) -> set[tuple[int, date, int]]:
    """The fees that statements have shown for some payments: the payment, the day and the amount."""
    found = select(StatementEntry.disbursement_id, StatementEntry.booked_on, StatementEntry.amount_minor).where(
        StatementEntry.disbursement_id.in_([one.id for one in payments]), StatementEntry.verdict == Verdict.FEE
    )
    return {(payment, on, minor) for payment, on, minor in db.session.execute(found) if payment is not None}


def lock_entry(statement: BankStatement, number: int) -> StatementEntry | None:
    """One line of a statement, kept from others until the transaction ends."""
    found = select(StatementEntry).where(StatementEntry.statement_id == statement.id, StatementEntry.id == number)
    return db.session.scalar(found.with_for_update().execution_options(populate_existing=True))


def keys_taken(keys: Iterable[str]) -> set[str]:
    """Which lines were read before, in this or another statement."""
    return set(db.session.scalars(select(StatementEntry.key).where(StatementEntry.key.in_(list(keys)))))


def meant(seen: Select[Disbursement], names: Iterable[str]) -> dict[str, Disbursement]:
    """The payments that go by some names: their own reference, or the one they had in an order."""
    asked = list(names)
    found = _with_grant(seen).outerjoin(OrderLine, OrderLine.disbursement_id == Disbursement.id)
    found = found.where(or_(Disbursement.reference.in_(asked), OrderLine.end_to_end.in_(asked)))
    rows = db.session.execute(found.add_columns(OrderLine.end_to_end)).unique()
    by_name: dict[str, Disbursement] = {}
    for payment, end_to_end in rows:
        by_name[payment.reference] = payment
        if end_to_end:
            by_name[end_to_end] = payment
    return by_name


def meant_by_bank(seen: Select[Disbursement], names: Iterable[str]) -> dict[str, Disbursement]:
    """The payments that were recorded with the bank's own reference, where it means one payment alone."""
    asked = [name for name in names if name]
    by_name: dict[str, Disbursement | None] = {}
    for payment in db.session.scalars(_with_grant(seen.where(Disbursement.bank_reference.in_(asked)))):
        by_name[payment.bank_reference] = None if payment.bank_reference in by_name else payment
    return {name: payment for name, payment in by_name.items() if payment is not None}


def every_payment() -> Select[Disbursement]:
    """All payments, to know whether a line means one that its reader may not see. Never shown."""
    return select(Disbursement)


def stated_before(payments: Iterable[Disbursement]) -> set[int]:
    """Which payments a statement has shown as sent already."""
    found = select(StatementEntry.disbursement_id).where(
        StatementEntry.disbursement_id.in_([one.id for one in payments]),
        StatementEntry.verdict.in_((Verdict.PAID, Verdict.KNOWN)),
        ~StatementEntry.is_credit,
    )
    return {one for one in db.session.scalars(found) if one is not None}


def account_of(disbursement: Disbursement) -> BankAccount:
    """The account that a payment goes to, with its sealed number."""
    return db.session.get_one(BankAccount, disbursement.bank_account_id, populate_existing=True)
