"""A line for every sweep, so that somebody can see that the reminders run."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from grants.core.db import Base, Key, Recorded


class SweepRun(Base):
    """One pass over all deadlines: as of which moment, how many people were owed a reminder, how many were new."""

    __tablename__ = "sweep_run"
    __table_args__ = (Index("ix_sweep_run_ran_at", "ran_at"),)

    id: Mapped[Key]
    as_of: Mapped[datetime]
    ran_at: Mapped[Recorded]
    found: Mapped[int]
    posted: Mapped[int]
    seconds: Mapped[float]
