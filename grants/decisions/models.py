"""The committee: its meetings and their agenda, who sat and who stepped aside, how they voted, what was decided and signed."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.calls.models import Call
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.languages import _l
from grants.core.money import Money
from grants.decisions.workflow import DECISION, MEETING, DecisionState, MeetingState
from grants.letters.models import Letter


class DecisionOutcome(enum.StrEnum):
    """What the committee may do with an application."""

    AWARD = "award"
    RESERVE = "reserve"
    DECLINE = "decline"


OUTCOME_LABELS: dict[str, Any] = {
    DecisionOutcome.AWARD: _l("Award"),
    DecisionOutcome.RESERVE: _l("Reserve list"),
    DecisionOutcome.DECLINE: _l("Decline"),
}


class Choice(enum.StrEnum):
    """A vote on a proposed decision."""

    FOR = "for"
    AGAINST = "against"
    ABSTAIN = "abstain"


class Procedure(enum.StrEnum):
    """How a meeting comes to its decisions."""

    VOTE = "vote"
    CONSENT = "consent"


PROCEDURE_LABELS: dict[str, Any] = {
    Procedure.VOTE: _l("By vote: more members for it than against it"),
    Procedure.CONSENT: _l("By consent: nobody objects"),
}


class PointKind(enum.StrEnum):
    """What a point of the agenda is about."""

    OPENING = "opening"
    APPLICATION = "application"
    OTHERS = "others"
    CLOSING = "closing"
    OWN = "own"


POINT_LABELS: dict[str, Any] = {
    PointKind.OPENING: _l("Opening: who is here, the quorum, conflicts of interest"),
    PointKind.OTHERS: _l("The other applications, in the order of the ranked list"),
    PointKind.CLOSING: _l("What goes into the minutes, and what comes next"),
}
"""The points that every agenda has; the others are an application, or what the coordinator wrote."""


class Meeting(Base):
    """A meeting of the committee about one call: live, or over several days when ``ends_at`` says until when.

    ``lifted_because`` explains the floors, ceilings and least numbers that its decisions do not keep.
    """

    __tablename__ = "meeting"
    __table_args__ = (
        one_of("state", MeetingState),
        one_of("procedure", Procedure),
        CheckConstraint("quorum > 0", name="quorum_positive"),
        CheckConstraint("ends_at > starts_at", name="ends_after_it_starts"),
        Index("ix_meeting_call_id", "call_id"),
    )

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    state: Mapped[str] = mapped_column(default=MeetingState.PLANNED)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    procedure: Mapped[str] = mapped_column(default=Procedure.VOTE)
    quorum: Mapped[int]
    minutes: Mapped[str] = mapped_column(default="")
    lifted_because: Mapped[str] = mapped_column(default="")
    called_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    chair_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    closed_at: Mapped[datetime | None]

    call: Mapped[Call] = relationship()
    seats: Mapped[list[Seat]] = relationship(order_by="Seat.id", back_populates="meeting")
    decisions: Mapped[list[Decision]] = relationship(order_by="Decision.rank, Decision.id", back_populates="meeting")

    workflow = MEETING


class Seat(Base):
    """A committee member in a meeting: invited, present, and with their signature under its decisions.

    ``unsigned_because`` says why the letters go without the signature of somebody who was present.
    """

    __tablename__ = "seat"
    __table_args__ = (UniqueConstraint("meeting_id", "person_id"),)

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    present: Mapped[bool] = mapped_column(Boolean, default=False)
    signed_at: Mapped[datetime | None]
    unsigned_because: Mapped[str] = mapped_column(default="")

    meeting: Mapped[Meeting] = relationship(back_populates="seats")
    person: Mapped[Person] = relationship()


class AgendaPoint(Base):
    """A point of the agenda of a meeting: one application, or something else to talk about. ``noted`` is what came of it.

    ``unread_by`` are people who stepped aside from something else, and in whose list this application is not among those
    near the money line: their agenda tells nothing of what is hidden from them by what it names beside it.
    """

    __tablename__ = "agenda_point"
    __table_args__ = (
        one_of("kind", PointKind),
        UniqueConstraint("meeting_id", "application_id"),
        CheckConstraint("(kind = 'application') = (application_id IS NOT NULL)", name="is_about_one_thing"),
        CheckConstraint("(kind = 'own') = (title <> '')", name="says_what"),
        Index("ix_agenda_point_application_id", "application_id"),
    )

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id"))
    position: Mapped[int]
    kind: Mapped[str]
    application_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"))
    title: Mapped[str] = mapped_column(default="")
    noted: Mapped[str] = mapped_column(default="")
    unread_by: Mapped[list[int]] = mapped_column(default=list)


class Sheet(Base):
    """The decision sheet of a closed meeting as it is signed. Never changed.

    ``content`` is everything that was decided and how, computed from the record; ``fingerprint`` its SHA-256, which
    whoever has the record can compute again.
    """

    __tablename__ = "decision_sheet"

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id"), unique=True)
    content: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    fingerprint: Mapped[str]
    made_at: Mapped[Recorded]


class Recusal(Base):
    """A committee member who stepped aside for one application: its documents are hidden, its vote closed to them."""

    __tablename__ = "recusal"
    __table_args__ = (
        UniqueConstraint("meeting_id", "application_id", "person_id"),
        CheckConstraint("reason <> ''", name="recusal_has_a_reason"),
    )

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id"))
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    reason: Mapped[str]
    recused_at: Mapped[Recorded]

    person: Mapped[Person] = relationship()


class Remark(Base):
    """What a member or a coordinator says about an application in the discussion of a meeting. Never changed."""

    __tablename__ = "remark"
    __table_args__ = (
        Index("ix_remark_meeting_id", "meeting_id", "application_id", "id"),
        CheckConstraint("text <> ''", name="remark_says_something"),
    )

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id"))
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    text: Mapped[str]
    said_at: Mapped[Recorded]

    person: Mapped[Person] = relationship()


class Decision(Base):
    """What the committee does with one application, as proposed, voted and released. One that was set aside after a
    complaint stays on the sheet of its meeting; another meeting decides again. So does one that was taken up from the
    reserve list (``taken_up_at``): its letter holds until that of the next is sent. ``freed_at`` says since when the money
    of an award is free again, because the offer was refused or lapsed. A proposal that is left undecided says why
    (``left_because``). ``score``, ``rank`` and ``expected`` (what the ranking alone would decide) are those it was proposed with.
    """

    __tablename__ = "decision"
    __table_args__ = (
        one_of("state", DecisionState),
        one_of("outcome", DecisionOutcome),
        CheckConstraint("(outcome = 'award') = (amount_minor > 0)", name="an_award_has_an_amount"),
        CheckConstraint("state <> 'released' OR released_at IS NOT NULL", name="released_has_a_moment"),
        Index(
            "uq_decision_standing",
            "application_id",
            unique=True,
            postgresql_where=text("state NOT IN ('set_aside', 'left') AND taken_up_at IS NULL"),
        ),
        CheckConstraint("taken_up_at IS NULL OR outcome = 'reserve'", name="taken_up_from_the_reserve"),
        CheckConstraint("freed_at IS NULL OR outcome = 'award'", name="freed_was_awarded"),
        CheckConstraint("state <> 'left' OR left_because <> ''", name="left_for_a_reason"),
        Index("ix_decision_application_id", "application_id"),
        Index("ix_decision_meeting_id", "meeting_id"),
        Index("ix_decision_taken", "meeting_id", postgresql_where=text("state = 'taken'")),
    )

    id: Mapped[Key]
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id"))
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    state: Mapped[str] = mapped_column(default=DecisionState.PROPOSED)
    outcome: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str]
    conditions: Mapped[list[str]] = mapped_column(default=list)
    reason: Mapped[str] = mapped_column(default="")
    feedback: Mapped[str] = mapped_column(default="")
    score: Mapped[str | None]
    rank: Mapped[int | None]
    expected: Mapped[str | None]
    left_because: Mapped[str] = mapped_column(default="")
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    taken_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    taken_up_at: Mapped[datetime | None]
    freed_at: Mapped[datetime | None]
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("letter.id"))

    meeting: Mapped[Meeting] = relationship(back_populates="decisions")
    application: Mapped[Application] = relationship()
    letter: Mapped[Letter | None] = relationship()
    votes: Mapped[list[Vote]] = relationship(order_by="Vote.id", back_populates="decision")

    workflow = DECISION

    @property
    def amount(self) -> Money:
        """The amount awarded; zero unless the outcome is an award."""
        return Money(self.amount_minor, self.currency)

    @property
    def is_undecided(self) -> bool:
        """Whether it was left undecided; what was decided, and withdrawn before its letter, stays on the sheet as it was."""
        return self.state == DecisionState.LEFT and self.taken_at is None


class Vote(Base):
    """One member's vote on one proposed decision; changing one's mind before it is taken replaces it."""

    __tablename__ = "vote"
    __table_args__ = (one_of("choice", Choice), UniqueConstraint("decision_id", "person_id"))

    id: Mapped[Key]
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    choice: Mapped[str]
    cast_at: Mapped[Recorded]

    decision: Mapped[Decision] = relationship(back_populates="votes")
    person: Mapped[Person] = relationship()
