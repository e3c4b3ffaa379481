"""What the eligibility check found about an application, rule by rule, and what the applicant was asked."""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.applications.models import Application, Receipt
from grants.calls.models import EligibilityRule
from grants.checks.workflow import CLARIFICATION, ClarificationState
from grants.core.db import Base, Key, Recorded, one_of


class Outcome(enum.StrEnum):
    """What a check of one eligibility rule says."""

    PASSED = "passed"
    FAILED = "failed"
    TO_JUDGE = "to_judge"


class Finding(Base):
    """What the eligibility check found for one rule: by the machine, or judged by a person with a reason."""

    __tablename__ = "finding"
    __table_args__ = (
        one_of("outcome", Outcome),
        UniqueConstraint("application_id", "rule_id"),
        CheckConstraint("NOT judged OR (judged_by_id IS NOT NULL AND reason <> '')", name="judged_by_someone"),
    )

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    rule_id: Mapped[int] = mapped_column(ForeignKey("eligibility_rule.id"))
    outcome: Mapped[str]
    judged: Mapped[bool] = mapped_column(Boolean, default=False)
    judged_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(default="")
    found_at: Mapped[Recorded]

    application: Mapped[Application] = relationship()
    rule: Mapped[EligibilityRule] = relationship()
    judged_by: Mapped[Person | None] = relationship()


class Clarification(Base):
    """Parts of an application that the applicant was asked to complete after it was sent in, why, and until when.

    ``before`` is the receipt for what stood there when it was asked, ``after`` the one for what was handed in.
    """

    __tablename__ = "clarification"
    __table_args__ = (
        one_of("state", ClarificationState),
        UniqueConstraint("application_id", "number"),
        CheckConstraint("state <> 'answered' OR after_id IS NOT NULL", name="answered_has_a_receipt"),
        CheckConstraint("state = 'asked' OR ended_at IS NOT NULL", name="ended_has_a_moment"),
        CheckConstraint("cardinality(parts) > 0 AND reason <> ''", name="asks_for_something"),
        Index("uq_clarification_one_open", "application_id", unique=True, postgresql_where=text("state = 'asked'")),
        Index("ix_clarification_due", "due_on", postgresql_where=text("state = 'asked'")),
    )

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(default=ClarificationState.ASKED)
    parts: Mapped[list[str]]
    reason: Mapped[str]
    due_on: Mapped[date]
    before_id: Mapped[int] = mapped_column(ForeignKey("receipt.id"))
    after_id: Mapped[int | None] = mapped_column(ForeignKey("receipt.id"))
    answer: Mapped[str] = mapped_column(default="")
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[Recorded]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    ended_at: Mapped[datetime | None]

    application: Mapped[Application] = relationship()
    before: Mapped[Receipt] = relationship(foreign_keys=[before_id])
    after: Mapped[Receipt | None] = relationship(foreign_keys=[after_id])
    asked_by: Mapped[Person] = relationship(foreign_keys=[asked_by_id])
    ended_by: Mapped[Person | None] = relationship(foreign_keys=[ended_by_id])

    workflow = CLARIFICATION
