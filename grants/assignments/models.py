"""Plans of reviews that take long to work out: asked for by a coordinator, worked out by a worker, looked through."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.calls.models import Call
from grants.core.db import Base, Key, one_of


class PlanState(enum.StrEnum):
    """Where a plan stands."""

    WORKING = "working"
    READY = "ready"
    STOPPED = "stopped"


STEPS = 3
"""Reading who could review what; the first reviews; the third reviews."""


class ReviewPlan(Base):
    """The plan of a call's reviews that somebody asked for: one for each of them, the latest. It asks nobody by itself.

    ``step`` is how many of the ``STEPS`` are done; ``held_until`` by when whoever works on it is taken to have broken
    down; ``proposal`` what was found; ``board`` the fingerprint of what it was found for.
    """

    __tablename__ = "review_plan"
    __table_args__ = (
        one_of("state", PlanState),
        UniqueConstraint("call_id", "person_id"),
        CheckConstraint("(state = 'ready') = (proposal IS NOT NULL)", name="ready_has_a_proposal"),
        Index("ix_review_plan_working", "id", postgresql_where=text("state = 'working'")),
    )

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    state: Mapped[str] = mapped_column(default=PlanState.WORKING)
    step: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime]
    held_until: Mapped[datetime | None]
    board: Mapped[str | None]
    proposal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    call: Mapped[Call] = relationship()
    person: Mapped[Person] = relationship()
