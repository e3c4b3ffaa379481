"""The reports that coordinators wait for, and what they told, as they are taken out in a file."""

from __future__ import annotations

from grants.accounts.models import Confidentiality
from grants.core.languages import _l, country_name, pick
from grants.core.listings import Asked, Column, Kind, Lines, listing_of, yes_or_no
from grants.core.permissions import require, scope
from grants.reports import permissions, queries, rules
from grants.reports.models import LEVELS, PLAN_POINTS, STAGES, ReportDue
from grants.reports.workflow import ReportState


@listing_of(
    "reports.queue",
    _l("Reports"),
    Column(_l("Grant"), "award"),
    Column(_l("Title"), "title", tells=True),
    Column(_l("Grantee"), "organization", tells=True),
    Column(_l("Country"), lambda due: country_name(due.country), tells=True),
    Column(_l("Report"), lambda due: pick(due.label)),
    Column(_l("Where it stands"), lambda due: ReportState(due.state).label),
    Column(_l("Required"), lambda due: yes_or_no(due.required)),
    Column(_l("Due"), "due_on", Kind.DAY),
    Column(_l("Submitted"), "submitted_at", Kind.MOMENT),
    Column(_l("Times submitted"), "version", Kind.NUMBER),
    withheld=lambda due: due.confidentiality != Confidentiality.PUBLIC,
)
def reports(asked: Asked) -> Lines:
    """The queue of the coordinators, by kind and region."""
    require(permissions.can_see_queue(asked.person))
    seen, which, region = scope(asked.person, ReportDue), asked.get("show"), asked.get("region")
    open_ones = (seen, rules.REPORTING, asked.today, rules.SOON)
    _page, numbers = queries.queue(*open_ones, which=which, region=region)
    rows = queries.whole_queue(*open_ones, which=which, region=region)
    return Lines(numbers.get(which, numbers["all"]), rows)


@listing_of(
    "reports.changes_told",
    _l("What changed"),
    Column(_l("Point of the Plan of Action"), "plan_point", Kind.NUMBER),
    Column(_l("Meaning"), lambda change: PLAN_POINTS[change.plan_point]),
    Column(_l("Country"), lambda change: country_name(change.country), tells=True),
    Column(_l("How far it reaches"), lambda change: LEVELS[change.level]),
    Column(_l("How far it has come"), lambda change: STAGES[change.stage]),
    Column(_l("What changed"), "what", tells=True),
    Column(_l("What shows it"), "evidence", tells=True),
    Column(_l("Link"), "link", tells=True),
    Column(_l("Grant"), "award"),
    Column(_l("Title"), "title", tells=True),
    Column(_l("Grantee"), "organization", tells=True),
    Column(_l("Report"), lambda change: ReportState(change.state).label),
    Column(_l("Submitted"), "submitted_at", Kind.MOMENT),
    withheld=lambda change: change.confidentiality != Confidentiality.PUBLIC,
)
def changes_told(asked: Asked) -> Lines:
    """What changed in all grants, by point of the plan, country and level."""
    require(permissions.can_see_queue(asked.person))
    point = int(asked.get("point", map(str, PLAN_POINTS)) or 0)
    seen, country, level = scope(asked.person, ReportDue), asked.get("country"), asked.get("level")
    rows, number = queries.changes_told(seen, plan_point=point, country=country, level=level, page=None)
    return Lines(number, rows)
