"""Reviewers, what they were asked to review, and their reviews."""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.calls.models import Criterion
from grants.core.db import Base, Key, Recorded, one_of
from grants.reviews.workflow import ASSIGNMENT, AssignmentState


class Recommendation(enum.StrEnum):
    """What a reviewer advises at the end of a review."""

    FUND = "fund"
    FUND_WITH_CONDITIONS = "fund_with_conditions"
    DO_NOT_FUND = "do_not_fund"


class Declined(enum.StrEnum):
    """For what kind of reason a reviewer says no. With a conflict they step aside as well."""

    CONFLICT = "conflict"
    NOT_MY_FIELD = "not_my_field"
    TOO_MANY = "too_many"


CAPACITY = 5
"""How many first-round reviews of a call a reviewer takes on who has not said otherwise."""


class ReviewerProfile(Base):
    """What a reviewer knows and how many first-round reviews they take on."""

    __tablename__ = "reviewer_profile"

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), unique=True)
    expertise: Mapped[dict[str, str]] = mapped_column(default=dict)
    languages: Mapped[list[str]] = mapped_column(default=list)
    regions: Mapped[list[str]] = mapped_column(default=list)
    lots: Mapped[list[str]] = mapped_column(default=list)
    capacity: Mapped[int] = mapped_column(default=CAPACITY)

    person: Mapped[Person] = relationship()


class Assignment(Base):
    """A reviewer asked to review an application. Round 2 is the third review after a disagreement."""

    __tablename__ = "assignment"
    __table_args__ = (
        one_of("state", AssignmentState),
        one_of("declined_for", Declined, optional=True),
        Index(
            "uq_assignment_live",
            "application_id",
            "reviewer_id",
            unique=True,
            postgresql_where=text("state NOT IN ('declined', 'recused', 'released')"),
        ),
        Index("ix_assignment_reviewer_id_state", "reviewer_id", "state"),
        CheckConstraint("round IN (1, 2)", name="round_is_one_or_two"),
    )

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    round: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(default=AssignmentState.ASKED)
    due_on: Mapped[date]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[Recorded]
    declined_for: Mapped[str | None]

    application: Mapped[Application] = relationship()
    reviewer: Mapped[Person] = relationship(foreign_keys=[reviewer_id])
    review: Mapped[Review | None] = relationship(back_populates="assignment")

    workflow = ASSIGNMENT


class Review(Base):
    """A reviewer's opinion. It counts once it is submitted; ``voided_at`` keeps the record of one that no longer does."""

    __tablename__ = "review"
    __table_args__ = (
        one_of("recommendation", Recommendation, optional=True),
        CheckConstraint("submitted_at IS NULL OR total IS NOT NULL", name="submitted_has_a_total"),
    )

    id: Mapped[Key]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"), unique=True)
    language: Mapped[str]
    summary: Mapped[str] = mapped_column(default="")
    for_applicant: Mapped[str] = mapped_column(default="")
    recommendation: Mapped[str | None]
    total: Mapped[int | None]
    saved_at: Mapped[Recorded]
    submitted_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]

    assignment: Mapped[Assignment] = relationship(back_populates="review")
    scores: Mapped[list[Score]] = relationship(order_by="Score.criterion_id", back_populates="review")


class Provenance(enum.StrEnum):
    """Where a translation comes from, as whoever adds it says; ``checked``: a machine's, read through by a person."""

    HUMAN = "human"
    MACHINE = "machine"
    CHECKED = "checked"


class AnswerTranslation(Base):
    """An answer of an application in another language, beside the original. Never changed: the latest one counts.

    ``original_hash`` is the fingerprint of the answer that was translated; once that has changed, this is the translation
    of an earlier text.
    """

    __tablename__ = "answer_translation"
    __table_args__ = (
        one_of("provenance", Provenance),
        CheckConstraint("words <> ''", name="says_something"),
        Index("ix_answer_translation_application_id", "application_id", "question_key", "language"),
    )

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    question_key: Mapped[str]
    language: Mapped[str]
    words: Mapped[str]
    provenance: Mapped[str]
    original_hash: Mapped[str]
    translated_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    translated_at: Mapped[Recorded]

    application: Mapped[Application] = relationship()
    translated_by: Mapped[Person] = relationship()


class Score(Base):
    """A number for a criterion, with the reason where the grid asks for one."""

    __tablename__ = "score"
    __table_args__ = (UniqueConstraint("review_id", "criterion_id"),)

    id: Mapped[Key]
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    criterion_id: Mapped[int] = mapped_column(ForeignKey("criterion.id"))
    value: Mapped[int | None]
    reason: Mapped[str] = mapped_column(default="")

    review: Mapped[Review] = relationship(back_populates="scores")
    criterion: Mapped[Criterion] = relationship()
