"""What is owed and when, and the reports that answer it."""

from __future__ import annotations

import enum
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.awards.models import Award, BudgetLine
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.money import Money
from grants.questionnaires.models import AnswerSheet
from grants.reports.workflow import REPORT_DUE, ReportState


class ReportKind(enum.StrEnum):
    """How much is asked: a short note, a narrative, or a narrative with the figures."""

    NARRATIVE_LIGHT = "narrative_light"
    NARRATIVE = "narrative"
    NARRATIVE_AND_FINANCIAL = "narrative_and_financial"


class ReportDue(Base):
    """A report that a grantee owes by a date. ``key`` is the word by which the call names it (``final_report``)."""

    __tablename__ = "report_due"
    __table_args__ = (
        one_of("state", ReportState),
        one_of("kind", ReportKind),
        UniqueConstraint("award_id", "key"),
        Index("ix_report_due_due_on_state", "due_on", "state"),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    key: Mapped[str]
    label: Mapped[dict[str, str]]
    kind: Mapped[str]
    required: Mapped[bool] = mapped_column(Boolean, default=True)
    due_on: Mapped[date]
    state: Mapped[str] = mapped_column(default=ReportState.OWED)

    award: Mapped[Award] = relationship()
    report: Mapped[Report | None] = relationship(back_populates="due")

    workflow = REPORT_DUE

    @property
    def is_financial(self) -> bool:
        """Whether figures by budget line are asked for."""
        return self.kind == ReportKind.NARRATIVE_AND_FINANCIAL


class Report(Base):
    """What the grantee tells. ``version`` counts its submissions; a returned report is mended and sent again."""

    __tablename__ = "report"

    id: Mapped[Key]
    report_due_id: Mapped[int] = mapped_column(ForeignKey("report_due.id"), unique=True)
    answer_sheet_id: Mapped[int] = mapped_column(ForeignKey("answer_sheet.id"), unique=True)
    version: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[Recorded]
    submitted_at: Mapped[datetime | None]
    submitted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    returned_reason: Mapped[str] = mapped_column(default="")
    accepted_at: Mapped[datetime | None]
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    due: Mapped[ReportDue] = relationship(back_populates="report")
    answer_sheet: Mapped[AnswerSheet] = relationship()
    lines: Mapped[list[ReportLine]] = relationship(order_by="ReportLine.id", back_populates="report")
    submitted_by: Mapped[Person | None] = relationship(foreign_keys=[submitted_by_id])


class ReportLine(Base):
    """What was spent under one budget line in the period: in local money, the rate, and in the award's currency.

    ``rate`` is units of local currency for one unit of the award's currency.
    """

    __tablename__ = "report_line"
    __table_args__ = (
        UniqueConstraint("report_id", "budget_line_id"),
        CheckConstraint("spent_minor >= 0 AND local_minor >= 0", name="not_negative"),
        CheckConstraint("rate > 0", name="rate_positive"),
    )

    id: Mapped[Key]
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"))
    budget_line_id: Mapped[int] = mapped_column(ForeignKey("budget_line.id"))
    local_minor: Mapped[int] = mapped_column(default=0)
    local_currency: Mapped[str]
    rate: Mapped[Decimal] = mapped_column(Numeric(18, 6), default=1)
    spent_minor: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str]
    explanation: Mapped[str] = mapped_column(default="")

    report: Mapped[Report] = relationship(back_populates="lines")
    budget_line: Mapped[BudgetLine] = relationship()

    @property
    def spent(self) -> Money:
        """What was spent, in the currency of the award."""
        return Money(self.spent_minor, self.currency)
