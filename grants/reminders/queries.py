"""Every deadline on the way, each kind in a fixed number of queries, however many subjects there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from sqlalchemy import Date, Select, and_, cast, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload, load_only

from grants.accounts.models import MemberRole, Membership, Person, Role
from grants.accounts.queries import holders_of
from grants.amendments.models import Amendment
from grants.amendments.rules import DAYS_TO_SIGN
from grants.amendments.workflow import OPEN as OPEN_CHANGES
from grants.amendments.workflow import AmendmentState
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.awards.models import Agreement, Award, Condition, Milestone
from grants.awards.workflow import AwardState
from grants.calls.models import Call
from grants.calls.workflow import CallState
from grants.checks.models import Clarification
from grants.checks.workflow import ClarificationState
from grants.closeout.models import Closeout
from grants.closeout.workflow import CloseoutState
from grants.complaints.models import Complaint
from grants.complaints.workflow import OPEN
from grants.conflicts.queries import conflicts_in, ties_of
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.decisions.models import Decision
from grants.decisions.queries import DECIDED
from grants.organizations.models import DOCUMENT_LABELS, DocumentKind
from grants.organizations.queries import documents_to_renew
from grants.payments import queries as payments
from grants.payments import rules as payment_rules
from grants.payments.models import BankAccount, Disbursement, Tranche
from grants.payments.workflow import DisbursementState
from grants.reports.models import Report, ReportDue
from grants.reports.workflow import ReportState
from grants.reviews.models import Assignment
from grants.reviews.workflow import AssignmentState
from grants.visits.models import AgreedChange, Visit
from grants.visits.queries import TO_SHARE
from grants.visits.workflow import TOLD, VisitState

LONG_WAIT = timedelta(days=500)
"""A tranche may wait that long for its conditions; then somebody has noticed without us."""

CLOSE_WITHIN = timedelta(days=120)
"""A grant is closed within four months of its end."""

TO_CONFIRM = timedelta(days=10)
"""A grantee confirms a payment within ten days of its being sent."""

RUNNING = (AwardState.ACTIVE, AwardState.SUSPENDED)

EARLIEST = timezone(timedelta(hours=14))
"""Where a day begins first on earth."""


@dataclass(frozen=True)
class Deadline:
    """Something that somebody has to do by a day or a moment.

    ``since`` is when it began to concern them: an offset that had passed by then is not caught up. ``applicant`` is the
    organization it is about where ``people`` work for the fund: whoever has a conflict with it is not told.
    """

    kind: str
    about: str
    due: date | datetime
    since: datetime
    people: Sequence[Person]
    context: dict[str, Any] = field(default_factory=dict)
    applicant: int | None = None


@dataclass(frozen=True)
class Window:
    """The stretch of time around a moment in which deadlines are looked for."""

    at: datetime
    back: timedelta
    ahead: timedelta

    @property
    def days(self) -> tuple[date, date]:
        """Its first and last day."""
        return (self.at - self.back).date(), (self.at + self.ahead).date()


def deadlines(window: Window) -> list[Deadline]:
    """Every deadline in the window that somebody may have to be told of."""
    members = Members()
    coordinators = holders_of(Role.REGIONAL_COORDINATOR, Role.GLOBAL_COORDINATOR)
    found = [
        *_open_drafts(window, members),
        *_clarifications(window, members),
        *_reviews(window),
        *_complaints(window, coordinators),
        *_unanswered_offers(window, members),
        *_unsigned_agreements(window, members),
        *_milestones(window, members),
        *_conditions(window, members),
        *_reports(window, members, coordinators),
        *_visits(window, members),
        *_agreed_changes(window, members),
        *_payable_tranches(window),
        *_unconfirmed_receipts(window, members),
        *_refunds_asked(window, members),
        *_changes(window, members, coordinators),
        *_closeouts(window, coordinators),
        *_expiring_documents(window, members),
    ]
    ties = ties_of({person.id for one in found if one.applicant is not None for person in one.people}, None)
    return [
        replace(one, people=[person for person in one.people if (person.id, one.applicant) not in ties])
        for one in found
    ]


def keys_in_outbox(keys: Iterable[str]) -> set[str]:
    """Which of these mails have been written already."""
    wanted = list(keys)
    return set(db.session.scalars(select(OutboxMail.key).where(OutboxMail.key.in_(wanted)))) if wanted else set()


class Members:
    """The members of organizations, loaded when first asked for, all at once."""

    def __init__(self) -> None:
        self._by_organization: dict[int, list[Membership]] | None = None

    def of(self, organization_id: int, *, leading: bool = False) -> list[Person]:
        """The members; with ``leading`` those who own or sign for the organization."""
        members = self._memberships(organization_id)
        return [m.person for m in members if not leading or m.may_sign or m.role == MemberRole.OWNER]

    def owning(self, organization_id: int) -> list[Person]:
        """The owners."""
        return [m.person for m in self._memberships(organization_id) if m.role == MemberRole.OWNER]

    def _memberships(self, organization_id: int) -> list[Membership]:
        if self._by_organization is None:
            found = (
                select(Membership)
                .where(Membership.ended_at.is_(None), Person.active)
                .join(Membership.person)
                .options(contains_eager(Membership.person))
            )
            self._by_organization = defaultdict(list)
            for membership in db.session.scalars(found):
                self._by_organization[membership.organization_id].append(membership)
        return self._by_organization.get(organization_id, [])


def _rows(found: Select[Any]) -> Iterator[Any]:
    yield from db.session.scalars(found).unique()


def _within(window: Window, column: Any) -> Any:
    """The rows whose day lies in the window."""
    return column.between(*window.days)


def _open_drafts(window: Window, members: Members) -> Iterator[Deadline]:
    found = (
        select(Application)
        .join(Application.call)
        .where(
            Application.state == ApplicationState.DRAFT,
            Call.state == CallState.PUBLISHED,
            Call.closes_at > window.at,
            Call.closes_at < window.at + window.ahead,
        )
        .options(contains_eager(Application.call).load_only(Call.closes_at, Call.timezone, Call.title))
    )
    for draft in _rows(found):
        context = {"reference": draft.reference, "call": draft.call}
        people = members.of(draft.organization_id)
        yield Deadline("draft_open", draft.reference, draft.call.closes_at, draft.started_at, people, context)


def _clarifications(window: Window, members: Members) -> Iterator[Deadline]:
    """Questions about applications: to those who may answer, and to who asked when the day has passed."""
    found = (
        select(Clarification)
        .join(Clarification.application)
        .where(
            Clarification.state == ClarificationState.ASKED,
            Application.state == ApplicationState.SUBMITTED,
            _within(window, Clarification.due_on),
        )
        .options(
            contains_eager(Clarification.application).load_only(Application.reference, Application.organization_id),
            joinedload(Clarification.asked_by),
        )
    )
    for asked in _rows(found):
        application = asked.application
        about, context = f"{application.reference} question {asked.number}", {"reference": application.reference}
        people = members.of(application.organization_id)
        yield Deadline("clarification_due", about, asked.due_on, asked.asked_at, people, context)
        asker, applicant = [asked.asked_by], application.organization_id
        yield Deadline("clarification_late", about, asked.due_on, asked.asked_at, asker, context, applicant)


def _reviews(window: Window) -> Iterator[Deadline]:
    """Reviews to write, while they can still be submitted and somebody waits for them."""
    decided = select(Decision.id).where(Decision.application_id == Application.id, Decision.state.in_(DECIDED))
    found = (
        select(Assignment)
        .join(Assignment.application)
        .where(
            Assignment.state.in_((AssignmentState.ASKED, AssignmentState.ACCEPTED)),
            Application.state == ApplicationState.ELIGIBLE,
            ~decided.exists(),
            _within(window, Assignment.due_on),
        )
        .options(
            joinedload(Assignment.reviewer),
            contains_eager(Assignment.application).load_only(Application.organization_id),
        )
    )
    waiting = list(_rows(found))
    hidden = conflicts_in(None, {one.reviewer_id for one in waiting})
    for assignment in waiting:
        if (assignment.reviewer_id, assignment.application_id) in hidden:
            continue
        context = {"assignment_id": assignment.id}
        about, reader = f"review {assignment.id}", [assignment.reviewer]
        applicant = assignment.application.organization_id
        yield Deadline("review_due", about, assignment.due_on, assignment.asked_at, reader, context, applicant)


def _complaints(window: Window, coordinators: list[Person]) -> Iterator[Deadline]:
    """Complaints that wait: to whoever took one up; before that, to the coordinators who have no tie to the applicant."""
    found = (
        select(Complaint)
        .join(Complaint.application)
        .where(Complaint.state.in_(OPEN), _within(window, Complaint.answer_by))
        .options(
            contains_eager(Complaint.application).load_only(Application.region, Application.organization_id),
            joinedload(Complaint.examiner),
        )
    )
    for complaint in _rows(found):
        application, people = complaint.application, [complaint.examiner]
        if complaint.examiner is None:
            people = [p for p in coordinators if application.region is None or p.coordinates(application.region)]
        about, context = complaint.reference, {"reference": complaint.reference}
        applicant = application.organization_id
        yield Deadline("complaint_due", about, complaint.answer_by, complaint.made_at, people, context, applicant)


def _unanswered_offers(window: Window, members: Members) -> Iterator[Deadline]:
    found = select(Award).where(Award.state == AwardState.OFFERED, _within(window, Award.answer_by))
    for award in _rows(found.options(_few(Award.answer_by, Award.offered_at))):
        people = members.of(award.organization_id, leading=True)
        yield _of_award("offer_unanswered", award, award.answer_by, award.offered_at, people)


def _unsigned_agreements(window: Window, members: Members) -> Iterator[Deadline]:
    found = (
        select(Agreement)
        .join(Agreement.award)
        .where(Award.state == AwardState.SENT, Agreement.signed_at.is_(None), _within(window, Award.sign_by))
        .options(contains_eager(Agreement.award).load_only(Award.reference, Award.organization_id, Award.sign_by))
        .order_by(Agreement.award_id, Agreement.version)
    )
    latest = {agreement.award_id: agreement for agreement in _rows(found)}
    for agreement in latest.values():
        award = agreement.award
        people = members.of(award.organization_id, leading=True)
        yield _of_award("agreement_unsigned", award, award.sign_by, agreement.drawn_up_at, people)


def _conditions(window: Window, members: Members) -> Iterator[Deadline]:
    """Conditions that are not met: to the grantee, or to the person of the fund who has to meet them."""
    states = (AwardState.ACCEPTED, AwardState.SENT, *RUNNING)
    found = (
        select(Condition)
        .join(Condition.award)
        .where(Condition.met_on.is_(None), _within(window, Condition.due_on), Award.state.in_(states))
        .options(
            contains_eager(Condition.award).load_only(Award.reference, Award.organization_id, Award.offered_at),
            joinedload(Condition.owner),
        )
    )
    for condition in _rows(found):
        award = condition.award
        about, context = f"{award.reference} condition {condition.id}", {"reference": award.reference}
        own = condition.owner is not None
        people = [condition.owner] if own else members.of(award.organization_id, leading=True)
        applicant = award.organization_id if own else None
        yield Deadline("condition_due", about, condition.due_on, award.offered_at, people, context, applicant)


def _milestones(window: Window, members: Members) -> Iterator[Deadline]:
    found = (
        select(Milestone)
        .join(Milestone.award)
        .where(Award.state == AwardState.ACTIVE, Milestone.reached_on.is_(None), _within(window, Milestone.due_on))
        .options(contains_eager(Milestone.award).load_only(Award.reference, Award.organization_id, Award.start_on))
    )
    for milestone in _rows(found):
        award = milestone.award
        about = f"{award.reference} milestone {milestone.id}"
        context = {"reference": award.reference, "milestone": milestone.title}
        people = members.of(award.organization_id)
        yield Deadline("milestone_due", about, milestone.due_on, _start(award), people, context)


def _reports(window: Window, members: Members, coordinators: list[Person]) -> Iterator[Deadline]:
    found = (
        select(ReportDue)
        .join(ReportDue.award)
        .where(
            ReportDue.state.in_((ReportState.OWED, ReportState.RETURNED)),
            Award.state.in_((*RUNNING, AwardState.TERMINATED)),
            _within(window, ReportDue.due_on),
        )
        .options(
            contains_eager(ReportDue.award).load_only(
                Award.reference, Award.organization_id, Award.start_on, Award.region
            )
        )
    )
    for due in _rows(found):
        award = due.award
        about = f"{award.reference} {due.key}"
        context = {"reference": award.reference, "report": due.label, "due_id": due.id}
        kind = "report_due" if due.required else "report_invited"
        yield Deadline(kind, about, due.due_on, _start(award), members.of(award.organization_id), context)
        if due.required:
            regional = [p for p in coordinators if p.coordinates(award.region)]
            applicant = award.organization_id
            yield Deadline("report_late", about, due.due_on, _start(award), regional, context, applicant)


def _visits(window: Window, members: Members) -> Iterator[Deadline]:
    """Visits to make, and to share within two weeks: to whoever makes them; those that are announced, to the grantee."""
    first, last = window.days
    made_on = Visit.made_on.between(first - TO_SHARE, last - TO_SHARE)
    found = (
        select(Visit)
        .join(Visit.award)
        .where(
            Award.state.in_((AwardState.ACCEPTED, AwardState.SENT, *RUNNING, AwardState.TERMINATED)),
            or_(
                and_(Visit.state == VisitState.PLANNED, _within(window, Visit.due_on)),
                and_(Visit.state == VisitState.MADE, made_on),
            ),
        )
        .options(contains_eager(Visit.award).load_only(Award.reference, Award.organization_id), joinedload(Visit.lead))
    )
    for visit in _rows(found):
        award = visit.award
        about, applicant = f"{award.reference} visit {visit.number}", award.organization_id
        context = {"reference": award.reference, "number": visit.number}
        if visit.state == VisitState.MADE:
            since, due = _morning(visit.made_on), visit.made_on + TO_SHARE
            yield Deadline("visit_unshared", about, due, since, [visit.lead], context, applicant)
            continue
        yield Deadline("visit_due", about, visit.due_on, visit.planned_at, [visit.lead], context, applicant)
        if visit.announced_at is not None:
            people = members.of(award.organization_id, leading=True)
            yield Deadline("visit_coming", about, visit.due_on, visit.announced_at, people, context)


def _agreed_changes(window: Window, members: Members) -> Iterator[Deadline]:
    """What grantees agreed to do in visits and have not done."""
    found = (
        select(AgreedChange)
        .join(AgreedChange.visit)
        .join(Visit.award)
        .where(
            AgreedChange.done_on.is_(None),
            Visit.state.in_(TOLD),
            Award.state.in_(RUNNING),
            _within(window, AgreedChange.due_on),
        )
        .options(
            contains_eager(AgreedChange.visit)
            .contains_eager(Visit.award)
            .load_only(Award.reference, Award.organization_id)
        )
    )
    for change in _rows(found):
        award = change.visit.award
        about = f"{award.reference} agreed change {change.id}"
        context = {"reference": award.reference, "number": change.visit.number}
        people = members.of(award.organization_id, leading=True)
        yield Deadline("agreed_change_due", about, change.due_on, change.visit.shared_at, people, context)


def _payable_tranches(window: Window) -> Iterator[Deadline]:
    officers = holders_of(Role.FINANCE_OFFICER)
    first, last = window.days
    ready = [
        standing
        for standing in payments.unpaid_tranches(due_between=(first - LONG_WAIT, last))
        if not payment_rules.obstacles_to_preparing(standing, window.at)
    ]
    since_when = _ready_since([standing.award_id for standing in ready])
    for standing in ready:
        about = f"{standing.award_reference} tranche {standing.number}"
        context = {"reference": standing.award_reference, "number": standing.number}
        due = max(standing.due_on, since_when[standing.award_id])
        yield Deadline("tranche_due", about, due, _morning(due), officers, context, standing.organization_id)


def _ready_since(award_ids: list[int]) -> dict[int, date]:
    """The day on which the last thing was done that a payment of each grant had to wait for."""
    report, account, condition, visit = (
        func.max(cast(Report.accepted_at, Date)),
        func.max(cast(BankAccount.verified_at, Date)),
        func.max(Condition.met_on),
        func.max(Visit.made_on),
    )
    found = (
        select(Award.id, func.greatest(report, account, condition, visit, func.max(Award.start_on)))
        .outerjoin(ReportDue, ReportDue.award_id == Award.id)
        .outerjoin(Report, Report.report_due_id == ReportDue.id)
        .outerjoin(BankAccount, BankAccount.organization_id == Award.organization_id)
        .outerjoin(Condition, Condition.award_id == Award.id)
        .outerjoin(Visit, and_(Visit.award_id == Award.id, Visit.holds_payments))
        .where(Award.id.in_(award_ids))
        .group_by(Award.id)
    )
    return {award_id: day or date.min for award_id, day in db.session.execute(found)} if award_ids else {}


def _unconfirmed_receipts(window: Window, members: Members) -> Iterator[Deadline]:
    found = (
        select(Disbursement)
        .where(
            Disbursement.state == DisbursementState.PAID,
            Disbursement.paid_on.between(window.days[0] - TO_CONFIRM, window.at.date()),
        )
        .options(
            joinedload(Disbursement.tranche).joinedload(Tranche.award).load_only(Award.reference, Award.organization_id)
        )
    )
    for payment in _rows(found):
        award = payment.tranche.award
        context = {"reference": award.reference}
        people = members.of(award.organization_id, leading=True)
        due, since = payment.paid_on + TO_CONFIRM, _morning(payment.paid_on)
        yield Deadline("receipt_unconfirmed", payment.reference, due, since, people, context)


def _refunds_asked(window: Window, members: Members) -> Iterator[Deadline]:
    """Money that grantees are asked to send back and that has not all come."""
    for request, reference, organization_id in payments.requests_due(due_between=window.days):
        people = members.of(organization_id, leading=True)
        about, context = f"{reference} refund {request.id}", {"reference": reference}
        yield Deadline("refund_due", about, request.due_on, request.asked_at, people, context)


def _changes(window: Window, members: Members, coordinators: list[Person]) -> Iterator[Deadline]:
    """Changes of grants, two weeks after they began to wait: for the fund, for the grantee, for a signature."""
    first, last = window.days
    to_sign = timedelta(days=DAYS_TO_SIGN)
    since = cast(Amendment.waits_since, Date).between(first - to_sign, last - to_sign)
    found = (
        select(Amendment)
        .join(Amendment.award)
        .where(Amendment.state.in_(OPEN_CHANGES), Award.state.in_(RUNNING), since)
        .options(contains_eager(Amendment.award).load_only(Award.reference, Award.organization_id, Award.region))
    )
    for change in _rows(found):
        award, due = change.award, (change.waits_since + to_sign).date()
        about = f"{award.reference} change {change.number} {change.state}"
        context = {"reference": award.reference, "number": change.number}
        for_fund = change.state == AmendmentState.REVISED or (
            change.state == AmendmentState.REQUESTED and not change.waits_for_confirmation
        )
        if for_fund:
            regional = [p for p in coordinators if p.coordinates(award.region)]
            applicant = award.organization_id
            yield Deadline("amendment_waiting", about, due, change.waits_since, regional, context, applicant)
        elif change.state == AmendmentState.DRAWN_UP:
            people = members.of(award.organization_id, leading=True)
            yield Deadline("amendment_unsigned", about, due, change.waits_since, people, context)
        else:
            people = members.of(award.organization_id)
            yield Deadline("revision_waiting", about, due, change.waits_since, people, context)


def _closeouts(window: Window, coordinators: list[Person]) -> Iterator[Deadline]:
    """Close-outs to finish; and grants whose close-out nobody has opened yet."""
    opened = (
        select(Closeout)
        .where(Closeout.state == CloseoutState.OPENED, _within(window, Closeout.due_on))
        .options(joinedload(Closeout.award).load_only(Award.reference, Award.region, Award.organization_id))
    )
    for closeout in _rows(opened):
        award = closeout.award
        yield _to_close(award, closeout.due_on, closeout.opened_at, coordinators)
    first, last = window.days
    begun = select(Closeout.id).where(Closeout.award_id == Award.id)
    forgotten = select(Award).where(
        Award.state.in_(RUNNING),
        Award.end_on.between(first - CLOSE_WITHIN, last - CLOSE_WITHIN),
        ~begun.exists(),
    )
    for award in _rows(forgotten):
        due = award.end_on + CLOSE_WITHIN
        yield _to_close(award, due, _morning(award.end_on), coordinators)


def _to_close(award: Award, due: date, since: datetime, coordinators: list[Person]) -> Deadline:
    regional = [p for p in coordinators if p.coordinates(award.region)]
    context = {"reference": award.reference}
    return Deadline("closeout_due", award.reference, due, since, regional, context, award.organization_id)


def _expiring_documents(window: Window, members: Members) -> Iterator[Deadline]:
    """Papers that organizations keep, until a newer one of their kind is there."""
    for document in documents_to_renew(*window.days):
        assert document.valid_until is not None
        organization = document.organization
        about = f"{organization.reference} document {document.id}"
        name = DOCUMENT_LABELS[DocumentKind(document.kind)]
        context = {"reference": organization.reference, "document": document.title or name}
        people = members.owning(organization.id)
        yield Deadline("document_expiring", about, document.valid_until, document.added_at, people, context)


def _few(*columns: Any) -> Any:
    return load_only(Award.reference, Award.organization_id, *columns)


def _start(award: Award) -> datetime:
    """Reminders of a running grant begin with it."""
    return _morning(award.start_on) if award.start_on else datetime.min.replace(tzinfo=UTC)


def _morning(day: date) -> datetime:
    """The moment from which a day is today somewhere: people east of us are told of it while it is yesterday here."""
    return datetime.combine(day, time(), EARLIEST)


def _of_award(kind: str, award: Award, due: Any, since: datetime, people: list[Person]) -> Deadline:
    return Deadline(kind, award.reference, due, since, people, {"reference": award.reference})
