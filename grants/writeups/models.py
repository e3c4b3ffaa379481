"""Who wrote a report up for whom after which conversation, and how the grantee confirmed it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grants.core.db import Base, Key
from grants.entries.models import Typed, checks_of_typed
from grants.reports.models import Report


class WriteUp(Typed, Base):
    """A report written up by a coordinator. ``asked_at``: the grantee was asked to confirm it; other text has to be asked
    for anew.
    """

    __tablename__ = "write_up"
    __table_args__ = checks_of_typed()

    id: Mapped[Key]
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), unique=True)
    asked_at: Mapped[datetime | None]

    report: Mapped[Report] = relationship()
