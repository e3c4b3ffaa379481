"""Mails about reports. Subjects carry references only."""

from __future__ import annotations

from typing import Any

from grants.accounts.models import Person
from grants.core.mail import Mail
from grants.reports.models import Report, ReportDue


def _context(due: ReportDue) -> dict[str, Any]:
    return {"reference": due.award.reference, "label": due.label, "due_id": due.id}


def report_submitted(due: ReportDue, report: Report, to: Person) -> Mail:
    """A report waits to be read, to a coordinator of the region."""
    return Mail(
        "report_submitted",
        to=to,
        about=f"{due.award.reference}/{due.key}",
        occasion=f"v{report.version}",
        context=_context(due),
    )


def report_returned(due: ReportDue, report: Report, to: Person) -> Mail:
    """A report came back with questions, to a member of the grantee."""
    return Mail(
        "report_returned",
        to=to,
        about=f"{due.award.reference}/{due.key}",
        occasion=f"v{report.version}",
        context=_context(due) | {"due_on": due.due_on},
    )


def report_accepted(due: ReportDue, report: Report, to: Person) -> Mail:
    """A report was accepted, to a member of the grantee."""
    return Mail("report_accepted", to=to, about=f"{due.award.reference}/{due.key}", context=_context(due))


def report_costs_not_eligible(due: ReportDue, to: Person, entry_id: int) -> Mail:
    """Costs of a report that was accepted turned out not to be eligible, to a member of the grantee."""
    return Mail(
        "report_costs_not_eligible",
        to=to,
        about=f"{due.award.reference}/{due.key}",
        occasion=str(entry_id),
        context=_context(due),
    )


def report_waived(due: ReportDue, to: Person) -> Mail:
    """A report does not have to be given any more, to a member of the grantee."""
    return Mail("report_waived", to=to, about=f"{due.award.reference}/{due.key}", context=_context(due))


def report_moved(due: ReportDue, to: Person, entry_id: int) -> Mail:
    """A report is due on another day, to a member of the grantee."""
    context = _context(due) | {"due_on": due.due_on}
    about = f"{due.award.reference}/{due.key}"
    return Mail("report_moved", to=to, about=about, occasion=str(entry_id), context=context)
