"""Bank accounts, tranches, disbursements, and the ledger of immutable transfers under them."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Organization, Person
from grants.awards.models import Award, Milestone
from grants.calls.models import Call
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.core.money import Money
from grants.payments.workflow import (
    BANK_ACCOUNT,
    DISBURSEMENT,
    REFUND_REQUEST,
    BankAccountState,
    DisbursementState,
    RefundRequestState,
)
from grants.reports.models import ReportDue


class BatchState(enum.StrEnum):
    """Where the drawing up of many agreements stands."""

    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"


class AgreementBatch(Base):
    """The agreements of a call that one coordinator had drawn up together; ``refused`` are those that could not be, each
    with its reasons in every language, for whoever reads them.
    """

    __tablename__ = "agreement_batch"
    __table_args__ = (
        one_of("state", BatchState),
        CheckConstraint("0 <= drawn AND drawn <= done AND done <= total", name="counts_fit"),
        Index("ix_agreement_batch_call_id", "call_id", "person_id", "id"),
        Index(
            "uq_agreement_batch_asked", "call_id", "person_id", unique=True, postgresql_where=text("state = 'asked'")
        ),
    )

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    state: Mapped[str] = mapped_column(default=BatchState.ASKED)
    language: Mapped[str]
    asked_at: Mapped[Recorded]
    begun_at: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(default=0)
    drawn: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    refused: Mapped[list[dict[str, Any]]] = mapped_column(default=list)

    call: Mapped[Call] = relationship()
    person: Mapped[Person] = relationship()


class BankAccount(Base):
    """Where a grantee is paid. The number is encrypted; only its last four characters stand in the clear.

    A change is a new row: the old one is blocked, and nothing is paid to the new one until somebody other than the
    person who entered it has verified it by calling back. ``follows_another``: the organization had an account before,
    so nothing is paid to this one for some days either. The database refuses any other text in a row once it stands.

    ``bank_code`` names the bank in its country where the number is no IBAN (sort code, routing number, branch).
    """

    __tablename__ = "bank_account"
    __table_args__ = (
        one_of("state", BankAccountState),
        CheckConstraint("verified_by_id <> entered_by_id", name="verified_by_a_second_person"),
        CheckConstraint("state <> 'verified' OR verified_by_id IS NOT NULL", name="verified_by_someone"),
        Index("ix_bank_account_unverified", "organization_id", postgresql_where=text("state = 'unverified'")),
        Index("uq_bank_account_live", "organization_id", unique=True, postgresql_where=text("state <> 'blocked'")),
    )

    id: Mapped[Key]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    token: Mapped[str] = mapped_column(unique=True, default=lambda: str(uuid.uuid4()))
    holder_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    number_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    last_four: Mapped[str]
    bic: Mapped[str]
    bank_code: Mapped[str] = mapped_column(default="")
    currency: Mapped[str]
    follows_another: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(default=BankAccountState.UNVERIFIED)
    entered_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    entered_at: Mapped[Recorded]
    verified_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    verified_at: Mapped[datetime | None]

    organization: Mapped[Organization] = relationship()
    entered_by: Mapped[Person] = relationship(foreign_keys=[entered_by_id])
    verified_by: Mapped[Person | None] = relationship(foreign_keys=[verified_by_id])

    workflow = BANK_ACCOUNT


class Trigger(enum.StrEnum):
    """What sets a tranche free."""

    AGREEMENT_SIGNED = "agreement_signed"
    PROGRESS_REPORT_APPROVED = "progress_report_approved"
    INTERIM_REPORT_APPROVED = "interim_report_approved"
    FINAL_REPORT_APPROVED = "final_report_approved"


class Tranche(Base):
    """A planned instalment with its condition. Due and paid are derived from reports and disbursements.

    ``hold_after_days``: payment waits while a required report is late by more days than this; copied from the terms of
    the call when the agreement is drawn up, so that it stays what was signed. ``cancelled_on``: the agreement was
    terminated before it was due, and the last instalment took over what of it is still owed; no payment stands for it.
    ``paid_for``: a payment that was neither returned nor cancelled stands for it; kept by the database.

    Besides its ``trigger`` it may wait for a milestone that the fund has confirmed, and for a day (``not_before``).
    ``by_hand``: somebody changed what it waits for, so that the terms of the call do not say it any more. ``freed_at``: its
    report was waived, and the fund decided that it is paid all the same.
    """

    __tablename__ = "tranche"
    __table_args__ = (
        one_of("trigger", Trigger),
        UniqueConstraint("award_id", "number"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("hold_after_days >= 0", name="hold_not_negative"),
        CheckConstraint(
            "(freed_at IS NULL) = (freed_by_id IS NULL) AND (freed_at IS NULL) = (freed_reason = '')",
            name="freed_with_a_reason",
        ),
        CheckConstraint("cancelled_on IS NULL OR NOT paid_for", name="cancelled_without_payment"),
        Index("ix_tranche_milestone_id", "milestone_id"),
        Index("ix_tranche_report_due_id", "report_due_id"),
        Index("ix_tranche_to_pay", "due_on", postgresql_where=text("cancelled_on IS NULL AND NOT paid_for")),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    number: Mapped[int]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    trigger: Mapped[str]
    report_due_id: Mapped[int | None] = mapped_column(ForeignKey("report_due.id"))
    min_spent_percent: Mapped[int | None]
    due_on: Mapped[date]
    hold_after_days: Mapped[int] = mapped_column(Integer, default=30)
    cancelled_on: Mapped[date | None]
    milestone_id: Mapped[int | None] = mapped_column(ForeignKey("milestone.id"))
    not_before: Mapped[date | None]
    by_hand: Mapped[bool] = mapped_column(default=False, server_default=false())
    freed_at: Mapped[datetime | None]
    freed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    freed_reason: Mapped[str] = mapped_column(default="", server_default="")
    paid_for: Mapped[bool] = mapped_column(Boolean, server_default=false())

    award: Mapped[Award] = relationship()
    report_due: Mapped[ReportDue | None] = relationship()
    milestone: Mapped[Milestone | None] = relationship()
    disbursements: Mapped[list[Disbursement]] = relationship(order_by="Disbursement.id", back_populates="tranche")

    @property
    def amount(self) -> Money:
        """The money planned for this instalment."""
        return Money(self.amount_minor, self.currency)

    @property
    def milestone_title(self) -> str | None:
        """The milestone it waits for."""
        return self.milestone.title if self.milestone else None


class Disbursement(Base):
    """Money actually sent for a tranche: prepared by one person, approved by another, never edited afterwards.

    ``approved_digest`` is what the second person approved: the SHA-256 of amount, currency, tranche, award and the sealed
    account. The database writes it at the approval, and refuses every later step when any of these has changed.
    ``released_at``: it went to the bank, in the payment order ``order_reference`` or by the hand of ``sending_by``, and is paid
    to the account as it was then, whatever the grantee enters afterwards.
    """

    __tablename__ = "disbursement"
    __table_args__ = (
        one_of("state", DisbursementState),
        CheckConstraint("approved_by_id <> prepared_by_id", name="approved_by_a_second_person"),
        CheckConstraint(
            "state NOT IN ('approved', 'paid', 'confirmed', 'returned') OR approved_by_id IS NOT NULL",
            name="approved_by_someone",
        ),
        CheckConstraint(
            "state NOT IN ('paid', 'confirmed', 'returned') OR (paid_on IS NOT NULL AND proof_id IS NOT NULL)",
            name="paid_with_a_proof",
        ),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint(
            "state NOT IN ('approved', 'paid', 'confirmed', 'returned') OR approved_digest IS NOT NULL",
            name="approved_as_it_was",
        ),
        Index(
            "uq_disbursement_one_live_per_tranche",
            "tranche_id",
            unique=True,
            postgresql_where=text("state NOT IN ('returned', 'cancelled')"),
        ),
        CheckConstraint(
            "sending_by_id IS NULL OR (released_at IS NOT NULL AND order_reference = '')", name="sent_one_way"
        ),
        Index("ix_disbursement_state", "state"),
    )

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True)
    tranche_id: Mapped[int] = mapped_column(ForeignKey("tranche.id"), index=True)
    bank_account_id: Mapped[int] = mapped_column(ForeignKey("bank_account.id"))
    amount_minor: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str] = mapped_column(default=DisbursementState.PREPARED)
    prepared_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    prepared_at: Mapped[Recorded]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    approved_at: Mapped[datetime | None]
    approved_digest: Mapped[str | None]
    released_at: Mapped[datetime | None]
    order_reference: Mapped[str] = mapped_column(default="")
    sending_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    paid_on: Mapped[date | None]
    bank_reference: Mapped[str] = mapped_column(default="")
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    confirmed_at: Mapped[datetime | None]
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    received_on: Mapped[date | None]
    received_minor: Mapped[int | None]
    received_currency: Mapped[str | None]
    received_rate: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    short_reason: Mapped[str] = mapped_column(default="")

    tranche: Mapped[Tranche] = relationship(back_populates="disbursements")
    bank_account: Mapped[BankAccount] = relationship()
    prepared_by: Mapped[Person] = relationship(foreign_keys=[prepared_by_id])
    approved_by: Mapped[Person | None] = relationship(foreign_keys=[approved_by_id])
    confirmed_by: Mapped[Person | None] = relationship(foreign_keys=[confirmed_by_id])
    sending_by: Mapped[Person | None] = relationship(foreign_keys=[sending_by_id])
    proof: Mapped[StoredFile | None] = relationship()

    workflow = DISBURSEMENT

    @property
    def amount(self) -> Money:
        """The money sent."""
        return Money(self.amount_minor, self.currency)


class RefundRequest(Base):
    """Money that the fund has asked back: how much, until when, and why. One stands at a time.

    ``received_minor`` adds up what came in answer to it; when it is all there, the request is met.
    """

    __tablename__ = "refund_request"
    __table_args__ = (
        one_of("state", RefundRequestState),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("received_minor >= 0", name="received_not_negative"),
        Index("uq_refund_request_standing", "award_id", unique=True, postgresql_where=text("state = 'asked'")),
        Index("ix_refund_request_award_id", "award_id"),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    state: Mapped[str] = mapped_column(default=RefundRequestState.ASKED)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    received_minor: Mapped[int] = mapped_column(default=0)
    due_on: Mapped[date]
    reason: Mapped[str]
    asked_at: Mapped[Recorded]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    award: Mapped[Award] = relationship()
    asked_by: Mapped[Person] = relationship()

    workflow = REFUND_REQUEST

    @property
    def amount(self) -> Money:
        """What was asked back."""
        return Money(self.amount_minor, self.currency)

    @property
    def missing(self) -> Money:
        """What has not come yet."""
        return Money(max(0, self.amount_minor - self.received_minor), self.currency)


class Cofinancing(Base):
    """What another source gives to the same action, as the grantee tells it. Shown and reported, never in the ledger."""

    __tablename__ = "cofinancing"
    __table_args__ = (
        UniqueConstraint("award_id", "source"),
        CheckConstraint("promised_minor >= 0 AND received_minor >= 0", name="not_negative"),
        CheckConstraint("received_minor = 0 OR evidence_id IS NOT NULL", name="received_with_evidence"),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    source: Mapped[str]
    promised_minor: Mapped[int]
    received_minor: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str]
    evidence_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    told_at: Mapped[Recorded]
    told_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    award: Mapped[Award] = relationship()
    evidence: Mapped[StoredFile | None] = relationship()
    told_by: Mapped[Person] = relationship()

    @property
    def promised(self) -> Money:
        """What the source has promised."""
        return Money(self.promised_minor, self.currency)

    @property
    def received(self) -> Money:
        """What has come from it so far."""
        return Money(self.received_minor, self.currency)


class Refund(Base):
    """Money that the grantee sent back, with the proof that it arrived. Never changed; a mistake is a new entry, with the
    same amount below zero, that names in ``corrects_id`` what it takes back. ``request_id``: what it answered.
    """

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint(
            "(corrects_id IS NULL AND amount_minor > 0) OR (corrects_id IS NOT NULL AND amount_minor < 0)",
            name="amount_positive",
        ),
        UniqueConstraint("corrects_id"),
        Index("ix_refund_request_id", "request_id"),
        Index("ix_refund_award_id", "award_id"),
    )

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True)
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    amount_minor: Mapped[int]
    currency: Mapped[str]
    received_on: Mapped[date]
    bank_reference: Mapped[str]
    proof_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    recorded_at: Mapped[Recorded]
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("refund.id"))
    request_id: Mapped[int | None] = mapped_column(ForeignKey("refund_request.id"))

    award: Mapped[Award] = relationship()
    request: Mapped[RefundRequest | None] = relationship()
    proof: Mapped[StoredFile] = relationship()
    recorded_by: Mapped[Person] = relationship()

    @property
    def amount(self) -> Money:
        """The money sent back."""
        return Money(self.amount_minor, self.currency)


class AccountKind(enum.StrEnum):
    """The pots that money moves between: from the donor to the envelope of a call, and on through an award.

    The moves, each one transfer with a key of its own, so that none happens twice:

    - ``fund``     donor → envelope: the money of the call when its first agreement is signed, and what it is raised by
    - ``lower``    envelope → donor: what it is lowered by, at most what is not committed
    - ``commit``   envelope → committed: the agreement is signed
    - ``approve``  committed → payable: a second finance officer approves a disbursement
    - ``pay``      payable → paid: the bank has sent it
    - ``cancel``   payable → committed: an approved disbursement is cancelled
    - ``return``   paid → committed: the bank sent it back; it may be prepared again, as a new disbursement
    - ``refund``   paid → refunded: the grantee sent unspent money back
    - ``release``  committed → envelope: the grant is closed, and what it did not need is free again
    - ``fee``      donor → fees: what the fund's own bank took for a payment; it never touches the money of the call
    - ``unpay``, ``unreturn``, ``unrefund``, ``unfee``: the same way back, when it was recorded by mistake
    """

    DONOR = "donor"
    ENVELOPE = "envelope"
    COMMITTED = "committed"
    PAYABLE = "payable"
    PAID = "paid"
    REFUNDED = "refunded"
    FEES = "fees"


class Account(Base):
    """One pot of the ledger, with running totals kept by the database from the transfers.

    Only the donor's account may be overdrawn: the check on the others is what makes it impossible to award more than
    the envelope or to pay more than was committed, whoever writes.
    """

    __tablename__ = "account"
    __table_args__ = (
        one_of("kind", AccountKind),
        UniqueConstraint("kind", "call_id", "award_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("kind = 'donor' OR balance_minor >= 0", name="never_overdrawn"),
        Index("ix_account_award_id", "award_id"),
    )

    id: Mapped[Key]
    kind: Mapped[str]
    currency: Mapped[str]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    award_id: Mapped[int | None] = mapped_column(ForeignKey("award.id"))
    debits_minor: Mapped[int] = mapped_column(default=0)
    credits_minor: Mapped[int] = mapped_column(default=0)
    balance_minor: Mapped[int] = mapped_column(BigInteger, Computed("credits_minor - debits_minor", persisted=True))

    call: Mapped[Call] = relationship()
    award: Mapped[Award | None] = relationship()

    @property
    def balance(self) -> Money:
        """What is in the pot: credits less debits."""
        return Money(self.balance_minor, self.currency)


class Transfer(Base):
    """Money moved from the debit account to the credit account. Never changed; a correction is a new transfer."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("debit_account_id <> credit_account_id", name="between_two_accounts"),
        Index("ix_transfer_debit_account_id", "debit_account_id"),
        Index("ix_transfer_credit_account_id", "credit_account_id"),
    )

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(unique=True)
    at: Mapped[Recorded]
    debit_account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    credit_account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    amount_minor: Mapped[int]
    currency: Mapped[str]
    memo: Mapped[str]
    disbursement_id: Mapped[int | None] = mapped_column(ForeignKey("disbursement.id"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    debit_account: Mapped[Account] = relationship(foreign_keys=[debit_account_id])
    credit_account: Mapped[Account] = relationship(foreign_keys=[credit_account_id])
    by: Mapped[Person | None] = relationship()

    @property
    def amount(self) -> Money:
        """The money moved."""
        return Money(self.amount_minor, self.currency)
