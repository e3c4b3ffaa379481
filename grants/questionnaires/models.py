"""Questionnaires, which never change once used, and the sheets of answers given to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.core.db import Base, Key, Recorded


class Questionnaire(Base):
    """One version of a set of questions. ``definition`` is the whole form as it was imported or edited."""

    __tablename__ = "questionnaire"
    __table_args__ = (UniqueConstraint("key", "version"),)

    id: Mapped[Key]
    key: Mapped[str]
    version: Mapped[int]
    title: Mapped[dict[str, str]]
    languages: Mapped[list[str]]
    definition: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    created_at: Mapped[Recorded]


class AnswerSheet(Base):
    """The answers that somebody gives to one questionnaire, in one language."""

    __tablename__ = "answer_sheet"

    id: Mapped[Key]
    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"), index=True)
    language: Mapped[str]
    created_at: Mapped[Recorded]

    questionnaire: Mapped[Questionnaire] = relationship()
    sections: Mapped[list[SectionAnswers]] = relationship(order_by="SectionAnswers.id")


class SectionAnswers(Base):
    """The answers of one section. ``version`` grows with every save, so that two editors never overwrite unseen."""

    __tablename__ = "section_answers"
    __table_args__ = (UniqueConstraint("answer_sheet_id", "section_key"),)

    id: Mapped[Key]
    answer_sheet_id: Mapped[int] = mapped_column(ForeignKey("answer_sheet.id"))
    section_key: Mapped[str]
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    version: Mapped[int] = mapped_column(default=1)
    complete: Mapped[bool] = mapped_column(Boolean, default=False)
    saved_at: Mapped[Recorded]
    saved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    saved_by: Mapped[Person | None] = relationship()


class SectionRevision(Base):
    """What a section said before it was saved again; nothing typed is ever lost."""

    __tablename__ = "section_revision"
    __table_args__ = (UniqueConstraint("section_answers_id", "version"),)

    id: Mapped[Key]
    section_answers_id: Mapped[int] = mapped_column(ForeignKey("section_answers.id"))
    version: Mapped[int]
    values: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]
    saved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class AnswerSetAside(Base):
    """An answer that no longer fits after the questionnaire was corrected; kept, and shown to those who gave it.

    ``questionnaire_id`` is the version that asked for it; ``typed_by_id`` who still typed it when the questions had been
    corrected already, on a page that showed them as they were.
    """

    __tablename__ = "answer_set_aside"
    __table_args__ = (
        UniqueConstraint(
            "answer_sheet_id",
            "questionnaire_id",
            "question_key",
            "typed_by_id",
            name="uq_answer_set_aside_once",
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[Key]
    answer_sheet_id: Mapped[int] = mapped_column(ForeignKey("answer_sheet.id"))
    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"), index=True)
    question_key: Mapped[str]
    answer: Mapped[Any] = mapped_column(JSONB)
    set_aside_at: Mapped[Recorded]
    typed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
