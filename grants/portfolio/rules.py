"""What lists are narrowed to, what figures show, and the record in sentences."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from grants.awards.models import Risk
from grants.awards.workflow import AwardState
from grants.core.languages import _l
from grants.core.listings import LISTINGS
from grants.core.money import Money
from grants.core.workflow import Workflow
from grants.portfolio.queries import Entry, Figure, Filter, Part, Subject
from grants.reports.workflow import ReportState

TO_WRITE = (ReportState.OWED, ReportState.RETURNED)
RUNNING = (AwardState.ACTIVE, AwardState.SUSPENDED)


@dataclass(frozen=True)
class Coming:
    """What comes next on a grant: what is late, the first thing after it, and the reports that the fund has to read."""

    late: list[Part]
    following: Part | None
    to_read: list[Part]


def coming_on(state: str, parts: Mapping[str, Sequence[Part]], today: date) -> Coming:
    """What comes next among the reports and milestones of a grant; one that ended promises no results any more."""
    owed = [one for one in parts["report_due"] if one.state in TO_WRITE]
    if state in RUNNING:
        owed += [one for one in parts["milestone"] if one.done_on is None]
    late = [one for one in owed if one.due_on and one.due_on < today and one.required is not False]
    ahead = [one for one in owed if one.due_on and one.due_on >= today]
    to_read = [one for one in parts["report_due"] if one.state == ReportState.SUBMITTED]
    return Coming(late, min(ahead, key=attrgetter("due_on"), default=None), to_read)


RECORDED: dict[str, tuple[Any, str | None, str | None]] = {
    "call": (_l("Calls"), "calls.manage", "reference"),
    "enquiry": (_l("Questions about calls"), "enquiries.show", "enquiry_reference"),
    "application": (_l("Applications"), "applications.read", "reference"),
    "assignment": (_l("Reviews"), "reviews.show", "assignment_id"),
    "interest": (_l("Declared ties"), "accounts.organization", "reference"),
    "year_declaration": (_l("Declarations of the year"), None, None),
    "reviewer": (_l("Reviewers"), None, None),
    "person": (_l("People"), None, None),
    "mail": (_l("Mails"), None, None),
    "clarification": (_l("Questions to applicants"), "checks.clarifications", "reference"),
    "meeting": (_l("Meetings"), "decisions.meeting", "reference"),
    "decision": (_l("Decisions"), "decisions.case", "application_reference"),
    "complaint": (_l("Complaints"), "complaints.show", "reference"),
    "award": (_l("Grants"), "portfolio.grant", "reference"),
    "report_due": (_l("Reports"), "reports.show", "due_id"),
    "disbursement": (_l("Payments"), "payments.show", "reference"),
    "bank_account": (_l("Bank accounts"), "payments.bank_account", "reference"),
    "amendment": (_l("Changes of grants"), "amendments.of_grant", "reference"),
    "visit": (_l("Visits"), "visits.of_grant", "reference"),
    "closeout": (_l("Close-outs"), "closeout.of_grant", "reference"),
    "erasure": (_l("Erasures"), "closeout.kept", "reference"),
    "dossier": (_l("Dossiers"), "dossiers.of_grant", "reference"),
    "award_import": (_l("Imports"), "imports.show", "import_id"),
    "list_file": (_l("Lists taken out"), None, None),
}
"""The kinds of subjects of the record: their name, the page of one of them, and what that page is found by."""

SAID: dict[tuple[str, str], Any] = {
    ("reviewer", "describe"): _l("A reviewer’s profile was written"),
    ("interest", "declare"): _l("A tie was declared"),
    ("interest", "declare_others"): _l("No tie was declared to the other applicants of a call"),
    ("year_declaration", "declare"): _l("The declaration of the year was made"),
    ("person", "invite"): _l("Somebody was invited to work for the fund from the command line"),
    ("person", "give_role"): _l("A role was given from the command line"),
    ("dossier", "ask"): _l("A dossier of a grant was asked for"),
    ("dossier", "make"): _l("A dossier of a grant was made"),
    ("dossier", "take"): _l("A dossier of a grant was taken"),
    ("list_file", "take_out"): _l("A list was taken out"),
    ("mail", "try_again"): _l("A mail that did not arrive was sent again"),
    ("mail", "set_aside"): _l("A mail that did not arrive was set aside"),
}
"""What happens to subjects that have no workflow."""


@dataclass(frozen=True)
class RecordLine:
    """One line of the record in words. A subject that is not the reader's to see has no reference, who or why."""

    id: int
    what: Any
    at: datetime
    reference: str = ""
    label: Any = None
    page: tuple[str, dict[str, Any]] | None = None
    who: str | None = None
    reason: str | None = None
    hidden: bool = False


def record_lines(
    entries: Sequence[Entry], subjects: Mapping[tuple[str, int], Subject], told: Callable[[str | None], str]
) -> list[RecordLine]:
    """The record in words, in the order given; ``told`` gives a reason as the reader may read it."""
    return [_record_line(entry, subjects.get((entry.kind, entry.subject_id)), told) for entry in entries]


def _record_line(entry: Entry, subject: Subject | None, told: Callable[[str | None], str]) -> RecordLine:
    workflow = Workflow.all.get(entry.kind)
    what = SAID.get((entry.kind, entry.verb)) or (
        workflow.said(entry.verb) if workflow else entry.verb.replace("_", " ")
    )
    if subject is None:
        return RecordLine(entry.id, what, entry.at, hidden=True)
    page = _page_of(entry, subject)
    reason = told(entry.reason) or None
    label = str(LISTINGS[str(subject.label)].name) if entry.kind == "list_file" else subject.label
    return RecordLine(entry.id, what, entry.at, subject.reference, label, page, entry.actor, reason)


def _page_of(entry: Entry, subject: Subject) -> tuple[str, dict[str, Any]] | None:
    _label, endpoint, by = RECORDED.get(entry.kind, (None, None, None))
    if endpoint is None or by is None:
        return None
    values: dict[str, Any] = {by: entry.subject_id if by.endswith("_id") else subject.reference}
    if subject.within:
        values["reference"] = subject.within
    return endpoint, values


# ------------------------------------------------------------------ what is asked for

SHORTEST = 3
"""Fewer letters are not searched for: nearly every title has them."""


def filter_of(asked: Callable[[str], str], *, knows_risk: bool) -> Filter:
    """What the words of an address ask for, each found by its name; what cannot be asked for is left out.

    A lot is one of a call. The risk of a grant is known to those who work for the fund.
    """

    def typed(name: str) -> str:
        return "".join(sign for sign in asked(name) if sign.isprintable()).strip()[:120]

    call, point, q = typed("call"), typed("point"), typed("q")
    state, risk = typed("state"), typed("risk")
    return Filter(
        call=call,
        lot=typed("lot") if call else "",
        region=typed("region"),
        country=typed("country"),
        point=int(point) if re.fullmatch("[0-9]{1,2}", point) else 0,
        state=state if state in list(AwardState) else "",
        risk=risk if knows_risk and risk in list(Risk) else "",
        programme=typed("programme"),
        q=q if len(q) >= SHORTEST else "",
    )


# ------------------------------------------------------------------ figures


@dataclass(frozen=True)
class Row:
    """Grants of one kind: how many, and what they were awarded in each currency, in minor units."""

    key: str
    number: int
    awarded: Mapping[str, int]


MOST_ROWS = 15
"""So many rows has a figure; what is smaller stands together in one more."""

OTHERS = "*"
"""The key of the row in which the smaller ones stand together."""


def rows_by(figures: Sequence[Figure], by: str, order: Sequence[str] = (), most: int = MOST_ROWS) -> list[Row]:
    """The rows of one figure: in an order that is given, else the largest first.

    What is not in the order comes last; beyond ``most`` rows the others are added up, so that the sum stays the same.
    """
    numbers: dict[str, int] = {}
    awarded: dict[str, dict[str, int]] = {}
    for figure in figures:
        if figure.by == by:
            key = figure.key or ""
            sums = awarded.setdefault(key, {})
            numbers[key] = numbers.get(key, 0) + figure.number
            sums[figure.currency] = sums.get(figure.currency, 0) + figure.awarded
    place = {key: at for at, key in enumerate(order)}
    keys = sorted(numbers, key=lambda key: (place.get(key, len(place)), -numbers[key], key))
    rows = [Row(key, numbers[key], awarded[key]) for key in keys]
    if len(rows) <= most:
        return rows
    rest = rows[most - 1 :]
    summed: dict[str, int] = {}
    for row in rest:
        for currency, minor in row.awarded.items():
            summed[currency] = summed.get(currency, 0) + minor
    return [*rows[: most - 1], Row(OTHERS, sum(row.number for row in rest), summed)]


@dataclass(frozen=True)
class Total:
    """What grants come to in one currency: those of this fund as the ledger has them, or those of earlier programmes.

    ``awarded`` leaves out what was refused or lapsed. ``outstanding`` was signed and has not been sent, ``paid`` was sent and
    has not come back, ``refunded`` was sent and came back; of earlier programmes nothing of that is known.
    """

    past: bool
    number: int
    awarded: Money
    outstanding: Money | None = None
    paid: Money | None = None
    refunded: Money | None = None


def totals(figures: Sequence[Figure]) -> list[Total]:
    """What grants come to, by currency; those of earlier programmes stand apart, for they have no place in the ledger."""
    found = []
    for one in sorted((f for f in figures if f.by == "all"), key=lambda f: (f.past, f.currency)):
        ledger = () if one.past else (one.outstanding, one.paid, one.refunded)
        found.append(Total(one.past, one.number, *(Money(minor, one.currency) for minor in (one.awarded, *ledger))))
    return found


def months_from(today: date, number: int) -> list[date]:
    """The first days of so many months, from the present one on."""
    first = today.year * 12 + today.month - 1
    return [date((first + n) // 12, (first + n) % 12 + 1, 1) for n in range(number)]


ON_THE_MAP: dict[str, tuple[int, int]] = {
    country: (x, y) for country, (x, y) in json.loads(Path(__file__).with_name("countries.json").read_text()).items()
}
"""Where countries lie on the map of the world, which is 1000 wide and 421 high; see docs/decisions/0030."""

SMALLEST, LARGEST = 5, 22
"""Radius of the circle of a country on the map, from one grant to the most."""


@dataclass(frozen=True)
class Circle:
    """A country on the map; the area of its circle is the number of its grants."""

    country: str
    x: int
    y: int
    radius: float
    number: int


def circles(rows: Sequence[Row]) -> list[Circle]:
    """The map of grants by country, the largest first so that small circles lie above them."""
    placed = sorted((row for row in rows if row.key in ON_THE_MAP), key=lambda row: (-row.number, row.key))
    most = max((row.number for row in placed), default=1)
    return [
        Circle(
            row.key, *ON_THE_MAP[row.key], round(max(SMALLEST, LARGEST * math.sqrt(row.number / most)), 1), row.number
        )
        for row in placed
    ]
