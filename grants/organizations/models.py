"""Requests to join, documents kept once, identifiers, fiscal sponsors, and accounts that look alike."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Organization, Person
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.core.languages import _l
from grants.organizations.workflow import (
    DOCUMENT,
    JOINING,
    RESEMBLANCE,
    SPONSORSHIP,
    DocumentState,
    JoiningState,
    ResemblanceState,
    SponsorshipState,
)


class JoiningRequest(Base):
    """A registered person asks to become a member of an organization that has an account already."""

    __tablename__ = "joining_request"
    __table_args__ = (
        one_of("state", JoiningState),
        CheckConstraint(
            "state NOT IN ('accepted', 'declined') OR decided_by_id IS NOT NULL", name="decided_by_somebody"
        ),
        CheckConstraint("state <> 'declined' OR reason IS NOT NULL", name="declined_with_a_reason"),
        Index(
            "uq_joining_request_waiting",
            "organization_id",
            "person_id",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
    )
    workflow = JOINING

    id: Mapped[Key]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    state: Mapped[str] = mapped_column(default=JoiningState.WAITING)
    words: Mapped[str]
    asked_at: Mapped[Recorded]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str | None]

    organization: Mapped[Organization] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])


class DocumentKind(enum.StrEnum):
    """What a kept document is. The words are the keys under which calls ask for documents, so that they fit."""

    REGISTRATION_CERTIFICATE = "registration_certificate"
    STATUTES = "statutes"
    BOARD_LIST = "board_list"
    ACCOUNTS_LAST_YEAR = "accounts_last_year"
    AUDIT_REPORT = "audit_report"
    SAFEGUARDING_POLICY = "safeguarding_policy"
    OTHER = "other"


DOCUMENT_LABELS: dict[str, Any] = {
    DocumentKind.REGISTRATION_CERTIFICATE: _l("Registration certificate"),
    DocumentKind.STATUTES: _l("Statutes or constitution"),
    DocumentKind.BOARD_LIST: _l("List of board members"),
    DocumentKind.ACCOUNTS_LAST_YEAR: _l("Accounts of the last financial year"),
    DocumentKind.AUDIT_REPORT: _l("Audit report"),
    DocumentKind.SAFEGUARDING_POLICY: _l("Safeguarding policy"),
    DocumentKind.OTHER: _l("Another document"),
}


class KeptDocument(Base):
    """A document of an organization, kept once and attached to applications without being sent again.

    ``valid_until`` is its last good day, in the organization's own calendar; without one it does not expire.
    """

    __tablename__ = "kept_document"
    __table_args__ = (
        one_of("state", DocumentState),
        one_of("kind", DocumentKind),
        CheckConstraint("valid_until >= valid_from", name="ends_after_it_begins"),
        Index("ix_kept_document_valid_until", "valid_until", postgresql_where=text("state = 'kept'")),
    )
    workflow = DOCUMENT

    id: Mapped[Key]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    state: Mapped[str] = mapped_column(default=DocumentState.KEPT)
    kind: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    added_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    added_at: Mapped[Recorded]

    organization: Mapped[Organization] = relationship()
    file: Mapped[StoredFile] = relationship()
    added_by: Mapped[Person] = relationship()


class Identifier(Base):
    """A number under which a register knows an organization: the code of the register's list, and the number."""

    __tablename__ = "organization_identifier"
    __table_args__ = (
        UniqueConstraint("organization_id", "list_code", "number"),
        Index("ix_organization_identifier_number", "list_code", text("plain_number(number)")),
    )

    id: Mapped[Key]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    list_code: Mapped[str]
    number: Mapped[str]
    added_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    added_at: Mapped[Recorded]

    organization: Mapped[Organization] = relationship()

    @property
    def shown(self) -> str:
        """The identifier as it is written everywhere: KE-NCB-4321."""
        return f"{self.list_code}-{self.number}"


class Sponsorship(Base):
    """A registered organization that signs, receives the money and keeps the accounts for one that is not registered."""

    __tablename__ = "sponsorship"
    __table_args__ = (
        one_of("state", SponsorshipState),
        CheckConstraint("organization_id <> sponsor_id", name="sponsor_is_another"),
        Index(
            "uq_sponsorship_live",
            "organization_id",
            unique=True,
            postgresql_where=text("state IN ('asked', 'consented')"),
        ),
    )
    workflow = SPONSORSHIP

    id: Mapped[Key]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    sponsor_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    state: Mapped[str] = mapped_column(default=SponsorshipState.ASKED)
    words: Mapped[str]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[Recorded]

    organization: Mapped[Organization] = relationship(foreign_keys=[organization_id])
    sponsor: Mapped[Organization] = relationship(foreign_keys=[sponsor_id])


class Resemblance(Base):
    """Two accounts that look alike. ``alike`` says in what; ``similarity`` is that of the names, in percent."""

    __tablename__ = "resemblance"
    __table_args__ = (
        one_of("state", ResemblanceState),
        CheckConstraint("first_id < second_id", name="each_pair_once"),
        UniqueConstraint("first_id", "second_id"),
    )
    workflow = RESEMBLANCE

    id: Mapped[Key]
    first_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    second_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    state: Mapped[str] = mapped_column(default=ResemblanceState.FOUND)
    alike: Mapped[list[str]]
    similarity: Mapped[int]
    found_at: Mapped[Recorded]

    first: Mapped[Organization] = relationship(foreign_keys=[first_id])
    second: Mapped[Organization] = relationship(foreign_keys=[second_id])


class Comparison(Base):
    """When an organization was last compared with all others; once its profile has changed it is compared again."""

    __tablename__ = "comparison"

    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), primary_key=True, autoincrement=False)
    compared_at: Mapped[datetime]
