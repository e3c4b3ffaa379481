"""Payment orders, statements of the bank, and which column of whose table says what. Files are kept sealed."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.banking.workflow import ORDER, STATEMENT, OrderState, StatementState
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.money import Money
from grants.payments.models import Disbursement, Refund


class PaymentOrder(Base):
    """Payments that go to the bank in one file: put together by one person, released by another.

    ``file_sealed`` is the file as it was released, encrypted: it holds whole account numbers.
    """

    __tablename__ = "payment_order"
    __table_args__ = (
        one_of("state", OrderState),
        CheckConstraint("released_by_id <> assembled_by_id", name="released_by_a_second_person"),
        CheckConstraint(
            "state <> 'released' OR (released_by_id IS NOT NULL AND file_sealed IS NOT NULL)",
            name="released_with_a_file",
        ),
    )

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default=OrderState.ASSEMBLED)
    token: Mapped[str] = mapped_column(unique=True)
    execute_on: Mapped[date]
    assembled_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    assembled_at: Mapped[Recorded]
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    released_at: Mapped[datetime | None]
    file_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    file_sha256: Mapped[str] = mapped_column(default="")

    assembled_by: Mapped[Person] = relationship(foreign_keys=[assembled_by_id])
    released_by: Mapped[Person | None] = relationship(foreign_keys=[released_by_id])
    lines: Mapped[list[OrderLine]] = relationship(order_by="OrderLine.id", back_populates="order")

    workflow = ORDER


class OrderLine(Base):
    """One payment in an order. ``stands`` until the order is dissolved or the bank has refused the payment."""

    __tablename__ = "order_line"
    __table_args__ = (
        UniqueConstraint("order_id", "disbursement_id"),
        Index("uq_order_line_standing", "disbursement_id", unique=True, postgresql_where=text("stands")),
        Index("ix_order_line_disbursement_id", "disbursement_id"),
        Index("ix_order_line_end_to_end", "end_to_end"),
    )

    id: Mapped[Key]
    order_id: Mapped[int] = mapped_column(ForeignKey("payment_order.id"))
    disbursement_id: Mapped[int] = mapped_column(ForeignKey("disbursement.id"))
    end_to_end: Mapped[str]
    stands: Mapped[bool] = mapped_column(default=True)

    order: Mapped[PaymentOrder] = relationship(back_populates="lines")
    disbursement: Mapped[Disbursement] = relationship()


class StatementShape(Base):
    """Which column of a table says what, remembered for the next file with the same header."""

    __tablename__ = "statement_shape"

    id: Mapped[Key]
    shape: Mapped[str] = mapped_column(unique=True)
    columns: Mapped[dict[str, Any]]
    chosen_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    chosen_at: Mapped[Recorded]


class BankStatement(Base):
    """A statement as the bank gave it. ``content_sealed`` is the whole file, encrypted: it names payers and payees."""

    __tablename__ = "bank_statement"
    __table_args__ = (
        one_of("state", StatementState),
        Index("uq_bank_statement_taken", "reference", unique=True, postgresql_where=text("state <> 'discarded'")),
    )

    id: Mapped[Key]
    reference: Mapped[str]
    state: Mapped[str] = mapped_column(default=StatementState.UNREAD)
    token: Mapped[str] = mapped_column(unique=True)
    content_sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    sha256: Mapped[str]
    brought_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    brought_at: Mapped[Recorded]

    brought_by: Mapped[Person] = relationship()

    workflow = STATEMENT


class Verdict(enum.StrEnum):
    """What became of a line of a statement."""

    PAID = "paid"
    RETURNED = "returned"
    REFUNDED = "refunded"
    FEE = "fee"
    KNOWN = "known"
    LEFT = "left"
    TAKEN_BACK = "taken_back"


class StatementEntry(Base):
    """One line of a statement. ``why`` says why it was left, or with which code a payment came back.

    ``verdict`` is None until the statement is taken into the books: what is shown before that is looked up anew.
    """

    __tablename__ = "statement_entry"
    __table_args__ = (
        one_of("verdict", Verdict, optional=True),
        CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
        Index("ix_statement_entry_statement_id", "statement_id"),
        Index("ix_statement_entry_disbursement_id", "disbursement_id"),
        Index("ix_statement_entry_refund_id", "refund_id"),
    )

    id: Mapped[Key]
    statement_id: Mapped[int] = mapped_column(ForeignKey("bank_statement.id"))
    key: Mapped[str] = mapped_column(unique=True)
    booked_on: Mapped[date]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    is_credit: Mapped[bool]
    is_return: Mapped[bool]
    is_fee: Mapped[bool]
    end_to_end: Mapped[str]
    bank_reference: Mapped[str]
    text_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str]
    fee_minor: Mapped[int | None]
    fee_currency: Mapped[str | None]
    verdict: Mapped[str | None]
    why: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    disbursement_id: Mapped[int | None] = mapped_column(ForeignKey("disbursement.id"))

    refund_id: Mapped[int | None] = mapped_column(ForeignKey("refund.id"))

    statement: Mapped[BankStatement] = relationship()
    disbursement: Mapped[Disbursement | None] = relationship()
    refund: Mapped[Refund | None] = relationship()

    @property
    def amount(self) -> Money:
        """What was booked."""
        return Money(self.amount_minor, self.currency)

    @property
    def fee(self) -> Money | None:
        """What the bank took beside it."""
        return None if self.fee_minor is None else Money(self.fee_minor, self.fee_currency or self.currency)
