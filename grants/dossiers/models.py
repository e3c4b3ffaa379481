"""The dossiers that were made of grants, each for one reader."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Confidentiality, Person
from grants.awards.models import Award
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile


class DossierState(enum.StrEnum):
    """Where a dossier stands."""

    ASKED = "asked"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


class Dossier(Base):
    """The archive of one grant made for one person; ``person`` is None for one made at the command line.

    ``done`` of ``total`` files stand in it so far. ``shown`` is what its reader was allowed to read when it was made, and
    ``hidden_ids`` the applications that were hidden from them, so that it is given to nobody who may read less since.
    ``confidentiality`` is the class of the grant then: it is not given either when more is to be hidden since.
    ``manifest`` is the SHA-256 of its manifest; history keeps it too.
    """

    __tablename__ = "dossier"
    __table_args__ = (
        one_of("state", DossierState),
        one_of("confidentiality", Confidentiality),
        UniqueConstraint("award_id", "person_id"),
        CheckConstraint("0 <= done AND done <= total", name="counts_fit"),
        CheckConstraint("state <> 'ready' OR (made_at IS NOT NULL AND manifest <> '')", name="ready_is_made"),
        CheckConstraint("state = 'ready' OR file_id IS NULL", name="only_a_ready_one_has_a_file"),
        Index("ix_dossier_person_id", "person_id"),
        Index("ix_dossier_asked", "id", postgresql_where=text("state = 'asked'")),
        Index("ix_dossier_made_at", "made_at", postgresql_where=text("state = 'ready'")),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    state: Mapped[str] = mapped_column(default=DossierState.ASKED)
    language: Mapped[str]
    asked_at: Mapped[Recorded]
    begun_at: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    shown: Mapped[list[str]] = mapped_column(default=list)
    hidden_ids: Mapped[list[int]] = mapped_column(default=list)
    confidentiality: Mapped[str] = mapped_column(default=Confidentiality.PUBLIC, server_default=Confidentiality.PUBLIC)
    made_at: Mapped[datetime | None]
    manifest: Mapped[str] = mapped_column(default="")
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))

    award: Mapped[Award] = relationship()
    person: Mapped[Person | None] = relationship()
    file: Mapped[StoredFile | None] = relationship()
