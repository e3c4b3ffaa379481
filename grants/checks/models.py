"""What the eligibility check found about an application, rule by rule."""

from __future__ import annotations

import enum

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.calls.models import EligibilityRule
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
