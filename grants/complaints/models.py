"""What applicants complain about, and how it is answered."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.complaints.workflow import COMPLAINT, ComplaintState
from grants.core.db import Base, Key, Recorded, one_of
from grants.decisions.models import Decision


class Complaint(Base):
    """A complaint about a decision, or (without one) about the eligibility check.

    ``ground`` is one of the grounds that the call names. ``answer_by`` is the day promised for the answer.
    """

    __tablename__ = "complaint"
    __table_args__ = (
        one_of("state", ComplaintState),
        CheckConstraint("text <> ''", name="says_something"),
        CheckConstraint(
            "state NOT IN ('taken_up', 'upheld', 'dismissed') OR examiner_id IS NOT NULL", name="taken_up_by_somebody"
        ),
        CheckConstraint(
            "state NOT IN ('upheld', 'dismissed') OR (answer <> '' AND answered_at IS NOT NULL)",
            name="answered_in_words",
        ),
        CheckConstraint("examiner_id <> made_by_id", name="examined_by_another"),
        Index(
            "uq_complaint_one_open",
            "application_id",
            unique=True,
            postgresql_where=text("state IN ('received', 'taken_up')"),
        ),
        Index("ix_complaint_application_id", "application_id"),
        Index("ix_complaint_due", "answer_by", postgresql_where=text("state IN ('received', 'taken_up')")),
    )

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"), index=True)
    state: Mapped[str] = mapped_column(default=ComplaintState.RECEIVED)
    ground: Mapped[str]
    text: Mapped[str]
    language: Mapped[str]
    answer_by: Mapped[date]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[Recorded]
    examiner_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answer: Mapped[str] = mapped_column(default="")
    answered_at: Mapped[datetime | None]

    application: Mapped[Application] = relationship()
    decision: Mapped[Decision | None] = relationship()
    made_by: Mapped[Person] = relationship(foreign_keys=[made_by_id])
    examiner: Mapped[Person | None] = relationship(foreign_keys=[examiner_id])

    workflow = COMPLAINT
