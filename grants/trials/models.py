"""Tries at the form of a call in preparation."""

from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.calls.models import Call
from grants.core.db import Base, Key, Recorded
from grants.questionnaires.models import AnswerSheet


class Trial(Base):
    """A coordinator's try at the form of a call in preparation: real answers, really checked, and never an application."""

    __tablename__ = "trial"
    __table_args__ = (UniqueConstraint("call_id", "person_id"),)

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    answer_sheet_id: Mapped[int] = mapped_column(ForeignKey("answer_sheet.id"), unique=True)
    started_at: Mapped[Recorded]

    call: Mapped[Call] = relationship()
    answer_sheet: Mapped[AnswerSheet] = relationship()
