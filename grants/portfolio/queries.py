"""What awaits a person, in one query a role; and lists and figures over the whole river."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array
from sqlalchemy.orm import aliased, load_only

from grants.accounts.models import (
    COORDINATORS,
    Confidentiality,
    MemberRole,
    Organization,
    Person,
    Role,
    RoleGrant,
    RoleProposal,
)
from grants.accounts.rules import INVITATION_LASTS
from grants.amendments.models import Amendment
from grants.amendments.rules import DAYS_TO_SIGN
from grants.amendments.workflow import AmendmentState
from grants.applications.models import Application
from grants.applications.rules import asks_only_files
from grants.applications.workflow import ApplicationState
from grants.awards.models import Agreement, Award, Condition, Milestone, NewBudget
from grants.awards.workflow import AwardState, BudgetState
from grants.banking.models import BankStatement, OrderLine, PaymentOrder
from grants.banking.workflow import OrderState, StatementState
from grants.calls.models import Call, Lot, RegionEnvelope
from grants.calls.workflow import CallState
from grants.checks.models import Clarification
from grants.checks.workflow import ClarificationState
from grants.closeout.models import Closeout, Erasure
from grants.closeout.workflow import CloseoutState, ErasureState
from grants.complaints.models import Complaint
from grants.complaints.workflow import OPEN
from grants.conflicts.models import ConflictDeclaration, YearDeclaration
from grants.conflicts.queries import hidden_applications
from grants.conflicts.rules import YEAR_DAYS
from grants.core.db import Prepared, db, prepared_once, streamed
from grants.core.languages import pick
from grants.core.mail import Delivery, OutboxMail
from grants.core.money import Money
from grants.core.questions import points_of
from grants.core.workflow import Workflow
from grants.decisions.models import Decision, Meeting, Seat, Vote
from grants.decisions.queries import DECIDED, STANDS
from grants.decisions.workflow import GONE, DecisionState, MeetingState
from grants.diligence.models import AskedOf, Consent, Diligence, Point, SanctionsCheck, SecondLook, Tab
from grants.diligence.workflow import ConsentState, DiligenceState
from grants.dossiers.models import Dossier
from grants.enquiries.models import Enquiry
from grants.enquiries.workflow import EnquiryState
from grants.entries.models import AssistedEntry
from grants.history.models import HistoryEntry
from grants.imports.models import AwardImport, PastAward
from grants.imports.workflow import ImportState
from grants.listings.models import ListFile
from grants.owed.queries import TO_READ
from grants.payments.models import Account, AccountKind, BankAccount, Disbursement, RefundRequest, Tranche
from grants.payments.queries import PAYING, SENT
from grants.payments.workflow import BankAccountState, DisbursementState, RefundRequestState
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
from grants.writeups.models import WriteUp

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
            parts += _of_finance_officer() + _of_staff(not_hidden(Award.application_id))
        elif held.intersection(COORDINATORS):
            parts += _of_staff(_here())
        if Role.ADMINISTRATOR in held:
            parts += _of_administrator()
        most: Any = literal_column(str(LONGEST))
        # Each part by itself stops early, where an index has what waits in its order.
        firsts = (part.order_by("moment", "day").limit(most).subquery() for part in parts)
        return union_all(*(select(*first.c) for first in firsts)).order_by("moment", "day").limit(most)

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
    in_mine = and_(Award.organization_id == any_(MINE), Award.state.in_(RUNNING))
    owed = and_(
        in_mine,
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
            Award.organization_id == any_(LEADING), Award.state == AwardState.SENT, ~_copy_waits().exists()
        ),
        _work("hand_in_documents", Award.reference, func.count(Point.id), day=Award.sign_by, note=Award.title)
        .join(Diligence, Diligence.award_id == Award.id)
        .join(Point, Point.diligence_id == Diligence.id)
        .where(
            Award.organization_id == any_(MINE),
            Award.state.in_(BEFORE_SIGNING),
            Diligence.state == DiligenceState.OPENED,
            Point.asked_of == AskedOf.GRANTEE,
            or_(Point.words != "", and_(Point.handed_in_at.is_(None), Point.verdict.is_(None))),
        )
        .group_by(Award.id),
        _work("answer_consent", Award.reference, Award.id, moment=Consent.asked_at, note=Award.title)
        .join(Consent, Consent.award_id == Award.id)
        .where(
            Award.organization_id == any_(LEADING),
            Award.state.not_in(NOT_PROMISED),
            Consent.state == ConsentState.ASKED,
        ),
        _work("pay_back", Award.reference, Award.id, day=RefundRequest.due_on, note=Award.title)
        .join(RefundRequest, RefundRequest.award_id == Award.id)
        .where(Award.organization_id == any_(LEADING), RefundRequest.state == RefundRequestState.ASKED),
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
        _work(
            case(
                (_asked_to_confirm(), "confirm_report"),
                (ReportDue.state == ReportState.RETURNED, "mend_report"),
                else_="write_report",
            ),
            Award.reference,
            ReportDue.id,
            day=ReportDue.due_on,
            note=ReportDue.label,
        )
        .join(Award, Award.id == ReportDue.award_id)
        .where(
            or_(owed, and_(in_mine, _asked_to_confirm())), ReportDue.state.in_((ReportState.OWED, ReportState.RETURNED))
        ),
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


def _asked_to_confirm() -> Any:
    """Whether the fund wrote a report up and asked its grantee to confirm it, after anything that was confirmed before."""
    asked = func.coalesce(WriteUp.asked_at > WriteUp.confirmed_at, WriteUp.asked_at.is_not(None))
    return (
        select(WriteUp.id)
        .join(Report, Report.id == WriteUp.report_id)
        .where(Report.report_due_id == ReportDue.id, asked)
    ).exists()


def _change(kind: str, state: AmendmentState, *where: Any) -> Select[*tuple[Any, ...]]:
    """A change of a grant that waits for somebody, by two weeks after it began to."""
    by = cast(Amendment.waits_since + timedelta(days=DAYS_TO_SIGN), Date)
    found = _work(kind, Award.reference, Amendment.number, day=by, note=Award.title)
    return found.join(Award, Award.id == Amendment.award_id).where(
        Amendment.state == state, Award.state.in_(RUNNING), *where
    )


BEFORE_SIGNING = (AwardState.OFFERED, AwardState.ACCEPTED, AwardState.SENT)
"""Awards that may still be checked before an agreement binds."""


def _copy_waits() -> Select[int]:
    """Whether an agreement was signed on paper and waits for somebody of the fund to countersign it."""
    return select(Agreement.id).where(
        Agreement.award_id == Award.id, Agreement.copy_id.is_not(None), Agreement.countersigned_at.is_(None)
    )


def _second_look(where: Any) -> Select[*tuple[Any, ...]]:
    """Names that somebody else found on a sanctions list, or nearly, in the last search about a grant."""
    later, look = aliased(SanctionsCheck), select(SecondLook.id).where(SecondLook.check_id == SanctionsCheck.id)
    after = select(later.id).where(later.award_id == SanctionsCheck.award_id, later.id > SanctionsCheck.id)
    found = _work("second_look", Award.reference, Award.id, moment=SanctionsCheck.made_at, note=Award.title)
    return found.join(SanctionsCheck, SanctionsCheck.award_id == Award.id).where(
        where,
        Award.state.not_in(OVER),
        SanctionsCheck.needs_look,
        SanctionsCheck.made_by_id != PERSON,
        ~look.exists(),
        ~after.exists(),
    )


NOT_PROMISED = (AwardState.REFUSED, AwardState.LAPSED)
"""Offers that came to nothing: nothing of them is promised, and nobody owes anything for them."""

OVER = (AwardState.CLOSED, *NOT_PROMISED)


def _to_judge(kind: str, tab: Any, where: Any) -> Select[*tuple[Any, ...]]:
    """What can be judged before an agreement: points that wait for nobody else."""
    found = _work(kind, Award.reference, func.count(Point.id), day=Award.sign_by, note=Award.title)
    return (
        found.join(Diligence, Diligence.award_id == Award.id)
        .join(Point, Point.diligence_id == Diligence.id)
        .where(
            where,
            tab,
            Award.state.in_(BEFORE_SIGNING),
            Diligence.state == DiligenceState.OPENED,
            Point.verdict.is_(None),
            or_(Point.asked_of == AskedOf.FUND, Point.handed_in_at.is_not(None)),
        )
        .group_by(Award.id)
    )


def _conditions(where: Any) -> Select[*tuple[Any, ...]]:
    """Conditions of grants that a person of the fund has to see to, soon due or late."""
    found = _work("meet_condition", Award.reference, Condition.id, day=Condition.due_on, note=Award.title)
    return found.join(Condition, Condition.award_id == Award.id).where(
        where,
        Award.state.not_in(OVER),
        Condition.owner_id == PERSON,
        Condition.met_on.is_(None),
        Condition.due_on <= HORIZON,
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
    """The calls that closed in the last year with eligible applications still undecided, in the regions asked for: how many there
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
            Call.closes_at.between(AT - func.make_interval(1), AT),
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


def _first(found: Select[int]) -> Any:
    """The first of some rows, looked for at each row of the statement: where next to none is asked for, that is far less
    than reading them all beforehand.
    """
    return found.limit(literal_column("1")).scalar_subquery()


def _here() -> Any:
    """Whether a grant is one of the coordinator's regions, and not hidden from them."""
    return and_(Award.region == any_(REGIONS), not_hidden(Award.application_id))


def _of_staff(grants: Any) -> list[Select[*tuple[Any, ...]]]:
    """What waits for coordinators and for finance officers alike, among the grants that they look after."""
    return [_second_look(grants), _conditions(grants)]


def _of_coordinator(*, everywhere: bool) -> list[Select[*tuple[Any, ...]]]:
    here = _here()
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
    unjudged = select(Point.id).where(Point.diligence_id == Diligence.id, Point.verdict.is_(None))
    parts = [
        _work("call_meeting", Call.reference, under_review.c.number, day=Call.meeting_on, note=Call.title)
        .join(under_review, under_review.c.call_id == Call.id)
        .where(under_review.c.unreviewed == 0, ~planned.exists()),
        _work(
            "open_closeout", Award.reference, Award.id, day=Award.end_on + literal(CLOSE_WITHIN.days), note=Award.title
        ).where(
            here,
            Award.state.in_(RUNNING),
            Award.end_on <= HORIZON,
            _first(missing).is_(None),
            _first(reported).is_not(None),
            ~closing.exists(),
        ),
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
        _work(
            case(
                (Diligence.id.is_(None), "begin_diligence"),
                (Diligence.state == DiligenceState.FINISHED, "draw_up_agreement"),
                else_="finish_diligence",
            ),
            *(Award.reference, Award.id),
            day=Award.sign_by,
            note=Award.title,
        )
        .outerjoin(Diligence, Diligence.award_id == Award.id)
        .outerjoin(NewBudget, NewBudget.award_id == Award.id)
        .where(
            here,
            Award.state == AwardState.ACCEPTED,
            or_(
                Diligence.id.is_(None),
                and_(Diligence.state == DiligenceState.OPENED, ~unjudged.exists()),
                and_(
                    Diligence.state == DiligenceState.FINISHED,
                    or_(NewBudget.id.is_(None), NewBudget.state == BudgetState.ACCEPTED),
                ),
            ),
        ),
        _to_judge("judge_points", Point.tab != Tab.BANK, here),
        _work("countersign", Award.reference, Award.id, moment=Agreement.copy_at, note=Award.title)
        .join(Agreement, Agreement.award_id == Award.id)
        .where(
            here,
            Award.state == AwardState.SENT,
            Agreement.copy_id.is_not(None),
            Agreement.countersigned_at.is_(None),
            Agreement.copy_by_id != PERSON,
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
        .where(
            here,
            Award.state.not_in(NOT_PROMISED),
            Visit.lead_id == PERSON,
            Visit.state == VisitState.PLANNED,
            Visit.due_on <= HORIZON,
        ),
        _work(
            "share_visit", Award.reference, Visit.number, day=Visit.made_on + literal(TO_SHARE.days), note=Visit.purpose
        )
        .join(Award, Award.id == Visit.award_id)
        .where(here, Visit.lead_id == PERSON, Visit.state == VisitState.MADE),
        _work("confirm_erasure", Award.reference, Erasure.id, moment=Erasure.proposed_at, note=Award.title)
        .join(Award, Award.id == Erasure.award_id)
        .where(here, Erasure.state == ErasureState.PROPOSED, Erasure.proposed_by_id != PERSON),
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
            _work("finish_import", literal("IMP-") + cast(AwardImport.id, Text), AwardImport.id).where(
                AwardImport.state.in_((ImportState.PREPARED, ImportState.FAILED))
            ),
        ]
    return parts


def _of_finance_officer() -> list[Select[*tuple[Any, ...]]]:
    tied = select(Application.id).where(
        Application.organization_id == BankAccount.organization_id, ~not_hidden(Application.id)
    )
    payment = {"note": Award.title}
    visible = not_hidden(Award.application_id)
    ordered = select(OrderLine.id).where(OrderLine.disbursement_id == Disbursement.id, OrderLine.stands)
    not_mine = (
        select(OrderLine.id)
        .join(Disbursement, Disbursement.id == OrderLine.disbursement_id)
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .join(Award, Award.id == Tranche.award_id)
        .where(OrderLine.order_id == PaymentOrder.id, ~visible)
    )
    sent = (
        _work("approve_payment", Disbursement.reference, Disbursement.id, day=Tranche.due_on, **payment),
        _work("send_payment", Disbursement.reference, Disbursement.id, day=Tranche.due_on, **payment),
    )
    joined = [
        part.select_from(Disbursement)
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .join(Award, Award.id == Tranche.award_id)
        .where(visible)
        for part in sent
    ]
    return [
        joined[0].where(Disbursement.state == DisbursementState.PREPARED, Disbursement.prepared_by_id != PERSON),
        joined[1].where(Disbursement.state == DisbursementState.APPROVED, ~ordered.exists()),
        _work("release_order", PaymentOrder.reference, PaymentOrder.id, day=PaymentOrder.execute_on).where(
            PaymentOrder.state == OrderState.ASSEMBLED, PaymentOrder.assembled_by_id != PERSON, ~not_mine.exists()
        ),
        _work("take_in_statement", BankStatement.reference, BankStatement.id, moment=BankStatement.brought_at).where(
            BankStatement.state.in_((StatementState.UNREAD, StatementState.READ))
        ),
        _work("chase_refund", Award.reference, Award.id, day=RefundRequest.due_on, note=Award.title)
        .join(RefundRequest, RefundRequest.award_id == Award.id)
        .where(visible, RefundRequest.state == RefundRequestState.ASKED, RefundRequest.due_on < TODAY),
        _to_judge("judge_bank", Point.tab == Tab.BANK, visible),
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
        _work("confirm_role", Person.reference, RoleProposal.id, moment=RoleProposal.proposed_at, note=Person.name)
        .join(Person, Person.id == RoleProposal.person_id)
        .where(RoleProposal.answered_at.is_(None), RoleProposal.proposed_by_id != PERSON, Person.id != PERSON),
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


def _money() -> Select[*tuple[Any, ...]]:
    of_grants = select(Account.id).where(
        Account.kind == AccountKind.COMMITTED, Account.call_id == Call.id, Account.award_id.is_not(None)
    )
    latest = (
        select(Call.id, Call.reference, Call.title, Call.currency, Call.envelope_minor, Call.closes_at)
        .where(of_grants.exists())
        .order_by(Call.closes_at.desc())
        .limit(literal_column("3"))
        .subquery("latest")
    )
    kinds = (AccountKind.COMMITTED, AccountKind.PAYABLE, AccountKind.PAID)
    held = (
        select(*(_balance(kind).label(kind) for kind in kinds))
        .where(Account.kind.in_(kinds), Account.call_id == latest.c.id, Account.award_id.is_not(None))
        .lateral("held")
    )
    return (
        select(latest.c.reference, latest.c.title, latest.c.currency, latest.c.envelope_minor, *held.c)
        .select_from(latest)
        .join(held, true())
        .order_by(latest.c.closes_at.desc())
    )


_MONEY = Prepared(_money)


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
    """What lists and figures of grants are narrowed to: the words of the address, each of them optional.

    ``lot`` is one of the ``call``; ``point`` is one of the Plan of Action; ``q`` stands in a title or in the name of a
    grantee, or is a reference.
    """

    call: str = ""
    lot: str = ""
    region: str = ""
    country: str = ""
    point: int = 0
    state: str = ""
    risk: str = ""
    programme: str = ""
    q: str = ""

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked for, by name."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name))}

    @property
    def of_this_fund(self) -> bool:
        """Whether grants of this fund may be among what is asked for."""
        return self.programme in ("", THIS_FUND)

    @property
    def of_the_past(self) -> bool:
        """Whether awards of earlier programmes may be: they are closed, and belong to no call, lot or point of the plan."""
        nowhere = self.call or self.lot or self.point or self.risk or self.programme == THIS_FUND
        return not nowhere and self.state in ("", AwardState.CLOSED)


THIS_FUND = "-"
"""Instead of the name of an earlier programme: only what this fund awarded."""

MANY = 1000
"""Beyond this many a list says "more than", because counting everything costs more than anybody gains."""

FIRST = 2**62
"""Comes after every grant, where a list begins with the latest."""


def _asked(name: str) -> Any:
    return bindparam(name, None, type_=Text)


def _said(words: Any) -> Any:
    """Whether a text says what was searched for, whatever accents, case and punctuation; signs alone say nothing."""
    wanted = func.nullif(func.plain_name(_asked("q")), "", type_=Text)
    return func.plain_name(words).like(literal_column("'%%'") + wanted + literal_column("'%%'"))


def _found_by_words() -> Any:
    by_title = select(Award.id).where(or_(_said(Award.title), Award.reference == func.upper(_asked("q"))))
    return by_title.union(
        select(Award.id).join(Organization, Organization.id == Award.organization_id).where(_said(Organization.name))
    )


_NARROWED: dict[str, Any] = {
    "call": Award.call_id == select(Call.id).where(Call.reference == _asked("call")).scalar_subquery(),
    "lot": Award.lot_key == _asked("lot"),
    "region": Award.region == _asked("region"),
    "country": Award.country == _asked("country"),
    "point": Award.plan_points.contains(array([bindparam("point", None, type_=BigInteger)])),
    "state": Award.state == _asked("state"),
    "risk": and_(Award.risk == _asked("risk"), Award.organization_id != all_(MINE)),
    "q": Award.id == any_(func.array(_found_by_words().scalar_subquery())),
}
"""How grants are narrowed. Nobody finds the grant of their own organization by its risk."""

_NARROWED_PAST: dict[str, Any] = {
    "region": PastAward.region == _asked("region"),
    "country": PastAward.organization_id.in_(select(Organization.id).where(Organization.country == _asked("country"))),
    "programme": PastAward.import_id.in_(select(AwardImport.id).where(AwardImport.programme == _asked("programme"))),
    "q": or_(_said(PastAward.title), _said(PastAward.grantee), PastAward.reference == func.upper(_asked("q"))),
}


def narrowed(seen: Select[Award], asked: Collection[str]) -> Select[Award]:
    """The grants among those a person may see that meet the parts of a filter named; their values are parameters."""
    return seen.where(*(_NARROWED[name] for name in sorted(asked) if name in _NARROWED))


def narrowed_past(seen: Select[PastAward], asked: Collection[str]) -> Select[PastAward]:
    """The same of the awards of earlier programmes."""
    return seen.where(*(_NARROWED_PAST[name] for name in sorted(asked) if name in _NARROWED_PAST))


def values_of(wanted: Filter, person: Person, *, past: bool = False) -> dict[str, Any]:
    """The parameters of a statement :func:`narrowed` to a filter (or :func:`narrowed_past`), for one reader."""
    known = _NARROWED_PAST if past else _NARROWED
    found = {name: value for name, value in wanted.asked.items() if name in known}
    return found | ({"mine": [m.organization_id for m in person.memberships]} if "risk" in found else {})


class GrantLine(NamedTuple):
    """A grant in a list."""

    id: int
    reference: str
    title: str
    state: str
    amount_minor: int
    currency: str
    end_on: date | None
    confidentiality: str
    organization: str
    programme: str


@dataclass(frozen=True)
class Listed:
    """One page of a list of grants; how many there are (at most ``MANY`` + 1); and what the address of the next says."""

    lines: list[GrantLine]
    number: int
    older: dict[str, int]


def grants_like(
    seen: Select[Award],
    past: Select[PastAward],
    wanted: Filter,
    person: Person,
    *,
    before: int = FIRST,
    past_before: int = 0,
) -> Listed:
    """One page of the grants a person may see, the latest first, from before one of them; at most two queries.

    Those of this fund come first, then those of earlier programmes (from ``past_before``, when it is given).
    """
    lines: list[GrantLine] = []
    number = 0
    if wanted.of_this_fund:
        rows = _grants_of(seen, frozenset(wanted.asked))(
            before=0 if past_before else before, **values_of(wanted, person)
        )
        number, lines = rows[0][0], [GrantLine._make((*row[1:], "")) for row in rows if row[1]]
    if wanted.of_the_past and (number <= MANY or len(lines) <= PAGE):
        room, asked = PAGE + 1 - len(lines), values_of(wanted, person, past=True)
        rows = _past_grants_of(past, frozenset(asked))(before=past_before or FIRST, most=max(0, room), **asked)
        lines += [GrantLine._make((*row[1:4], AwardState.CLOSED, *row[4:6], None, *row[6:])) for row in rows if row[1]]
        number = min(number + rows[0][0], MANY + 1)
    shown = lines[:PAGE]
    older: dict[str, int] = {}
    if len(lines) > PAGE:
        older = {"past": shown[-1].id if shown[-1].programme else FIRST}
        if not lines[PAGE].programme:
            older = {"before": shown[-1].id}
    return Listed(shown, number, older)


@prepared_once
def _grants_of(seen: Select[Award], asked: frozenset[str]) -> Prepared:
    """The reading for one scope and these parts of a filter: how many grants there are, and beside it one page of them."""
    ids = narrowed(seen, asked).with_only_columns(Award.id)
    counted = ids.limit(literal_column(str(MANY + 1))).subquery()
    numbers = select(func.count().label("number")).select_from(counted).subquery("numbers")
    page = (
        ids.where(Award.id < bindparam("before", None, type_=BigInteger))
        .order_by(Award.id.desc())
        .limit(literal_column(str(PAGE + 1)))
        .subquery("page")
    )
    shown = (
        select(
            numbers.c.number,
            *(Award.id, Award.reference, Award.title, Award.state, Award.amount_minor, Award.currency, Award.end_on),
            *(Award.confidentiality, Organization.name),
        )
        .select_from(numbers)
        .outerjoin(page, true())
        .outerjoin(Award, Award.id == page.c.id)
        .outerjoin(Organization, Organization.id == Award.organization_id)
        .order_by(page.c.id.desc())
    )
    return Prepared(lambda: shown)


@prepared_once
def _past_grants_of(seen: Select[PastAward], asked: frozenset[str]) -> Prepared:
    """The same of grants of earlier programmes."""
    ids = narrowed_past(seen, asked).with_only_columns(PastAward.id)
    counted = ids.limit(literal_column(str(MANY + 1))).subquery()
    numbers = select(func.count().label("number")).select_from(counted).subquery("numbers")
    page = (
        ids.where(PastAward.id < bindparam("before", None, type_=BigInteger))
        .order_by(PastAward.id.desc())
        .limit(bindparam("most", None, type_=BigInteger))
        .subquery("page")
    )
    shown = (
        select(
            numbers.c.number,
            *(PastAward.id, PastAward.reference, PastAward.title, PastAward.amount_minor, PastAward.currency),
            *(PastAward.confidentiality, PastAward.grantee, AwardImport.programme),
        )
        .select_from(numbers)
        .outerjoin(page, true())
        .outerjoin(PastAward, PastAward.id == page.c.id)
        .outerjoin(AwardImport, AwardImport.id == PastAward.import_id)
        .order_by(page.c.id.desc())
    )
    return Prepared(lambda: shown)


# ------------------------------------------------------------------ figures


class Figure(NamedTuple):
    """How many grants there are of one kind, and what they come to in one currency, in minor units.

    ``by`` says what kind (region, country, …; "all" for everything together) and ``key`` which one. ``awarded`` leaves
    out what was refused or lapsed; the others are what the pots of the ledger hold, and nothing for ``past`` awards,
    which have no place in it.
    """

    by: str
    key: str | None
    past: bool
    currency: str
    number: int
    awarded: int
    committed: int = 0
    payable: int = 0
    paid: int = 0
    refunded: int = 0

    @property
    def outstanding(self) -> int:
        """What was signed and has not been sent yet."""
        return self.committed + self.payable


def figures_of(
    seen: Select[Award], past: Select[PastAward], wanted: Filter, person: Person, *, within: bool = False
) -> list[Figure]:
    """What the grants a person may see come to, all together and by call, lot, region, country, point, state, risk, year
    and programme; at most two queries.

    ``within``: of no more than the first ``MANY`` + 1. A grantee at risk counts in its region and in no country: see
    docs/decisions/0030.
    """
    found: list[Figure] = []
    if wanted.of_this_fund:
        asked = values_of(wanted, person)
        own = [m.organization_id for m in person.memberships]
        rows = _figures_of(seen, frozenset(wanted.asked), within)(**({"mine": own} | asked))
        found += [Figure(*row[:4], *(int(value) for value in row[4:])) for row in rows]
    if wanted.of_the_past:
        asked = values_of(wanted, person, past=True)
        rows = _past_figures_of(past, frozenset(asked))(**asked)
        found += [Figure(*row[:4], *(int(value) for value in row[4:])) for row in rows]
    return found


AT_RISK = ""
"""Instead of the country of a grantee whose name is withheld."""


def _figure(found: Any, by: str, key: Any, *sums: Any, past: bool = False) -> Select[Any]:
    """One part of the union over all kinds."""
    grouped = [found.c.currency] if isinstance(key, str) else [key, found.c.currency]
    return select(
        literal(by).label("by"),
        cast(literal(key) if isinstance(key, str) else key, Text).label("key"),
        literal(past).label("past"),
        found.c.currency,
        func.count().label("number"),
        *(func.coalesce(func.sum(found.c[name]), 0).label(name) for name in sums),
    ).group_by(*grouped)


@prepared_once
def _figures_of(seen: Select[Award], asked: frozenset[str], within: bool) -> Prepared:
    names = ("committed", "payable", "paid", "refunded")
    chosen = narrowed(seen, asked).with_only_columns(
        *(Award.id, Award.call_id, Award.lot_key, Award.region, Award.state, Award.currency, Award.plan_points),
        case((Award.confidentiality == Confidentiality.PUBLIC, Award.country), else_=AT_RISK).label("country"),
        case((Award.organization_id != all_(MINE), Award.risk), else_=null()).label("risk"),
        cast(func.date_part("year", Award.offered_at), Text).label("year"),
        case((Award.state.in_(NOT_PROMISED), 0), else_=Award.amount_minor).label("awarded"),
    )
    chosen = chosen.limit(literal_column(str(MANY + 1))) if within else chosen
    grants = chosen.cte("grants")
    held = (
        select(
            Account.award_id,
            *(func.sum(Account.balance_minor).filter(Account.kind == name).label(name) for name in names),
        )
        .where(Account.award_id.in_(select(grants.c.id)))
        .group_by(Account.award_id)
        .subquery("held")
    )
    found = (
        select(grants, *(held.c[name] for name in names))
        .outerjoin(held, held.c.award_id == grants.c.id)
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    sums = ("awarded", *names)
    by_point = select(found, func.unnest(found.c.plan_points).label("point")).subquery("by_point")
    parts = [
        _figure(found, "all", "", *sums),
        _figure(found, "programme", THIS_FUND, *sums),
        _figure(found, "call", found.c.call_id, *sums),
        _figure(found, "region", found.c.region, *sums),
        _figure(found, "country", found.c.country, *sums),
        _figure(found, "state", found.c.state, *sums),
        _figure(found, "risk", found.c.risk, *sums),
        _figure(found, "year", found.c.year, *sums),
        _figure(found, "lot", func.concat(found.c.call_id, "/", found.c.lot_key), *sums),
        _figure(by_point, "point", by_point.c.point, *sums),
    ]
    return Prepared(lambda: union_all(*parts))


@prepared_once
def _past_figures_of(seen: Select[PastAward], asked: frozenset[str]) -> Prepared:
    chosen = narrowed_past(seen, asked)
    found = (
        chosen.join(Organization, Organization.id == PastAward.organization_id)
        .join(AwardImport, AwardImport.id == PastAward.import_id)
        .with_only_columns(
            *(PastAward.currency, PastAward.region, AwardImport.programme),
            case((PastAward.confidentiality == Confidentiality.PUBLIC, Organization.country), else_=AT_RISK).label(
                "country"
            ),
            cast(func.date_part("year", PastAward.granted_on), Text).label("year"),
            PastAward.amount_minor.label("awarded"),
            maintain_column_froms=True,
        )
        .cte("found")
    )
    parts = [
        _figure(found, "all", "", "awarded", past=True),
        _figure(found, "state", AwardState.CLOSED.value, "awarded", past=True),
        *(_figure(found, by, found.c[by], "awarded", past=True) for by in ("region", "country", "year", "programme")),
    ]
    return Prepared(lambda: union_all(*parts))


class Due(NamedTuple):
    """What is due in one month: payments planned (in a currency), or reports owed. Without a ``month`` it is late."""

    kind: str
    month: date | None
    currency: str
    number: int
    minor: int


def due_by_month(seen: Select[Award], wanted: Filter, person: Person, today: date, until: date) -> list[Due]:
    """What is due for the grants a person may see, from what is late to before a day; one query."""
    if not wanted.of_this_fund:
        return []
    rows = _due_in(seen, frozenset(wanted.asked))(today=today, until=until, **values_of(wanted, person))
    return [Due._make((*row[:4], int(row[4]))) for row in rows]


@prepared_once
def _due_in(seen: Select[Award], asked: frozenset[str]) -> Prepared:
    until = bindparam("until", None, type_=Date)
    grants = narrowed(seen, asked).with_only_columns(Award.id, Award.state).cte("grants")
    sent = select(Disbursement.id).where(Disbursement.tranche_id == Tranche.id, Disbursement.state.in_(SENT))
    owed = (ReportState.OWED, ReportState.RETURNED)

    def part(kind: str, table: Any, minor: Any, *currency: Any) -> Select[Any]:
        month = case((table.due_on < TODAY, null()), else_=cast(func.date_trunc("month", table.due_on), Date))
        said = currency[0] if currency else literal_column("''", Text)
        return (
            select(literal(kind).label("kind"), month.label("month"), said.label("currency"), func.count(), minor)
            .join(grants, grants.c.id == table.award_id)
            .where(table.due_on < until)
            .group_by(month, *currency)
        )

    payments = part("payment", Tranche, func.sum(Tranche.amount_minor), Tranche.currency).where(
        grants.c.state.in_(PAYING), Tranche.cancelled_on.is_(None), ~sent.exists()
    )
    reports = part("report", ReportDue, literal_column("0", BigInteger)).where(
        grants.c.state.in_(RUNNING), ReportDue.required, ReportDue.state.in_(owed)
    )
    return Prepared(lambda: union_all(payments, reports))


# ------------------------------------------------------------------ what there is to choose from

LATEST_CALLS = 40


@dataclass(frozen=True)
class Choices:
    """What a list of grants can be narrowed to, in the order in which it is offered.

    Taken from the calls, never from the grants: that a country can be chosen says nothing of a grantee there.
    """

    calls: list[tuple[int, str, dict[str, str]]]
    lots: list[tuple[str, dict[str, str]]]
    countries: list[str]
    points: dict[int, dict[str, str]]
    programmes: list[str]


def choices_of(past: Select[PastAward], call: str = "") -> Choices:
    """What a person can narrow grants to, with the lots of one call; one query."""
    found: dict[str, list[Any]] = {kind: [] for kind in ("call", "lot", "countries", "plan", "programme")}
    for kind, number, key, text in _choices_in(past)(call=call):
        found[kind].append((number, key, text))
    return Choices(
        calls=found["call"],
        lots=[(key, text) for _, key, text in found["lot"]],
        countries=sorted({country for *_, countries in found["countries"] for country in countries}),
        points={point["number"]: point["text"] for *_, plan in found["plan"] for point in points_of(plan)},
        programmes=[key for _, key, _ in found["programme"]],
    )


@prepared_once
def _choices_in(past: Select[PastAward]) -> Prepared:
    latest = (
        select(Call.id, Call.reference, Call.title, Call.eligible_countries)
        .where(Call.state != CallState.DRAFT)
        .order_by(Call.id.desc())
        .limit(literal_column(str(LATEST_CALLS)))
        .cte("latest")
    )

    def part(kind: str, number: Any, key: Any, text: Any) -> Select[Any]:
        return select(
            literal(kind).label("kind"),
            cast(number, BigInteger).label("number"),
            cast(key, Text).label("key"),
            (cast(null(), JSONB) if text is None else func.to_jsonb(text)).label("text"),
        )

    plans = (
        select(Call.plan_of_action)
        .where(Call.id.in_(select(latest.c.id)))
        .order_by(Call.id.desc())
        .offset(literal_column("0"))
        .subquery("plans")
    )
    # One after the other (OFFSET 0), until one has points: opening all of them takes longer than everything else here.
    plan = (
        select(plans.c.plan_of_action)
        .where(func.json_typeof(plans.c.plan_of_action["clusters"]) == "array")
        .limit(literal_column("1"))
        .subquery("plan")
    )
    imports = past.where(PastAward.import_id == AwardImport.id).with_only_columns(PastAward.id).exists()
    programmes = (
        select(AwardImport.programme)
        .where(imports)
        .distinct()
        .order_by(AwardImport.programme)
        .limit(literal_column(str(MOST_PROGRAMMES)))
        .subquery("programmes")
    )
    countries = select(latest.c.eligible_countries).distinct().subquery("countries")
    parts = [
        part("call", latest.c.id, latest.c.reference, latest.c.title),
        part("lot", Lot.position, Lot.key, Lot.title)
        .join(Call, Call.id == Lot.call_id)
        .where(Call.reference == _asked("call")),
        part("countries", null(), null(), countries.c.eligible_countries),
        part("plan", null(), null(), plan.c.plan_of_action),
        part("programme", null(), programmes.c.programme, None),
    ]
    return Prepared(lambda: union_all(*parts))


MOST_PROGRAMMES = 12


class InFigures(NamedTuple):
    """A call as figures name it; ``lots`` are the titles of its lots by key."""

    id: int
    reference: str
    title: dict[str, str]
    lots: dict[str, dict[str, str]]
    envelope: Money


def calls_in(figures: Iterable[Figure]) -> dict[int, InFigures]:
    """The calls that figures name, by id; one query."""
    lots = select(func.json_object_agg(Lot.key, Lot.title)).where(Lot.call_id == Call.id).scalar_subquery()
    found = select(Call.id, Call.reference, Call.title, lots, Call.envelope_minor, Call.currency).where(
        Call.id.in_({int(one.key or 0) for one in figures if one.by == "call"})
    )
    return {
        id_: InFigures(id_, reference, title, titles or {}, Money(minor, currency))
        for id_, reference, title, titles, minor, currency in db.session.execute(found)
    }


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
        part(
            *("condition", Condition.id, Condition.text, None, Condition.met_on),
            *(cast(null(), Text), Condition.owner_id.is_(None)),
        ).where(Condition.award_id == award),
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
    "erasure": lambda seen: (seen.join(Award, Award.id == Erasure.award_id), Erasure.id, Award.reference, None, None),
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
    "erasure": Erasure,
    "award_import": AwardImport,
    "amendment": Amendment,
    "visit": Visit,
}
"""The kinds of subjects of the record whose rows have a scope."""


_OF_ANOTHER: dict[str, Callable[[Mapping[str, Select[Any]]], tuple[Any, ...]]] = {
    "reviewer": lambda _seen: (select(Person), Person.id, Person.reference),
    "person": lambda _seen: (select(Person), Person.id, Person.reference),
    "interest": lambda _seen: (
        select(ConflictDeclaration).join(Organization, Organization.id == ConflictDeclaration.organization_id),
        ConflictDeclaration.id,
        Organization.reference,
    ),
    "year_declaration": lambda _seen: (
        select(YearDeclaration).join(Person, Person.id == YearDeclaration.person_id),
        YearDeclaration.id,
        Person.reference,
    ),
    "clarification": lambda seen: (
        seen["application"].join(Clarification, Clarification.application_id == Application.id),
        Clarification.id,
        Application.reference,
    ),
    "dossier": lambda seen: (
        seen["award"].join(Dossier, Dossier.award_id == Award.id),
        Dossier.id,
        Award.reference,
    ),
    "list_file": lambda _seen: (
        select(ListFile),
        ListFile.id,
        literal("LST-") + cast(ListFile.id, Text),
        None,
        func.to_jsonb(ListFile.endpoint),
    ),
    "mail": lambda _seen: (select(OutboxMail), OutboxMail.id, cast(OutboxMail.id, Text)),
}
"""The same for kinds whose rows have no scope of their own in the record, from the scopes of the others."""


def subjects_of(entries: Sequence[Entry], seen: Mapping[str, Select[Any]]) -> dict[tuple[str, int], Subject]:
    """The subjects of these lines that a person may see, by kind and id; one query, whatever the kinds.

    ``seen`` holds the scope of each kind. The line of a subject outside of it has no entry in the answer.
    """
    ids: dict[str, set[int]] = {}
    for entry in entries:
        ids.setdefault(entry.kind, set()).add(entry.subject_id)
    parts = [_subject(kind, ids[kind], *_OWN[kind](seen[kind])) for kind in _OWN if kind in ids and kind in seen]
    parts += [_subject(kind, ids[kind], *about(seen)) for kind, about in _OF_ANOTHER.items() if kind in ids]
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
    if wanted.of_this_fund:
        asked = values_of(wanted, person) | {"mine": mine}
        ids = narrowed(seen, wanted.asked).with_only_columns(Award.id)
        parts.append((ids, _whole_grants, {**asked, "today": today}))
    if wanted.of_the_past:
        ids = narrowed_past(past, wanted.asked).with_only_columns(PastAward.id)
        parts.append((ids, _whole_past_grants, values_of(wanted, person, past=True)))
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
