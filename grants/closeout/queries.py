"""What is left to do before a grant can be closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import joinedload

from grants.accounts.models import Person
from grants.amendments.models import Amendment
from grants.amendments.queries import open_amendment_of
from grants.applications.models import Application
from grants.awards.models import Award, Condition, Milestone
from grants.calls.models import Call
from grants.closeout.models import Closeout
from grants.core.db import db
from grants.decisions.models import Decision
from grants.enquiries.models import Enquiry
from grants.enquiries.workflow import EnquiryState
from grants.payments import queries as payments
from grants.payments.models import AccountKind, Disbursement, Refund, Tranche
from grants.payments.queries import Position, Standing
from grants.reports.models import ReportDue

MOST_FORGOTTEN = 500
"""So many addresses are removed at once; the next sweep goes on."""


def closeout_of(award: Award) -> Closeout | None:
    """The close-out of a grant, with the person who finished it."""
    found = select(Closeout).where(Closeout.award_id == award.id)
    return db.session.scalar(found.options(joinedload(Closeout.closed_by).load_only(Person.name)))


@dataclass(frozen=True)
class Facts:
    """Everything the final checks look at. ``payable_minor`` is what the ledger holds as approved and not sent."""

    reports: list[ReportDue]
    tranches: list[Standing]
    conditions: list[Condition]
    milestones: list[Milestone]
    position: Position
    payable_minor: int
    change: Amendment | None


def facts_of(award: Award) -> Facts:
    """What the final checks look at; seven queries for any grant."""
    balances = payments.balances_of(award)
    return Facts(
        reports=list(payments.reports_owed(award).values()),
        tranches=payments.standings_of([award.id]),
        conditions=list(
            db.session.scalars(select(Condition).where(Condition.award_id == award.id).order_by(Condition.id))
        ),
        milestones=list(
            db.session.scalars(select(Milestone).where(Milestone.award_id == award.id).order_by(Milestone.due_on))
        ),
        position=payments.position(award),
        payable_minor=balances[AccountKind.PAYABLE].minor if AccountKind.PAYABLE in balances else 0,
        change=open_amendment_of(award),
    )


def last_money_moved_on(award: Award) -> date | None:
    """The day of the last payment to the grantee or refund from them."""
    paid = (
        select(func.max(Disbursement.paid_on))
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .where(Tranche.award_id == award.id)
    )
    refunded = select(func.max(Refund.received_on)).where(Refund.award_id == award.id)
    return db.session.scalar(select(func.greatest(paid.scalar_subquery(), refunded.scalar_subquery())))


def retention_years_of(award: Award) -> int | None:
    """For how many years the terms of the call keep the record, when they say so."""
    found = select(Call.terms["retention_years"].as_integer()).where(Call.id == award.call_id)
    return db.session.scalar(found)


def enquiries_to_forget(decided_before: datetime, closed_before: datetime) -> list[Enquiry]:
    """Questions of visitors about calls whose last letters, or whose closing when there never were any, are that long ago."""
    last_letter = (
        select(func.max(Decision.released_at))
        .join(Application, Application.id == Decision.application_id)
        .where(Application.call_id == Enquiry.call_id)
        .correlate(Enquiry)
        .scalar_subquery()
    )
    over = case((last_letter.is_(None), Call.closes_at < closed_before), else_=last_letter < decided_before)
    found = (
        select(Enquiry)
        .join(Call, Call.id == Enquiry.call_id)
        .where(Enquiry.email.is_not(None), Enquiry.state != EnquiryState.UNCONFIRMED, over)
    )
    return list(db.session.scalars(found.order_by(Enquiry.id).limit(MOST_FORGOTTEN).with_for_update(of=Enquiry)))
