"""What awaits a person, in one query a role; and lists and figures over the whole river."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    CompoundSelect,
    Date,
    DateTime,
    Select,
    Text,
    all_,
    and_,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import load_only

from grants.accounts.models import COORDINATORS, MemberRole, Organization, Person, Role, RoleGrant
from grants.accounts.rules import INVITATION_LASTS
from grants.amendments.models import Amendment
from grants.amendments.rules import DAYS_TO_SIGN
from grants.amendments.workflow import AmendmentState
from grants.applications.models import Application
from grants.applications.rules import asks_only_files
from grants.applications.workflow import ApplicationState
from grants.awards.models import Agreement, Award, Condition, Milestone, NewBudget
from grants.awards.workflow import AwardState, BudgetState
from grants.calls.models import Call, RegionEnvelope
from grants.calls.workflow import CallState
from grants.checks.models import Clarification
from grants.checks.workflow import ClarificationState
from grants.closeout.models import Closeout
from grants.closeout.workflow import CloseoutState
from grants.complaints.models import Complaint
from grants.complaints.workflow import OPEN
from grants.conflicts.models import ConflictDeclaration, YearDeclaration
from grants.conflicts.queries import hidden_applications
from grants.conflicts.rules import YEAR_DAYS
from grants.core.db import Prepared, db, prepared_once, streamed
from grants.core.languages import pick
from grants.core.mail import Delivery, OutboxMail
from grants.core.money import Money
from grants.core.workflow import Workflow
from grants.decisions.models import Decision, Meeting, Seat, Vote
from grants.decisions.queries import DECIDED, STANDS
from grants.decisions.workflow import GONE, DecisionState, MeetingState
from grants.enquiries.models import Enquiry
from grants.enquiries.workflow import EnquiryState
from grants.entries.models import AssistedEntry
from grants.history.models import HistoryEntry
from grants.imports.models import AwardImport, PastAward
from grants.listings.models import ListFile
from grants.owed.queries import TO_READ
from grants.payments.models import Account, AccountKind, BankAccount, Disbursement, Tranche
from grants.payments.workflow import BankAccountState, DisbursementState
from grants.questionnaires.models import SectionAnswers
from grants.questionnaires.queries import definition_of
from grants.reminders.queries import CLOSE_WITHIN, RUNNING
from grants.reports.models import Report, ReportDue
from grants.reports.workflow import ReportState
from grants.reviews.models import Assignment
from grants.reviews.workflow import AssignmentState
from grants.visits.models import Visit
from grants.visits.queries import TO_SHARE
from grants.visits.workflow import VisitState

AHEAD = timedelta(days=45)
"""How far ahead a home page looks for reports and milestones."""

LONGEST = 60
PAGE = 25


@dataclass(frozen=True)
class Work:
    """One thing that waits for a person. ``number`` is an id, or how many there are; ``due`` a day, a moment, or nothing."""

    kind: str
    reference: str
    number: int
    due: date | datetime | None
    note: Any = ""


ROLES_WITH_WORK = (Role.REVIEWER, Role.COMMITTEE_MEMBER, *COORDINATORS, Role.FINANCE_OFFICER, Role.ADMINISTRATOR)


def work_of(person: Person, at: datetime) -> list[Work]:
    """What awaits a person, whatever roles they hold; one query."""
    held = frozenset(role for role in ROLES_WITH_WORK if person.holds(role))
    if not held and not person.memberships:
        return []
    rows = _work_for(held, bool(person.memberships))(
        person=person.id,
        at=at,
        today=at.date(),
        horizon=(at + AHEAD).date(),
        regions=sorted(person.regions),
        mine=[m.organization_id for m in person.memberships],
        leading=[m.organization_id for m in person.memberships if m.may_sign or m.role == MemberRole.OWNER],
        signing=[m.organization_id for m in person.memberships if m.may_sign],
    )
    return [
        _judged(Work(kind, reference, number, moment or day, note or ""))
        for kind, reference, number, moment, day, note in rows
    ]


def _judged(work: Work) -> Work:
    """The same work; a draft that may be ready is to be certified when every section is complete, else to be finished."""
    if work.kind != MAYBE_READY:
        return work
    title, questionnaire_id, complete = work.note
    asked = {section.key for section in definition_of(questionnaire_id).sections if not asks_only_files(section)}
    return replace(work, kind="certify" if asked <= set(complete) else "submit_draft", note=title)


@cache
def _work_for(held: frozenset[Role], member: bool) -> Prepared:
    """The reading for people who hold these roles."""

    def compose() -> CompoundSelect[*tuple[Any, ...]]:
        parts: list[Select[*tuple[Any, ...]]] = _of_applicant() if member else []
        if Role.REVIEWER in held:
            parts += _of_reviewer()
        if Role.COMMITTEE_MEMBER in held:
            parts += _of_committee_member()
        if held.intersection((Role.REVIEWER, Role.COMMITTEE_MEMBER)):
            parts.append(_declaration_of_the_year())
        if held.intersection(COORDINATORS):
            parts += _of_coordinator(everywhere=Role.GLOBAL_COORDINATOR in held)
        if Role.FINANCE_OFFICER in held:
            parts += _of_finance_officer()
        if Role.ADMINISTRATOR in held:
            parts += _of_administrator()
        return union_all(*parts).order_by("moment", "day").limit(literal_column(str(LONGEST)))

    return Prepared(compose)


PERSON = bindparam("person", None, type_=BigInteger)
AT = bindparam("at", None, type_=DateTime(timezone=True))
TODAY, HORIZON = bindparam("today", None, type_=Date), bindparam("horizon", None, type_=Date)
MINE, LEADING, SIGNING = (bindparam(name, None, type_=ARRAY(BigInteger)) for name in ("mine", "leading", "signing"))
REGIONS = bindparam("regions", None, type_=ARRAY(Text))


_HIDDEN = hidden_applications(PERSON).cte("hidden")


def not_hidden(application_id: Any) -> Any:
    """Whether an application is not one of which the person may see nothing; found once in a reading."""
    return application_id.not_in(select(_HIDDEN.c[0]))


def _work(
    kind: Any, reference: Any, number: Any, *, moment: Any = None, day: Any = None, note: Any = None
) -> Select[Any]:
    """One part of the union: every part has the same columns."""
    return select(
        (literal(kind) if isinstance(kind, str) else kind).label("kind"),
        cast(reference, Text).label("reference"),
        number.label("number"),
        (moment if moment is not None else cast(null(), DateTime(timezone=True))).label("moment"),
        (day if day is not None else cast(null(), Date)).label("day"),
        (func.to_jsonb(note) if note is not None else cast(null(), JSONB)).label("note"),
    )


def _of_applicant() -> list[Select[*tuple[Any, ...]]]:
    owed = and_(
        Award.organization_id == any_(MINE),
        Award.state.in_(RUNNING),
        ReportDue.required,
        ReportDue.due_on <= HORIZON,
    )
    return [
        _drafts(),
        _work(
            case((_asked_to_certify(), "certify_asked"), else_="answer_question"),
            Application.reference,
            Application.id,
            day=Clarification.due_on,
            note=Application.title,
        )
        .join(Clarification, Clarification.application_id == Application.id)
        .where(
            Application.organization_id == any_(MINE),
            Application.state == ApplicationState.SUBMITTED,
            Clarification.state == ClarificationState.ASKED,
        ),
        _work("answer_offer", Award.reference, Award.id, day=Award.answer_by, note=Award.title).where(
            Award.organization_id == any_(LEADING), Award.state == AwardState.OFFERED
        ),
        _work("write_budget", Award.reference, Award.id, day=Award.sign_by, note=Award.title)
        .join(NewBudget, NewBudget.award_id == Award.id)
        .where(
            Award.organization_id == any_(MINE),
            Award.state.in_((AwardState.OFFERED, AwardState.ACCEPTED)),
            NewBudget.state.in_((BudgetState.ASKED, BudgetState.RETURNED)),
        ),
        _work("sign_agreement", Award.reference, Award.id, day=Award.sign_by, note=Award.title).where(
            Award.organization_id == any_(LEADING), Award.state == AwardState.SENT
        ),
        _change(
            "confirm_change",
            AmendmentState.REQUESTED,
            Award.organization_id == any_(LEADING),
            Amendment.assisted,
            Amendment.confirmed_at.is_(None),
        ),
        *(
            _change("work_out_change", state, Award.organization_id == any_(MINE))
            for state in (AmendmentState.APPROVED, AmendmentState.RETURNED)
        ),
        _change("sign_amendment", AmendmentState.DRAWN_UP, Award.organization_id == any_(SIGNING)),
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
        .where(Award.organization_id == any_(LEADING), Disbursement.state == DisbursementState.PAID),
        _work("reach_milestone", Award.reference, Milestone.id, day=Milestone.due_on, note=Milestone.title)
        .join(Award, Award.id == Milestone.award_id)
        .where(
            Award.organization_id == any_(MINE),
            Award.state.in_(RUNNING),
            Milestone.reached_on.is_(None),
            Milestone.due_on <= HORIZON,
        ),
    ]


def _change(kind: str, state: AmendmentState, *where: Any) -> Select[*tuple[Any, ...]]:
    """A change of a grant that waits for somebody, by two weeks after it began to."""
    by = cast(Amendment.waits_since + timedelta(days=DAYS_TO_SIGN), Date)
    found = _work(kind, Award.reference, Amendment.number, day=by, note=Award.title)
    return found.join(Award, Award.id == Amendment.award_id).where(
        Amendment.state == state, Award.state.in_(RUNNING), *where
    )


MAYBE_READY = "maybe_ready"
"""A draft that a signatory has to certify if it is complete: only its questions can tell."""


def _asked_to_certify() -> Any:
    """Whether colleagues asked the person to certify an application, and nobody has since."""
    asked, certified = Application.certification_asked_at, Application.certified_at
    return and_(
        Application.organization_id == any_(SIGNING), asked.is_not(None), func.coalesce(certified < asked, True)
    )


def _drafts() -> Select[*tuple[Any, ...]]:
    """The drafts of the person's organizations: to be certified, perhaps ready to be certified, or to be finished.

    What was certified after its answers were saved for the last time waits to be sent in.
    """
    written = (
        select(
            func.coalesce(
                func.array_agg(SectionAnswers.section_key).filter(SectionAnswers.complete), cast([], ARRAY(Text))
            ).label("complete"),
            func.max(SectionAnswers.saved_at).label("saved_at"),
        )
        .where(SectionAnswers.answer_sheet_id == Application.answer_sheet_id)
        .lateral("written")
    )
    to_sign = and_(
        Application.organization_id == any_(SIGNING),
        Application.entered_by_id.is_(None),
        func.coalesce(Application.certified_at < written.c.saved_at, True),
    )
    return (
        _work(
            case((_asked_to_certify(), "certify_asked"), (to_sign, MAYBE_READY), else_="submit_draft"),
            Application.reference,
            Application.id,
            moment=Call.closes_at,
            note=case(
                (
                    and_(to_sign, ~_asked_to_certify()),
                    func.jsonb_build_array(Call.title, Application.questionnaire_id, func.to_jsonb(written.c.complete)),
                ),
                else_=Call.title,
            ),
        )
        .join(Call, Call.id == Application.call_id)
        .join(written, true())
        .where(
            Application.organization_id == any_(MINE),
            Application.state == ApplicationState.DRAFT,
            Call.state == CallState.PUBLISHED,
            Call.closes_at > AT,
        )
    )


def _of_reviewer() -> list[Select[*tuple[Any, ...]]]:
    decided = select(Decision.id).where(Decision.application_id == Application.id, Decision.state.in_(DECIDED))
    awaited = Assignment.reviewer_id == PERSON, Application.state == ApplicationState.ELIGIBLE, ~decided.exists()
    parts = (
        (AssignmentState.ASKED, _work("declare", literal(""), Assignment.id, day=Assignment.due_on)),
        (
            AssignmentState.ACCEPTED,
            _work(
                "review",
                Application.reference,
                Assignment.id,
                day=Assignment.due_on,
                note=case((Call.hides_applicants, ""), else_=Application.title),
            ),
        ),
    )
    return [
        part.select_from(Assignment)
        .join(Application, Application.id == Assignment.application_id)
        .join(Call, Call.id == Application.call_id)
        .where(*awaited, Assignment.state == state, not_hidden(Application.id))
        for state, part in parts
    ]


def _declaration_of_the_year() -> Select[*tuple[Any, ...]]:
    since = AT - func.make_interval(0, 0, 0, YEAR_DAYS)
    current = select(YearDeclaration.id).where(YearDeclaration.person_id == PERSON, YearDeclaration.declared_at > since)
    return _work("declare_year", literal(""), literal(0)).where(~current.exists())


def _of_committee_member() -> list[Select[*tuple[Any, ...]]]:
    seated = select(Seat.meeting_id).where(Seat.person_id == PERSON)
    voted = select(Vote.id).where(Vote.decision_id == Decision.id, Vote.person_id == PERSON)
    open_votes = (
        select(Decision.id)
        .where(
            Decision.meeting_id == Meeting.id,
            Decision.state == DecisionState.PROPOSED,
            ~voted.exists(),
            not_hidden(Decision.application_id),
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


def _calls_under_review() -> Any:
    """The calls that have closed with eligible applications still undecided, in the regions asked for: how many there
    are (``number``), how many of them lack reviewers (``lacking``) or reviews (``unreviewed``).

    Gathered in groups: asking for each application costs ten times as much when a thousand wait.
    """
    said = Call.grid.op("#>>")(literal_column("'{assessors,independent_reviews}'"))
    wanted = func.coalesce(cast(said, BigInteger), 2)
    undecided = (
        select(Application.id, Application.call_id, wanted.label("wanted"))
        .join(Call, Call.id == Application.call_id)
        .where(
            Call.state == CallState.PUBLISHED,
            Call.closes_at <= AT,
            Application.state == ApplicationState.ELIGIBLE,
            Application.region == any_(REGIONS),
            not_hidden(Application.id),
            ~select(Decision.id).where(Decision.application_id == Application.id, STANDS).exists(),
        )
        .cte("undecided")
    )
    awaited = Assignment.state.in_((AssignmentState.ASKED, AssignmentState.ACCEPTED))
    reviews = (
        select(
            Assignment.application_id,
            func.count().filter(awaited).label("pending"),
            func.count().filter(Assignment.state == AssignmentState.COMPLETED).label("completed"),
        )
        .where(Assignment.application_id.in_(select(undecided.c.id)))
        .group_by(Assignment.application_id)
        .subquery("reviews")
    )
    pending, completed = func.coalesce(reviews.c.pending, 0), func.coalesce(reviews.c.completed, 0)
    return (
        select(
            undecided.c.call_id,
            func.count().label("number"),
            func.count().filter(pending + completed < undecided.c.wanted).label("lacking"),
            func.count().filter(or_(completed < undecided.c.wanted, pending > 0)).label("unreviewed"),
        )
        .outerjoin(reviews, reviews.c.application_id == undecided.c.id)
        .group_by(undecided.c.call_id)
        .cte("under_review")
    )


def _of_coordinator(*, everywhere: bool) -> list[Select[*tuple[Any, ...]]]:
    here = and_(Award.region == any_(REGIONS), not_hidden(Award.application_id))
    under_review = _calls_under_review()
    in_call = and_(Application.call_id == Call.id, Application.region == any_(REGIONS))
    submitted = and_(in_call, Application.state == ApplicationState.SUBMITTED, not_hidden(Application.id))
    in_my_regions = select(RegionEnvelope.id).where(
        RegionEnvelope.call_id == Call.id, RegionEnvelope.region == any_(REGIONS)
    )
    read_by = cast(Report.submitted_at + TO_READ, Date)
    planned = select(Meeting.id).where(Meeting.call_id == Call.id, Meeting.state.not_in(GONE))
    closing = select(Closeout.id).where(Closeout.award_id == Award.id)
    missing = select(ReportDue.id).where(
        ReportDue.award_id == Award.id,
        ReportDue.required,
        ReportDue.state.not_in((ReportState.ACCEPTED, ReportState.WAIVED)),
    )
    reported = select(ReportDue.id).where(ReportDue.award_id == Award.id, ReportDue.required)
    parts = [
        _work("call_meeting", Call.reference, under_review.c.number, day=Call.meeting_on, note=Call.title)
        .join(under_review, under_review.c.call_id == Call.id)
        .where(under_review.c.unreviewed == 0, ~planned.exists()),
        _work(
            "open_closeout", Award.reference, Award.id, day=Award.end_on + literal(CLOSE_WITHIN.days), note=Award.title
        ).where(here, Award.state.in_(RUNNING), reported.exists(), ~missing.exists(), ~closing.exists()),
        *(
            _work(kind, Call.reference, func.count(Enquiry.id), moment=Call.answers_until, note=Call.title)
            .join(Enquiry, and_(Enquiry.call_id == Call.id, Enquiry.state == state))
            .where(Call.state == CallState.PUBLISHED, in_my_regions.exists())
            .group_by(Call.id)
            for kind, state in (("answer_questions", EnquiryState.ASKED), ("publish_answers", EnquiryState.PREPARED))
        ),
        _work("check_applications", Call.reference, func.count(Application.id), day=Call.check_until, note=Call.title)
        .join(Application, submitted)
        .where(Call.closes_at <= AT, Call.state == CallState.PUBLISHED)
        .group_by(Call.id),
        _work("chase_answer", Application.reference, Application.id, day=Clarification.due_on, note=Application.title)
        .join(Clarification, Clarification.application_id == Application.id)
        .where(
            Application.region == any_(REGIONS),
            not_hidden(Application.id),
            Application.state == ApplicationState.SUBMITTED,
            Clarification.state == ClarificationState.ASKED,
            Clarification.due_on < TODAY,
        ),
        _work("have_confirmed", Application.reference, Application.id, day=Call.check_until, note=Application.title)
        .join(Call, Call.id == Application.call_id)
        .join(AssistedEntry, AssistedEntry.application_id == Application.id)
        .where(
            Application.region == any_(REGIONS),
            not_hidden(Application.id),
            Application.state == ApplicationState.SUBMITTED,
            AssistedEntry.confirmed_hash.is_distinct_from(Application.content_hash),
        ),
        _work("assign_reviewers", Call.reference, under_review.c.lacking, day=Call.reviews_due_on, note=Call.title)
        .join(under_review, under_review.c.call_id == Call.id)
        .where(under_review.c.lacking > 0),
        _work("answer_complaint", Complaint.reference, Complaint.id, day=Complaint.answer_by, note=Application.title)
        .join(Application, Application.id == Complaint.application_id)
        .where(
            Application.region == any_(REGIONS),
            not_hidden(Application.id),
            Complaint.state.in_(OPEN),
            or_(Complaint.examiner_id.is_(None), Complaint.examiner_id == PERSON),
        ),
        _work("draw_up_agreement", Award.reference, Award.id, day=Award.sign_by, note=Award.title)
        .outerjoin(NewBudget, NewBudget.award_id == Award.id)
        .where(
            here,
            Award.state == AwardState.ACCEPTED,
            or_(NewBudget.id.is_(None), NewBudget.state == BudgetState.ACCEPTED),
        ),
        _work("read_budget", Award.reference, Award.id, day=Award.sign_by, note=Award.title)
        .join(NewBudget, NewBudget.award_id == Award.id)
        .where(
            here,
            Award.state.in_((AwardState.OFFERED, AwardState.ACCEPTED)),
            NewBudget.state == BudgetState.HANDED_IN,
        ),
        _change(
            "answer_change",
            AmendmentState.REQUESTED,
            here,
            or_(~Amendment.assisted, Amendment.confirmed_at.is_not(None)),
        ),
        _change("check_change", AmendmentState.REVISED, here),
        _work("read_report", Award.reference, ReportDue.id, day=read_by, note=ReportDue.label)
        .join(Report, Report.report_due_id == ReportDue.id)
        .join(Award, Award.id == ReportDue.award_id)
        .where(here, ReportDue.state == ReportState.SUBMITTED),
        _work("chase_report", Award.reference, ReportDue.id, day=ReportDue.due_on, note=ReportDue.label)
        .join(Award, Award.id == ReportDue.award_id)
        .where(
            here,
            Award.state.in_(RUNNING),
            ReportDue.required,
            ReportDue.state.in_((ReportState.OWED, ReportState.RETURNED)),
            ReportDue.due_on < TODAY,
        ),
        _work("make_visit", Award.reference, Visit.number, day=Visit.due_on, note=Visit.purpose)
        .join(Award, Award.id == Visit.award_id)
        .where(here, Visit.lead_id == PERSON, Visit.state == VisitState.PLANNED, Visit.due_on <= HORIZON),
        _work(
            "share_visit", Award.reference, Visit.number, day=Visit.made_on + literal(TO_SHARE.days), note=Visit.purpose
        )
        .join(Award, Award.id == Visit.award_id)
        .where(here, Visit.lead_id == PERSON, Visit.state == VisitState.MADE),
        _work("finish_closeout", Award.reference, Closeout.id, day=Closeout.due_on, note=Award.title)
        .join(Award, Award.id == Closeout.award_id)
        .where(here, Closeout.state == CloseoutState.OPENED),
    ]
    if everywhere:
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


def _of_finance_officer() -> list[Select[*tuple[Any, ...]]]:
    tied = select(Application.id).where(
        Application.organization_id == BankAccount.organization_id, ~not_hidden(Application.id)
    )
    payment = {"note": Award.title}
    sent = (
        _work("approve_payment", Disbursement.reference, Disbursement.id, day=Tranche.due_on, **payment),
        _work("send_payment", Disbursement.reference, Disbursement.id, day=Tranche.due_on, **payment),
    )
    joined = [
        part.select_from(Disbursement)
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .join(Award, Award.id == Tranche.award_id)
        .where(not_hidden(Award.application_id))
        for part in sent
    ]
    return [
        joined[0].where(Disbursement.state == DisbursementState.PREPARED, Disbursement.prepared_by_id != PERSON),
        joined[1].where(Disbursement.state == DisbursementState.APPROVED),
        _work("verify_account", literal(""), BankAccount.id).where(
            BankAccount.state == BankAccountState.UNVERIFIED, BankAccount.entered_by_id != PERSON, ~tied.exists()
        ),
    ]


def _of_administrator() -> list[Select[*tuple[Any, ...]]]:
    """Mails that failed, people who were invited and never came, and roles for which one person is not enough."""
    live = and_(RoleGrant.person_id == Person.id, RoleGrant.revoked_at.is_(None))
    invited_at = (
        select(func.max(OutboxMail.posted_at))
        .where(OutboxMail.to_person_id == Person.id, OutboxMail.kind == "account_opened")
        .scalar_subquery()
    )
    came = and_(Person.active, Person.confirmed_at.is_not(None))
    failed = func.count(OutboxMail.id)
    return [
        _work("look_at_mails", literal(""), failed).where(OutboxMail.state == Delivery.FAILED).having(failed > 0),
        _work("invite_again", Person.reference, Person.id, note=Person.name).where(
            Person.active,
            Person.confirmed_at.is_(None),
            select(RoleGrant.id).where(live).exists(),
            func.coalesce(invited_at, Person.created_at) <= AT - INVITATION_LASTS,
        ),
        *(
            _work(kind, literal(""), func.count(RoleGrant.id))
            .join(Person, and_(live, came))
            .where(RoleGrant.role == role)
            .having(func.count(RoleGrant.id) < 2)
            for role, kind in NEEDS_TWO.items()
        ),
    ]


NEEDS_TWO = {Role.ADMINISTRATOR: "second_administrator", Role.FINANCE_OFFICER: "second_finance_officer"}
"""Roles of which the fund needs two: nobody changes their own roles, nobody approves a payment they prepared."""


@dataclass(frozen=True)
class CallMoney:
    """Where the money of one call stands, from the ledger. ``title`` is in the reader's language."""

    reference: str
    title: str
    envelope: Money
    committed: Money
    payable: Money
    paid: Money

    @property
    def free(self) -> Money:
        """What can still be committed."""
        return self.envelope - self.committed - self.payable - self.paid


def _balance(kind: AccountKind) -> Any:
    return func.coalesce(func.sum(Account.balance_minor).filter(Account.kind == kind), 0)


_MONEY = Prepared(
    lambda: (
        select(
            Call.reference,
            Call.title,
            Call.currency,
            Call.envelope_minor,
            _balance(AccountKind.COMMITTED),
            _balance(AccountKind.PAYABLE),
            _balance(AccountKind.PAID),
        )
        .join(Account, (Account.call_id == Call.id) & Account.award_id.is_not(None))
        .group_by(Call.id)
        .order_by(Call.closes_at.desc())
        .limit(literal_column("3"))
    )
)


def money_of_calls() -> list[CallMoney]:
    """Where the money of the latest three calls with agreements stands; one query."""
    return [
        CallMoney(reference, pick(title), *(Money(int(minor), currency) for minor in minors))
        for reference, title, currency, *minors in _MONEY()
    ]


PUBLIC_CALL = (
    Call.reference, Call.state, Call.title, Call.programme, Call.closes_at, Call.opens_at, Call.timezone, Call.currency,
    Call.grant_min_minor, Call.grant_max_minor,
)  # fmt: skip

_OPEN_CALLS = (
    select(Call)
    .where(Call.state == CallState.PUBLISHED, Call.closes_at > bindparam("at"))
    .options(load_only(*PUBLIC_CALL))
    .order_by(Call.closes_at)
    .limit(20)
)


def open_and_coming_calls(at: datetime) -> list[Call]:
    """Calls a visitor may apply to now or soon, the first to close first."""
    return list(db.session.scalars(_OPEN_CALLS, {"at": at}))


@dataclass(frozen=True)
class OwnApplication:
    """A line about one's own application."""

    reference: str
    title: str
    state: ApplicationState
    call_title: dict[str, str]
    outcome: str | None
    """What the letter said, once it is sent."""


_OWN_APPLICATIONS = Prepared(
    lambda: (
        select(Application.reference, Application.title, Application.state, Call.title, Decision.outcome)
        .join(Call, Call.id == Application.call_id)
        .outerjoin(Decision, (Decision.application_id == Application.id) & (Decision.state == DecisionState.RELEASED))
        .where(Application.organization_id == any_(MINE))
        .order_by(Application.id.desc())
        .limit(literal_column("20"))
    )
)


def own_applications(person: Person) -> list[OwnApplication]:
    """The applications of a person's organizations, newest first."""
    mine = [m.organization_id for m in person.memberships]
    return (
        [
            OwnApplication(ref, title, ApplicationState(state), call, outcome)
            for ref, title, state, call, outcome in _OWN_APPLICATIONS(mine=mine)
        ]
        if mine
        else []
    )


@dataclass(frozen=True)
class Filter:
    """What a list of grants is narrowed to; every part is optional."""

    state: str = ""
    region: str = ""
    call: str = ""
    programme: str = ""
    page: int = 1


THIS_FUND = "-"
"""Instead of the name of an earlier programme: only what this fund awarded."""

MANY = 1000
"""Beyond this many a list says "more than", because counting everything costs more than anybody gains."""


class GrantLine(NamedTuple):
    """A grant in a list."""

    reference: str
    title: str
    state: str
    amount_minor: int
    currency: str
    end_on: date | None
    confidentiality: str
    organization: str
    programme: str


def grants_like(seen: Select[Award], past: Select[PastAward], wanted: Filter) -> tuple[list[GrantLine], int]:
    """One page of the grants a person may see, and how many there are (at most MANY + 1); two queries.

    Those of this fund come first, then those of earlier programmes, which are all closed and belong to no call.
    """
    asked = {name: value for name in ("state", "region", "call") if (value := getattr(wanted, name))}
    before, lines, number = (wanted.page - 1) * PAGE, [], 0
    if wanted.programme in ("", THIS_FUND):
        rows = _grants_of(seen, frozenset(asked))(before=before, **asked)
        lines, number = [GrantLine._make((*row[1:], "")) for row in rows if row[1]], rows[0][0]
    if wanted.programme != THIS_FUND and not wanted.call and wanted.state in ("", AwardState.CLOSED):
        asked = {name: value for name in ("region", "programme") if (value := getattr(wanted, name))}
        found = _past_grants_of(past, frozenset(asked))
        rows = found(before=max(0, before - number), most=PAGE - len(lines), **asked)
        lines += [GrantLine._make((*row[1:3], AwardState.CLOSED, *row[3:5], None, *row[5:])) for row in rows if row[1]]
        number = min(number + rows[0][0], MANY + 1)
    return lines, number


@prepared_once
def _past_grants_of(seen: Select[PastAward], filters: frozenset[str]) -> Prepared:
    """The reading of grants of earlier programmes for one scope and these filters, the latest first."""
    ids = _ids_of_past_grants(seen, filters)
    counted = ids.limit(literal_column(str(MANY + 1))).subquery()
    numbers = select(func.count().label("number")).select_from(counted).subquery("numbers")
    page = (
        ids.order_by(PastAward.id.desc())
        .limit(bindparam("most", None, type_=BigInteger))
        .offset(bindparam("before", None, type_=BigInteger))
        .subquery("page")
    )
    shown = (
        select(
            numbers.c.number,
            *(PastAward.reference, PastAward.title, PastAward.amount_minor, PastAward.currency),
            *(PastAward.confidentiality, PastAward.grantee, AwardImport.programme),
        )
        .select_from(numbers)
        .outerjoin(page, true())
        .outerjoin(PastAward, PastAward.id == page.c.id)
        .outerjoin(AwardImport, AwardImport.id == PastAward.import_id)
        .order_by(page.c.id.desc())
    )
    return Prepared(lambda: shown)


def _ids_of_past_grants(seen: Select[PastAward], filters: frozenset[str]) -> Select[int]:
    programme = select(AwardImport.id).where(AwardImport.programme == bindparam("programme", None, type_=Text))
    narrowed = {
        "region": PastAward.region == bindparam("region", None, type_=Text),
        "programme": PastAward.import_id.in_(programme),
    }
    return seen.where(*(narrowed[name] for name in sorted(filters))).with_only_columns(PastAward.id)


MOST_PROGRAMMES = 12


def earlier_programmes(seen: Select[PastAward]) -> list[str]:
    """The earlier programmes of which a person may see an award, by name."""
    of_import = seen.where(PastAward.import_id == AwardImport.id).with_only_columns(PastAward.id).exists()
    found = select(AwardImport.programme).where(of_import).distinct().order_by(AwardImport.programme)
    return list(db.session.scalars(found.limit(MOST_PROGRAMMES)))


def _ids_of_grants(seen: Select[Award], filters: frozenset[str]) -> Select[int]:
    """The grants of one scope that pass these filters."""
    call = select(Call.id).where(Call.reference == bindparam("call", None, type_=Text)).scalar_subquery()
    narrowed = {
        "state": Award.state == bindparam("state", None, type_=Text),
        "region": Award.region == bindparam("region", None, type_=Text),
        "call": Award.call_id == call,
    }
    return seen.where(*(narrowed[name] for name in sorted(filters))).with_only_columns(Award.id)


@prepared_once
def _grants_of(seen: Select[Award], filters: frozenset[str]) -> Prepared:
    """The reading for one scope and these filters: how many grants there are, and beside it one page of them."""
    ids = _ids_of_grants(seen, filters)
    counted = ids.limit(literal_column(str(MANY + 1))).subquery()
    numbers = select(func.count().label("number")).select_from(counted).subquery("numbers")
    page = (
        ids.order_by(Award.id.desc())
        .limit(literal_column(str(PAGE)))
        .offset(bindparam("before", None, type_=BigInteger))
        .subquery("page")
    )
    shown = (
        select(
            numbers.c.number,
            *(Award.reference, Award.title, Award.state, Award.amount_minor, Award.currency, Award.end_on),
            *(Award.confidentiality, Organization.name),
        )
        .select_from(numbers)
        .outerjoin(page, true())
        .outerjoin(Award, Award.id == page.c.id)
        .outerjoin(Organization, Organization.id == Award.organization_id)
        .order_by(page.c.id.desc())
    )
    return Prepared(lambda: shown)


class Grantee(NamedTuple):
    """Who has a grant."""

    name: str
    country: str


class InCall(NamedTuple):
    """The call that a grant was made in."""

    title: dict[str, str]


class Applied(NamedTuple):
    """The application that became a grant."""

    submitted_at: datetime | None


class Grant(NamedTuple):
    """A grant as its page shows it."""

    id: int
    application_id: int
    organization_id: int
    call_id: int
    reference: str
    title: str
    state: str
    confidentiality: str
    amount_minor: int
    currency: str
    start_on: date | None
    end_on: date | None
    offered_at: datetime | None
    closed_at: datetime | None
    organization: Grantee
    call: InCall
    application: Applied

    @property
    def workflow(self) -> Workflow:
        """The states of a grant."""
        return Award.workflow

    @property
    def amount(self) -> Money:
        """The money awarded."""
        return Money(self.amount_minor, self.currency)


def grant_by_reference(seen: Select[Award], reference: str) -> Grant | None:
    """One grant among those a person may see."""
    for *award, name, country, call, submitted_at in _grant_in(seen)(reference=reference):
        return Grant._make((*award, Grantee(name, country), InCall(call), Applied(submitted_at)))
    return None


@prepared_once
def _grant_in(seen: Select[Award]) -> Prepared:
    found = (
        seen.where(Award.reference == bindparam("reference", None, type_=Text))
        .join(Organization, Organization.id == Award.organization_id)
        .join(Call, Call.id == Award.call_id)
        .join(Application, Application.id == Award.application_id)
        .with_only_columns(
            *(Award.id, Award.application_id, Award.organization_id, Award.call_id),
            *(Award.reference, Award.title, Award.state, Award.confidentiality),
            *(Award.amount_minor, Award.currency, Award.start_on, Award.end_on, Award.offered_at, Award.closed_at),
            *(Organization.name, Organization.country, Call.title, Application.submitted_at),
            maintain_column_froms=True,
        )
    )
    return Prepared(lambda: found)


class Part(NamedTuple):
    """Something that belongs to a grant: a report owed, a milestone, a condition, or a payment (for the timeline).

    ``label`` is its wording, of a report in several languages; ``done_on`` the day a milestone was reached or a
    condition met; ``state`` and ``required`` are those of a report.
    """

    kind: str
    id: int
    label: Any
    due_on: date | None
    done_on: date | None
    state: str | None
    required: bool | None


def parts_of(grant: Grant) -> dict[str, list[Part]]:
    """The reports, milestones, conditions and payments of a grant by kind, each in their order; one query."""
    found: dict[str, list[Part]] = {"report_due": [], "milestone": [], "condition": [], "disbursement": []}
    for row in _PARTS(award=grant.id):
        found[row[0]].append(Part._make(row))
    return found


def _parts() -> CompoundSelect[*tuple[Any, ...]]:
    award = bindparam("award", None, type_=BigInteger)

    def part(kind: str, key: Any, label: Any = None, due: Any = None, done: Any = None, *more: Any) -> Select[Any]:
        state, required = more or (cast(null(), Text), cast(null(), Boolean))
        return select(
            literal(kind).label("kind"),
            key.label("id"),
            (func.to_jsonb(label) if label is not None else cast(null(), JSONB)).label("label"),
            (due if due is not None else cast(null(), Date)).label("due_on"),
            (done if done is not None else cast(null(), Date)).label("done_on"),
            state.label("state"),
            required.label("required"),
        )

    due = ReportDue
    return union_all(
        part("report_due", due.id, due.label, due.due_on, None, due.state, due.required).where(due.award_id == award),
        part("milestone", Milestone.id, Milestone.title, Milestone.due_on, Milestone.reached_on).where(
            Milestone.award_id == award
        ),
        part("condition", Condition.id, Condition.text, None, Condition.met_on).where(Condition.award_id == award),
        part("disbursement", Disbursement.id)
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .where(Tranche.award_id == award),
    ).order_by("due_on", "id")


_PARTS = Prepared(_parts)


@dataclass(frozen=True)
class Entry:
    """One line of the record as it was written down."""

    id: int
    kind: str
    subject_id: int
    verb: str
    at: datetime
    reason: str | None
    actor: str | None


@dataclass(frozen=True)
class Subject:
    """What a line of the record is about. ``within`` is the reference of what it belongs to, ``label`` its own name
    in several languages; never a title or the name of an applicant.
    """

    reference: str
    within: str | None = None
    label: dict[str, str] | None = None


RECORD_PAGE = 50
NEWEST = 2**62
"""Comes after every line of the record."""


@cache
def _record_of(narrowed: bool) -> Prepared:
    """The reading of the record, of everything or of one kind of subject."""

    def compose() -> Select[*tuple[Any, ...]]:
        entry = HistoryEntry
        found = (
            select(entry.id, entry.subject_kind, entry.subject_id, entry.verb, entry.at, entry.reason, Person.name)
            .outerjoin(Person, Person.id == entry.actor_id)
            .where(entry.id < bindparam("before", None, type_=BigInteger))
            .order_by(entry.id.desc())
            .limit(bindparam("most", None, type_=BigInteger))
        )
        return found.where(entry.subject_kind == bindparam("kind", None, type_=Text)) if narrowed else found

    return Prepared(compose)


def record_before(before: int = NEWEST, *, kind: str = "", most: int = RECORD_PAGE) -> list[Entry]:
    """What happened before an entry, newest first, of one kind of subject or of all."""
    narrowed = {"kind": kind} if kind else {}
    return [Entry(*row) for row in _record_of(bool(kind))(before=before, most=most, **narrowed)]


IN_ONE_READING = 1000
"""So many entries are read at once where all of the record is taken out."""


def number_of_entries(kind: str) -> int:
    """How many entries the record has, of one kind of subject or of all."""
    found = select(func.count()).select_from(HistoryEntry)
    return db.session.scalar(found.where(HistoryEntry.subject_kind == kind) if kind else found) or 0


_OWN: dict[str, Callable[[Select[Any]], tuple[Any, ...]]] = {
    "call": lambda seen: (seen, Call.id, Call.reference, None, None),
    "enquiry": lambda seen: (
        seen.join(Call, Call.id == Enquiry.call_id),
        Enquiry.id,
        Enquiry.reference,
        Call.reference,
        None,
    ),
    "application": lambda seen: (seen, Application.id, Application.reference, None, None),
    "award": lambda seen: (seen, Award.id, Award.reference, None, None),
    "meeting": lambda seen: (seen, Meeting.id, Meeting.reference, None, None),
    "disbursement": lambda seen: (seen, Disbursement.id, Disbursement.reference, None, None),
    "assignment": lambda seen: (seen, Assignment.id, Application.reference, None, None),
    "decision": lambda seen: (
        seen.join(Meeting, Meeting.id == Decision.meeting_id),
        Decision.id,
        Application.reference,
        Meeting.reference,
        None,
    ),
    "complaint": lambda seen: (seen, Complaint.id, Complaint.reference, None, None),
    "report_due": lambda seen: (
        seen.join(Award, Award.id == ReportDue.award_id),
        ReportDue.id,
        Award.reference,
        None,
        ReportDue.label,
    ),
    "amendment": lambda seen: (
        seen.join(Award, Award.id == Amendment.award_id),
        Amendment.id,
        Award.reference,
        None,
        None,
    ),
    "visit": lambda seen: (seen.join(Award, Award.id == Visit.award_id), Visit.id, Award.reference, None, None),
    "closeout": lambda seen: (
        seen.join(Award, Award.id == Closeout.award_id),
        Closeout.id,
        Award.reference,
        None,
        None,
    ),
    "award_import": lambda seen: (seen, AwardImport.id, literal("IMP-") + cast(AwardImport.id, Text), None, None),
    "bank_account": lambda seen: (
        seen.join(Organization, Organization.id == BankAccount.organization_id),
        BankAccount.id,
        Organization.reference,
        None,
        None,
    ),
}
"""For each kind of subject, from the rows somebody may see: its id, its reference, what it belongs to, its label."""

SUBJECTS: dict[str, type] = {
    "call": Call,
    "enquiry": Enquiry,
    "application": Application,
    "assignment": Assignment,
    "meeting": Meeting,
    "decision": Decision,
    "complaint": Complaint,
    "award": Award,
    "report_due": ReportDue,
    "disbursement": Disbursement,
    "bank_account": BankAccount,
    "closeout": Closeout,
    "award_import": AwardImport,
    "amendment": Amendment,
    "visit": Visit,
}
"""The kinds of subjects of the record whose rows have a scope."""


def subjects_of(entries: Sequence[Entry], seen: Mapping[str, Select[Any]]) -> dict[tuple[str, int], Subject]:
    """The subjects of these lines that a person may see, by kind and id; one query, whatever the kinds.

    ``seen`` holds the scope of each kind. The line of a subject outside of it has no entry in the answer.
    """
    ids: dict[str, set[int]] = {}
    for entry in entries:
        ids.setdefault(entry.kind, set()).add(entry.subject_id)
    parts = [_subject(kind, ids[kind], *_OWN[kind](seen[kind])) for kind in _OWN if kind in ids and kind in seen]
    if "reviewer" in ids:
        parts.append(_subject("reviewer", ids["reviewer"], select(Person), Person.id, Person.reference))
    if "interest" in ids:
        about = select(ConflictDeclaration).join(Organization, Organization.id == ConflictDeclaration.organization_id)
        parts.append(_subject("interest", ids["interest"], about, ConflictDeclaration.id, Organization.reference))
    if "year_declaration" in ids:
        of_year = select(YearDeclaration).join(Person, Person.id == YearDeclaration.person_id)
        parts.append(
            _subject("year_declaration", ids["year_declaration"], of_year, YearDeclaration.id, Person.reference)
        )
    if "clarification" in ids:
        about = seen["application"].join(Clarification, Clarification.application_id == Application.id)
        parts.append(_subject("clarification", ids["clarification"], about, Clarification.id, Application.reference))
    if "person" in ids:
        parts.append(_subject("person", ids["person"], select(Person), Person.id, Person.reference))
    if "list_file" in ids:
        named = literal("LST-") + cast(ListFile.id, Text)
        label = func.to_jsonb(ListFile.endpoint)
        parts.append(_subject("list_file", ids["list_file"], select(ListFile), ListFile.id, named, label=label))
    if "mail" in ids:
        parts.append(_subject("mail", ids["mail"], select(OutboxMail), OutboxMail.id, cast(OutboxMail.id, Text)))
    if not parts:
        return {}
    return {
        (kind, subject_id): Subject(reference, within, label)
        for kind, subject_id, reference, within, label in db.session.execute(union_all(*parts))
    }


def _subject(
    kind: str,
    ids: Iterable[int],
    seen: Select[Any],
    key: Any,
    reference: Any,
    within: Any = None,
    label: Any = None,
) -> Select[*tuple[Any, ...]]:
    """One part of the union over all kinds of subjects."""
    return seen.with_only_columns(
        literal(kind).label("kind"),
        key.label("subject_id"),
        reference.label("reference"),
        (within if within is not None else cast(null(), Text)).label("within"),
        (label if label is not None else cast(null(), JSONB)).label("label"),
    ).where(key.in_(sorted(ids)))


# ------------------------------------------------------------------ grants as they are taken out


def _per_award() -> Any:
    """What is known of each grant beside its own row: money by its pots, signature, reports, payments."""
    held = select(Account.award_id, *(_in_pot(kind) for kind in HELD)).where(Account.award_id.is_not(None))
    pots = held.group_by(Account.award_id).subquery("pots")
    signed = (
        select(Agreement.award_id, func.min(Agreement.signed_at).label("signed_at"))
        .group_by(Agreement.award_id)
        .subquery("signed")
    )
    missing = ReportDue.required & ReportDue.state.in_((ReportState.OWED, ReportState.RETURNED))
    reports = (
        select(
            ReportDue.award_id,
            func.min(ReportDue.due_on).filter(missing).label("next_report_on"),
            func.count().filter(missing & (ReportDue.due_on < TODAY)).label("late_reports"),
            func.count().filter(ReportDue.state == ReportState.ACCEPTED).label("accepted_reports"),
        )
        .group_by(ReportDue.award_id)
        .subquery("reports")
    )
    sent = Disbursement.state.in_((DisbursementState.PAID, DisbursementState.CONFIRMED))
    paid_for = select(Disbursement.tranche_id).where(sent)
    plan = (
        select(
            Tranche.award_id,
            func.count().label("tranches"),
            func.min(Tranche.due_on).filter(Tranche.id.not_in(paid_for)).label("next_payment_on"),
        )
        .where(Tranche.cancelled_on.is_(None))
        .group_by(Tranche.award_id)
        .subquery("plan")
    )
    payments = (
        select(
            Tranche.award_id,
            func.count().label("payments"),
            func.max(Disbursement.paid_on).label("last_paid_on"),
        )
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .where(sent)
        .group_by(Tranche.award_id)
        .subquery("payments")
    )
    return pots, signed, reports, plan, payments


HELD = (AccountKind.COMMITTED, AccountKind.PAYABLE, AccountKind.PAID, AccountKind.REFUNDED)


def _in_pot(kind: AccountKind) -> Any:
    held = func.sum(Account.balance_minor).filter(Account.kind == kind)
    return cast(func.coalesce(held, 0), BigInteger).label(f"{kind}_minor")


def every_grant(
    seen: Select[Award], past: Select[PastAward], wanted: Filter, person: Person, today: date
) -> tuple[int, Iterator[Any]]:
    """How many grants the same list has, and all that is known of each, one after the other, in the same order.

    Nobody is told how risky the grant of their own organization was judged.
    """
    mine = [m.organization_id for m in person.memberships]
    parts = []
    if wanted.programme in ("", THIS_FUND):
        asked = {name: value for name in ("state", "region", "call") if (value := getattr(wanted, name))}
        parts.append((_ids_of_grants(seen, frozenset(asked)), _whole_grants, {**asked, "today": today, "mine": mine}))
    if wanted.programme != THIS_FUND and not wanted.call and wanted.state in ("", AwardState.CLOSED):
        asked = {name: value for name in ("region", "programme") if (value := getattr(wanted, name))}
        parts.append((_ids_of_past_grants(past, frozenset(asked)), _whole_past_grants, asked))
    number = sum(
        db.session.scalar(select(func.count()).select_from(ids.subquery()), asked) or 0 for ids, _of, asked in parts
    )
    return number, chain.from_iterable(streamed(whole(ids), **asked) for ids, whole, asked in parts)


def _whole_grants(ids: Select[int]) -> Select[*tuple[Any, ...]]:
    pots, signed, reports, plan, payments = of_award = _per_award()
    found = (
        select(
            *(Award.reference, literal("").label("programme"), Call.reference.label("call"), Award.title, Award.state),
            *(Award.region, Award.lot_key, Award.confidentiality, Award.on_hold),
            case((Award.organization_id != all_(MINE), Award.risk), else_=null()).label("risk"),
            *(Award.amount_minor, Award.currency, Application.requested_minor),
            *(Application.reference.label("application"), Application.submitted_at, Award.offered_at),
            *(Award.answer_by, Award.sign_by, Award.start_on, Award.end_on, Award.closed_at),
            *(Organization.name.label("organization"), Organization.country, Organization.city),
            *(column for part in of_award for column in part.c if column.name != "award_id"),
        )
        .select_from(Award)
        .join(Call, Call.id == Award.call_id)
        .join(Application, Application.id == Award.application_id)
        .join(Organization, Organization.id == Award.organization_id)
    )
    for part in (pots, signed, reports, plan, payments):
        found = found.outerjoin(part, part.c.award_id == Award.id)
    return found.where(Award.id.in_(ids)).order_by(Award.id.desc())


def _whole_past_grants(ids: Select[int]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            *(PastAward.reference, AwardImport.programme, PastAward.title, PastAward.region, PastAward.confidentiality),
            *(PastAward.amount_minor, PastAward.currency, PastAward.granted_on, PastAward.city),
            *(PastAward.grantee.label("organization"), Organization.country),
        )
        .join(AwardImport, AwardImport.id == PastAward.import_id)
        .join(Organization, Organization.id == PastAward.organization_id)
        .where(PastAward.id.in_(ids))
        .order_by(PastAward.id.desc())
    )
