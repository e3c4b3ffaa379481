"""The end of a grant: the final balance, and how long its record is kept."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.awards.models import Award
from grants.closeout.workflow import CLOSEOUT, ERASURE, CloseoutState, ErasureState
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.letters.models import Letter

RETENTION_YEARS = 7
"""Kept for seven years after the year of the last payment unless the call says otherwise."""


class Closeout(Base):
    """The final checks of one award and their result. All amounts are minor units of the award's currency.

    ``letter`` is what the grantee was told at the end, ``letter_file`` the same as the document that was sent.
    """

    __tablename__ = "closeout"
    __table_args__ = (
        one_of("state", CloseoutState),
        Index("ix_closeout_keep_until", "keep_until", postgresql_where=text("keep_until IS NOT NULL")),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"), unique=True)
    state: Mapped[str] = mapped_column(default=CloseoutState.OPENED)
    opened_at: Mapped[Recorded]
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    due_on: Mapped[date]
    note: Mapped[str] = mapped_column(default="")
    paid_minor: Mapped[int | None]
    spent_minor: Mapped[int | None]
    refunded_minor: Mapped[int | None]
    released_minor: Mapped[int | None]
    closed_on: Mapped[date | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    keep_until: Mapped[date | None]
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("letter.id"))
    letter_file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))

    award: Mapped[Award] = relationship()
    closed_by: Mapped[Person | None] = relationship(foreign_keys=[closed_by_id])
    letter: Mapped[Letter | None] = relationship()
    letter_file: Mapped[StoredFile | None] = relationship()

    workflow = CLOSEOUT


class Erasure(Base):
    """Sensitive papers and mails, of a grant whose time is over: proposed by one person, erased by another.

    ``files`` and ``mails`` are how many went. Nothing that proves what became of the money is ever among them.
    """

    __tablename__ = "erasure"
    __table_args__ = (
        one_of("state", ErasureState),
        CheckConstraint("(ended_at IS NULL) = (ended_by_id IS NULL)", name="ended_by_someone"),
        CheckConstraint("state = 'proposed' OR ended_at IS NOT NULL", name="ended_at_a_moment"),
        CheckConstraint(
            "state <> 'carried_out' OR ended_by_id <> proposed_by_id", name="carried_out_by_a_second_person"
        ),
        Index("ix_erasure_award_id", "award_id"),
        Index("uq_erasure_proposed", "award_id", unique=True, postgresql_where=text("state = 'proposed'")),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    state: Mapped[str] = mapped_column(default=ErasureState.PROPOSED)
    proposed_at: Mapped[Recorded]
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    files: Mapped[int] = mapped_column(default=0)
    mails: Mapped[int] = mapped_column(default=0)

    award: Mapped[Award] = relationship()
    proposed_by: Mapped[Person] = relationship(foreign_keys=[proposed_by_id])

    workflow = ERASURE
