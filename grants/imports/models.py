"""Awards of earlier programmes, the imports that brought them, and what the columns of a table mean."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.accounts.models import Confidentiality, Organization, Person
from grants.core.db import Base, Key, Recorded, one_of
from grants.core.files import StoredFile
from grants.core.money import Money
from grants.imports.workflow import IMPORT, ImportState


class ColumnMapping(Base):
    """What the columns of a table mean, under a name; found again by the fingerprint of the table's header.

    ``layout`` is a :class:`grants.imports.rules.Layout` as JSON.
    """

    __tablename__ = "column_mapping"
    __table_args__ = (Index("ix_column_mapping_header_fingerprint", "header_fingerprint"),)

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(unique=True)
    programme: Mapped[str]
    header_fingerprint: Mapped[str]
    layout: Mapped[dict[str, Any]]
    saved_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    saved_at: Mapped[Recorded]

    saved_by: Mapped[Person] = relationship()


class AwardImport(Base):
    """A table of awards of an earlier programme: looked at first, then imported as a whole.

    ``header`` names the columns. ``done`` of ``total`` awards are written so far. ``imported`` and ``present`` are counted at the end: the awards that
    came in, and those that were there already. ``refused`` are the rows that could not be read (line, code, for some
    days what stood there); ``totals_minor`` what came in by each currency of the table. ``organization_ids`` are the organizations that it brought along.
    """

    __tablename__ = "award_import"
    __table_args__ = (
        one_of("state", ImportState),
        CheckConstraint("state NOT IN ('done', 'undone') OR finished_at IS NOT NULL", name="finished_at_a_moment"),
        CheckConstraint("imported >= 0 AND present >= 0 AND done <= total", name="counted"),
        Index("ix_award_import_asked", "id", postgresql_where=text("state = 'asked'")),
        Index("ix_award_import_programme", "programme"),
        Index("ix_award_import_prepared", "sent_at", postgresql_where=text("state = 'prepared'")),
    )

    id: Mapped[Key]
    state: Mapped[str] = mapped_column(default=ImportState.PREPARED)
    programme: Mapped[str]
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    header: Mapped[list[str]]
    header_fingerprint: Mapped[str]
    layout: Mapped[dict[str, Any]]
    sent_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    sent_at: Mapped[Recorded]
    begun_at: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None]
    imported: Mapped[int] = mapped_column(default=0)
    present: Mapped[int] = mapped_column(default=0)
    refused: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    totals_minor: Mapped[dict[str, Any]] = mapped_column(default=dict)
    organization_ids: Mapped[list[int]] = mapped_column(default=list)

    file: Mapped[StoredFile] = relationship()
    sent_by: Mapped[Person | None] = relationship()

    workflow = IMPORT

    @property
    def reference(self) -> str:
        """How people name it."""
        return f"IMP-{self.id}"

    @property
    def totals(self) -> list[Money]:
        """What came in, one amount a currency."""
        return [Money(minor, currency) for currency, minor in sorted(self.totals_minor.items())]


class PastAward(Base):
    """An award of an earlier programme, as a table told it: closed, outside the ledger, and nothing is done with it.

    ``months`` is how long it was granted for. ``region`` is one of the fund's, or none. ``heading`` is the line of the
    table under which it stood, ``cells`` the row as it was. ``fingerprint`` tells it from every other award; see
    :func:`grants.imports.rules.fingerprint`.
    """

    __tablename__ = "past_award"
    __table_args__ = (
        one_of("confidentiality", Confidentiality),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("months > 0", name="months_positive"),
        UniqueConstraint("import_id", "line"),
        Index("ix_past_award_organization_id", "organization_id"),
        Index("ix_past_award_region", "region"),
    )

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(unique=True)
    fingerprint: Mapped[str] = mapped_column(unique=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("award_import.id"))
    line: Mapped[int]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    grantee: Mapped[str]
    title: Mapped[str]
    number: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    granted_on: Mapped[date | None]
    months: Mapped[int | None]
    region: Mapped[str | None]
    city: Mapped[str]
    heading: Mapped[str]
    confidentiality: Mapped[str]
    cells: Mapped[list[str]]

    import_: Mapped[AwardImport] = relationship()
    organization: Mapped[Organization] = relationship()

    @property
    def amount(self) -> Money:
        """The money that was awarded."""
        return Money(self.amount_minor, self.currency)
