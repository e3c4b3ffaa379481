"""Applications, what is attached to them, and the receipts given for them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Confidentiality, Organization, Person
from grants.applications.workflow import APPLICATION, ApplicationState
from grants.calls.models import Call, DocumentAsked
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.core.money import Money
from grants.questionnaires.models import AnswerSheet


class Application(Base):
    """One organization's answer to one call.

    The columns from ``title`` on repeat answers that lists, limits and scopes need; they are copied from the answers
    whenever those are saved, and are what was submitted once ``submitted_at`` is set. ``questionnaire_id`` is the version
    of the questions that it answers: a draft follows the corrections of its call, what was sent in stays as it was asked.
    ``reopened`` names the parts that may be written in again although it was sent in: keys of sections, and of documents
    after ``document:``. ``entered_by_id`` is the coordinator who types it for an organization without a line.
    ``certified_hash`` is the fingerprint of what a signatory read and certified; it holds for that content and no other.
    ``partners`` are the names of the organizations that work with the applicant, as it wrote them.
    """

    __tablename__ = "application"
    __table_args__ = (
        one_of("state", ApplicationState),
        one_of("confidentiality", Confidentiality),
        CheckConstraint("state IN ('draft', 'withdrawn') OR submitted_at IS NOT NULL", name="submitted_has_a_moment"),
        CheckConstraint("submitted_at IS NULL OR content_hash IS NOT NULL", name="submitted_has_a_hash"),
        CheckConstraint("requested_minor >= 0", name="request_not_negative"),
        CheckConstraint("reopened = '{}' OR state = 'submitted'", name="only_what_was_sent_in_is_reopened"),
        CheckConstraint("(certified_at IS NULL) = (certified_by_id IS NULL)", name="certified_by_somebody"),
        CheckConstraint("certified_hash IS NULL OR certified_at IS NOT NULL", name="certified_at_a_moment"),
        Index(
            "uq_application_one_live_per_organization",
            "call_id",
            "organization_id",
            unique=True,
            postgresql_where=text("state <> 'withdrawn'"),
        ),
        Index("ix_application_call_id_state", "call_id", "state"),
        Index("ix_application_submitted", "call_id", postgresql_where=text("state = 'submitted'")),
        Index("ix_application_organization_id", "organization_id"),
        Index("ix_application_partners", text("plain_names(partners)"), postgresql_using="gin"),
    )

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    answer_sheet_id: Mapped[int] = mapped_column(ForeignKey("answer_sheet.id"), unique=True)
    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"))
    state: Mapped[str] = mapped_column(default=ApplicationState.DRAFT)
    language: Mapped[str]
    started_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    started_at: Mapped[Recorded]
    submitted_at: Mapped[datetime | None]
    submitted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    content_hash: Mapped[str | None]
    title: Mapped[str] = mapped_column(default="")
    lot_key: Mapped[str | None]
    region: Mapped[str | None]
    plan_points: Mapped[list[int]] = mapped_column(default=list)
    countries: Mapped[list[str]] = mapped_column(default=list)
    partners: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    requested_minor: Mapped[int] = mapped_column(default=0)
    total_cost_minor: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str]
    start_on: Mapped[date | None]
    months: Mapped[int | None]
    confidentiality: Mapped[str] = mapped_column(default=Confidentiality.PUBLIC)
    reopened: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    certified_at: Mapped[datetime | None]
    certified_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    certified_hash: Mapped[str | None]
    certification_asked_at: Mapped[datetime | None]

    call: Mapped[Call] = relationship()
    organization: Mapped[Organization] = relationship()
    answer_sheet: Mapped[AnswerSheet] = relationship()
    submitted_by: Mapped[Person | None] = relationship(foreign_keys=[submitted_by_id])
    certified_by: Mapped[Person | None] = relationship(foreign_keys=[certified_by_id])
    attachments: Mapped[list[Attachment]] = relationship(order_by="Attachment.id", back_populates="application")

    workflow = APPLICATION

    @property
    def requested(self) -> Money:
        """The grant asked for."""
        return Money(self.requested_minor, self.currency)

    @property
    def total_cost(self) -> Money:
        """What the whole action costs."""
        return Money(self.total_cost_minor, self.currency)


class Attachment(Base):
    """A document given for an application, or the reason why it is withheld (read by staff only)."""

    __tablename__ = "attachment"
    __table_args__ = (
        CheckConstraint("(file_id IS NULL) <> (withheld_reason IS NULL)", name="file_or_reason"),
        Index("ix_attachment_application_id", "application_id"),
    )

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    document_id: Mapped[int] = mapped_column(ForeignKey("document_asked.id"))
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    withheld_reason: Mapped[str | None]
    attached_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    attached_at: Mapped[Recorded]

    application: Mapped[Application] = relationship(back_populates="attachments")
    document: Mapped[DocumentAsked] = relationship()
    file: Mapped[StoredFile | None] = relationship()


class Receipt(Base):
    """The proof of a submission: what was received, when by the server's clock, its hash, and who certified just that.

    Never changed. Nobody certified what the fund typed: its organization confirms it afterwards.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        CheckConstraint("(certified_at IS NULL) = (certified_by_id IS NULL)", name="certified_by_somebody"),
    )

    id: Mapped[Key]
    number: Mapped[str] = mapped_column(unique=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    submitted_at: Mapped[datetime]
    submitted_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    content_hash: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    certified_at: Mapped[datetime | None]
    certified_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    application: Mapped[Application] = relationship()
    submitted_by: Mapped[Person] = relationship(foreign_keys=[submitted_by_id])
    certified_by: Mapped[Person | None] = relationship(foreign_keys=[certified_by_id])


class ChangesRead(Base):
    """That somebody has read what was corrected in a section: the version of the questions which they know."""

    __tablename__ = "changes_read"
    __table_args__ = (UniqueConstraint("application_id", "person_id", "section_key"),)

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    section_key: Mapped[str]
    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"), index=True)
