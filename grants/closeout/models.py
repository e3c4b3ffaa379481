"""The end of a grant: the final balance, and how long its record is kept."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.awards.models import Award
from grants.closeout.workflow import CLOSEOUT, CloseoutState
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.letters.models import Letter


class Closeout(Base):
    """The final checks of one award and their result. All amounts are minor units of the award's currency.

    ``letter`` is what the grantee was told at the end, ``letter_file`` the same as the document that was sent.
    """

    __tablename__ = "closeout"
    __table_args__ = (one_of("state", CloseoutState),)

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
