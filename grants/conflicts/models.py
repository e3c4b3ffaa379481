"""What people declare about their ties to organizations: for a year, for a call, and one by one."""

from __future__ import annotations

import enum

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Organization, Person
from grants.calls.models import Call
from grants.core.db import Base, Key, Recorded, one_of


class Grade(enum.StrEnum):
    """How close a person stands to an applicant. Only ``conflict`` keeps them out."""

    NONE = "none"
    KNOWS = "knows"
    CONFLICT = "conflict"


class YearDeclaration(Base):
    """What a person declared in general, for a year: in ``words`` about memberships, employers, boards and family ties,
    and the names of the ``organizations`` to which they belong in one of these ways. Never changed: the latest counts.
    """

    __tablename__ = "year_declaration"
    __table_args__ = (Index("ix_year_declaration_person_id", "person_id", "id"),)

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    words: Mapped[str]
    organizations: Mapped[list[str]]
    declared_at: Mapped[Recorded]

    person: Mapped[Person] = relationship()


class ConflictDeclaration(Base):
    """A statement about ties to an organization, for one call or for all (``call_id`` empty). Never changed: the
    latest one about an organization counts.
    """

    __tablename__ = "conflict_declaration"
    __table_args__ = (
        one_of("grade", Grade),
        CheckConstraint("grade = 'none' OR reason <> ''", name="a_tie_has_a_reason"),
        Index("ix_conflict_declaration_person_id", "person_id", "organization_id"),
        Index("ix_conflict_declaration_call_id", "call_id", "person_id"),
    )

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    call_id: Mapped[int | None] = mapped_column(ForeignKey("call.id"))
    grade: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    declared_at: Mapped[Recorded]

    person: Mapped[Person] = relationship()
    organization: Mapped[Organization] = relationship()
    call: Mapped[Call | None] = relationship()
