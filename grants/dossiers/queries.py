"""Finding dossiers, and everything that belongs to one grant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, or_, select, union_all, update
from sqlalchemy.orm import joinedload, selectinload, undefer
from sqlalchemy.sql import literal

from grants.accounts.models import Membership, Person
from grants.amendments import queries as amendments
from grants.amendments.models import Amendment, BudgetNotice
from grants.applications.models import Attachment, Receipt
from grants.applications.queries import attachments_of
from grants.awards import queries as awards
from grants.awards.models import Agreement, Award, AwardVersion, NewBudget
from grants.calls.models import Call
from grants.checks.models import Clarification
from grants.checks.queries import clarifications_of
from grants.closeout import queries as closeouts
from grants.closeout.models import Closeout, Erasure
from grants.closeout.queries import Balance
from grants.complaints.models import Complaint
from grants.complaints.queries import complaints_about
from grants.core.db import db
from grants.core.files import StoredFile
from grants.core.mail import OutboxMail
from grants.core.questions import Definition
from grants.decisions.models import Decision, Vote
from grants.diligence import queries as diligence
from grants.diligence.models import Consent, Diligence, SanctionsCheck
from grants.dossiers.models import Dossier, DossierState
from grants.history.models import HistoryEntry, HistorySeal
from grants.letters.models import Letter
from grants.payments import queries as payments
from grants.payments.models import (
    BankAccount,
    Cofinancing,
    Disbursement,
    Refund,
    RefundRequest,
    Tranche,
    Transfer,
)
from grants.payments.queries import TransferLine
from grants.questionnaires.queries import answers_of_sheets, definition_of
from grants.reports.models import Report, ReportDue, ReportReturn, ReportVersion
from grants.reports.queries import Written, dues_of, written
from grants.reports.rules import papers_in
from grants.visits.models import Visit, VisitFile

# ------------------------------------------------------------------ dossiers


def dossier_of(seen: Select[Dossier], award_id: int) -> Dossier | None:
    """One's own dossier of a grant, with its file."""
    return db.session.scalar(seen.where(Dossier.award_id == award_id).options(joinedload(Dossier.file)))


def dossier_to_change(award_id: int, person_id: int) -> Dossier | None:
    """The dossier of a grant for a person, kept for whoever asked first."""
    found = select(Dossier).where(Dossier.award_id == award_id, Dossier.person_id == person_id)
    return db.session.scalar(found.options(selectinload(Dossier.file)).with_for_update(of=Dossier))


def dossiers_to_make(stalled: datetime, limit: int = 20) -> list[tuple[int, str]]:
    """The dossiers that wait, oldest first, with their languages; those that a worker began before ``stalled`` as well."""
    waits = or_(Dossier.begun_at.is_(None), Dossier.begun_at < stalled)
    found = select(Dossier.id, Dossier.language).where(Dossier.state == DossierState.ASKED, waits)
    return [(row[0], row[1]) for row in db.session.execute(found.order_by(Dossier.id).limit(limit))]


def dossier_to_make(dossier_id: int) -> Dossier | None:
    """A dossier that waits, held by this transaction; None when it is made or another worker has it."""
    found = select(Dossier).where(Dossier.id == dossier_id, Dossier.state == DossierState.ASKED)
    return db.session.scalar(
        found.options(joinedload(Dossier.person))
        .with_for_update(of=Dossier, skip_locked=True)
        .execution_options(populate_existing=True)
    )


def note_progress(dossier_id: int, done: int, total: int) -> None:
    """Say how many files of a dossier are in it."""
    db.session.execute(update(Dossier).where(Dossier.id == dossier_id).values(done=done, total=total))


def dossiers_made_before(moment: datetime, limit: int = 200) -> list[Dossier]:
    """Dossiers that were made before a moment, held; what another worker clears already is left out."""
    found = select(Dossier).where(Dossier.state == DossierState.READY, Dossier.made_at < moment)
    found = found.order_by(Dossier.id).limit(limit).options(selectinload(Dossier.file))
    return list(db.session.scalars(found.with_for_update(skip_locked=True)))


# ------------------------------------------------------------------ whether the record says the same


def is_on_record(manifest: str) -> bool:
    """Whether a dossier with this manifest was made here, as sealed history tells."""
    told = select(HistoryEntry.id).where(
        HistoryEntry.subject_kind == "dossier",
        HistoryEntry.verb == "make",
        HistoryEntry.details["manifest"].as_string() == manifest,
    )
    return db.session.scalar(told.limit(1)) is not None


def seal_at(position: int) -> str | None:
    """The digest of the chain at a position."""
    return db.session.scalar(select(HistorySeal.digest).where(HistorySeal.position == position))


# ------------------------------------------------------------------ everything of one grant


def award_to_tell(seen: Select[Award], award_id: int) -> Award | None:
    """A grant among those a person may see, with everything that hangs on it directly."""
    found = seen.where(Award.id == award_id).options(
        joinedload(Award.application),
        joinedload(Award.organization),
        joinedload(Award.call).options(undefer(Call.terms)),
        selectinload(Award.budget),
        selectinload(Award.conditions),
        selectinload(Award.milestones),
        selectinload(Award.new_budget).joinedload(NewBudget.answer_sheet),
        selectinload(Award.agreements).options(
            joinedload(Agreement.file),
            joinedload(Agreement.copy),
            joinedload(Agreement.signed_by).load_only(Person.name),
            joinedload(Agreement.countersigned_by).load_only(Person.name),
        ),
    )
    return db.session.scalar(found.execution_options(populate_existing=True))


@dataclass(frozen=True)
class Sealed:
    """An entry of the history with the seal that stands on it, when there is one yet."""

    entry: HistoryEntry
    position: int | None
    digest: str | None


@dataclass(frozen=True)
class Told:
    """A report that is owed, what stands in it now, each version as it was handed in with its files by their ids, and why
    it was given back.
    """

    due: ReportDue
    written: Written
    versions: list[ReportVersion]
    papers: Mapping[int, StoredFile]
    returns: list[ReportReturn]


@dataclass(frozen=True)
class Whole:
    """Everything that is known of one grant, before anybody's sight of it is asked."""

    award: Award
    versions: list[AwardVersion]
    amendments: list[Amendment]
    notices: list[BudgetNotice]
    receipt: Receipt | None
    definition: Definition
    answers: Mapping[str, Any]
    attachments: list[Attachment]
    letters: list[Letter]
    decision: Decision | None
    clarifications: list[Clarification]
    complaints: list[Complaint]
    diligence: Diligence | None
    checks: list[SanctionsCheck]
    consents: list[Consent]
    reports: list[Told]
    visits: list[Visit]
    tranches: list[Tranche]
    disbursements: list[Disbursement]
    refunds: list[Refund]
    requests: list[RefundRequest]
    sources: list[Cofinancing]
    accounts: list[BankAccount]
    transfers: list[TransferLine]
    balance: Balance
    closeout: Closeout | None
    mails: list[OutboxMail]
    history: list[Sealed]


def whole_of(award: Award) -> Whole:
    """Everything of one grant; the number of queries grows with its reports and with nothing else."""
    application = award.application
    reports = _reports(award)
    disbursements = disbursements_of(award)
    refunds = payments.refunds_of(award)[::-1]
    clarifications = clarifications_of(application)[::-1]
    complaints = complaints_about(application)[::-1]
    abouts = [award.reference, application.reference]
    abouts += [one.reference for one in disbursements]
    abouts += [one.reference for one in refunds]
    abouts += [one.reference for one in complaints]
    abouts += [f"{award.reference}/{due.key}" for due in (one.due for one in reports)]
    return Whole(
        award=award,
        versions=awards.versions_of(award),
        amendments=amendments.amendments_of(award)[::-1],
        notices=amendments.notices_of(award)[::-1],
        receipt=_receipt(award),
        definition=definition_of(application.questionnaire_id),
        answers=answers_of_sheets([application.answer_sheet_id]).get(application.answer_sheet_id, {}),
        attachments=attachments_of(application),
        letters=_letters(award),
        decision=_decision(award),
        clarifications=clarifications,
        complaints=complaints,
        diligence=diligence.diligence_of(award),
        checks=diligence.checks_of(award)[::-1],
        consents=diligence.consents_of(award)[::-1],
        reports=reports,
        visits=_visits(award),
        tranches=_tranches(award),
        disbursements=disbursements,
        refunds=refunds,
        requests=payments.requests_of(award)[::-1],
        sources=payments.cofinancing_of(award),
        accounts=_accounts(award),
        transfers=_transfers(award),
        balance=closeouts.balance_of(award),
        closeout=closeouts.closeout_of(award),
        mails=_mails(award, abouts),
        history=_history(award),
    )


def _reports(award: Award) -> list[Told]:
    of_award = (Report.report_due_id == ReportDue.id) & (ReportDue.award_id == award.id)
    versions = select(ReportVersion).join(Report, Report.id == ReportVersion.report_id).join(ReportDue, of_award)
    returns = select(ReportReturn).join(Report, Report.id == ReportReturn.report_id).join(ReportDue, of_award)
    kept = list(db.session.scalars(versions.order_by(ReportVersion.number)))
    given_back = list(db.session.scalars(returns.order_by(ReportReturn.version)))
    handed_in = {paper.file_id for one in kept for paper in papers_in(one.content)}
    papers = {one.id: one for one in db.session.scalars(select(StoredFile).where(StoredFile.id.in_(handed_in)))}
    return [
        Told(
            due,
            written(due),
            [one for one in kept if due.report and one.report_id == due.report.id],
            papers,
            [one for one in given_back if due.report and one.report_id == due.report.id],
        )
        for due in dues_of(award)
    ]


def _receipt(award: Award) -> Receipt | None:
    found = select(Receipt).where(Receipt.application_id == award.application_id).order_by(Receipt.id.desc()).limit(1)
    return db.session.scalar(found)


def _letters(award: Award) -> list[Letter]:
    found = select(Letter).where(Letter.application_id == award.application_id)
    return list(db.session.scalars(found.order_by(Letter.id)))


def _decision(award: Award) -> Decision | None:
    found = select(Decision).where(Decision.id == award.decision_id)
    beside = joinedload(Decision.meeting), selectinload(Decision.votes).joinedload(Vote.person).load_only(Person.name)
    return db.session.scalar(found.options(*beside))


def _visits(award: Award) -> list[Visit]:
    found = select(Visit).where(Visit.award_id == award.id).order_by(Visit.number)
    beside = (
        joinedload(Visit.lead).load_only(Person.name),
        selectinload(Visit.changes),
        selectinload(Visit.files).joinedload(VisitFile.file),
    )
    return list(db.session.scalars(found.options(*beside)))


def _tranches(award: Award) -> list[Tranche]:
    found = select(Tranche).where(Tranche.award_id == award.id).options(joinedload(Tranche.milestone))
    return list(db.session.scalars(found.order_by(Tranche.number)))


def disbursements_of(award: Award) -> list[Disbursement]:
    """Every payment of a grant, the first first, whatever became of it, with its account, its proof and its people."""
    found = (
        select(Disbursement)
        .join(Disbursement.tranche)
        .where(Tranche.award_id == award.id)
        .options(
            joinedload(Disbursement.tranche),
            joinedload(Disbursement.bank_account).load_only(
                BankAccount.last_four, BankAccount.currency, BankAccount.state
            ),
            joinedload(Disbursement.prepared_by).load_only(Person.name),
            joinedload(Disbursement.approved_by).load_only(Person.name),
            joinedload(Disbursement.confirmed_by).load_only(Person.name),
            joinedload(Disbursement.proof),
        )
        .order_by(Disbursement.id)
    )
    return list(db.session.scalars(found))


def _accounts(award: Award) -> list[BankAccount]:
    """The accounts of the grantee, without what is sealed in them."""
    found = select(BankAccount).where(BankAccount.organization_id == award.organization_id)
    return payments.bank_accounts_of(found, award.organization_id)[::-1]


def _transfers(award: Award) -> list[TransferLine]:
    """Every transfer of the grant, the first first."""
    lines, page = [], 1
    while True:
        found, number = payments.transfers(select(Transfer), award=award, page=page)
        lines += found
        if len(lines) >= number or not found:
            return lines[::-1]
        page += 1


def _mails(award: Award, abouts: Iterable[str]) -> list[OutboxMail]:
    """The mails to present and former members of the grantee about the grant and what belongs to it."""
    members = select(Membership.person_id).where(Membership.organization_id == award.organization_id)
    found = select(OutboxMail).where(OutboxMail.to_person_id.in_(members), OutboxMail.about.in_(list(abouts)))
    return list(db.session.scalars(found.order_by(OutboxMail.id)))


def _history(award: Award) -> list[Sealed]:
    """Everything that happened to the grant and to what belongs to it, the first first, with its seals."""
    subjects = _subjects(award)
    found = (
        select(HistoryEntry, HistorySeal.position, HistorySeal.digest)
        .join(subjects, (HistoryEntry.subject_kind == subjects.c.kind) & (HistoryEntry.subject_id == subjects.c.id))
        .outerjoin(HistorySeal, HistorySeal.entry_id == HistoryEntry.id)
        .options(joinedload(HistoryEntry.actor).load_only(Person.name, Person.reference))
        .order_by(HistoryEntry.id)
    )
    return [Sealed(row[0], row[1], row[2]) for row in db.session.execute(found)]


class Owned(NamedTuple):
    """A kind of subject in the history, and the column of its rows that leads to the grant or to its application."""

    kind: str
    id: Any
    owner: Any
    of: int


def _subjects(award: Award) -> Any:
    """The subjects of everything that belongs to a grant, by kind and key."""
    paid = select(Disbursement.id).join(Disbursement.tranche).where(Tranche.award_id == award.id)
    owned = [
        Owned("award", Award.id, Award.id, award.id),
        Owned("application", Award.application_id, Award.id, award.id),
        Owned("clarification", Clarification.id, Clarification.application_id, award.application_id),
        Owned("complaint", Complaint.id, Complaint.application_id, award.application_id),
        Owned("decision", Award.decision_id, Award.id, award.id),
        Owned("new_budget", NewBudget.id, NewBudget.award_id, award.id),
        Owned("diligence", Diligence.id, Diligence.award_id, award.id),
        Owned("consent", Consent.id, Consent.award_id, award.id),
        Owned("amendment", Amendment.id, Amendment.award_id, award.id),
        Owned("report_due", ReportDue.id, ReportDue.award_id, award.id),
        Owned("visit", Visit.id, Visit.award_id, award.id),
        Owned("refund_request", RefundRequest.id, RefundRequest.award_id, award.id),
        Owned("closeout", Closeout.id, Closeout.award_id, award.id),
        Owned("erasure", Erasure.id, Erasure.award_id, award.id),
        Owned("bank_account", BankAccount.id, BankAccount.organization_id, award.organization_id),
    ]
    parts = [select(literal(one.kind).label("kind"), one.id.label("id")).where(one.owner == one.of) for one in owned]
    parts.append(
        select(literal("disbursement").label("kind"), Disbursement.id.label("id")).where(Disbursement.id.in_(paid))
    )
    return union_all(*parts).subquery("subjects")
