"""Where each thing that is owed stands in time, what money waits on it, and where it is done and moved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from grants.core.languages import _l, pick
from grants.core.money import Money, total
from grants.core.rules import Obstacle
from grants.owed.queries import Gone, Owed
from grants.payments.queries import Standing
from grants.payments.rules import as_grantee_reads, obstacles_to_preparing, pays_after_termination

SOON = timedelta(days=30)

KIND_LABELS: dict[str, Any] = {
    "report": _l("Report"),
    "reading": _l("Report to read"),
    "milestone": _l("Milestone"),
    "condition": _l("Condition"),
    "visit": _l("Visit"),
    "sharing": _l("Visit to share"),
    "change": _l("Change agreed in a visit"),
    "instalment": _l("Instalment"),
    "refund": _l("Refund"),
}
"""What each kind is called."""

WHO_LABELS: dict[str, Any] = {"grantee": _l("The grantee"), "fund": _l("The fund")}
WHEN: dict[str, tuple[Any, str]] = {
    "late": (_l("Late"), "danger"),
    "soon": (_l("Within 30 days"), "warning"),
    "later": (_l("Later"), "neutral"),
    "undated": (_l("Without a day"), "neutral"),
    "done": (_l("Done"), "success"),
    "waived": (_l("Waived"), "neutral"),
    "passed": (_l("Did not come"), "neutral"),
}
"""Where a thing stands in time, in words, and the tone of its badge."""

OVER = ("done", "waived", "passed")
"""What nobody waits for any more."""

PAGES: dict[str, tuple[str, Mapping[str, str]]] = {
    "report": ("reports.show", {"due_id": "subject_id"}),
    "reading": ("reports.show", {"due_id": "number"}),
    "milestone": ("awards.milestones", {"reference": "reference"}),
    "condition": ("awards.milestones", {"reference": "reference"}),
    "visit": ("visits.show", {"reference": "reference", "number": "number"}),
    "sharing": ("visits.show", {"reference": "reference", "number": "number"}),
    "change": ("visits.show", {"reference": "reference", "number": "number"}),
    "instalment": ("payments.of_grant", {"reference": "reference"}),
    "refund": ("payments.of_grant", {"reference": "reference"}),
}
"""The page of each kind, and what its address is made of."""

MOVES: dict[str, tuple[str, Mapping[str, str]]] = {
    "report": ("reports.move", {"due_id": "subject_id"}),
    "milestone": ("awards.move_milestone", {"reference": "reference", "milestone_id": "subject_id"}),
    "condition": ("awards.move_condition", {"reference": "reference", "condition_id": "subject_id"}),
    "visit": ("visits.move", {"reference": "reference", "number": "number"}),
    "change": ("visits.move_change", {"reference": "reference", "number": "number", "change_id": "subject_id"}),
    "instalment": ("payments.move_instalment", {"reference": "reference", "number": "number"}),
}
"""Where a coordinator moves the day of each kind, with a reason. The others follow from a day that was moved or asked for."""


def address(pages: Mapping[str, tuple[str, Mapping[str, str]]], item: Owed) -> tuple[str, dict[str, Any]] | None:
    """The endpoint and the values of the address of a thing; None where there is none."""
    if item.kind not in pages:
        return None
    endpoint, values = pages[item.kind]
    return endpoint, {name: getattr(item, field) for name, field in values.items()}


def when(item: Owed, today: date) -> str:
    """Where a thing stands in time: ``done``, ``late``, ``soon`` (within 30 days), ``later``, ``undated``; ``passed`` when
    one that was only invited did not come, ``waived`` when a report never has to.
    """
    if item.is_done:
        return "waived" if item.kind == "report" and item.done_on is None else "done"
    if item.due_on is None:
        return "undated"
    if item.due_on < today:
        return "late" if item.required else "passed"
    return "soon" if item.due_on <= today + SOON else "later"


def name_of(item: Owed | Gone, language: str | None = None) -> str:
    """What a thing is called on a page."""
    if item.kind == "instalment":
        return str(_l("Instalment %(number)s", number=item.number))
    if item.kind == "refund":
        return str(_l("Money that the fund asked back"))
    return str(pick(item.label, language) if isinstance(item.label, Mapping) else item.label or "")


def shown_outside(item: Owed | Gone) -> str:
    """What a thing is called where others may read it, such as in a calendar: the reference and what kind it is; the name
    of a report is that of the call. What somebody wrote about a grant never leaves with it.
    """
    words = name_of(item) if item.kind in ("report", "reading", "instalment") else str(KIND_LABELS[item.kind])
    return f"{item.reference}: {words}"


@dataclass(frozen=True)
class Line:
    """One thing that is owed, as a page shows it. ``waiting`` is the money that waits on it, None when none does."""

    item: Owed
    when: str
    waiting: Money | None
    stops: Sequence[Obstacle]


def lines_of(
    items: Iterable[Owed], standings: Iterable[Standing], today: date, at: datetime, own: Collection[int] = ()
) -> list[Line]:
    """What is owed with the money that waits on it; ``standings`` are the instalments of the grants concerned. Of grants of
    their ``own`` organizations members do not read what the fund has to see to itself.
    """
    by_award: dict[int, list[Standing]] = {}
    for standing in standings:
        by_award.setdefault(standing.award_id, []).append(standing)
    lines = [_line(item, by_award.get(item.award_id, []), today, at) for item in items]
    return [
        replace(line, stops=as_grantee_reads(line.stops)) if line.item.organization_id in own else line
        for line in lines
    ]


def _line(item: Owed, standings: Sequence[Standing], today: date, at: datetime) -> Line:
    open_ones = [
        one
        for one in standings
        if one.payment is None
        and not one.is_settled
        and (one.award_state != "terminated" or pays_after_termination(one.award_state, one.trigger))
    ]
    if item.kind == "instalment":
        stops = [
            stop for one in open_ones if one.tranche_id == item.subject_id for stop in obstacles_to_preparing(one, at)
        ]
        return Line(item, when(item, today), Money(item.minor or 0, item.currency), stops)
    if item.kind == "refund":
        return Line(item, when(item, today), Money(item.minor or 0, item.currency), [])
    held = [] if item.is_done else [one.amount for one in open_ones if _waits(one, item, today)]
    return Line(item, when(item, today), total(held, item.currency) if held else None, [])


def _waits(standing: Standing, item: Owed, today: date) -> bool:
    """Whether an instalment cannot be paid before a thing is done: its own report, a report that is late for too long, a
    condition, or a visit before it.
    """
    if item.kind in ("report", "reading"):
        due_id = item.subject_id if item.kind == "report" else item.number
        late = item.due_on is not None and (today - item.due_on).days > standing.hold_after_days
        return standing.report_id == due_id or (item.kind == "report" and item.required and late)
    if item.kind == "milestone":
        return standing.milestone_id == item.subject_id
    return item.holds == "all" or (item.holds != "" and date.fromisoformat(item.holds) <= standing.due_on)
