"""Lists that somebody took out as a file, and filters that somebody keeps under a name."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.core.languages import _l
from grants.core.listings import LISTINGS


class FileState(enum.StrEnum):
    """Where a file stands."""

    ASKED = "asked"
    READY = "ready"
    FAILED = "failed"
    GONE = "gone"


FILE_STATES = {
    FileState.ASKED: _l("Being written"),
    FileState.READY: _l("Ready"),
    FileState.FAILED: _l("Could not be written"),
    FileState.GONE: _l("No longer kept"),
}


class FileKind(enum.StrEnum):
    """What a list is written as."""

    CSV = "csv"
    XLSX = "xlsx"


class ListFile(Base):
    """A list as it stood at an ``address``, written for one person alone, in the language they read.

    ``done`` of ``total`` rows stand in it so far. ``rights`` is the digest of what the person was allowed to see while it
    was made: it is given to nobody who may see less since. Of each person one at a time is being made. The row stays when
    the file goes, to say what was taken out.
    """

    __tablename__ = "list_file"
    __table_args__ = (
        one_of("state", FileState),
        one_of("kind", FileKind),
        CheckConstraint("(state = 'ready') = (file_id IS NOT NULL)", name="ready_with_a_file"),
        CheckConstraint("done <= total", name="counted"),
        Index("ix_list_file_person_id", "person_id"),
        Index("uq_list_file_being_made", "person_id", unique=True, postgresql_where=text("state = 'asked'")),
        Index("ix_list_file_kept", "asked_at", postgresql_where=text("state <> 'gone'")),
    )

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    endpoint: Mapped[str]
    address: Mapped[str]
    kind: Mapped[str]
    language: Mapped[str]
    state: Mapped[str] = mapped_column(default=FileState.ASKED)
    asked_at: Mapped[Recorded]
    begun_at: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int]
    rights: Mapped[str] = mapped_column(default="")
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))

    person: Mapped[Person] = relationship()
    file: Mapped[StoredFile | None] = relationship()

    @property
    def reference(self) -> str:
        """How people name it."""
        return f"LST-{self.id}"

    @property
    def list_name(self) -> Any:
        """What the list is called."""
        return LISTINGS[self.endpoint].name if self.endpoint in LISTINGS else self.endpoint


class KeptFilter(Base):
    """A list as filtered, kept by one person under a name: the address of its page."""

    __tablename__ = "kept_filter"
    __table_args__ = (
        UniqueConstraint("person_id", "endpoint", "name"),
        CheckConstraint("name <> ''", name="named"),
    )

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    endpoint: Mapped[str]
    name: Mapped[str]
    address: Mapped[str]
    kept_at: Mapped[Recorded]

    @property
    def list_name(self) -> Any:
        """What the list is called."""
        return LISTINGS[self.endpoint].name if self.endpoint in LISTINGS else self.endpoint

    @property
    def path(self) -> str:
        """The address without the filter."""
        return self.address.partition("?")[0]
