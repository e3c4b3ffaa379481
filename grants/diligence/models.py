"""What is checked before an agreement, searches of sanctions lists, and the consent of grantees."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Confidentiality, Person
from grants.awards.models import Award
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.core.languages import _l
from grants.diligence.workflow import CONSENT, DILIGENCE, ConsentState, DiligenceState


class Diligence(Base):
    """The due diligence of one award. Its risk stands with the award; why it was judged so stands here."""

    __tablename__ = "diligence"
    __table_args__ = (
        one_of("state", DiligenceState),
        CheckConstraint("(risk_judged_at IS NULL) = (risk_judged_by_id IS NULL)", name="risk_judged_by_someone"),
        CheckConstraint("risk_judged_at IS NULL OR risk_reason <> ''", name="risk_judged_with_a_reason"),
        CheckConstraint("state <> 'finished' OR risk_judged_at IS NOT NULL", name="finished_with_a_risk"),
    )
    workflow = DILIGENCE

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"), unique=True)
    state: Mapped[str] = mapped_column(default=DiligenceState.OPENED)
    opened_at: Mapped[Recorded]
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    risk_reason: Mapped[str] = mapped_column(default="")
    risk_judged_at: Mapped[datetime | None]
    risk_judged_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    award: Mapped[Award] = relationship()
    points: Mapped[list[Point]] = relationship(order_by="Point.position", back_populates="diligence")
    risk_judged_by: Mapped[Person | None] = relationship(foreign_keys=[risk_judged_by_id])


class Tab(enum.StrEnum):
    """Under which heading a point is looked at."""

    DOCUMENTS = "documents"
    CHECKLIST = "checklist"
    BANK = "bank"
    PARTNERS = "partners"


TAB_LABELS: dict[str, Any] = {
    Tab.DOCUMENTS: _l("Documents"),
    Tab.CHECKLIST: _l("Checklist"),
    Tab.BANK: _l("Bank"),
    Tab.PARTNERS: _l("Partners"),
}


class AskedOf(enum.StrEnum):
    """Who has something to do for a point before it can be judged."""

    GRANTEE = "grantee"
    FUND = "fund"


class Source(enum.StrEnum):
    """Where the file of a point came from."""

    APPLICATION = "application"
    KEPT = "kept"
    SENT = "sent"
    WITHHELD = "withheld"


class Verdict(enum.StrEnum):
    """What a person of the fund found."""

    OK = "ok"
    NOT_OK = "not_ok"
    NOT_APPLICABLE = "not_applicable"


VERDICTS: dict[Verdict, tuple[Any, str]] = {
    Verdict.OK: (_l("In order"), "success"),
    Verdict.NOT_OK: (_l("Not in order"), "danger"),
    Verdict.NOT_APPLICABLE: (_l("Does not apply"), "neutral"),
}
"""What a verdict is called, and the tone of its badge."""


class Point(Base):
    """One thing to look at: what was asked of whom, what came, and what was found.

    ``note`` stays inside the fund; ``words`` are what the grantee reads when it is asked again.
    """

    __tablename__ = "diligence_point"
    __table_args__ = (
        one_of("tab", Tab),
        one_of("asked_of", AskedOf),
        one_of("source", Source, optional=True),
        one_of("verdict", Verdict, optional=True),
        UniqueConstraint("diligence_id", "key"),
        CheckConstraint("(verdict IS NULL) = (judged_by_id IS NULL)", name="judged_by_someone"),
        CheckConstraint("(verdict IS NULL) = (judged_at IS NULL)", name="judged_at_a_moment"),
        CheckConstraint("verdict IS NULL OR verdict = 'ok' OR note <> ''", name="doubt_has_a_note"),
    )

    id: Mapped[Key]
    diligence_id: Mapped[int] = mapped_column(ForeignKey("diligence.id"))
    position: Mapped[int]
    key: Mapped[str]
    tab: Mapped[str]
    asked_of: Mapped[str]
    label: Mapped[dict[str, str]]
    help: Mapped[dict[str, str]] = mapped_column(default=dict)
    formats: Mapped[list[str]] = mapped_column(default=list)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    source: Mapped[str | None]
    handed_in_at: Mapped[datetime | None]
    handed_in_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    words: Mapped[str] = mapped_column(default="")
    verdict: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")
    judged_at: Mapped[datetime | None]
    judged_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    diligence: Mapped[Diligence] = relationship(back_populates="points")
    file: Mapped[StoredFile | None] = relationship()
    earlier: Mapped[list[EarlierPaper]] = relationship(order_by="EarlierPaper.id")
    handed_in_by: Mapped[Person | None] = relationship(foreign_keys=[handed_in_by_id])
    judged_by: Mapped[Person | None] = relationship(foreign_keys=[judged_by_id])


class EarlierPaper(Base):
    """What had been handed in for a point, or came with the application, before another paper took its place."""

    __tablename__ = "earlier_paper"
    __table_args__ = (one_of("source", Source), Index("ix_earlier_paper_point_id", "point_id"))

    id: Mapped[Key]
    point_id: Mapped[int] = mapped_column(ForeignKey("diligence_point.id"))
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    source: Mapped[str]
    handed_in_at: Mapped[datetime | None]
    replaced_at: Mapped[datetime]

    file: Mapped[StoredFile] = relationship()


class Outcome(enum.StrEnum):
    """What a search of a sanctions list found."""

    NO_MATCH = "no_match"
    POSSIBLE = "possible"
    MATCH = "match"


OUTCOMES: dict[Outcome, tuple[Any, str]] = {
    Outcome.NO_MATCH: (_l("No match"), "success"),
    Outcome.POSSIBLE: (_l("Possible match"), "warning"),
    Outcome.MATCH: (_l("Match"), "danger"),
}
"""What an outcome is called, and the tone of its badge."""


class SanctionsCheck(Base):
    """A search of names on a sanctions list. Never changed; what was wrong is searched again.

    ``needs_look``: a second person has to look, because something was found, now or in the search before.
    """

    __tablename__ = "sanctions_check"
    __table_args__ = (
        one_of("outcome", Outcome),
        CheckConstraint("outcome = 'no_match' OR needs_look", name="doubt_needs_a_second_look"),
        CheckConstraint("list_name <> '' AND list_version <> ''", name="of_a_list"),
        CheckConstraint("cardinality(names) > 0", name="of_names"),
        UniqueConstraint("id", "made_by_id"),
        Index("ix_sanctions_check_award_id", "award_id", "id"),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    list_name: Mapped[str]
    list_version: Mapped[str]
    names: Mapped[list[str]]
    outcome: Mapped[str]
    decision: Mapped[str]
    needs_look: Mapped[bool] = mapped_column(Boolean)
    made_at: Mapped[Recorded]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    award: Mapped[Award] = relationship()
    made_by: Mapped[Person] = relationship()
    look: Mapped[SecondLook | None] = relationship(back_populates="check")


class SecondLook(Base):
    """The judgement of a second person about a search that found something. Never changed.

    The first person is repeated here so that the database itself keeps the two apart.
    """

    __tablename__ = "second_look"
    __table_args__ = (
        ForeignKeyConstraint(["check_id", "first_by_id"], ["sanctions_check.id", "sanctions_check.made_by_id"]),
        CheckConstraint("made_by_id <> first_by_id", name="by_a_second_person"),
        CheckConstraint("reason <> ''", name="has_a_reason"),
        UniqueConstraint("check_id"),
    )

    id: Mapped[Key]
    check_id: Mapped[int]
    first_by_id: Mapped[int]
    cleared: Mapped[bool] = mapped_column(Boolean)
    reason: Mapped[str]
    made_at: Mapped[Recorded]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    check: Mapped[SanctionsCheck] = relationship(back_populates="look")
    made_by: Mapped[Person] = relationship()


class Consent(Base):
    """The fund asks whether a grant may be less confidential; an owner or signatory of the grantee answers."""

    __tablename__ = "consent"
    __table_args__ = (
        one_of("state", ConsentState),
        one_of("from_class", Confidentiality),
        one_of("to_class", Confidentiality),
        CheckConstraint("reason <> ''", name="has_a_reason"),
        CheckConstraint("(answered_at IS NULL) = (answered_by_id IS NULL)", name="answered_by_someone"),
        CheckConstraint("state NOT IN ('given', 'refused') OR answered_at IS NOT NULL", name="answered"),
        Index("ix_consent_award_id", "award_id"),
        Index("uq_consent_asked", "award_id", unique=True, postgresql_where=text("state = 'asked'")),
    )
    workflow = CONSENT

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    state: Mapped[str] = mapped_column(default=ConsentState.ASKED)
    from_class: Mapped[str]
    to_class: Mapped[str]
    reason: Mapped[str]
    asked_at: Mapped[Recorded]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answered_name: Mapped[str] = mapped_column(default="")

    award: Mapped[Award] = relationship()
    asked_by: Mapped[Person] = relationship(foreign_keys=[asked_by_id])
    answered_by: Mapped[Person | None] = relationship(foreign_keys=[answered_by_id])
