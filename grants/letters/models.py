"""How the letters of a call are worded, and the letters as they were sent."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.languages import _l


class LetterKind(enum.StrEnum):
    """What a letter tells an applicant; the agreement is worded as letters are, and kept as a document of its own."""

    AWARD = "award"
    RESERVE = "reserve"
    DECLINE = "decline"
    INELIGIBLE = "ineligible"
    AGREEMENT = "agreement"
    SUSPENSION = "suspension"
    RESUMPTION = "resumption"
    TERMINATION = "termination"
    CLOSING = "closing"


KIND_LABELS: dict[str, Any] = {
    LetterKind.AWARD: _l("Offered a grant"),
    LetterKind.RESERVE: _l("On the reserve list"),
    LetterKind.DECLINE: _l("Not supported this time"),
    LetterKind.INELIGIBLE: _l("Not eligible"),
    LetterKind.AGREEMENT: _l("Grant agreement"),
    LetterKind.SUSPENSION: _l("Grant suspended"),
    LetterKind.RESUMPTION: _l("Grant resumed"),
    LetterKind.TERMINATION: _l("Agreement terminated"),
    LetterKind.CLOSING: _l("Grant closed"),
}


class LetterTemplate(Base):
    """The paragraphs of one kind of letter in one language, as the coordinators of a call worded them; without one the
    letter is worded as in all our calls.
    """

    __tablename__ = "letter_template"
    __table_args__ = (
        one_of("kind", LetterKind),
        UniqueConstraint("call_id", "kind", "language"),
        CheckConstraint("opening <> '' AND outcome <> '' AND closing <> ''", name="is_whole"),
    )

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    kind: Mapped[str]
    language: Mapped[str]
    opening: Mapped[str]
    outcome: Mapped[str]
    closing: Mapped[str]
    written_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    written_at: Mapped[Recorded]

    written_by: Mapped[Person] = relationship()


class Letter(Base):
    """A letter as it was sent. Nothing that is worded, scored or written later changes it.

    ``details`` are what stands between its paragraphs: ``reason`` (of the check), ``rules`` that are not met, ``feedback``
    of the committee, ``sentences`` of the reviewers, and ``points``: how the application was assessed. Beside it they keep
    the last day for a complaint that it names, ``complain_until``.
    """

    __tablename__ = "letter"
    __table_args__ = (
        one_of("kind", LetterKind),
        Index("ix_letter_application_id", "application_id", "kind"),
    )

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    kind: Mapped[str]
    language: Mapped[str]
    opening: Mapped[str]
    outcome: Mapped[str]
    closing: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    written_at: Mapped[Recorded]
