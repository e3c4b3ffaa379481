"""Finding what is owed, the reports that answer it, and what they say was spent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.orm import joinedload, load_only

from grants.accounts.models import Membership, Organization, Person
from grants.applications.models import Application
from grants.awards.models import Award, BudgetLine, Milestone
from grants.calls.models import Call
from grants.core.db import Prepared, db, paged, prepared_once
from grants.core.files import StoredFile
from grants.core.money import Money
from grants.core.questions import Definition, parse_definition
from grants.history.models import HistoryEntry
from grants.questionnaires.models import Questionnaire, SectionAnswers
from grants.questionnaires.queries import definition_of, sections_of
from grants.reports.models import (
    Report,
    ReportDocument,
    ReportDue,
    ReportedChange,
    ReportKind,
    ReportLine,
    ReportReturn,
    ReportVersion,
)
from grants.reports.workflow import ReportState

PAGE = 25
BUILT_IN = Path(__file__).with_name("questionnaires.yaml")
TO_WRITE = (ReportState.OWED, ReportState.RETURNED)
COUNTED = (ReportState.SUBMITTED, ReportState.ACCEPTED)
"""The reports whose figures count as reported; those that were returned are being mended."""

_GRANT = (
    joinedload(ReportDue.award).options(
        load_only(
            Award.reference,
            Award.title,
            Award.state,
            Award.region,
            Award.amount_minor,
            Award.currency,
            Award.confidentiality,
            Award.start_on,
            Award.end_on,
            Award.organization_id,
            Award.application_id,
            Award.call_id,
            Award.offered_at,
            Award.closed_at,
        ),
        joinedload(Award.organization).load_only(Organization.reference, Organization.name, Organization.country),
        joinedload(Award.application).load_only(Application.reference, Application.submitted_at, Application.language),
        joinedload(Award.call).load_only(Call.reference, Call.title, Call.timezone),
    ),
)


# ------------------------------------------------------------------ one report


def due_by_id(seen: Select[ReportDue], due_id: int) -> ReportDue | None:
    """One report owed among those a person may see, with its grant and, when begun, its report."""
    return db.session.scalar(_due_in(seen), {"due": due_id})


@lru_cache(maxsize=1000)
def _due_in(seen: Select[ReportDue]) -> Select[ReportDue]:
    return seen.where(ReportDue.id == bindparam("due", type_=BigInteger)).options(
        *_GRANT,
        joinedload(ReportDue.report).options(
            joinedload(Report.answer_sheet), joinedload(Report.submitted_by).load_only(Person.name)
        ),
    )


@dataclass(frozen=True)
class Written:
    """What stands in a report, begun or not.

    ``budget`` are the budget lines with the figures given for each; ``before`` what other reports tell, in minor units
    by budget line; ``change`` the call's rule for moving money between headings, ``variance_percent`` how far a heading
    may be off its budget at the end without an explanation, when the call says so. ``until`` is the last day that earlier
    reports tell of; ``documents`` are the papers handed in with the figures. ``changes`` is what changed because of the
    grant; None where that is not asked, or among the questions as it once was.
    """

    definition: Definition
    answers: Mapping[str, Any] = field(default_factory=dict)
    saved: Mapping[str, SectionAnswers] = field(default_factory=dict)
    budget: Sequence[tuple[BudgetLine, ReportLine | None]] = ()
    before: Mapping[int, int] = field(default_factory=dict)
    change: Mapping[str, Any] = field(default_factory=dict)
    variance_percent: int | None = None
    until: date | None = None
    documents: Sequence[ReportDocument] = ()
    changes: Sequence[ReportedChange] | None = None

    @property
    def complete(self) -> dict[str, bool]:
        """Which sections were saved, and whether they are complete."""
        return {key: section.complete for key, section in self.saved.items() if section.version}

    @property
    def versions(self) -> dict[str, int]:
        """How often each section was saved."""
        return {key: section.version for key, section in self.saved.items()}


def written(due: ReportDue) -> Written:
    """Everything that was written in a report, in at most five queries."""
    report, definition = due.report, definition_for(due)
    more = _money_of(due) if due.is_financial else {}
    if asks_for_changes(due, definition):
        more["changes"] = changes_of(report) if report is not None else []
    if report is None:
        return Written(definition, **more)
    sections = sections_of(report.answer_sheet_id)
    answers = {key: value for section in sections.values() for key, value in section.values.items()}
    return Written(definition, answers, sections, **more)


def _money_of(due: ReportDue) -> dict[str, Any]:
    """The financial part of a report, and what the terms of the call say of it."""
    rows = db.session.execute(_BUDGET, {"award": due.award_id, "due": due.id}).all()
    change, variance = (rows[0][2], rows[0][3]) if rows else (None, None)
    before, until = reported_before(due)
    return {
        "budget": [(budget_line, line) for budget_line, line, _change, _variance in rows],
        "before": before,
        "until": until,
        "change": change or {},
        "variance_percent": variance,
        "documents": documents_of(due.report) if due.report is not None else [],
    }


_OF_AWARD, _OF_DUE = bindparam("award", type_=BigInteger), bindparam("due", type_=BigInteger)

_BUDGET = (
    select(
        BudgetLine,
        ReportLine,
        Call.terms["award"]["budget_change"],
        Call.terms["reporting"]["variance_percent"].as_integer(),
    )
    .join(Award, Award.id == BudgetLine.award_id)
    .join(Call, Call.id == Award.call_id)
    .outerjoin(Report, Report.report_due_id == _OF_DUE)
    .outerjoin(ReportLine, and_(ReportLine.report_id == Report.id, ReportLine.budget_line_id == BudgetLine.id))
    .where(BudgetLine.award_id == _OF_AWARD)
    .order_by(BudgetLine.position)
)


def report_of(due_id: int) -> Report | None:
    """The report that answers what is owed, when it was begun."""
    return db.session.scalar(select(Report).where(Report.report_due_id == due_id))


def award_to_schedule(award_id: int) -> Award:
    """An award with the terms of its call."""
    found = select(Award).where(Award.id == award_id).options(joinedload(Award.call).undefer(Call.terms))
    return db.session.scalars(found.execution_options(populate_existing=True)).one()


def budget_line_ids(award_id: int) -> list[int]:
    """The budget lines of an award."""
    return list(db.session.scalars(select(BudgetLine.id).where(BudgetLine.award_id == award_id)))


def lines_of(report_id: int) -> dict[int, ReportLine]:
    """The figures of a report by budget line."""
    found = select(ReportLine).where(ReportLine.report_id == report_id)
    return {line.budget_line_id: line for line in db.session.scalars(found)}


def reported_before(due: ReportDue) -> tuple[dict[int, int], date | None]:
    """What other reports of the same grant tell was spent, in minor units by budget line: those handed in before this one,
    all of them while it is written. And until which day those tell that were due before it.

    Whichever report is handed in last is added to everything that is with the fund, whatever the order of their days.
    """
    handed_in = due.report.submitted_at if due.report is not None and due.state in COUNTED else None
    asked = {"award": due.award_id, "due": due.id, "day": due.due_on, "handed_in": handed_in}
    rows = db.session.execute(_BEFORE, asked).all()
    until = [day for _line_id, _minor, day in rows if day is not None]
    return {line_id: int(minor) for line_id, minor, _day in rows}, max(until, default=None)


_DAY, _HANDED_IN = bindparam("day", type_=Date), bindparam("handed_in", type_=DateTime(timezone=True))
_GIVEN = func.coalesce(Report.submitted_at, Report.started_at)

_BEFORE = (
    select(
        ReportLine.budget_line_id,
        func.sum(ReportLine.counted_minor),
        func.max(Report.period_until).filter(
            or_(ReportDue.due_on < _DAY, and_(ReportDue.due_on == _DAY, ReportDue.id < _OF_DUE))
        ),
    )
    .join(Report, Report.id == ReportLine.report_id)
    .join(ReportDue, ReportDue.id == Report.report_due_id)
    .where(
        ReportDue.award_id == _OF_AWARD,
        ReportDue.id != _OF_DUE,
        ReportDue.state.in_(COUNTED),
        or_(_HANDED_IN.is_(None), _GIVEN < _HANDED_IN, and_(_GIVEN == _HANDED_IN, ReportDue.id < _OF_DUE)),
    )
    .group_by(ReportLine.budget_line_id)
)


def documents_of(report: Report) -> list[ReportDocument]:
    """The papers handed in with the figures of a report, with their files, by budget line as they were added."""
    found = select(ReportDocument).where(ReportDocument.report_id == report.id).order_by(ReportDocument.id)
    return list(db.session.scalars(found.options(joinedload(ReportDocument.file))))


def document_of(report: Report, document_id: int) -> ReportDocument | None:
    """One paper handed in with the figures of a report."""
    found = select(ReportDocument).where(ReportDocument.report_id == report.id, ReportDocument.id == document_id)
    return db.session.scalar(found.options(joinedload(ReportDocument.file)))


def spent(award: Award, *, states: Iterable[str] = (ReportState.ACCEPTED,)) -> Money:
    """What the reports of a grant (default: the accepted ones) show as spent of it, without what it does not pay for."""
    found = (
        select(func.coalesce(func.sum(ReportLine.counted_minor), 0))
        .join(Report, Report.id == ReportLine.report_id)
        .join(ReportDue, ReportDue.id == Report.report_due_id)
        .where(ReportDue.award_id == award.id, ReportDue.state.in_(list(states)))
    )
    return Money(int(db.session.scalar(found) or 0), award.currency)


def definition_for(due: ReportDue) -> Definition:
    """The questions of a report, begun or not."""
    return _read(due.kind) if due.report is None else definition_of(due.report.answer_sheet.questionnaire_id)


ACTIVITIES = "activities"
"""The question that asks how far each activity is."""

ENDED = ("done", "dropped")


def activities_to_tell(due: ReportDue) -> list[dict[str, Any]]:
    """The activities that a report begins with: those that the last report left open, else the milestones to reach.

    How far each is now is left to be said.
    """
    told = (
        select(SectionAnswers.values[ACTIVITIES])
        .join(Report, Report.answer_sheet_id == SectionAnswers.answer_sheet_id)
        .join(ReportDue, ReportDue.id == Report.report_due_id)
        .where(
            ReportDue.award_id == due.award_id,
            ReportDue.id != due.id,
            ReportDue.due_on <= due.due_on,
            ReportDue.state.in_(COUNTED),
            SectionAnswers.values.has_key(ACTIVITIES),
        )
        .order_by(ReportDue.due_on.desc(), ReportDue.id.desc())
        .limit(1)
    )
    before = db.session.scalar(told)
    if before is not None:
        names = [row.get("activity") for row in before if row.get("progress") not in ENDED]
    else:
        planned = select(Milestone.title).where(Milestone.award_id == due.award_id, Milestone.reached_on.is_(None))
        names = list(db.session.scalars(planned.order_by(Milestone.due_on, Milestone.id).limit(20)))
    return [{"activity": name, "progress": None, "remark": None} for name in names if name]


def asks_for_changes(due: ReportDue, definition: Definition) -> bool:
    """Whether changes are told in entries of their own: not in a short note, nor where they still are one question."""
    return due.kind != ReportKind.NARRATIVE_LIGHT and "changes" not in definition.questions


def changes_of(report: Report) -> list[ReportedChange]:
    """What a report says has changed, as it was told."""
    found = select(ReportedChange).where(ReportedChange.report_id == report.id).order_by(ReportedChange.id)
    return list(db.session.scalars(found.options(joinedload(ReportedChange.file))))


def change_of(report: Report, change_id: int) -> ReportedChange | None:
    """One change that a report tells of."""
    found = select(ReportedChange).where(ReportedChange.report_id == report.id, ReportedChange.id == change_id)
    return db.session.scalar(found.options(joinedload(ReportedChange.file)))


class ChangeLine(NamedTuple):
    """A change, as the list over all grants shows it."""

    id: int
    due_id: int
    plan_point: int
    country: str
    level: str
    stage: str
    what: str
    evidence: str
    link: str
    has_file: bool
    state: str
    submitted_at: datetime | None
    award: str
    title: str
    confidentiality: str
    organization: str


def changes_told(
    seen: Select[ReportDue], *, plan_point: int = 0, country: str = "", level: str = "", page: int | None = 1
) -> tuple[list[ChangeLine], int]:
    """One page (or all) of what changed in all grants that a person may see, told by reports with the fund, the newest first; and
    how many there are.
    """
    found = _told(seen)
    if plan_point:
        found = found.where(ReportedChange.plan_point == plan_point)
    if country:
        found = found.where(ReportedChange.country == country)
    if level:
        found = found.where(ReportedChange.level == level)
    number = db.session.scalar(found.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    shown = found.join(Organization, Organization.id == Award.organization_id).with_only_columns(
        *(ReportedChange.id, ReportDue.id, ReportedChange.plan_point, ReportedChange.country, ReportedChange.level),
        *(ReportedChange.stage, ReportedChange.what, ReportedChange.evidence, ReportedChange.link),
        ReportedChange.file_id.is_not(None),
        *(ReportDue.state, Report.submitted_at, Award.reference, Award.title, Award.confidentiality),
        Organization.name,
    )
    newest = shown.order_by(Report.submitted_at.desc(), ReportedChange.id.desc())
    rows = db.session.execute(paged(newest, page, PAGE))
    return [ChangeLine._make(row) for row in rows], number


def countries_told(seen: Select[ReportDue]) -> list[str]:
    """The countries in which something changed, of all grants that a person may see."""
    found = _told(seen).with_only_columns(ReportedChange.country, maintain_column_froms=True)
    return list(db.session.scalars(found.distinct().order_by(ReportedChange.country)))


def _told(seen: Select[ReportDue]) -> Select[Any]:
    return (
        select(ReportedChange)
        .join(Report, Report.id == ReportedChange.report_id)
        .join(ReportDue, ReportDue.id == Report.report_due_id)
        .join(Award, Award.id == ReportDue.award_id)
        .where(ReportDue.id.in_(seen.with_only_columns(ReportDue.id)), ReportDue.state.in_(COUNTED))
    )


def last_return(report: Report) -> ReportReturn | None:
    """Why a report was given back the last time, if it ever was."""
    found = select(ReportReturn).where(ReportReturn.report_id == report.id).order_by(ReportReturn.version.desc())
    return db.session.scalar(found.limit(1))


def version_of(report: Report, number: int) -> ReportVersion | None:
    """What a report said when it was handed in for the so-manieth time; None for what came before versions were kept."""
    found = select(ReportVersion).where(ReportVersion.report_id == report.id, ReportVersion.number == number)
    return db.session.scalar(found)


def versions_of(report: Report) -> list[ReportVersion]:
    """What a report said each time that it was handed in, the first first."""
    found = select(ReportVersion).where(ReportVersion.report_id == report.id).order_by(ReportVersion.number)
    return list(db.session.scalars(found))


def when_handed_in(report: Report) -> list[tuple[int, datetime]]:
    """The versions of a report that were kept: their numbers, and when each was handed in."""
    found = select(ReportVersion.number, ReportVersion.submitted_at).where(ReportVersion.report_id == report.id)
    return [(number, at) for number, at in db.session.execute(found.order_by(ReportVersion.number))]


def file_by_id(file_id: int) -> StoredFile | None:
    """A stored file; whose it is, is for who asks to know."""
    return db.session.get(StoredFile, file_id)


def members_of(organization_id: int) -> list[Person]:
    """Everybody who writes for an organization."""
    found = (
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.organization_id == organization_id, Membership.ended_at.is_(None), Person.active)
        .order_by(Membership.id)
    )
    return list(db.session.scalars(found))


# ------------------------------------------------------------------ lists


def dues_of(award: Award) -> list[ReportDue]:
    """What a grant owes, by date, with what was given."""
    found = (
        select(ReportDue)
        .where(ReportDue.award_id == award.id)
        .options(joinedload(ReportDue.report))
        .order_by(ReportDue.due_on, ReportDue.id)
    )
    return list(db.session.scalars(found))


def former_days(dues: Iterable[ReportDue]) -> dict[int, list[date]]:
    """The days by which reports were due before they were moved, the first first, by report."""
    found = select(HistoryEntry.subject_id, HistoryEntry.details).where(
        HistoryEntry.subject_kind == "report_due",
        HistoryEntry.subject_id.in_([due.id for due in dues]),
        HistoryEntry.verb == "move",
    )
    days: dict[int, list[date]] = {}
    for due_id, told in db.session.execute(found.order_by(HistoryEntry.id)):
        days.setdefault(due_id, []).append(date.fromisoformat(told["before"]))
    return days


def _late(of: Any) -> ColumnElement[bool]:
    late: ColumnElement[bool] = and_(of.required, of.state.in_(TO_WRITE), of.due_on < TODAY)
    return late


def _still_expected(of: Any) -> ColumnElement[bool]:
    """To be written; one that is only invited is not expected any more after its day."""
    expected: ColumnElement[bool] = and_(of.state.in_(TO_WRITE), or_(of.required, of.due_on >= TODAY))
    return expected


def _choice(which: str, of: Any) -> ColumnElement[bool]:
    choices: dict[str, ColumnElement[bool]] = {
        "to_read": of.state == ReportState.SUBMITTED,
        "late": _late(of),
        "soon": and_(of.state.in_(TO_WRITE), of.due_on.between(TODAY, SOON)),
        "returned": of.state == ReportState.RETURNED,
        "accepted": of.state == ReportState.ACCEPTED,
    }
    return choices.get(which, or_(of.state == ReportState.SUBMITTED, _still_expected(of)))


KINDS = ("to_read", "late", "soon", "returned", "accepted", "all")
"""The parts of the coordinators' queue; ``all`` is everything open."""

TODAY, SOON = (bindparam(name, None, type_=Date) for name in ("today", "soon"))


class DueLine(NamedTuple):
    """A report owed, as the queue shows it."""

    id: int
    label: dict[str, str]
    state: str
    due_on: date
    required: bool
    award: str
    title: str
    confidentiality: str
    organization: str
    country: str
    submitted_at: datetime | None
    version: int | None


def queue(
    seen: Select[ReportDue],
    award_states: Iterable[str],
    today: date,
    soon: timedelta,
    *,
    which: str = "",
    region: str = "",
    page: int = 1,
) -> tuple[list[DueLine], dict[str, int]]:
    """One page of reports that coordinators wait for, and how many there are of each kind (``all`` for everything open).

    Submitted ones come first, the longest waiting first; then the late ones; then by date.
    """
    reading = _queue_of(seen, frozenset(award_states), which if which in KINDS else "", bool(region))
    rows = reading(today=today, soon=today + soon, region=region, most=PAGE, before=(page - 1) * PAGE)
    many = len(KINDS)
    lines = [DueLine._make(row[many:]) for row in rows if row[many]]
    return lines, dict(zip(KINDS, rows[0], strict=False))


def whole_queue(
    seen: Select[ReportDue], award_states: Iterable[str], today: date, soon: timedelta, *, which: str, region: str
) -> Iterator[DueLine]:
    """Every report of the queue in the same order, one after the other."""
    reading = _queue_of(seen, frozenset(award_states), which if which in KINDS else "", bool(region))
    rows = reading.streamed(today=today, soon=today + soon, region=region, most=None, before=0)
    many = len(KINDS)
    return (DueLine._make(row[many:]) for row in rows if row[many])


@prepared_once
def _queue_of(seen: Select[ReportDue], award_states: frozenset[str], which: str, in_region: bool) -> Prepared:
    """The reading of the queue for one scope and filter: how many there are of each kind, and beside it one page.

    Everything is counted, but only what is shown is joined with the rest of its line.
    """
    found = seen.join(ReportDue.award).where(
        or_(Award.state.in_(sorted(award_states)), ReportDue.state.in_((ReportState.SUBMITTED, ReportState.ACCEPTED)))
    )
    if in_region:
        found = found.where(Award.region == bindparam("region", None, type_=Text))
    waiting = found.with_only_columns(
        ReportDue.id, ReportDue.state, ReportDue.due_on, ReportDue.required, maintain_column_froms=True
    ).cte("waiting")
    numbers = select(*(func.count().filter(_choice(kind, waiting.c)).label(kind) for kind in KINDS)).subquery("numbers")
    turn = case((waiting.c.state == ReportState.SUBMITTED, 0), (_late(waiting.c), 1), else_=2).label("turn")
    order = (turn, Report.submitted_at, waiting.c.due_on, waiting.c.id)
    first = (
        select(*order)
        .outerjoin(Report, Report.report_due_id == waiting.c.id)
        .where(_choice(which, waiting.c))
        .order_by(*order)
        .limit(bindparam("most", None, type_=Integer))
        .offset(bindparam("before", None, type_=Integer))
        .subquery("first")
    )
    shown = (
        select(
            *numbers.c,
            *(ReportDue.id, ReportDue.label, ReportDue.state, ReportDue.due_on, ReportDue.required),
            *(Award.reference, Award.title, Award.confidentiality),
            *(Organization.name, Organization.country, Report.submitted_at, Report.version),
        )
        .select_from(numbers)
        .outerjoin(first, true())
        .outerjoin(ReportDue, ReportDue.id == first.c.id)
        .outerjoin(Award, Award.id == ReportDue.award_id)
        .outerjoin(Organization, Organization.id == Award.organization_id)
        .outerjoin(Report, Report.report_due_id == ReportDue.id)
        .order_by(first.c.turn, first.c.submitted_at, first.c.due_on, first.c.id)
    )
    return Prepared(lambda: shown)


# ------------------------------------------------------------------ the built-in questionnaires


@lru_cache(maxsize=8)
def _read(kind: str) -> Definition:
    return parse_definition(document_for(kind))


@lru_cache(maxsize=1)
def built_in() -> dict[str, dict[str, Any]]:
    """The questionnaires of reports as they stand in the file."""
    documents: dict[str, dict[str, Any]] = yaml.safe_load(BUILT_IN.read_text(encoding="utf-8"))
    return documents


def document_for(kind: str) -> dict[str, Any]:
    """The questionnaire of a kind of report: the short note, or the narrative."""
    return built_in()["narrative_light" if kind == ReportKind.NARRATIVE_LIGHT else "narrative"]


def questionnaire(key: str, version: int) -> Questionnaire | None:
    """A stored questionnaire by its key and version."""
    return db.session.scalar(select(Questionnaire).where(Questionnaire.key == key, Questionnaire.version == version))
