"""Finding the versions of a grant, what was asked to change in it, and everything that decides whether it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from grants.accounts.models import Person
from grants.amendments.models import Amendment, BudgetNotice
from grants.amendments.workflow import OPEN
from grants.awards import queries as awards
from grants.awards.models import Agreement, Award, AwardVersion, BudgetLine, Milestone
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import db
from grants.core.questions import Budget, budget_of
from grants.payments import queries as payments
from grants.payments.models import Disbursement, Tranche
from grants.reports.models import Report, ReportDue, ReportLine
from grants.reports.workflow import ReportState

COUNTED = (ReportState.SUBMITTED, ReportState.RETURNED, ReportState.ACCEPTED)
"""Reports whose days are facts: they were handed in."""


def amendment_by_number(seen: Select[Amendment], award: Award, number: int) -> Amendment | None:
    """One amendment of a grant among those a person may see, with who asked and its document."""
    found = seen.where(Amendment.award_id == award.id, Amendment.number == number)
    beside = joinedload(Amendment.asked_by).load_only(Person.name), joinedload(Amendment.agreement)
    return db.session.scalar(found.options(*beside))


def amendments_of(award: Award) -> list[Amendment]:
    """What was asked to change in a grant, the newest first."""
    found = select(Amendment).where(Amendment.award_id == award.id).order_by(Amendment.number.desc())
    beside = joinedload(Amendment.asked_by).load_only(Person.name), joinedload(Amendment.agreement)
    return list(db.session.scalars(found.options(*beside).limit(100)))


def open_amendment_of(award: Award) -> Amendment | None:
    """The one amendment of a grant that is on its way."""
    return db.session.scalar(select(Amendment).where(Amendment.award_id == award.id, Amendment.state.in_(OPEN)))


def amendments_made(award: Award) -> int:
    """How many amendments of a grant were ever asked for."""
    return db.session.scalar(select(func.count()).where(Amendment.award_id == award.id)) or 0


def notices_of(award: Award) -> list[BudgetNotice]:
    """The notices of small budget changes, the newest first, each with who gave it."""
    found = select(BudgetNotice).where(BudgetNotice.award_id == award.id).order_by(BudgetNotice.number.desc())
    return list(db.session.scalars(found.options(joinedload(BudgetNotice.given_by).load_only(Person.name)).limit(200)))


def next_agreement_version(award: Award) -> int:
    """The number that the next document of a grant bears."""
    return (db.session.scalar(select(func.max(Agreement.version)).where(Agreement.award_id == award.id)) or 0) + 1


def spent_by_heading(award: Award) -> dict[str, int]:
    """What accepted reports tell was spent, in minor units by heading."""
    found = (
        select(BudgetLine.heading, func.sum(ReportLine.counted_minor))
        .join(ReportLine, ReportLine.budget_line_id == BudgetLine.id)
        .join(Report, Report.id == ReportLine.report_id)
        .join(ReportDue, ReportDue.id == Report.report_due_id)
        .where(BudgetLine.award_id == award.id, ReportDue.state == ReportState.ACCEPTED)
        .group_by(BudgetLine.heading)
    )
    return {heading: int(minor) for heading, minor in db.session.execute(found)}


def reported_until(award: Award) -> date | None:
    """The day by which the last of the reports that were handed in was due."""
    found = select(func.max(ReportDue.due_on)).where(ReportDue.award_id == award.id, ReportDue.state.in_(COUNTED))
    return db.session.scalar(found)


@dataclass(frozen=True)
class Facts:
    """Everything that decides whether a grant may be changed, and how. Amounts are minor units of its currency."""

    award: Award
    today: date
    terms: Mapping[str, Any]
    budget: Budget
    latest_end_on: date | None
    lines: list[BudgetLine]
    milestones: list[Milestone]
    reports: list[ReportDue]
    tranches: list[Tranche]
    unpaid: frozenset[int]
    versions: list[AwardVersion]
    notices: list[BudgetNotice]
    spent: Mapping[str, int]
    reported_until: date | None
    open: Amendment | None


def facts_of(award: Award) -> Facts:
    """What decides about changes of a grant as it stands now; eleven queries for any grant."""
    call = db.session.execute(
        select(Call.terms, Call.budget, Call.latest_end_on, Call.authoritative_language, Call.timezone).where(
            Call.id == award.call_id
        )
    ).one()
    lines = select(BudgetLine).where(BudgetLine.award_id == award.id).order_by(BudgetLine.position)
    milestones = select(Milestone).where(Milestone.award_id == award.id).order_by(Milestone.due_on, Milestone.id)
    return Facts(
        award=award,
        today=clock.today(call.timezone),
        terms=call.terms.get("award") or {},
        budget=budget_of(call.budget or {}, award.currency, call.authoritative_language),
        latest_end_on=call.latest_end_on,
        lines=list(db.session.scalars(lines)),
        milestones=list(db.session.scalars(milestones)),
        reports=list(payments.reports_owed(award).values()),
        tranches=payments.tranches_of(award),
        unpaid=payments.unpaid_ids(award),
        versions=awards.versions_of(award),
        notices=notices_of(award),
        spent=spent_by_heading(award),
        reported_until=reported_until(award),
        open=open_amendment_of(award),
    )


def final_report_of(award: Award) -> ReportDue | None:
    """The report with which a grant ends."""
    found = select(ReportDue).where(ReportDue.award_id == award.id, ReportDue.key == FINAL_REPORT)
    return db.session.scalar(found)


FINAL_REPORT = "final_report"


def payments_under_way(award: Award) -> list[str]:
    """The references of payments of a grant that were prepared or approved and not sent."""
    found = (
        select(Disbursement.reference)
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .where(Tranche.award_id == award.id, Disbursement.state.in_(("prepared", "approved")))
        .order_by(Disbursement.id)
    )
    return list(db.session.scalars(found))
