"""Awards, the agreement that binds both sides, its conditions and the milestones promised in it."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, UniqueConstraint, false, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Confidentiality, Organization, Person
from grants.applications.models import Application
from grants.awards.workflow import AWARD, NEW_BUDGET, AwardState, BudgetState
from grants.calls.models import Call
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.core.languages import _l
from grants.core.money import Money
from grants.decisions.models import Decision
from grants.questionnaires.models import AnswerSheet


class Risk(enum.StrEnum):
    """How much may go wrong with a grant, as a person judged it; it decides how closely the fund follows it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


RISK_LABELS: dict[Risk, Any] = {Risk.LOW: _l("Low"), Risk.MEDIUM: _l("Medium"), Risk.HIGH: _l("High")}


class Award(Base):
    """The commitment of money to a grantee.

    ``risk`` and ``on_hold`` are written by the due diligence: how closely the grant is followed, and that a name which may
    stand on a sanctions list stops its agreement and its payments. What grants are found and counted by is repeated here:
    the ``country`` of the grantee, and region, lot and the ``plan_points`` it serves as the application said.
    """

    __tablename__ = "award"
    __table_args__ = (
        one_of("state", AwardState),
        one_of("confidentiality", Confidentiality),
        one_of("risk", Risk, optional=True),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("start_on IS NULL OR end_on IS NULL OR start_on <= end_on", name="starts_before_it_ends"),
        Index("ix_award_state_id", "state", "id"),
        Index("ix_award_call_id", "call_id", "id"),
        Index("ix_award_organization_id", "organization_id"),
        Index("ix_award_region_state", "region", "state"),
        Index("ix_award_region_id", "region", "id"),
        Index("ix_award_country_id", "country", "id"),
        Index("ix_award_risk_id", "risk", "id", postgresql_where=text("risk IS NOT NULL")),
        Index("ix_award_end_on", "end_on", postgresql_where=text("state IN ('active', 'suspended')")),
        Index("ix_award_plan_points", "plan_points", postgresql_using="gin"),
        Index(
            "ix_award_plain_title",
            func.plain_name(text("title")).label("plain"),
            postgresql_using="gin",
            postgresql_ops={"plain": "gin_trgm_ops"},
        ),
    )

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), unique=True)
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"), unique=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    region: Mapped[str]
    country: Mapped[str]
    lot_key: Mapped[str]
    plan_points: Mapped[list[int]] = mapped_column(default=list, server_default="{}")
    title: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    confidentiality: Mapped[str]
    risk: Mapped[str | None]
    on_hold: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    state: Mapped[str] = mapped_column(default=AwardState.OFFERED)
    offered_at: Mapped[Recorded]
    answer_by: Mapped[date]
    sign_by: Mapped[date | None]
    start_on: Mapped[date | None]
    end_on: Mapped[date | None]
    closed_at: Mapped[datetime | None]

    application: Mapped[Application] = relationship()
    decision: Mapped[Decision] = relationship()
    call: Mapped[Call] = relationship()
    organization: Mapped[Organization] = relationship()
    budget: Mapped[list[BudgetLine]] = relationship(order_by="BudgetLine.position", back_populates="award")
    conditions: Mapped[list[Condition]] = relationship(order_by="Condition.id", back_populates="award")
    agreements: Mapped[list[Agreement]] = relationship(order_by="Agreement.version", back_populates="award")
    milestones: Mapped[list[Milestone]] = relationship(order_by="Milestone.due_on", back_populates="award")
    new_budget: Mapped[NewBudget | None] = relationship(back_populates="award")

    workflow = AWARD

    @property
    def amount(self) -> Money:
        """The money committed."""
        return Money(self.amount_minor, self.currency)


class BudgetLine(Base):
    """What of the grant may be spent under one budget heading."""

    __tablename__ = "budget_line"
    __table_args__ = (
        UniqueConstraint("award_id", "heading"),
        CheckConstraint("amount_minor >= 0", name="not_negative"),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    position: Mapped[int]
    heading: Mapped[str]
    title: Mapped[dict[str, str]]
    amount_minor: Mapped[int]

    award: Mapped[Award] = relationship(back_populates="budget")


class NewBudget(Base):
    """The budget that a grantee hands in when it was awarded less than it asked for: of exactly what was awarded.

    It is written in the section of the application's form that asks for the budget; ``answer_sheet`` holds it.
    """

    __tablename__ = "new_budget"
    __table_args__ = (one_of("state", BudgetState),)

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"), unique=True)
    answer_sheet_id: Mapped[int] = mapped_column(ForeignKey("answer_sheet.id"), unique=True)
    state: Mapped[str] = mapped_column(default=BudgetState.ASKED)
    asked_at: Mapped[Recorded]
    returned_reason: Mapped[str] = mapped_column(default="")

    award: Mapped[Award] = relationship(back_populates="new_budget")
    answer_sheet: Mapped[AnswerSheet] = relationship()

    workflow = NEW_BUDGET


class Condition(Base):
    """Something to be done besides the action; payments wait for those that block.

    ``owner`` is the person of the fund who has to do it; without one it is the grantee's.
    """

    __tablename__ = "condition"
    __table_args__ = (
        CheckConstraint("(met_on IS NULL) = (met_by_id IS NULL)", name="met_by_someone"),
        Index("ix_condition_award_id", "award_id"),
        Index("ix_condition_due_on", "due_on", postgresql_where=text("met_on IS NULL")),
        Index("ix_condition_unmet_of_owner", "owner_id", "due_on", postgresql_where=text("met_on IS NULL")),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    text: Mapped[str]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    due_on: Mapped[date | None]
    blocks_payment: Mapped[bool] = mapped_column(Boolean, default=True)
    met_on: Mapped[date | None]
    met_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    evidence: Mapped[str] = mapped_column(default="")

    award: Mapped[Award] = relationship(back_populates="conditions")
    owner: Mapped[Person | None] = relationship(foreign_keys=[owner_id])


class Agreement(Base):
    """One version of the agreement as a document, and how it was signed: by typing a name, or on paper.

    ``plan_mark`` is the mark of the terms it was drawn up with: it is signed only while they stand. On paper: a signatory hands in a ``copy`` signed on a day, and somebody else, of the fund, countersigns it.
    """

    __tablename__ = "agreement"
    __table_args__ = (
        UniqueConstraint("award_id", "version"),
        CheckConstraint("(signed_at IS NULL) = (signed_by_id IS NULL)", name="signed_by_someone"),
        CheckConstraint(
            "(copy_id IS NULL) = (copy_by_id IS NULL) AND (copy_id IS NULL) = (copy_signed_on IS NULL)"
            " AND (copy_id IS NULL) = (copy_at IS NULL)",
            name="copy_is_whole",
        ),
        CheckConstraint("(countersigned_at IS NULL) = (countersigned_by_id IS NULL)", name="countersigned_by_someone"),
        CheckConstraint(
            "countersigned_at IS NULL OR (copy_id IS NOT NULL AND signed_at IS NOT NULL)", name="countersigns_a_copy"
        ),
        CheckConstraint("countersigned_by_id <> copy_by_id", name="countersigned_by_a_second_person"),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    version: Mapped[int]
    language: Mapped[str]
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    drawn_up_at: Mapped[Recorded]
    drawn_up_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    plan_mark: Mapped[str | None]
    signed_at: Mapped[datetime | None]
    signed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    signature: Mapped[str] = mapped_column(default="")
    copy_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    copy_at: Mapped[datetime | None]
    copy_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    copy_signed_on: Mapped[date | None]
    countersigned_at: Mapped[datetime | None]
    countersigned_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    award: Mapped[Award] = relationship(back_populates="agreements")
    file: Mapped[StoredFile] = relationship(foreign_keys=[file_id])
    copy: Mapped[StoredFile | None] = relationship(foreign_keys=[copy_id])
    signed_by: Mapped[Person | None] = relationship(foreign_keys=[signed_by_id])
    copy_by: Mapped[Person | None] = relationship(foreign_keys=[copy_by_id])
    countersigned_by: Mapped[Person | None] = relationship(foreign_keys=[countersigned_by_id])


class AwardVersion(Base):
    """Everything that binds both sides of a grant, as it was when an agreement or an amendment was signed. Never changed.

    ``terms`` hold amount, dates, budget, milestones, instalments, reports, conditions and scope, worded in no language but
    their own. ``reconstructed``: written down later, from what stood then, for a grant that was signed before versions were
    kept.
    """

    __tablename__ = "award_version"
    __table_args__ = (UniqueConstraint("award_id", "number"), UniqueConstraint("agreement_id"))

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    number: Mapped[int]
    agreement_id: Mapped[int] = mapped_column(ForeignKey("agreement.id"))
    terms: Mapped[dict[str, Any]]
    made_at: Mapped[Recorded]
    reconstructed: Mapped[bool] = mapped_column(Boolean, default=False)

    agreement: Mapped[Agreement] = relationship()


class Milestone(Base):
    """A promised result with a date. ``confirmed_on``: the fund has seen that it was reached; money waits for that."""

    __tablename__ = "milestone"
    __table_args__ = (
        CheckConstraint("(reached_on IS NULL) = (reached_by_id IS NULL)", name="reached_by_someone"),
        CheckConstraint("(confirmed_on IS NULL) = (confirmed_by_id IS NULL)", name="confirmed_by_someone"),
        CheckConstraint("confirmed_on IS NULL OR reached_on IS NOT NULL", name="confirmed_when_reached"),
        Index("ix_milestone_award_id", "award_id"),
        Index("ix_milestone_due_on", "due_on"),
        Index("ix_milestone_ahead", "due_on", postgresql_where=text("reached_on IS NULL")),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    title: Mapped[str]
    due_on: Mapped[date]
    reached_on: Mapped[date | None]
    reached_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    evidence: Mapped[str] = mapped_column(default="")
    confirmed_on: Mapped[date | None]
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    award: Mapped[Award] = relationship(back_populates="milestones")
