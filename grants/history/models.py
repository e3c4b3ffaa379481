"""The record of every change. The database refuses to change or delete it, and seals each entry in a chain."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.core.db import Base, Key, Recorded


class HistoryEntry(Base):
    """One thing that happened to one subject. ``actor`` is None when the system did it by itself.

    ``details`` holds codes, numbers and references, never names or answers, so that erasing a person's data later
    does not have to touch a sealed record.
    """

    __tablename__ = "history_entry"
    __table_args__ = (Index("ix_history_entry_subject", "subject_kind", "subject_id", "id"),)

    id: Mapped[Key]
    at: Mapped[Recorded]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    subject_kind: Mapped[str]
    subject_id: Mapped[int]
    verb: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str | None]
    reason: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)

    actor: Mapped[Person | None] = relationship()


class HistorySeal(Base):
    """The link of one entry in the chain: a digest over the entry and over the digest before it.

    Written by a trigger at the very end of the transaction, so that the lock that orders the chain is held for an
    instant and can never be part of a deadlock.
    """

    __tablename__ = "history_seal"

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(ForeignKey("history_entry.id"), unique=True)
    digest: Mapped[str]
    sealed_at: Mapped[datetime]
