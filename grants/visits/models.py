"""Visits to grantees, the files about them, and the changes that were agreed there."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Person
from grants.awards.models import Award
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.core.languages import _l
from grants.visits.workflow import TOLD, VISIT, VisitState


class VisitKind(enum.StrEnum):
    """Whether somebody goes there."""

    ON_SITE = "on_site"
    REMOTE = "remote"


KIND_LABELS: dict[VisitKind, Any] = {
    VisitKind.ON_SITE: _l("On site"),
    VisitKind.REMOTE: _l("From afar, by telephone or video"),
}


class Visit(Base):
    """A visit to one grantee. ``key`` names one that the risk of the grant asks for; ``lead`` is who has to make it.

    ``holds_payments``: instalments that fall due on the day ``holds_from`` or later wait until it was made; that is the
    earliest day for which it ever was planned, so that moving it sets no money free. ``announced_at``: the grantee knows of
    it. ``note`` stays inside the fund; everything else is the grantee's to read once it is shared.
    """

    __tablename__ = "visit"
    __table_args__ = (
        one_of("state", VisitState),
        one_of("kind", VisitKind),
        UniqueConstraint("award_id", "number"),
        UniqueConstraint("award_id", "key"),
        CheckConstraint("purpose <> ''", name="for_something"),
        CheckConstraint(
            "state IN ('planned', 'cancelled')"
            " OR (made_on IS NOT NULL AND went <> '' AND met <> '' AND findings <> '')",
            name="made_is_written_down",
        ),
        CheckConstraint(
            "(state NOT IN ('shared', 'answered') OR shared_at IS NOT NULL)"
            " AND (shared_at IS NULL) = (shared_by_id IS NULL)",
            name="shared_by_someone",
        ),
        CheckConstraint(
            "(state <> 'answered' OR answered_at IS NOT NULL) AND (answered_at IS NULL) = (answered_by_id IS NULL)"
            " AND (answered_at IS NULL) = (answer = '')",
            name="answered_by_someone",
        ),
        CheckConstraint(
            "holds_payments = (holds_from IS NOT NULL) AND holds_from <= due_on", name="holds_from_a_day_before"
        ),
        Index("ix_visit_due_on", "due_on", postgresql_where=text("state = 'planned'")),
        Index("ix_visit_lead_id", "lead_id", "state"),
        Index("ix_visit_of_lead", "lead_id", "due_on", postgresql_where=text("state = 'planned'")),
        Index("ix_visit_made", "made_on", postgresql_where=text("state = 'made'")),
    )

    id: Mapped[Key]
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"))
    number: Mapped[int]
    key: Mapped[str | None]
    state: Mapped[str] = mapped_column(default=VisitState.PLANNED)
    kind: Mapped[str]
    purpose: Mapped[str]
    due_on: Mapped[date]
    holds_payments: Mapped[bool] = mapped_column(Boolean, default=False)
    holds_from: Mapped[date | None]
    lead_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    planned_at: Mapped[Recorded]
    announced_at: Mapped[datetime | None]
    made_on: Mapped[date | None]
    went: Mapped[str] = mapped_column(default="")
    met: Mapped[str] = mapped_column(default="")
    findings: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    shared_at: Mapped[datetime | None]
    shared_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answer: Mapped[str] = mapped_column(default="")
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    award: Mapped[Award] = relationship()
    lead: Mapped[Person] = relationship(foreign_keys=[lead_id])
    answered_by: Mapped[Person | None] = relationship(foreign_keys=[answered_by_id])
    changes: Mapped[list[AgreedChange]] = relationship(order_by="AgreedChange.id", back_populates="visit")
    files: Mapped[list[VisitFile]] = relationship(order_by="VisitFile.number", back_populates="visit")

    workflow = VISIT

    @property
    def is_told(self) -> bool:
        """Whether the grantee may read what was found."""
        return self.state in TOLD


class AgreedChange(Base):
    """Something that the grantee agreed to do in a visit, and by when. No condition of the agreement: no payment waits."""

    __tablename__ = "agreed_change"
    __table_args__ = (
        CheckConstraint("text <> ''", name="of_something"),
        CheckConstraint("(done_on IS NULL) = (done_by_id IS NULL)", name="done_by_someone"),
        CheckConstraint("done_on IS NULL OR evidence <> ''", name="done_with_evidence"),
        Index("ix_agreed_change_visit_id", "visit_id"),
        Index("ix_agreed_change_due_on", "due_on", postgresql_where=text("done_on IS NULL")),
    )

    id: Mapped[Key]
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    text: Mapped[str]
    due_on: Mapped[date]
    done_on: Mapped[date | None]
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    evidence: Mapped[str] = mapped_column(default="")

    visit: Mapped[Visit] = relationship(back_populates="changes")


class VisitFile(Base):
    """A photograph or paper of a visit. ``number`` names it in its visit; its file name is never shown to others."""

    __tablename__ = "visit_file"
    __table_args__ = (UniqueConstraint("visit_id", "number"),)

    id: Mapped[Key]
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    number: Mapped[int]
    label: Mapped[str]
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    added_at: Mapped[Recorded]
    added_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    visit: Mapped[Visit] = relationship(back_populates="files")
    file: Mapped[StoredFile] = relationship()
