"""What awaits a person, in one query a role; and lists and figures over the whole river."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Date,
    DateTime,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import contains_eager, joinedload, load_only, selectinload

from grants.accounts.models import COORDINATORS, MemberRole, Organization, Person, Role
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.awards.models import Award, Milestone
from grants.awards.workflow import AwardState
from grants.calls.models import Call
from grants.calls.workflow import CallState
from grants.closeout.models import Closeout
from grants.closeout.workflow import CloseoutState
from grants.core.db import db
from grants.core.money import Money
from grants.decisions.models import Decision, Meeting, Recusal, Seat, Vote
from grants.decisions.workflow import DecisionState, MeetingState
from grants.history.models import HistoryEntry
from grants.payments.models import Account, AccountKind, BankAccount, Disbursement, Tranche
from grants.payments.workflow import BankAccountState, DisbursementState
from grants.reports.models import Report, ReportDue
from grants.reports.workflow import ReportState
from grants.reviews.models import Assignment
from grants.reviews.workflow import AssignmentState

AHEAD = timedelta(days=45)
"""How far ahead a home page looks for reports and milestones."""

TO_READ = timedelta(days=14)
"""A report is read within ten working days (practice of the Visegrad Fund)."""

LONGEST = 60
PAGE = 50


@dataclass(frozen=True)
class Work:
    """One thing that waits for a person. ``number`` is an id, or how many there are; ``due`` a day, a moment, or nothing."""

    kind: str
    reference: str
    number: int
    due: date | datetime | None
    note: Any = ""


def work_of(person: Person, at: datetime) -> list[Work]:
    """What awaits a person, whatever roles they hold; one query."""
    parts: list[Select[Any]] = []
    if person.memberships:
        parts += _of_applicant(person, at)
    if person.holds(Role.REVIEWER):
        parts += _of_reviewer(person)
    if person.holds(Role.COMMITTEE_MEMBER):
        parts += _of_committee_member(person)
    if person.holds(*COORDINATORS):
        parts += _of_coordinator(person, at)
    if person.holds(Role.FINANCE_OFFICER):
        parts += _of_finance_officer(person)
    if not parts:
        return []
    every: CompoundSelect[Any] = union_all(*parts)
    rows = db.session.execute(every.order_by("moment", "day").limit(LONGEST)).all()
    return [Work(row.kind, row.reference, row.number, row.moment or row.day, row.note or "") for row in rows]


def _work(
    kind: str, reference: Any, number: Any, *, moment: Any = None, day: Any = None, note: Any = None
) -> Select[Any]:
    """One part of the union: every part has the same columns."""
    return select(
        literal(kind).label("kind"),
        cast(reference, Text).label("reference"),
        number.label("number"),
        (moment if moment is not None else cast(null(), DateTime(timezone=True))).label("moment"),
        (day if day is not None else cast(null(), Date)).label("day"),
        (func.to_jsonb(note) if note is not None else cast(null(), JSONB)).label("note"),
    )


def _of_applicant(person: Person, at: datetime) -> list[Select[Any]]:
    mine = [m.organization_id for m in person.memberships]
    leading = [m.organization_id for m in person.memberships if m.may_sign or m.role == MemberRole.OWNER]
    horizon = (at + AHEAD).date()
    owed = and_(
        Award.organization_id.in_(mine),
        Award.state == AwardState.ACTIVE,
        ReportDue.required,
        ReportDue.due_on <= horizon,
    )
    return [
        _work("submit_draft", Application.reference, Application.id, moment=Call.closes_at, note=Call.title)
        .join(Call, Call.id == Application.call_id)
        .where(
            Application.organization_id.in_(mine),
            Application.state == ApplicationState.DRAFT,
            Call.state == CallState.PUBLISHED,
            Call.closes_at > at,
        ),
        _work("answer_offer", Award.reference, Award.id, day=Award.answer_by, note=Award.title).where(
            Award.organization_id.in_(leading), Award.state == AwardState.OFFERED
        ),
        _work("sign_agreement", Award.reference, Award.id, day=Award.sign_by, note=Award.title).where(
            Award.organization_id.in_(leading), Award.state == AwardState.SENT
        ),
        _work("write_report", Award.reference, ReportDue.id, day=ReportDue.due_on, note=ReportDue.label)
        .join(Award, Award.id == ReportDue.award_id)
        .where(owed, ReportDue.state == ReportState.OWED),
        _work("mend_report", Award.reference, ReportDue.id, day=ReportDue.due_on, note=ReportDue.label)
        .join(Award, Award.id == ReportDue.award_id)
        .where(owed, ReportDue.state == ReportState.RETURNED),
        _work("confirm_payment", Award.reference, Disbursement.id, day=Disbursement.paid_on, note=Award.title)
        .select_from(Disbursement)
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .join(Award, Award.id == Tranche.award_id)
        .where(Award.organization_id.in_(leading), Disbursement.state == DisbursementState.PAID),
        _work("reach_milestone", Award.reference, Milestone.id, day=Milestone.due_on, note=Milestone.title)
        .join(Award, Award.id == Milestone.award_id)
        .where(
            Award.organization_id.in_(mine),
            Award.state == AwardState.ACTIVE,
            Milestone.reached_on.is_(None),
            Milestone.due_on <= horizon,
        ),
    ]


def _of_reviewer(person: Person) -> list[Select[Any]]:
    mine = Assignment.reviewer_id == person.id
    asked = _work("declare", literal(""), Assignment.id, day=Assignment.due_on)
    accepted = _work("review", Application.reference, Assignment.id, day=Assignment.due_on, note=Application.title)
    return [
        asked.where(mine, Assignment.state == AssignmentState.ASKED),
        accepted.join(Application, Application.id == Assignment.application_id).where(
            mine, Assignment.state == AssignmentState.ACCEPTED
        ),
    ]


def _of_committee_member(person: Person) -> list[Select[Any]]:
    seated = select(Seat.meeting_id).where(Seat.person_id == person.id)
    voted = select(Vote.id).where(Vote.decision_id == Decision.id, Vote.person_id == person.id)
    aside = select(Recusal.id).where(
        Recusal.meeting_id == Decision.meeting_id,
        Recusal.application_id == Decision.application_id,
        Recusal.person_id == person.id,
    )
    open_votes = (
        select(Decision.id)
        .where(
            Decision.meeting_id == Meeting.id,
            Decision.state == DecisionState.PROPOSED,
            ~voted.exists(),
            ~aside.exists(),
        )
        .exists()
    )
    meeting = {"moment": Meeting.starts_at}
    return [
        _work("vote", Meeting.reference, Meeting.id, **meeting).where(
            Meeting.id.in_(seated), Meeting.state == MeetingState.OPENED, open_votes
        ),
        _work("attend", Meeting.reference, Meeting.id, **meeting).where(
            Meeting.id.in_(seated), Meeting.state == MeetingState.PLANNED
        ),
    ]


def _of_coordinator(person: Person, at: datetime) -> list[Select[Any]]:
    regions = sorted(person.regions)
    here = Award.region.in_(regions)
    live = Assignment.state.in_((AssignmentState.ASKED, AssignmentState.ACCEPTED, AssignmentState.COMPLETED))
    reviewers = (
        select(func.count())
        .where(Assignment.application_id == Application.id, live)
        .correlate(Application)
        .scalar_subquery()
    )
    in_call = and_(Application.call_id == Call.id, Application.region.in_(regions))
    submitted = and_(in_call, Application.state == ApplicationState.SUBMITTED)
    eligible = and_(in_call, Application.state == ApplicationState.ELIGIBLE, reviewers < 2)
    read_by = cast(Report.submitted_at + TO_READ, Date)
    decided = select(Decision.id).where(Decision.application_id == Application.id).exists()
    parts = [
        _work("check_applications", Call.reference, func.count(Application.id), day=Call.check_until, note=Call.title)
        .join(Application, submitted)
        .where(Call.closes_at <= at, Call.state == CallState.PUBLISHED)
        .group_by(Call.id),
        _work("assign_reviewers", Call.reference, func.count(Application.id), day=Call.reviews_due_on, note=Call.title)
        .join(Application, eligible)
        .where(Call.closes_at <= at, Call.state == CallState.PUBLISHED, ~decided)
        .group_by(Call.id),
        _work("draw_up_agreement", Award.reference, Award.id, day=Award.sign_by, note=Award.title).where(
            here, Award.state == AwardState.ACCEPTED
        ),
        _work("read_report", Award.reference, ReportDue.id, day=read_by, note=ReportDue.label)
        .join(Report, Report.report_due_id == ReportDue.id)
        .join(Award, Award.id == ReportDue.award_id)
        .where(here, ReportDue.state == ReportState.SUBMITTED),
        _work("chase_report", Award.reference, ReportDue.id, day=ReportDue.due_on, note=ReportDue.label)
        .join(Award, Award.id == ReportDue.award_id)
        .where(
            here,
            Award.state == AwardState.ACTIVE,
            ReportDue.required,
            ReportDue.state.in_((ReportState.OWED, ReportState.RETURNED)),
            ReportDue.due_on < at.date(),
        ),
        _work("finish_closeout", Award.reference, Closeout.id, day=Closeout.due_on, note=Award.title)
        .join(Award, Award.id == Closeout.award_id)
        .where(here, Closeout.state == CloseoutState.OPENED),
    ]
    if person.holds(Role.GLOBAL_COORDINATOR):
        unreleased = select(Decision.id).where(Decision.meeting_id == Meeting.id, Decision.state == DecisionState.TAKEN)
        parts += [
            _work("release_letters", Meeting.reference, Meeting.id, moment=Meeting.starts_at).where(
                Meeting.state == MeetingState.CLOSED, unreleased.exists()
            ),
            _work("publish_call", Call.reference, Call.id, moment=Call.opens_at, note=Call.title).where(
                Call.state == CallState.DRAFT
            ),
        ]
    return parts


def _of_finance_officer(person: Person) -> list[Select[Any]]:
    payment = {"note": Award.title}
    sent = (
        _work("approve_payment", Disbursement.reference, Disbursement.id, day=Tranche.due_on, **payment),
        _work("send_payment", Disbursement.reference, Disbursement.id, day=Tranche.due_on, **payment),
    )
    joined = [
        part.select_from(Disbursement)
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .join(Award, Award.id == Tranche.award_id)
        for part in sent
    ]
    return [
        joined[0].where(Disbursement.state == DisbursementState.PREPARED, Disbursement.prepared_by_id != person.id),
        joined[1].where(Disbursement.state == DisbursementState.APPROVED),
        _work("verify_account", literal(""), BankAccount.id).where(
            BankAccount.state == BankAccountState.UNVERIFIED, BankAccount.entered_by_id != person.id
        ),
    ]


@dataclass(frozen=True)
class CallMoney:
    """Where the money of one call stands, from the ledger."""

    reference: str
    title: dict[str, str]
    envelope: Money
    committed: Money
    payable: Money
    paid: Money

    @property
    def free(self) -> Money:
        """What can still be committed."""
        return self.envelope - self.committed - self.payable - self.paid


def money_of_calls(limit: int = 3) -> list[CallMoney]:
    """Where the money of the latest calls with agreements stands; one query."""

    def balance(kind: AccountKind) -> Any:
        return func.coalesce(func.sum(Account.balance_minor).filter(Account.kind == kind), 0)

    rows = db.session.execute(
        select(
            Call.reference,
            Call.title,
            Call.currency,
            Call.envelope_minor,
            balance(AccountKind.COMMITTED),
            balance(AccountKind.PAYABLE),
            balance(AccountKind.PAID),
        )
        .join(Account, (Account.call_id == Call.id) & Account.award_id.is_not(None))
        .group_by(Call.id)
        .order_by(Call.closes_at.desc())
        .limit(limit)
    )
    return [
        CallMoney(reference, title, *(Money(int(minor), currency) for minor in minors))
        for reference, title, currency, *minors in rows
    ]


def open_and_coming_calls(at: datetime) -> list[Call]:
    """Calls a visitor may apply to now or soon, the first to close first."""
    found = (
        select(Call)
        .where(Call.state == CallState.PUBLISHED, Call.closes_at > at)
        .options(load_only(*PUBLIC_CALL))
        .order_by(Call.closes_at)
        .limit(20)
    )
    return list(db.session.scalars(found))


PUBLIC_CALL = (
    Call.reference, Call.state, Call.title, Call.programme, Call.closes_at, Call.opens_at, Call.timezone, Call.currency,
    Call.grant_min_minor, Call.grant_max_minor,
)  # fmt: skip


def own_applications(person: Person) -> list[Application]:
    """The applications of a person's organizations, newest first."""
    mine = [m.organization_id for m in person.memberships]
    found = (
        select(Application)
        .where(Application.organization_id.in_(mine))
        .options(
            load_only(Application.reference, Application.state, Application.title, Application.submitted_at),
            joinedload(Application.call).load_only(Call.reference, Call.title, Call.closes_at),
        )
        .order_by(Application.id.desc())
        .limit(20)
    )
    return list(db.session.scalars(found)) if mine else []


@dataclass(frozen=True)
class Filter:
    """What a list of grants is narrowed to; every part is optional."""

    state: str = ""
    region: str = ""
    call: str = ""
    page: int = 1


MANY = 1000
"""Beyond this many a list says "more than", because counting everything costs more than anybody gains."""


def grants_like(seen: Select[Award], wanted: Filter) -> tuple[list[Award], int]:
    """One page of the grants a person may see, and how many there are (at most MANY + 1)."""
    chosen = seen.join(Award.call)
    if wanted.state:
        chosen = chosen.where(Award.state == wanted.state)
    if wanted.region:
        chosen = chosen.where(Award.region == wanted.region)
    if wanted.call:
        chosen = chosen.where(Call.reference == wanted.call)
    number = db.session.scalar(
        select(func.count()).select_from(chosen.with_only_columns(Award.id).limit(MANY + 1).subquery())
    )
    rows = db.session.scalars(
        chosen.options(
            load_only(
                Award.reference,
                Award.title,
                Award.state,
                Award.amount_minor,
                Award.currency,
                Award.region,
                Award.end_on,
                Award.confidentiality,
            ),
            joinedload(Award.organization).load_only(Organization.name, Organization.country),
            contains_eager(Award.call).load_only(Call.reference),
        )
        .order_by(Award.id.desc())
        .limit(PAGE)
        .offset((wanted.page - 1) * PAGE)
    )
    return list(rows), number or 0


def grant_by_reference(seen: Select[Award], reference: str) -> Award | None:
    """One grant with what its page shows."""
    found = seen.where(Award.reference == reference).options(
        joinedload(Award.organization),
        joinedload(Award.call).load_only(Call.reference, Call.title, Call.currency, Call.timezone, Call.closes_at),
        joinedload(Award.application).load_only(Application.reference, Application.submitted_at),
        joinedload(Award.decision).load_only(Decision.released_at),
        selectinload(Award.milestones),
        selectinload(Award.conditions),
    )
    return db.session.scalar(found)


def reports_of(award: Award) -> list[ReportDue]:
    """The reports owed for a grant, by date."""
    found = select(ReportDue).where(ReportDue.award_id == award.id).order_by(ReportDue.due_on)
    return list(db.session.scalars(found))


def latest_history() -> list[HistoryEntry]:
    """What happened last, for auditors."""
    found = select(HistoryEntry).options(joinedload(HistoryEntry.actor)).order_by(HistoryEntry.id.desc()).limit(15)
    return list(db.session.scalars(found))
