"""What awaits a person, in one query, and what else stands on the first page of each role."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    false,
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
from sqlalchemy.orm import aliased, load_only

from grants.accounts.models import (
    COORDINATORS,
    MemberRole,
    Organization,
    Person,
    Role,
    RoleGrant,
    RoleProposal,
    Tightening,
)
from grants.accounts.rules import INVITATION_LASTS
from grants.amendments.models import Amendment
from grants.amendments.rules import DAYS_TO_SIGN
from grants.amendments.workflow import AmendmentState
from grants.applications.models import Application
from grants.applications.rules import asks_only_files
from grants.applications.workflow import ApplicationState
from grants.awards.models import Agreement, Award, Condition, Milestone, NewBudget
from grants.awards.workflow import FELL_THROUGH, AwardState, BudgetState
from grants.banking.models import BankStatement, OrderLine, PaymentOrder
from grants.banking.workflow import OrderState, StatementState
from grants.calls.models import Call, RegionEnvelope
from grants.calls.workflow import CallState
from grants.checks.models import Clarification
from grants.checks.workflow import ClarificationState
from grants.closeout.models import Closeout, Erasure
from grants.closeout.workflow import CloseoutState, ErasureState
from grants.complaints.models import Complaint
from grants.complaints.workflow import OPEN
from grants.conflicts.models import YearDeclaration
from grants.conflicts.queries import hidden_applications
from grants.conflicts.rules import YEAR_DAYS
from grants.core.db import Prepared, db
from grants.core.languages import pick
from grants.core.mail import Delivery, OutboxMail
from grants.core.money import Money
from grants.decisions.models import Decision, Meeting, Seat, Vote
from grants.decisions.queries import DECIDED, STANDS
from grants.decisions.workflow import GONE, DecisionState, MeetingState
from grants.diligence.models import AskedOf, Consent, Diligence, Point, SanctionsCheck, SecondLook, Tab
from grants.diligence.workflow import ConsentState, DiligenceState
from grants.enquiries.models import Enquiry
from grants.enquiries.workflow import EnquiryState
from grants.entries.models import AssistedEntry
from grants.history.models import HistoryEntry
from grants.imports.models import AwardImport
from grants.imports.workflow import ImportState
from grants.owed.queries import ACCEPTED, SIGNED, TO_READ
from grants.payments.models import Account, AccountKind, BankAccount, Disbursement, RefundRequest, Tranche
from grants.payments.workflow import BankAccountState, DisbursementState, RefundRequestState
from grants.questionnaires.models import SectionAnswers
from grants.questionnaires.queries import definition_of
from grants.reminders.queries import CLOSE_WITHIN, RUNNING, TO_CONFIRM
from grants.reports.models import Report, ReportDue
from grants.reports.workflow import ReportState
from grants.reviews.models import Assignment
from grants.reviews.workflow import AssignmentState
from grants.visits.models import AgreedChange, Visit
from grants.visits.queries import TO_SHARE
from grants.visits.workflow import TOLD, VisitState
from grants.writeups.models import WriteUp

AHEAD = timedelta(days=45)
"""How far ahead a home page looks for reports and milestones."""

LONGEST = 60


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

    def compose() -> Select[*tuple[Any, ...]]:
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
        found = union_all(*(select(*first.c) for first in firsts)).subquery("found")
        return select(*found.c).order_by(_until(found.c)).limit(most)

    return Prepared(compose)


def _until(work: Any) -> Any:
    """The moment until which something waits: a day lasts until its end. What has none comes last."""
    return func.coalesce(work.moment, cast(work.day + literal_column("1"), DateTime(timezone=True)))


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
    reporting = and_(Award.organization_id == any_(MINE), Award.state.in_(SIGNED))
    owed = and_(
        reporting,
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
            Award.state.not_in(FELL_THROUGH),
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
            or_(owed, and_(reporting, _asked_to_confirm())),
            ReportDue.state.in_((ReportState.OWED, ReportState.RETURNED)),
        ),
        _receipt("confirm_payment", Award.organization_id == any_(LEADING)),
        _work("reach_milestone", Award.reference, Milestone.id, day=Milestone.due_on, note=Milestone.title)
        .join(Award, Award.id == Milestone.award_id)
        .where(
            Award.organization_id == any_(MINE),
            Award.state.in_(RUNNING),
            Milestone.reached_on.is_(None),
            Milestone.due_on <= HORIZON,
        ),
        _work("fulfil_condition", Award.reference, Condition.id, day=Condition.due_on, note=Condition.text)
        .join(Condition, Condition.award_id == Award.id)
        .where(
            Award.organization_id == any_(MINE),
            Award.state.in_(ACCEPTED),
            Condition.owner_id.is_(None),
            Condition.met_on.is_(None),
            Condition.due_on <= HORIZON,
        ),
        _work("do_change", Award.reference, AgreedChange.id, day=AgreedChange.due_on, note=AgreedChange.text)
        .join(Visit, Visit.award_id == Award.id)
        .join(AgreedChange, AgreedChange.visit_id == Visit.id)
        .where(in_mine, Visit.state.in_(TOLD), AgreedChange.done_on.is_(None), AgreedChange.due_on <= HORIZON),
        _work("enter_account", Organization.reference, Award.id, day=func.min(Tranche.due_on), note=Award.title)
        .join(Organization, Organization.id == Award.organization_id)
        .join(Tranche, Tranche.award_id == Award.id)
        .where(
            Award.organization_id == any_(LEADING),
            Award.state.in_((AwardState.SENT, *SIGNED)),
            _IS_TO_PAY,
            ~_account_of(Award.organization_id).exists(),
        )
        .group_by(Award.id, Organization.id),
    ]


_IS_TO_PAY = and_(Tranche.cancelled_on.is_(None), ~Tranche.paid_for)


def _account_of(organization_id: Any) -> Select[int]:
    """The account of an organization that it is paid to, or will be once it was verified."""
    return select(BankAccount.id).where(
        BankAccount.organization_id == organization_id, BankAccount.state != BankAccountState.BLOCKED
    )


def _asked_to_confirm() -> Any:
    """Whether the fund wrote a report up and asked its grantee to confirm it, after anything that was confirmed before."""
    asked = func.coalesce(WriteUp.asked_at > WriteUp.confirmed_at, WriteUp.asked_at.is_not(None))
    return (
        select(WriteUp.id)
        .join(Report, Report.id == WriteUp.report_id)
        .where(Report.report_due_id == ReportDue.id, asked)
    ).exists()


_RECEIPT_BY = Disbursement.paid_on + literal(TO_CONFIRM.days)


def _receipt(kind: str, *where: Any) -> Select[*tuple[Any, ...]]:
    """A payment that its grantee has not confirmed."""
    found = _work(kind, Award.reference, Disbursement.id, day=_RECEIPT_BY, note=Award.title).select_from(Disbursement)
    return (
        found.join(Tranche, Tranche.id == Disbursement.tranche_id)
        .join(Award, Award.id == Tranche.award_id)
        .where(Disbursement.state == DisbursementState.PAID, *where)
    )


_CHANGE_BY = cast(Amendment.waits_since + timedelta(days=DAYS_TO_SIGN), Date)


def _change(kind: str, state: AmendmentState, *where: Any) -> Select[*tuple[Any, ...]]:
    """A change of a grant that waits for somebody, by two weeks after it began to."""
    found = _work(kind, Award.reference, Amendment.number, day=_CHANGE_BY, note=Award.title)
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


def _tightened_since_drawn_up() -> Select[int]:
    """Whether a grant was made more confidential after its agreement was drawn up: nobody can sign it as it is."""
    drawn_up = select(func.max(Agreement.drawn_up_at)).where(Agreement.award_id == Award.id).scalar_subquery()
    return select(Tightening.id).where(
        Tightening.subject_kind == "award", Tightening.subject_id == Award.id, Tightening.at > drawn_up
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


OVER = (AwardState.CLOSED, *FELL_THROUGH)


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
    wanted = func.coalesce(cast(said, BigInteger), 2).label("wanted")
    in_a_year = Call.closes_at.between(AT - func.make_interval(1), AT)
    closed = _all_of(select(Call.id, wanted).where(Call.state == CallState.PUBLISHED, in_a_year)).subquery("closed")
    undecided = (
        select(Application.id, Application.call_id, closed.c.wanted)
        .join(closed, closed.c.id == Application.call_id)
        .where(
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
        .cte("reviews")
        .prefix_with("MATERIALIZED")
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


def _chased_offers(here: Any) -> Select[*tuple[Any, ...]]:
    """Offers that were not answered in time, and agreements that were not signed in time."""
    by = case((Award.state == AwardState.OFFERED, Award.answer_by), else_=Award.sign_by)
    return _work("chase_offer", Award.reference, Award.id, day=by, note=Award.title).where(
        here, Award.state.in_((AwardState.OFFERED, AwardState.SENT)), by < TODAY, ~_copy_waits().exists()
    )


def _chased_changes(here: Any) -> Select[*tuple[Any, ...]]:
    """Changes of grants that wait for their grantee for longer than they should."""
    with_grantee = (AmendmentState.APPROVED, AmendmentState.RETURNED, AmendmentState.DRAWN_UP)
    unconfirmed = and_(
        Amendment.state == AmendmentState.REQUESTED, Amendment.assisted, Amendment.confirmed_at.is_(None)
    )
    found = _work("chase_change", Award.reference, Amendment.number, day=_CHANGE_BY, note=Award.title)
    return found.join(Award, Award.id == Amendment.award_id).where(
        here, Award.state.in_(RUNNING), or_(Amendment.state.in_(with_grantee), unconfirmed), _CHANGE_BY < TODAY
    )


def _all_of(found: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The rows of a reading that finds few, found by themselves (OFFSET 0): left to itself, PostgreSQL takes them for many
    and begins with the grants of a region.
    """
    return found.offset(literal_column("0"))


def _grant_of(award_id: Any, *where: Any) -> Any:
    """The grant of a row, looked up one by one: where many rows stand in their order, there are soon enough."""
    grant = select(Award.id, Award.reference, Award.title).where(Award.id == award_id, *where)
    return _all_of(grant).lateral("of_row")


def _closeouts_to_open(here: Any) -> list[Select[*tuple[Any, ...]]]:
    """Grants that end, or were ended, and of which every report is settled."""
    required = select(ReportDue.id).where(ReportDue.award_id == Award.id, ReportDue.required)
    settled = _first(required.where(ReportDue.state.not_in((ReportState.ACCEPTED, ReportState.WAIVED)))).is_(None)
    reported = _first(required).is_not(None)
    unopened = ~select(Closeout.id).where(Closeout.award_id == Award.id).exists()

    def part(ends: Any, by: Any, *where: Any) -> Select[*tuple[Any, ...]]:
        ending = _all_of(select(Award.id, by.label("by")).where(ends).order_by(by)).subquery("ending")
        grant = _grant_of(ending.c.id, here, settled, unopened, *where)
        found = _work("open_closeout", grant.c.reference, grant.c.id, day=ending.c.by, note=grant.c.title)
        return found.select_from(ending).join(grant, true())

    ending = and_(Award.state.in_(RUNNING), Award.end_on <= HORIZON)
    return [
        part(ending, Award.end_on + literal(CLOSE_WITHIN.days), Award.state == AwardState.ACTIVE, reported),
        part(Award.state == AwardState.TERMINATED, Award.end_on),
    ]


def _chased_reports(here: Any) -> Select[*tuple[Any, ...]]:
    """Reports that are late, of any running or terminated grant."""
    grant = _grant_of(ReportDue.award_id, here, Award.state.in_(SIGNED))
    found = _work("chase_report", grant.c.reference, ReportDue.id, day=ReportDue.due_on, note=ReportDue.label)
    return (
        found.select_from(ReportDue)
        .join(grant, true())
        .where(
            ReportDue.required,
            ReportDue.state.in_((ReportState.OWED, ReportState.RETURNED)),
            ReportDue.due_on < TODAY,
        )
    )


def _reports_to_read(here: Any) -> Select[*tuple[Any, ...]]:
    """Reports that came in, but for those that the person wrote down or handed in."""
    read_by = cast(Report.submitted_at + TO_READ, Date).label("read_by")
    waiting = _all_of(
        select(ReportDue.id, ReportDue.award_id, ReportDue.label, read_by)
        .join(Report, Report.report_due_id == ReportDue.id)
        .where(
            ReportDue.state == ReportState.SUBMITTED,
            Report.entered_by_id.is_distinct_from(PERSON),
            Report.submitted_by_id.is_distinct_from(PERSON),
        )
        .order_by(read_by)
    ).subquery("waiting")
    grant = _grant_of(waiting.c.award_id, here)
    found = _work("read_report", grant.c.reference, waiting.c.id, day=waiting.c.read_by, note=waiting.c.label)
    return found.select_from(waiting).join(grant, true())


def _instalments_to_decide(here: Any) -> Select[*tuple[Any, ...]]:
    """Instalments whose report was waived by somebody else, and that no later report has freed since."""
    waived = aliased(
        ReportDue, _all_of(select(ReportDue).where(ReportDue.state == ReportState.WAIVED)).subquery("waived")
    )
    later = aliased(ReportDue)
    by_me = select(HistoryEntry.id).where(
        HistoryEntry.subject_kind == "report_due",
        HistoryEntry.subject_id == waived.id,
        HistoryEntry.verb == "waive",
        HistoryEntry.actor_id == PERSON,
    )
    accepted_later = select(later.id).where(
        later.award_id == Award.id,
        later.id != waived.id,
        later.due_on >= waived.due_on,
        later.state == ReportState.ACCEPTED,
    )
    found = _work("decide_instalment", Award.reference, Tranche.id, day=Tranche.due_on, note=waived.label)
    return (
        found.join(Tranche, Tranche.award_id == Award.id)
        .join(waived, waived.id == Tranche.report_due_id)
        .where(
            here,
            Award.state.in_(SIGNED),
            _IS_TO_PAY,
            Tranche.freed_at.is_(None),
            Tranche.due_on <= HORIZON,
            ~by_me.exists(),
            ~accepted_later.exists(),
        )
    )


def _of_coordinator(*, everywhere: bool) -> list[Select[*tuple[Any, ...]]]:
    here = _here()
    under_review = _calls_under_review()
    in_call = and_(Application.call_id == Call.id, Application.region == any_(REGIONS))
    submitted = and_(in_call, Application.state == ApplicationState.SUBMITTED, not_hidden(Application.id))
    in_my_regions = select(RegionEnvelope.id).where(
        RegionEnvelope.call_id == Call.id, RegionEnvelope.region == any_(REGIONS)
    )
    planned = select(Meeting.id).where(Meeting.call_id == Call.id, Meeting.state.not_in(GONE))
    # By the terms of the call another person decides about what somebody wrote down, and checks what they approved.
    four_eyes = func.coalesce(
        cast(Call.terms.op("#>>")(literal_column("'{award,amendments,four_eyes}'")), Boolean), false()
    )
    two_look = select(Call.id).where(Call.id == Award.call_id, four_eyes)
    looked_at = select(Erasure.id).where(Erasure.award_id == Award.id, Erasure.state != ErasureState.WITHDRAWN)
    unjudged = select(Point.id).where(Point.diligence_id == Diligence.id, Point.verdict.is_(None))
    parts = [
        _work("call_meeting", Call.reference, under_review.c.number, day=Call.meeting_on, note=Call.title)
        .join(under_review, under_review.c.call_id == Call.id)
        .where(under_review.c.unreviewed == 0, ~planned.exists()),
        *_closeouts_to_open(here),
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
        _work("draw_up_again", Award.reference, Award.id, day=Award.sign_by, note=Award.title).where(
            here, Award.state == AwardState.SENT, _tightened_since_drawn_up().exists()
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
            ~and_(Amendment.assisted, Amendment.asked_by_id == PERSON, two_look.exists()),
        ),
        _change(
            "check_change",
            AmendmentState.REVISED,
            here,
            or_(Amendment.decided_by_id.is_distinct_from(PERSON), ~two_look.exists()),
        ),
        _chased_changes(here),
        _chased_offers(here),
        _work("check_condition", Award.reference, Condition.id, day=Condition.due_on, note=Condition.text)
        .join(Condition, Condition.award_id == Award.id)
        .where(
            here,
            Award.state.in_(ACCEPTED),
            Condition.owner_id.is_(None),
            Condition.met_on.is_(None),
            Condition.due_on < TODAY,
        ),
        _work("confirm_milestone", Award.reference, Milestone.id, day=func.min(Tranche.due_on), note=Milestone.title)
        .join(Milestone, Milestone.award_id == Award.id)
        .join(Tranche, Tranche.milestone_id == Milestone.id)
        .where(
            here,
            Award.state.in_(SIGNED),
            Milestone.reached_on.is_not(None),
            Milestone.confirmed_on.is_(None),
            Tranche.milestone_id.is_not(None),
            _IS_TO_PAY,
        )
        .group_by(Award.id, Milestone.id),
        _instalments_to_decide(here),
        _reports_to_read(here),
        _work("write_up_report", Award.reference, ReportDue.id, day=ReportDue.due_on, note=ReportDue.label)
        .join(Award, Award.id == ReportDue.award_id)
        .join(Report, Report.report_due_id == ReportDue.id)
        .join(WriteUp, WriteUp.report_id == Report.id)
        .where(
            here,
            WriteUp.entered_by_id == PERSON,
            ReportDue.state.in_((ReportState.OWED, ReportState.RETURNED)),
            ~_asked_to_confirm(),
        ),
        _chased_reports(here),
        _receipt("chase_receipt", here, _RECEIPT_BY < TODAY),
        _work("make_visit", Award.reference, Visit.number, day=Visit.due_on, note=Visit.purpose)
        .join(Award, Award.id == Visit.award_id)
        .where(
            here,
            Award.state.not_in(FELL_THROUGH),
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
        _work("propose_erasure", literal(""), literal(0), day=func.min(Closeout.keep_until))
        .join(Award, Award.id == Closeout.award_id)
        .where(here, Closeout.keep_until < TODAY, ~looked_at.exists())
        .having(func.count() > 0),
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
    for_me_to_send = or_(Disbursement.sending_by_id.is_(None), Disbursement.sending_by_id == PERSON)
    return [
        joined[0].where(Disbursement.state == DisbursementState.PREPARED, Disbursement.prepared_by_id != PERSON),
        joined[1].where(Disbursement.state == DisbursementState.APPROVED, ~ordered.exists(), for_me_to_send),
        _work("release_order", PaymentOrder.reference, PaymentOrder.id, day=PaymentOrder.execute_on).where(
            PaymentOrder.state == OrderState.ASSEMBLED, PaymentOrder.assembled_by_id != PERSON, ~not_mine.exists()
        ),
        _work("look_after_order", PaymentOrder.reference, PaymentOrder.id, day=PaymentOrder.execute_on)
        .join(OrderLine, and_(OrderLine.order_id == PaymentOrder.id, OrderLine.stands))
        .join(Disbursement, Disbursement.id == OrderLine.disbursement_id)
        .where(
            PaymentOrder.state == OrderState.RELEASED,
            PaymentOrder.execute_on < TODAY,
            Disbursement.state == DisbursementState.APPROVED,
            ~not_mine.exists(),
        )
        .group_by(PaymentOrder.id),
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
