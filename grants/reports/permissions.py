"""Who may see, write and judge reports."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from grants.accounts.models import COORDINATORS, Role
from grants.awards import permissions as awards
from grants.awards.models import Award
from grants.core.permissions import scope_of
from grants.reports.models import Report, ReportDue


@scope_of(ReportDue)
def reports_due_seen_by(user: Any) -> Select[ReportDue]:
    """The reports owed for the awards a person may see."""
    return select(ReportDue).where(ReportDue.award_id.in_(awards.awards_seen_by(user).with_only_columns(Award.id)))


@scope_of(Report)
def reports_seen_by(user: Any) -> Select[Report]:
    """The reports on the awards a person may see."""
    return select(Report).where(Report.report_due_id.in_(reports_due_seen_by(user).with_only_columns(ReportDue.id)))


def can_write(user: Any, due: ReportDue) -> bool:
    """A member of the grantee writes its reports; a coordinator of the region only one that they began for it."""
    return bool(user.belongs_to(due.award.organization_id)) or (
        _typed_it(user, due) and awards.can_oversee(user, due.award)
    )


def _typed_it(user: Any, due: ReportDue) -> bool:
    return due.report is not None and due.report.entered_by_id == user.id


def _handed_it_in(user: Any, due: ReportDue) -> bool:
    """Whether somebody wrote down that the grantee had confirmed it."""
    return due.report is not None and due.report.submitted_by_id == user.id


def can_judge(user: Any, due: ReportDue) -> bool:
    """A coordinator of the region, neither a member of the grantee nor who wrote it up or handed it in for it, returns or
    accepts a report.
    """
    return awards.can_oversee(user, due.award) and not _typed_it(user, due) and not _handed_it_in(user, due)


def can_verify(user: Any, due: ReportDue) -> bool:
    """A coordinator of the region or a finance officer, neither a member of the grantee nor who wrote it up for it, verifies
    the costs of a report.
    """
    award = due.award
    is_finance = user.holds(Role.FINANCE_OFFICER) and not user.belongs_to(award.organization_id)
    return bool(is_finance or awards.can_oversee(user, award)) and not _typed_it(user, due)


def can_waive(user: Any, due: ReportDue) -> bool:
    """A coordinator of the region waives a report."""
    return awards.can_oversee(user, due.award)


def can_move(user: Any, due: ReportDue) -> bool:
    """A coordinator of the region moves the date of a report."""
    return awards.can_oversee(user, due.award)


def can_see_queue(user: Any) -> bool:
    """Coordinators see the reports of their regions that wait for them, and what changed; auditors see all of them."""
    return bool(user.holds(*COORDINATORS, Role.AUDITOR))
