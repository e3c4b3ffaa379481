"""Who may write a report up for a grantee, and who confirms it."""

from __future__ import annotations

from typing import Any

from grants.awards.permissions import can_oversee
from grants.reports.models import ReportDue
from grants.writeups.models import WriteUp


def can_begin(user: Any, due: ReportDue) -> bool:
    """A coordinator of the region, not a member of the grantee, writes a report up after a conversation."""
    return can_oversee(user, due.award)


def can_confirm(user: Any, due: ReportDue) -> bool:
    """A member of the grantee confirms what the fund wrote up, or says what is wrong, as it would hand in its own report;
    never who wrote it up.
    """
    return bool(user.belongs_to(due.award.organization_id)) and not (due.report and due.report.entered_by_id == user.id)


def can_ask(user: Any, due: ReportDue) -> bool:
    """A coordinator of the region asks the grantee to sign in and confirm."""
    return can_oversee(user, due.award)


def can_record(user: Any, due: ReportDue, write_up: WriteUp) -> bool:
    """Another coordinator of the region than the one who wrote it up sends a link to an address, and writes down what was
    confirmed otherwise: nobody says alone what a grantee reports.
    """
    return can_oversee(user, due.award) and user.id != write_up.entered_by_id
