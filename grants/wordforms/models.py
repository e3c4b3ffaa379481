"""Filled forms that were sent in and wait to be taken over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.core.db import Base, Key, Recorded
from grants.core.files import StoredFile


class FilledForm(Base):
    """A form as a Word file, between being sent in and being taken over. One a person and application: the latest.

    It is read again each time from the file itself, so what is shown and what is taken over are the same.
    """

    __tablename__ = "filled_form"
    __table_args__ = (UniqueConstraint("application_id", "sent_by_id"),)

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    sent_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), unique=True)
    sent_at: Mapped[Recorded]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    application: Mapped[Application] = relationship()
    sent_by: Mapped[Person] = relationship()
    file: Mapped[StoredFile] = relationship()
