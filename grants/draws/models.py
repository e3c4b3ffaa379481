"""The draw of a call."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.calls.models import Call
from grants.core.db import Base, Key, Recorded, one_of
from grants.draws.workflow import DRAW, DrawState


class Draw(Base):
    """The one draw of a call. Whoever does not like what comes out cannot draw again.

    ``fingerprint`` is the SHA-256 of the seed, published when it is bound; ``sealed_seed`` is the seed, encrypted, which
    nobody reads before the draw; ``seed`` the same in the clear once it is drawn. ``lines`` are then the applications in
    the order in which they came out: id, reference, rank before the draw, points, lot.
    """

    __tablename__ = "draw"
    __table_args__ = (
        one_of("state", DrawState),
        UniqueConstraint("call_id"),
        CheckConstraint("state <> 'drawn' OR (seed IS NOT NULL AND drawn_at IS NOT NULL)", name="disclosed_when_drawn"),
    )

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    state: Mapped[str] = mapped_column(default=DrawState.BOUND)
    fingerprint: Mapped[str]
    token: Mapped[str]
    sealed_seed: Mapped[bytes] = mapped_column(LargeBinary)
    seed: Mapped[str | None]
    lines: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    bound_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    bound_at: Mapped[Recorded]
    drawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    drawn_at: Mapped[datetime | None]

    call: Mapped[Call] = relationship()
    bound_by: Mapped[Person] = relationship(foreign_keys=[bound_by_id])

    workflow = DRAW
