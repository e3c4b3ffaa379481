"""Finding what was written up for grantees."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from grants.accounts.models import Person
from grants.core.db import db
from grants.history.models import HistoryEntry
from grants.reports import queries as reports
from grants.reports.models import Report, ReportDue
from grants.writeups.models import WriteUp

_NAMES = (
    joinedload(WriteUp.entered_by).load_only(Person.name),
    joinedload(WriteUp.recorded_by).load_only(Person.name),
)


def write_up_of(report: Report | None) -> WriteUp | None:
    """Who wrote a report up for its grantee; asked of the database only when somebody did."""
    if report is None or report.entered_by_id is None:
        return None
    return db.session.scalar(select(WriteUp).where(WriteUp.report_id == report.id).options(*_NAMES))


def what_is_wrong(write_up: WriteUp, due: ReportDue) -> str:
    """What the grantee last said is wrong in it, until it is asked again or has confirmed it."""
    if write_up.asked_at is not None or write_up.confirmed_at is not None:
        return ""
    about = HistoryEntry.subject_kind == "report_due", HistoryEntry.subject_id == due.id, HistoryEntry.verb == "decline"
    found = select(HistoryEntry.reason).where(*about).order_by(HistoryEntry.id.desc()).limit(1)
    return db.session.scalar(found) or ""


def by_token(token_hash: str) -> tuple[WriteUp, ReportDue] | None:
    """What a link is about, by what the database knows of its token."""
    found: Select[Any] = select(WriteUp).where(WriteUp.token_hash == token_hash)
    write_up = db.session.scalar(found.options(*_NAMES, joinedload(WriteUp.report)))
    if write_up is None:
        return None
    due = reports.due_by_id(select(ReportDue), write_up.report.report_due_id)
    assert due is not None
    return write_up, due
