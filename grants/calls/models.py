"""A call for proposals and what it is made of: lots, regional envelopes, eligibility rules, criteria, documents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, Computed, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.calls.workflow import CALL, CallState
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.money import Money
from grants.questionnaires.models import Questionnaire


class Call(Base):
    """A call for proposals.

    What people filter, sort and count by has a column; the full wording of the call, its grid and its budget
    headings stay as they were imported in ``terms``, ``grid`` and ``budget``, loaded only where they are read, with
    their keys in the order in which they were written.
    """

    __tablename__ = "call"
    __table_args__ = (
        one_of("state", CallState),
        CheckConstraint("opens_at < closes_at", name="opens_before_it_closes"),
        CheckConstraint("grant_min_minor <= grant_max_minor", name="limits_in_order"),
        CheckConstraint("envelope_minor >= 0", name="envelope_not_negative"),
        Index("ix_call_state_closes_at", "state", "closes_at"),
        Index("ix_call_closes_at", "closes_at"),
    )

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default=CallState.DRAFT)
    programme: Mapped[dict[str, str]]
    title: Mapped[dict[str, str]]
    currency: Mapped[str]
    languages: Mapped[list[str]]
    authoritative_language: Mapped[str]
    timezone: Mapped[str]
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    questions_until: Mapped[datetime | None]
    answers_until: Mapped[datetime | None]
    session_at: Mapped[datetime | None]
    check_until: Mapped[date | None]
    reviews_due_on: Mapped[date | None]
    meeting_on: Mapped[date | None]
    notify_until: Mapped[date | None]
    complaints_until: Mapped[date | None]
    sign_until: Mapped[date | None]
    earliest_start_on: Mapped[date | None]
    latest_end_on: Mapped[date | None]
    reserve_valid_until: Mapped[date | None]
    envelope_minor: Mapped[int]
    grant_min_minor: Mapped[int]
    grant_max_minor: Mapped[int]
    months_min: Mapped[int]
    months_max: Mapped[int]
    eligible_countries: Mapped[list[str]]
    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"))
    edition: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    terms: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    grid: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    budget: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    plan_of_action: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    hides_applicants: Mapped[bool] = mapped_column(
        Boolean,
        Computed("COALESCE(grid #>> '{assessors,blind,organization_visible}' = 'false', false)", persisted=True),
    )
    drawn: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default=text("'[]'"))
    created_at: Mapped[Recorded]

    questionnaire: Mapped[Questionnaire] = relationship()
    lots: Mapped[list[Lot]] = relationship(order_by="Lot.position", back_populates="call")
    regions: Mapped[list[RegionEnvelope]] = relationship(order_by="RegionEnvelope.position", back_populates="call")
    rules: Mapped[list[EligibilityRule]] = relationship(order_by="EligibilityRule.position", back_populates="call")
    criteria: Mapped[list[Criterion]] = relationship(order_by="Criterion.position", back_populates="call")
    documents: Mapped[list[DocumentAsked]] = relationship(order_by="DocumentAsked.position", back_populates="call")

    workflow = CALL

    def money(self, minor: int) -> Money:
        """An amount in the currency of the call."""
        return Money(minor, self.currency)

    @property
    def envelope(self) -> Money:
        """All the money this call may award."""
        return self.money(self.envelope_minor)

    @property
    def grant_min(self) -> Money:
        """The smallest grant."""
        return self.money(self.grant_min_minor)

    @property
    def grant_max(self) -> Money:
        """The largest grant."""
        return self.money(self.grant_max_minor)

    def is_open(self, at: datetime) -> bool:
        """Whether applications are taken at a moment. For screens; the submission itself asks the database."""
        return self.state == CallState.PUBLISHED and self.opens_at <= at < self.closes_at


class WorkingCopy(Base):
    """The documents of a call while coordinators write: of a draft that is not sound yet, or of a correction.

    ``documents`` are call, form, grid, budget, plan_of_action, as they stand in files; they may be incomplete.
    ``version`` grows with every save, so that two people never overwrite each other unseen.
    """

    __tablename__ = "working_copy"

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"), unique=True)
    documents: Mapped[dict[str, Any]] = mapped_column(JSON)
    version: Mapped[int] = mapped_column(default=1)
    saved_at: Mapped[Recorded]
    saved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Correction(Base):
    """A published change of a published call: when, why, what changed, and what the call said before. Never changed."""

    __tablename__ = "correction"
    __table_args__ = (UniqueConstraint("call_id", "number"),)

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    number: Mapped[int]
    reason: Mapped[str]
    changes: Mapped[list[dict[str, Any]]]
    former_questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"), index=True)
    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"), index=True)
    former: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    made_at: Mapped[Recorded]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Lot(Base):
    """A theme of the call, serving some points of the Plan of Action."""

    __tablename__ = "lot"
    __table_args__ = (UniqueConstraint("call_id", "key"),)

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    position: Mapped[int]
    key: Mapped[str]
    title: Mapped[dict[str, str]]
    plan_points: Mapped[list[int]]
    min_awards: Mapped[int] = mapped_column(default=0)

    call: Mapped[Call] = relationship(back_populates="lots")


class RegionEnvelope(Base):
    """The money meant for a region: a floor that binds, a ceiling the committee may lift with a written reason."""

    __tablename__ = "region_envelope"
    __table_args__ = (UniqueConstraint("call_id", "region"),)

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    position: Mapped[int]
    region: Mapped[str]
    label: Mapped[dict[str, str]]
    indicative_minor: Mapped[int]
    floor_minor: Mapped[int] = mapped_column(default=0)
    ceiling_minor: Mapped[int | None]

    call: Mapped[Call] = relationship(back_populates="regions")


class EligibilityRule(Base):
    """What an applicant or an action must meet to be considered; ``check`` is an expression, never code."""

    __tablename__ = "eligibility_rule"
    __table_args__ = (UniqueConstraint("call_id", "key"),)

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    position: Mapped[int]
    key: Mapped[str]
    check: Mapped[str]
    on_fail: Mapped[str]
    manual_if: Mapped[list[str]] = mapped_column(default=list)
    derived: Mapped[bool] = mapped_column(Boolean, default=False)
    text: Mapped[dict[str, str]]

    call: Mapped[Call] = relationship(back_populates="rules")


class Criterion(Base):
    """What a reviewer scores; the scale, the sections and their thresholds stand in the call's grid."""

    __tablename__ = "criterion"
    __table_args__ = (UniqueConstraint("call_id", "key"), CheckConstraint("weight > 0", name="weight_positive"))

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    position: Mapped[int]
    section: Mapped[str]
    key: Mapped[str]
    weight: Mapped[int]
    text: Mapped[dict[str, str]]
    anchors: Mapped[dict[str, Any]]

    call: Mapped[Call] = relationship(back_populates="criteria")


class DocumentAsked(Base):
    """A document that applicants (stage ``application``) or grantees (stage ``award``) attach.

    ``largest_mb`` and ``most_files`` limit each file and their number below what holds for all documents. What
    ``identifies`` the applicant by its nature is not shown to reviewers who must not know whose application they read.
    """

    __tablename__ = "document_asked"
    __table_args__ = (
        UniqueConstraint("call_id", "key"),
        CheckConstraint("largest_mb > 0 AND most_files > 0", name="limits_leave_something"),
    )

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    position: Mapped[int]
    code: Mapped[str]
    key: Mapped[str]
    label: Mapped[dict[str, str]]
    note: Mapped[dict[str, str]] = mapped_column(default=dict)
    formats: Mapped[list[str]]
    required: Mapped[bool] = mapped_column(Boolean)
    required_when: Mapped[str | None]
    stage: Mapped[str] = mapped_column(default="application")
    sensitive: Mapped[bool] = mapped_column(Boolean, default=False)
    identifies: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    largest_mb: Mapped[int | None]
    most_files: Mapped[int | None]

    call: Mapped[Call] = relationship(back_populates="documents")

    @hybrid_property
    def is_about_bank(self) -> bool:
        """Whether it holds the number of an account: of the fund only finance officers open it."""
        return self.key.startswith("bank")
