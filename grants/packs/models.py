"""The pack that somebody takes to a meeting of the committee."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.decisions.models import Meeting


class PackState(enum.StrEnum):
    """Where a pack stands."""

    ASKED = "asked"
    READY = "ready"
    FAILED = "failed"


class Pack(Base):
    """Everything that one person may read for a meeting, as one document made for them alone.

    ``done`` of ``total`` applications stand in it so far; ``application_ids`` are those that do when it is ready, so that
    it is given to nobody who has stepped aside from one of them since.
    """

    __tablename__ = "pack"
    __table_args__ = (
        one_of("state", PackState),
        UniqueConstraint("meeting_id", "person_id"),
        Index("ix_pack_person_id", "person_id"),
        Index("ix_pack_asked", "id", postgresql_where=text("state = 'asked'")),
    )

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    state: Mapped[str] = mapped_column(default=PackState.ASKED)
    language: Mapped[str]
    asked_at: Mapped[Recorded]
    begun_at: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    application_ids: Mapped[list[int]] = mapped_column(default=list)
    made_at: Mapped[datetime | None]
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))

    meeting: Mapped[Meeting] = relationship()
    person: Mapped[Person] = relationship()
    file: Mapped[StoredFile | None] = relationship()
