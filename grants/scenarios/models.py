"""The scenarios that were kept for a call, and those that were laid before a meeting."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.calls.models import Call
from grants.core.db import Base, Key, Recorded
from grants.core.money import Money


class Scenario(Base):
    """A choice of awards under a name, with all that it was made from. Never changed: another choice is another one.

    ``limits`` are floors, ceilings (money in minor units by region or lot), least (awards by lot) and most_per_lead.
    ``lines`` are the ranked applications as they stood for whoever kept it: id, reference, rank, points, minor, region,
    lot, plan_points, ticked. ``lifted`` are the limits that gave way, each with what it asked for, what was reached and
    the reason; ``why`` says of each application that a proposal passed over for what reason, in the language of whoever
    kept it. A choice ``proposed`` follows from the ranking and the limits; any other was ticked by hand.
    """

    __tablename__ = "scenario"
    __table_args__ = (
        UniqueConstraint("call_id", "number"),
        CheckConstraint("name <> ''", name="has_a_name"),
        CheckConstraint("budget_minor >= 0", name="budget_not_negative"),
    )

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    number: Mapped[int]
    name: Mapped[str]
    budget_minor: Mapped[int]
    currency: Mapped[str]
    limits: Mapped[dict[str, Any]]
    lifted: Mapped[list[dict[str, Any]]]
    lines: Mapped[list[dict[str, Any]]]
    why: Mapped[list[dict[str, Any]]]
    proposed: Mapped[bool] = mapped_column(Boolean)
    saved_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    saved_at: Mapped[Recorded]

    call: Mapped[Call] = relationship()
    saved_by: Mapped[Person] = relationship()

    @property
    def budget(self) -> Money:
        """The money that it had to award."""
        return Money(self.budget_minor, self.currency)


class LaidBefore(Base):
    """A scenario that was laid before a meeting; the latest is the one that is looked at. Nothing is decided by it."""

    __tablename__ = "laid_before"
    __table_args__ = (Index("ix_laid_before_meeting_id", "meeting_id", "id"),)

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id"))
    scenario_id: Mapped[int] = mapped_column(ForeignKey("scenario.id"), index=True)
    laid_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    laid_at: Mapped[Recorded]

    scenario: Mapped[Scenario] = relationship()
