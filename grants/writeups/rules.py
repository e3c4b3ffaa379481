"""When the fund may write a report up for a grantee, and when what it wrote counts."""

from __future__ import annotations

from datetime import date, datetime

from grants.core.languages import _l
from grants.core.rules import Obstacle
from grants.entries.rules import obstacles_by_link, obstacles_for_typist, obstacles_in_record
from grants.reports import rules as reports
from grants.reports.models import ReportDue
from grants.reports.queries import Written
from grants.writeups.models import WriteUp


def fingerprint(due: ReportDue, written: Written) -> str:
    """The SHA-256 of everything that a report says, in one written form: answers, figures, where the rate comes from, what
    changed, and the hashes of its papers.
    """
    if due.report is None:
        return ""
    return reports.fingerprint_of(reports.content_of(due.report, written))


def obstacles_to_beginning(due: ReportDue) -> list[Obstacle]:
    """Why nobody writes a report up: it cannot be written now, the grantee has begun it, or somebody of the fund has."""
    found = reports.obstacles_to_writing(due, due.award)
    if due.report is not None and due.report.entered_by_id is None:
        found.append(Obstacle("grantee_writes", _l("The grantee has begun to write this report itself.")))
    elif due.report is not None:
        found.append(Obstacle("written_up", _l("Somebody of the fund writes this report up already.")))
    return found


def obstacles_to_confirming(due: ReportDue, written: Written, read: str | None = None) -> list[Obstacle]:
    """Why there is nothing to confirm: it is with the fund already, something is missing, or it changed since it was read.

    ``read`` is the fingerprint of what was shown, None while the page is only shown.
    """
    found = reports.obstacles_to_submitting(due, written, confirmed=True)
    if read is not None and read != fingerprint(due, written):
        found.append(Obstacle("changed", _l("It was changed while you were reading. Please read it as it now is.")))
    return found


def obstacles_to_declining(due: ReportDue, words: str) -> list[Obstacle]:
    """Why nobody says that something is wrong: it is with the fund already, or they do not say what."""
    found = reports.obstacles_to_writing(due, due.award)
    if not words.strip():
        found.append(Obstacle("words_missing", _l("Please say what is wrong, so that it can be mended.")))
    return found


def obstacles_to_asking(write_up: WriteUp, due: ReportDue, written: Written, by_id: int) -> list[Obstacle]:
    """Why somebody of the fund does not send a link: they wrote it up themselves, or there is nothing to confirm."""
    return obstacles_for_typist(write_up, by_id) or obstacles_to_confirming(due, written)


def obstacles_to_recording(write_up: WriteUp, by_id: int, way: str, name: str, on: date, today: date) -> list[Obstacle]:
    """Why a confirmation that was given otherwise cannot be written down as it is."""
    return obstacles_for_typist(write_up, by_id) + obstacles_in_record(write_up, way, name, on, today)


def obstacles_to_link(
    write_up: WriteUp, due: ReportDue, written: Written, at: datetime, read: str | None = None
) -> list[Obstacle]:
    """Why a link no longer confirms anything."""
    return obstacles_by_link(write_up, at) or obstacles_to_confirming(due, written, read)
