"""What grantees ask to change in a signed grant, and the notices of small budget changes."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.amendments.workflow import AMENDMENT, OPEN, AmendmentState
from grants.awards.models import Agreement, Award
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.languages import _l


class Kind(enum.StrEnum):
    """What an amendment changes."""

    EXTENSION = "no_cost_extension"
    BUDGET = "budget_change"
    SCOPE = "scope_change"


KIND_LABELS: dict[str, Any] = {
    Kind.EXTENSION: _l("More time, at no cost"),
    Kind.BUDGET: _l("Another budget"),
    Kind.SCOPE: _l("Other work than was agreed"),
}

_WORDS = ", ".join(f"'{kind.value}'" for kind in Kind)
_OPEN = ", ".join(f"'{state.value}'" for state in OPEN)


class Amendment(Base):
    """A change of a signed agreement: what was asked, how it was worked out, and the document that was signed for it.

    ``end_on``, ``moves`` (minor units by heading, below zero where money is taken) and ``scope`` are what was asked.
    ``revision`` is what was worked out of it: days by milestone and report, amounts by heading, the scope. ``answer`` is
    what the fund said last: why it refused, or what is to be changed. ``assisted``: a coordinator wrote it down for the
    grantee, which confirms it.
    """

    __tablename__ = "amendment"
    __table_args__ = (
        one_of("state", AmendmentState),
        UniqueConstraint("award_id", "number"),
        CheckConstraint(f"cardinality(kinds) > 0 AND kinds <@ ARRAY[{_WORDS}]::text[]", name="kinds_are_known"),
        CheckConstraint("reason <> ''", name="with_a_reason"),
        CheckConstraint("(confirmed_at IS NULL) = (confirmed_by_id IS NULL)", name="confirmed_by_someone"),
        CheckConstraint("(decided_at IS NULL) = (decided_by_id IS NULL)", name="decided_by_someone"),
        CheckConstraint(
            "state NOT IN ('drawn_up', 'signed') OR agreement_id IS NOT NULL", name="drawn_up_as_a_document"
        ),
        Index("uq_amendment_open", "award_id", unique=True, postgresql_where=text(f"state IN ({_OPEN})")),
        Index("ix_amendment_agreement_id", "agreement_id"),
        Index("ix_amendment_state_id", "state", "id"),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(default=AmendmentState.REQUESTED)
    kinds: Mapped[list[str]]
    reason: Mapped[str]
    end_on: Mapped[date | None]
    moves: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict)
    scope: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[Recorded]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    assisted: Mapped[bool] = mapped_column(Boolean, default=False)
    confirmed_at: Mapped[datetime | None]
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    revision: Mapped[dict[str, Any]] = mapped_column(default=dict)
    waits_since: Mapped[datetime]
    answer: Mapped[str] = mapped_column(default="")
    agreement_id: Mapped[int | None] = mapped_column(ForeignKey("agreement.id"))

    award: Mapped[Award] = relationship()
    asked_by: Mapped[Person] = relationship(foreign_keys=[asked_by_id])
    agreement: Mapped[Agreement | None] = relationship()

    workflow = AMENDMENT

    @property
    def waits_for_confirmation(self) -> bool:
        """Whether the fund wrote it down and the grantee has not confirmed it."""
        return self.assisted and self.confirmed_at is None


class BudgetNotice(Base):
    """A budget change that needed no amendment: applied at once, or when the fund approved it in writing. Never changed.

    ``moves`` are minor units by heading, below zero where money was taken; ``version`` is the version of the grant since
    which it counts.
    """

    __tablename__ = "budget_notice"
    __table_args__ = (
        UniqueConstraint("award_id", "number"),
        Index("ix_budget_notice_amendment_id", "amendment_id"),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    number: Mapped[int]
    version: Mapped[int]
    moves: Mapped[dict[str, int]] = mapped_column(JSONB)
    reason: Mapped[str]
    given_at: Mapped[Recorded]
    given_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    amendment_id: Mapped[int | None] = mapped_column(ForeignKey("amendment.id"))

    given_by: Mapped[Person] = relationship()
