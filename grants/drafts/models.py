"""What colleagues say to each other about a section while they write."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.core.db import Base, Key, Recorded


class Note(Base):
    """A note between colleagues about one section of their application. The fund never reads it."""

    __tablename__ = "draft_note"
    __table_args__ = (
        CheckConstraint("text <> ''", name="says_something"),
        CheckConstraint("(settled_at IS NULL) = (settled_by_id IS NULL)", name="settled_by_someone"),
        Index("ix_draft_note_application_id", "application_id"),
    )

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    section_key: Mapped[str]
    text: Mapped[str]
    written_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    written_at: Mapped[Recorded]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    settled_at: Mapped[datetime | None]

    application: Mapped[Application] = relationship()
    written_by: Mapped[Person] = relationship(foreign_keys=[written_by_id])
    settled_by: Mapped[Person | None] = relationship(foreign_keys=[settled_by_id])
