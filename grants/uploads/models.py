"""Uploads that are still on their way, and photographed papers that are being joined."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.applications.models import Application
from grants.calls.models import DocumentAsked
from grants.core.db import Base, Key, Recorded, one_of


class UploadState(enum.StrEnum):
    """Where an upload stands."""

    OPEN = "open"
    BINDING = "binding"
    ATTACHED = "attached"
    SET_ASIDE = "set_aside"


class BookletState(enum.StrEnum):
    """Where the booklet of photographs stands."""

    WORKING = "working"
    ATTACHED = "attached"
    REFUSED = "refused"


class Booklet(Base):
    """Photographs of the pages of one document, on their way to become one PDF."""

    __tablename__ = "booklet"
    __table_args__ = (
        one_of("state", BookletState),
        Index("ix_booklet_working", "id", postgresql_where=text("state = 'working'")),
    )

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(unique=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document_asked.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str]
    state: Mapped[str] = mapped_column(default=BookletState.WORKING)
    refusal: Mapped[str | None]
    started_at: Mapped[Recorded]

    application: Mapped[Application] = relationship()
    document: Mapped[DocumentAsked] = relationship()
    uploads: Mapped[list[Upload]] = relationship(order_by="Upload.position", back_populates="booklet")


class Upload(Base):
    """A file that arrives piece by piece for a document asked. ``fingerprint`` is the SHA-256 of the whole file.

    ``parts`` are the places at which the pieces begin that have arrived, in their order; ``received`` is how many bytes
    they hold together, and so where the next one begins.
    """

    __tablename__ = "upload"
    __table_args__ = (
        one_of("state", UploadState),
        CheckConstraint("received BETWEEN 0 AND size", name="received_within_size"),
        CheckConstraint("(booklet_id IS NULL) = (position IS NULL)", name="joined_has_a_position"),
        Index(
            "uq_upload_open_once",
            "person_id",
            "application_id",
            "document_id",
            "fingerprint",
            "is_page",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_upload_touched_at", "touched_at"),
    )

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(unique=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document_asked.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str]
    size: Mapped[int]
    fingerprint: Mapped[str]
    is_page: Mapped[bool] = mapped_column(Boolean, default=False)
    state: Mapped[str] = mapped_column(default=UploadState.OPEN)
    parts: Mapped[list[int]] = mapped_column(default=list)
    received: Mapped[int] = mapped_column(default=0)
    booklet_id: Mapped[int | None] = mapped_column(ForeignKey("booklet.id"), index=True)
    position: Mapped[int | None]
    paged: Mapped[bool] = mapped_column(Boolean, default=False)
    started_at: Mapped[Recorded]
    touched_at: Mapped[datetime]

    application: Mapped[Application] = relationship()
    document: Mapped[DocumentAsked] = relationship()
    booklet: Mapped[Booklet | None] = relationship(back_populates="uploads")
