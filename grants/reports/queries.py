"""Finding what is owed, the reports that answer it, and what they say was spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload, load_only

from grants.accounts.models import Membership, Organization, Person
from grants.applications.models import Application
from grants.awards.models import Award, BudgetLine
from grants.calls.models import Call
from grants.core.db import db
from grants.core.money import Money
from grants.core.questions import Definition, parse_definition
from grants.questionnaires.models import Questionnaire, SectionAnswers
from grants.questionnaires.queries import definition_of, sections_of
from grants.reports.models import Report, ReportDue, ReportKind, ReportLine
from grants.reports.workflow import ReportState

PAGE = 50
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
    found = seen.where(ReportDue.id == due_id).options(
        *_GRANT,
        joinedload(ReportDue.report).options(
            joinedload(Report.answer_sheet), joinedload(Report.submitted_by).load_only(Person.name)
        ),
    )
    return db.session.scalar(found)


@dataclass(frozen=True)
class Written:
    """What stands in a report, begun or not.

    ``budget`` are the budget lines with the figures given for each; ``before`` what other reports tell, in minor units
    by budget line; ``change`` the call's rule for moving money between headings.
    """

    definition: Definition
    answers: Mapping[str, Any] = field(default_factory=dict)
    saved: Mapping[str, SectionAnswers] = field(default_factory=dict)
    budget: Sequence[tuple[BudgetLine, ReportLine | None]] = ()
    before: Mapping[int, int] = field(default_factory=dict)
    change: Mapping[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> dict[str, bool]:
        """Which sections were saved, and whether they are complete."""
        return {key: section.complete for key, section in self.saved.items() if section.version}

    @property
    def versions(self) -> dict[str, int]:
        """How often each section was saved."""
        return {key: section.version for key, section in self.saved.items()}


def written(due: ReportDue) -> Written:
    """Everything that was written in a report, in at most three queries."""
    report = due.report
    budget, change = budget_with_figures(due) if due.is_financial else ([], {})
    before = reported_before(due) if due.is_financial else {}
    if report is None:
        return Written(_read(due.kind), budget=budget, before=before, change=change)
    sections = sections_of(report.answer_sheet_id)
    return Written(
        definition_of(report.answer_sheet.questionnaire_id),
        {key: value for section in sections.values() for key, value in section.values.items()},
        sections,
        budget,
        before,
        change,
    )


def budget_with_figures(due: ReportDue) -> tuple[list[tuple[BudgetLine, ReportLine | None]], Mapping[str, Any]]:
    """The budget lines of a grant with what its report says of each, and the call's rule for budget changes."""
    found = (
        select(BudgetLine, ReportLine, Call.terms["award"]["budget_change"])
        .join(Award, Award.id == BudgetLine.award_id)
        .join(Call, Call.id == Award.call_id)
        .outerjoin(Report, Report.report_due_id == due.id)
        .outerjoin(ReportLine, and_(ReportLine.report_id == Report.id, ReportLine.budget_line_id == BudgetLine.id))
        .where(BudgetLine.award_id == due.award_id)
        .order_by(BudgetLine.position)
    )
    rows = db.session.execute(found).all()
    return [(budget_line, line) for budget_line, line, _change in rows], (rows[0][2] if rows else None) or {}


def lock(due: ReportDue) -> None:
    """Read where a report stands again and keep others from moving it until the end of the transaction."""
    db.session.flush()
    db.session.refresh(due, ["state", "due_on"], with_for_update=True)


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


def reported_before(due: ReportDue) -> dict[int, int]:
    """What the other reports of the same grant tell was spent, in minor units by budget line."""
    found = (
        select(ReportLine.budget_line_id, func.sum(ReportLine.spent_minor))
        .join(Report, Report.id == ReportLine.report_id)
        .join(ReportDue, ReportDue.id == Report.report_due_id)
        .where(
            ReportDue.award_id == due.award_id,
            ReportDue.id != due.id,
            ReportDue.state.in_(COUNTED),
            or_(ReportDue.due_on < due.due_on, and_(ReportDue.due_on == due.due_on, ReportDue.id < due.id)),
        )
        .group_by(ReportLine.budget_line_id)
    )
    return {line_id: int(minor) for line_id, minor in db.session.execute(found)}


def spent(award: Award, *, states: Iterable[str] = (ReportState.ACCEPTED,)) -> Money:
    """What the reports of a grant (default: the accepted ones) tell was spent of it."""
    found = (
        select(func.coalesce(func.sum(ReportLine.spent_minor), 0))
        .join(Report, Report.id == ReportLine.report_id)
        .join(ReportDue, ReportDue.id == Report.report_due_id)
        .where(ReportDue.award_id == award.id, ReportDue.state.in_(list(states)))
    )
    return Money(int(db.session.scalar(found) or 0), award.currency)


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


def _late(today: date) -> ColumnElement[bool]:
    return and_(ReportDue.required, ReportDue.state.in_(TO_WRITE), ReportDue.due_on < today)


def _still_expected(today: date) -> ColumnElement[bool]:
    """To be written; one that is only invited is not expected any more after its day."""
    return and_(ReportDue.state.in_(TO_WRITE), or_(ReportDue.required, ReportDue.due_on >= today))


def _choice(which: str, today: date, soon: timedelta) -> ColumnElement[bool]:
    return {
        "to_read": ReportDue.state == ReportState.SUBMITTED,
        "late": _late(today),
        "soon": and_(ReportDue.state.in_(TO_WRITE), ReportDue.due_on.between(today, today + soon)),
        "returned": ReportDue.state == ReportState.RETURNED,
        "accepted": ReportDue.state == ReportState.ACCEPTED,
    }.get(which, or_(ReportDue.state == ReportState.SUBMITTED, _still_expected(today)))


def queue(
    seen: Select[ReportDue],
    award_states: Iterable[str],
    today: date,
    soon: timedelta,
    *,
    which: str = "",
    region: str = "",
    page: int = 1,
) -> tuple[list[ReportDue], dict[str, int]]:
    """One page of reports that coordinators wait for, and how many there are of each kind (``all`` for everything open).

    Submitted ones come first, the longest waiting first; then the late ones; then by date.
    """
    found = seen.join(ReportDue.award).where(
        or_(Award.state.in_(list(award_states)), ReportDue.state.in_((ReportState.SUBMITTED, ReportState.ACCEPTED)))
    )
    if region:
        found = found.where(Award.region == region)
    kinds = ("to_read", "late", "soon", "returned", "accepted", "all")
    numbers = db.session.execute(
        found.with_only_columns(
            *(func.count().filter(_choice(kind, today, soon)).label(kind) for kind in kinds), maintain_column_froms=True
        ).order_by(None)
    ).one()
    order = case((ReportDue.state == ReportState.SUBMITTED, 0), (_late(today), 1), else_=2)
    shown = (
        found.outerjoin(ReportDue.report)
        .where(_choice(which, today, soon))
        .options(
            contains_eager(ReportDue.award)
            .load_only(
                Award.reference, Award.title, Award.state, Award.region, Award.confidentiality, Award.organization_id
            )
            .joinedload(Award.organization)
            .load_only(Organization.name, Organization.country),
            contains_eager(ReportDue.report).load_only(Report.submitted_at, Report.version),
        )
        .order_by(order, Report.submitted_at, ReportDue.due_on, ReportDue.id)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    return list(db.session.scalars(shown)), dict(zip(kinds, numbers, strict=True))


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
