"""What is owed and when, and the reports that answer it."""

from __future__ import annotations

import enum
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.awards.models import Award, BudgetLine
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.core.languages import _l
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
        Index("ix_report_due_owed", "due_on", postgresql_where=text("required AND state IN ('owed', 'returned')")),
        Index("ix_report_due_submitted", "award_id", postgresql_where=text("state = 'submitted'")),
        Index("ix_report_due_waived", "award_id", postgresql_where=text("state = 'waived'")),
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
    """What the grantee tells. ``version`` counts its submissions; a returned report is mended and sent again.

    ``figures_version`` counts how often the figures were saved, so that two members never overwrite each other unseen.
    ``rate_source`` and ``rate_on`` say where the exchange rate comes from and of which day it is. ``entered_by_id`` is the
    coordinator who wrote it up after a conversation; such a report is handed in when the grantee confirms it.
    """

    __tablename__ = "report"
    __table_args__ = (
        CheckConstraint("period_from <= period_until", name="period_in_order"),
        CheckConstraint("(period_from IS NULL) = (period_until IS NULL)", name="period_whole"),
    )

    id: Mapped[Key]
    report_due_id: Mapped[int] = mapped_column(ForeignKey("report_due.id"), unique=True)
    answer_sheet_id: Mapped[int] = mapped_column(ForeignKey("answer_sheet.id"), unique=True)
    version: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[Recorded]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    period_from: Mapped[date | None]
    period_until: Mapped[date | None]
    rate_source: Mapped[str] = mapped_column(default="")
    rate_on: Mapped[date | None]
    figures_version: Mapped[int] = mapped_column(default=0)
    submitted_at: Mapped[datetime | None]
    submitted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    accepted_at: Mapped[datetime | None]
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    due: Mapped[ReportDue] = relationship(back_populates="report")
    answer_sheet: Mapped[AnswerSheet] = relationship()
    lines: Mapped[list[ReportLine]] = relationship(order_by="ReportLine.id", back_populates="report")
    submitted_by: Mapped[Person | None] = relationship(foreign_keys=[submitted_by_id])


class ReportVersion(Base):
    """What a report said when it was handed in, word for word and figure for figure; the database refuses to change it.

    ``content`` is made by :func:`grants.reports.rules.content_of`.
    """

    __tablename__ = "report_version"
    __table_args__ = (UniqueConstraint("report_id", "number"),)

    id: Mapped[Key]
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"))
    number: Mapped[int]
    submitted_at: Mapped[Recorded]
    submitted_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    content: Mapped[dict[str, Any]]


class ReportReturn(Base):
    """Why a version of a report was given back: words about all of it, and words for each part that has to change.

    ``parts`` holds the words by the key of a section, or ``figures``. The database refuses to change it.
    """

    __tablename__ = "report_return"
    __table_args__ = (
        UniqueConstraint("report_id", "version"),
        CheckConstraint("reason <> '' OR parts <> '{}'", name="with_a_reason"),
    )

    id: Mapped[Key]
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"))
    version: Mapped[int]
    returned_at: Mapped[Recorded]
    returned_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(default="")
    parts: Mapped[dict[str, str]] = mapped_column(default=dict)


class ReportLine(Base):
    """What was spent under one budget line in the period: in local money, the rate, and in the award's currency.

    ``rate`` is units of local currency for one unit of the award's currency. ``verified_minor`` is how much of what was
    spent somebody of the fund found proven, ``ineligible_minor`` how much the grant does not pay for; the rest was not
    looked at and counts. None of it is set before somebody looked.
    """

    __tablename__ = "report_line"
    __table_args__ = (
        UniqueConstraint("report_id", "budget_line_id"),
        CheckConstraint("spent_minor >= 0 AND local_minor >= 0", name="not_negative"),
        CheckConstraint("rate > 0", name="rate_positive"),
        CheckConstraint(
            "verified_minor >= 0 AND ineligible_minor >= 0 AND verified_minor + ineligible_minor <= spent_minor",
            name="verified_within_spent",
        ),
        CheckConstraint("(ineligible_minor = 0) = (ineligible_reason = '')", name="ineligible_with_a_reason"),
        CheckConstraint("(verified_at IS NULL) = (verified_by_id IS NULL)", name="verified_by_someone"),
        CheckConstraint(
            "verified_at IS NOT NULL OR (verified_minor = 0 AND ineligible_minor = 0)", name="verified_at_a_moment"
        ),
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
    verified_minor: Mapped[int] = mapped_column(default=0)
    ineligible_minor: Mapped[int] = mapped_column(default=0)
    ineligible_reason: Mapped[str] = mapped_column(default="")
    verified_at: Mapped[datetime | None]
    verified_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    report: Mapped[Report] = relationship(back_populates="lines")
    budget_line: Mapped[BudgetLine] = relationship()

    @hybrid_property
    def counted_minor(self) -> int:
        """What counts as spent of the grant, in minor units: all but what the grant does not pay for.

        Whatever asks how much of a grant is spent adds this up, in Python and in SQL: the share that has to be spent, the
        last instalment, the settlement, the refund.
        """
        return self.spent_minor - self.ineligible_minor

    @property
    def spent(self) -> Money:
        """What was spent as the grantee told it, in the currency of the award."""
        return Money(self.spent_minor, self.currency)


class ReportDocument(Base):
    """A bill or another paper that shows what was spent under one budget line; of no line: what shows the exchange rate.

    ``version`` is the submission for which it was added; what was handed in with one stays.
    """

    __tablename__ = "report_document"
    __table_args__ = (Index("ix_report_document_report_id_budget_line_id", "report_id", "budget_line_id"),)

    id: Mapped[Key]
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"))
    budget_line_id: Mapped[int | None] = mapped_column(ForeignKey("budget_line.id"))
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), unique=True)
    version: Mapped[int]
    note: Mapped[str] = mapped_column(default="")
    added_at: Mapped[Recorded]
    added_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    report: Mapped[Report] = relationship()
    file: Mapped[StoredFile] = relationship()


class ChangeLevel(enum.StrEnum):
    """How far a change reaches."""

    LOCAL = "local"
    NATIONAL = "national"
    REGIONAL = "regional"
    INTERNATIONAL = "international"


LEVELS: dict[str, Any] = {
    ChangeLevel.LOCAL: _l("Local"),
    ChangeLevel.NATIONAL: _l("National"),
    ChangeLevel.REGIONAL: _l("Regional"),
    ChangeLevel.INTERNATIONAL: _l("International"),
}


class ChangeStage(enum.StrEnum):
    """How far a change has come, from talk to people's lives."""

    DEBATE = "debate"
    COMMITMENT = "commitment"
    DECISION = "decision"
    PRACTICE = "practice"
    LIVES = "lives"


STAGES: dict[str, Any] = {
    ChangeStage.DEBATE: _l("It is being talked about"),
    ChangeStage.COMMITMENT: _l("Somebody promised it"),
    ChangeStage.DECISION: _l("It was decided"),
    ChangeStage.PRACTICE: _l("It is done in practice"),
    ChangeStage.LIVES: _l("People feel it in their lives"),
}

PLAN_POINTS: dict[int, Any] = {
    1: _l("Development agenda"),
    2: _l("Diaspora and migrants in development"),
    3: _l("Migrants in distress and in transit"),
    4: _l("Women and children"),
    5: _l("National law in practice"),
    6: _l("International mechanisms"),
    7: _l("Recruitment"),
    8: _l("Labour rights"),
}
"""The points of civil society's 5-Year 8-Point Plan of Action, in short."""


class ReportedChange(Base):
    """Something that others now do differently, as a grantee reports it: a law, a procedure, a habit, a service.

    What shows it is told in words, by an address, by a file, or in more than one of these ways.
    """

    __tablename__ = "reported_change"
    __table_args__ = (
        one_of("level", ChangeLevel),
        one_of("stage", ChangeStage),
        CheckConstraint("plan_point BETWEEN 1 AND 8", name="plan_point_is_known"),
        CheckConstraint("what <> ''", name="says_what"),
        CheckConstraint("evidence <> '' OR link <> '' OR file_id IS NOT NULL", name="shown_by_something"),
        Index("ix_reported_change_plan_point_country", "plan_point", "country"),
    )

    id: Mapped[Key]
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), index=True)
    plan_point: Mapped[int]
    country: Mapped[str]
    level: Mapped[str]
    stage: Mapped[str]
    what: Mapped[str]
    evidence: Mapped[str] = mapped_column(default="")
    link: Mapped[str] = mapped_column(default="")
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), unique=True)
    saved_at: Mapped[Recorded]
    saved_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    report: Mapped[Report] = relationship()
    file: Mapped[StoredFile | None] = relationship()
