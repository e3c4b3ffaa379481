"""What is left to do before a grant can be closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Date, Integer, Select, case, cast, func, or_, select
from sqlalchemy.orm import aliased, joinedload

from grants.accounts.models import Membership, Organization, Person
from grants.amendments.models import Amendment
from grants.amendments.queries import open_amendment_of
from grants.applications.models import Application, Attachment
from grants.awards.models import Agreement, Award, Condition, Milestone
from grants.awards.workflow import FELL_THROUGH
from grants.banking.models import OrderLine, PaymentOrder
from grants.calls.models import Call, DocumentAsked
from grants.closeout.models import RETENTION_YEARS, Closeout, Erasure
from grants.closeout.workflow import ErasureState
from grants.core.db import db, paged
from grants.core.files import StoredFile
from grants.core.mail import Delivery, OutboxMail
from grants.core.money import Money
from grants.decisions.models import Decision
from grants.diligence.models import Diligence, EarlierPaper, Point, Source
from grants.enquiries.models import Enquiry
from grants.enquiries.workflow import EnquiryState
from grants.history.models import HistoryEntry
from grants.organizations.models import KeptDocument
from grants.payments import queries as payments
from grants.payments.models import AccountKind, Disbursement, Refund, RefundRequest, Tranche
from grants.payments.queries import Position, Standing
from grants.payments.workflow import DisbursementState
from grants.reports.models import Report, ReportDue, ReportLine
from grants.reports.workflow import ReportState
from grants.visits.models import AgreedChange, Visit
from grants.visits.workflow import TOLD, VisitState

PAGE = 25

MOST_FORGOTTEN = 500
"""So many addresses are removed at once; the next sweep goes on."""


def closeout_of(award: Award) -> Closeout | None:
    """The close-out of a grant, with the person who finished it."""
    found = select(Closeout).where(Closeout.award_id == award.id)
    beside = joinedload(Closeout.closed_by).load_only(Person.name), joinedload(Closeout.letter_file)
    return db.session.scalar(found.options(*beside))


@dataclass(frozen=True)
class Balance:
    """The final balance of a grant: what its payments, refunds and reports say, and what the ledger holds in its pots.

    ``ineligible`` is what accepted reports tell and the grant does not pay for; it is not among what was spent.
    """

    position: Position
    ineligible: Money
    pots: Mapping[str, Money]
    released: Money

    def pot(self, kind: AccountKind) -> Money:
        """What is in one pot of the grant."""
        return self.pots.get(kind, Money(0, self.released.currency))

    @property
    def agrees(self) -> bool:
        """Whether the ledger says the same as payments and refunds, and adds up to what was awarded."""
        kept = [self.pot(kind) for kind in (AccountKind.COMMITTED, AccountKind.PAYABLE, AccountKind.PAID)]
        refunded = self.pot(AccountKind.REFUNDED)
        whole = sum(one.minor for one in (*kept, refunded, self.released))
        return (
            refunded == self.position.refunded
            and self.pot(AccountKind.PAID) + refunded == self.position.paid
            and (not self.pots or whole == self.position.awarded.minor)
        )


def balance_of(award: Award) -> Balance:
    """The final balance of a grant as it stands now; four queries."""
    ineligible = (
        select(func.coalesce(func.sum(ReportLine.ineligible_minor), 0))
        .join(Report, Report.id == ReportLine.report_id)
        .join(ReportDue, ReportDue.id == Report.report_due_id)
        .where(ReportDue.award_id == award.id, ReportDue.state == ReportState.ACCEPTED)
    )
    return Balance(
        payments.position(award),
        Money(int(db.session.scalar(ineligible) or 0), award.currency),
        payments.balances_of(award),
        payments.released_of(award),
    )


@dataclass(frozen=True)
class Facts:
    """Everything the final checks look at. ``orders`` are the payment orders that payments under way stand in, ``visits``
    the states of those that are planned or not shared yet, by their numbers, ``agreed`` how much of what was agreed in
    visits is not done.
    """

    reports: list[ReportDue]
    tranches: list[Standing]
    conditions: list[Condition]
    milestones: list[Milestone]
    balance: Balance
    orders: Mapping[str, str]
    asked_back: RefundRequest | None
    diligence: Diligence | None
    visits: Mapping[int, str]
    agreed: int
    change: Amendment | None


def facts_of(award: Award) -> Facts:
    """What the final checks look at; the same number of queries for any grant."""
    return Facts(
        reports=list(payments.reports_owed(award).values()),
        tranches=payments.standings_of([award.id]),
        conditions=list(
            db.session.scalars(select(Condition).where(Condition.award_id == award.id).order_by(Condition.id))
        ),
        milestones=list(
            db.session.scalars(select(Milestone).where(Milestone.award_id == award.id).order_by(Milestone.due_on))
        ),
        balance=balance_of(award),
        orders=_orders(award),
        asked_back=payments.request_standing_for(award),
        diligence=db.session.scalar(select(Diligence).where(Diligence.award_id == award.id)),
        visits={
            row[0]: row[1]
            for row in db.session.execute(
                select(Visit.number, Visit.state)
                .where(Visit.award_id == award.id, Visit.state.in_((VisitState.PLANNED, VisitState.MADE)))
                .order_by(Visit.number)
            )
        },
        agreed=db.session.scalar(
            select(func.count(AgreedChange.id))
            .join(Visit, Visit.id == AgreedChange.visit_id)
            .where(Visit.award_id == award.id, Visit.state.in_(TOLD), AgreedChange.done_on.is_(None))
        )
        or 0,
        change=open_amendment_of(award),
    )


def _orders(award: Award) -> dict[str, str]:
    """The payment orders in which payments of a grant stand that the bank has not carried out, by payment."""
    found = (
        select(Disbursement.reference, PaymentOrder.reference)
        .join(OrderLine, OrderLine.disbursement_id == Disbursement.id)
        .join(PaymentOrder, PaymentOrder.id == OrderLine.order_id)
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .where(Tranche.award_id == award.id, OrderLine.stands, Disbursement.state == DisbursementState.APPROVED)
    )
    return {row[0]: row[1] for row in db.session.execute(found)}


def last_money_moved_on(award: Award) -> date | None:
    """The day of the last payment to the grantee or refund from them."""
    paid = (
        select(func.max(Disbursement.paid_on))
        .join(Tranche, Tranche.id == Disbursement.tranche_id)
        .where(Tranche.award_id == award.id)
    )
    refunded = select(func.max(Refund.received_on)).where(Refund.award_id == award.id)
    return db.session.scalar(select(func.greatest(paid.scalar_subquery(), refunded.scalar_subquery())))


def language_of_agreement(award: Award) -> str:
    """The language in which the grantee signed last; that of its application where nothing was signed."""
    signed = select(Agreement.language).where(Agreement.award_id == award.id, Agreement.signed_at.is_not(None))
    asked = select(Application.language).where(Application.id == award.application_id)
    return db.session.scalar(signed.order_by(Agreement.version.desc()).limit(1)) or db.session.scalars(asked).one()


def letter_to_enclose(reference: str) -> tuple[StoredFile, str] | None:
    """The closing letter of a grant as a document, and how confidential the grant is."""
    found = (
        select(StoredFile, Award.confidentiality)
        .join(Closeout, Closeout.letter_file_id == StoredFile.id)
        .join(Award, Award.id == Closeout.award_id)
        .where(Award.reference == reference)
    )
    row = db.session.execute(found).first()
    return (row[0], row[1]) if row else None


def retention_years_of(award: Award) -> int | None:
    """For how many years the terms of the call keep the record, when they say so."""
    found = select(Call.terms["retention_years"].as_integer()).where(Call.id == award.call_id)
    return db.session.scalar(found)


# ------------------------------------------------------------------ what is kept, and until when


_ENDED_AT = (
    select(func.max(HistoryEntry.at))
    .where(
        HistoryEntry.subject_kind == "award",
        HistoryEntry.subject_id == Award.id,
        HistoryEntry.verb.in_(("refuse", "lapse")),
        Award.state.in_(FELL_THROUGH),
    )
    .correlate(Award)
    .scalar_subquery()
)

_KEPT_YEARS = (
    select(func.coalesce(Call.terms["retention_years"].as_integer(), RETENTION_YEARS))
    .where(Call.id == Award.call_id)
    .correlate(Award)
    .scalar_subquery()
)

KEPT_UNTIL = func.coalesce(
    Closeout.keep_until,
    func.make_date(cast(func.date_part("year", _ENDED_AT), Integer) + _KEPT_YEARS, 12, 31, type_=Date),
)
"""Until when the record of a grant that is over is kept; nothing for one that is under way."""


def kept_until(award: Award) -> date | None:
    """Until when the record of a grant is kept: what its close-out says, and of one that was refused or lapsed the end of
    that year and so many years more.
    """
    found = select(KEPT_UNTIL).select_from(Award).outerjoin(Closeout, Closeout.award_id == Award.id)
    return db.session.scalar(found.where(Award.id == award.id))


class Ended(NamedTuple):
    """A grant that is over in the list of those whose records are kept until a day."""

    reference: str
    title: str
    organization: str
    confidentiality: str
    closed_on: date
    keep_until: date
    erasure: str | None


def records_kept(seen: Select[Award], *, over: bool, today: date, page: int | None = 1) -> tuple[list[Ended], int]:
    """One page (or all) of the grants that are over and whose time to be kept is ``over``, or not yet, those that end first,
    first; and how many there are.
    """
    latest = (
        select(Erasure.state)
        .where(Erasure.award_id == Award.id, Erasure.state != ErasureState.WITHDRAWN)
        .order_by(Erasure.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = seen.outerjoin(Closeout, Closeout.award_id == Award.id).where(
        or_(Closeout.keep_until.is_not(None), Award.state.in_(FELL_THROUGH)),
        today > KEPT_UNTIL if over else today <= KEPT_UNTIL,
    )
    number = db.session.scalar(select(func.count()).select_from(found.with_only_columns(Award.id).subquery())) or 0
    rows = (
        found.join(Organization, Organization.id == Award.organization_id)
        .with_only_columns(
            *(Award.reference, Award.title, Organization.name, Award.confidentiality),
            *(func.coalesce(Closeout.closed_on, cast(_ENDED_AT, Date)), KEPT_UNTIL.label("keep_until"), latest),
        )
        .order_by(KEPT_UNTIL, Award.id)
    )
    return [Ended._make(row) for row in db.session.execute(paged(rows, page, PAGE))], number


def erasure_of(award: Award) -> Erasure | None:
    """The latest erasure of a grant, proposed or carried out, with who proposed it."""
    found = select(Erasure).where(Erasure.award_id == award.id).order_by(Erasure.id.desc()).limit(1)
    return db.session.scalar(found.options(joinedload(Erasure.proposed_by).load_only(Person.name)))


def papers_about_people(award: Award) -> list[StoredFile]:
    """The files of a grant that tell of people and prove nothing of the money: what was handed in for the due diligence,
    and documents of the application that are sensitive. Not those that its organization keeps for other applications,
    nor those that another grant still needs.
    """
    needed = aliased(Point)
    elsewhere = (
        select(needed.file_id)
        .join(Diligence, Diligence.id == needed.diligence_id)
        .where(needed.file_id == StoredFile.id, Diligence.award_id != award.id)
    )
    kept = select(KeptDocument.id).where(KeptDocument.file_id == StoredFile.id)
    checked = (
        select(Point.file_id)
        .join(Diligence, Diligence.id == Point.diligence_id)
        .where(Diligence.award_id == award.id, Point.file_id.is_not(None))
    )
    replaced = (
        select(EarlierPaper.file_id)
        .join(Point, Point.id == EarlierPaper.point_id)
        .join(Diligence, Diligence.id == Point.diligence_id)
        .where(Diligence.award_id == award.id, EarlierPaper.source != Source.APPLICATION)
    )
    sensitive = (
        select(Attachment.file_id)
        .join(Attachment.document)
        .where(
            Attachment.application_id == award.application_id,
            Attachment.file_id.is_not(None),
            DocumentAsked.sensitive,
        )
    )
    found = select(StoredFile).where(
        or_(*(StoredFile.id.in_(some) for some in (checked, replaced, sensitive))),
        StoredFile.erased_at.is_(None),
        ~kept.exists(),
        ~elsewhere.exists(),
    )
    return list(db.session.scalars(found.order_by(StoredFile.id)))


def mails_about(award: Award) -> list[int]:
    """The mails to members of the grantee about the grant, its application, its reports and payments that still have words."""
    members = select(Membership.person_id).where(Membership.organization_id == award.organization_id)
    application = select(Application.reference).where(Application.id == award.application_id)
    paid = select(Disbursement.reference).join(Disbursement.tranche).where(Tranche.award_id == award.id)
    refunded = select(Refund.reference).where(Refund.award_id == award.id)
    found = select(OutboxMail.id).where(
        OutboxMail.to_person_id.in_(members),
        or_(
            OutboxMail.about == award.reference,
            func.starts_with(OutboxMail.about, f"{award.reference}/"),
            OutboxMail.about.in_(application),
            OutboxMail.about.in_(paid),
            OutboxMail.about.in_(refunded),
        ),
        OutboxMail.state != Delivery.DUE,
        OutboxMail.body.is_not(None),
    )
    return list(db.session.scalars(found.order_by(OutboxMail.id)))


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
