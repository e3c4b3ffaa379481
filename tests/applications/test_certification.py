"""A signatory reads the application and certifies it; what changes afterwards is not certified any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from grants.accounts.models import MemberRole, Membership, Person, Role
from grants.applications import actions, queries, rules
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.entries import actions as entries
from grants.history import queries as history
from tests import factories as make
from tests.applications.documents import real_pdf
from tests.applications.sample import send_in
from tests.applications.test_pages import read_in
from tests.applications.test_submission import CLOSING, IN_TIME, ready_application
from tests.http import Browser


@pytest.fixture(autouse=True)
def _then(app: Flask):
    """Everything happens while the call is open."""
    with clock.at(IN_TIME):
        yield


def member(application: Application, role: MemberRole = MemberRole.OWNER, *, may_sign: bool = False) -> Person:
    """One more member of the applicant organization."""
    somebody = make.person(name="Maya Rai")
    place = {"organization_id": application.organization_id, "person_id": somebody.id}
    make.save(Membership(**place, role=role, may_sign=may_sign))
    return somebody


def refused(action: Callable[..., Any], *args: Any, **more: Any) -> list[str]:
    """The codes with which something is refused."""
    with pytest.raises(Refused) as refusal:
        action(*args, **more)
    return [o.code for o in refusal.value.obstacles]


def certified(application: Application, by: Person) -> None:
    actions.certify(application, actions.fingerprint_now(application), by=by)


def mails(kind: str) -> list[OutboxMail]:
    return list(db.session.scalars(select(OutboxMail).where(OutboxMail.kind == kind).order_by(OutboxMail.id)))


def verbs(application: Application) -> list[str]:
    return [entry.verb for entry in reversed(history.entries_about([("application", application.id)]))]


def test_an_owner_who_may_not_sign_sends_in_what_a_signatory_certified(app: Flask) -> None:
    application, signatory = ready_application()
    owner = member(application)
    assert refused(actions.submit, application, by=owner) == ["not_certified"]
    certified(application, signatory)
    assert [mail.to_person_id for mail in mails("application_certified")] == [owner.id]
    with clock.at(IN_TIME + timedelta(hours=2)):
        receipt = actions.submit(application, by=owner)
    assert (receipt.submitted_by_id, receipt.certified_by_id) == (owner.id, signatory.id)
    assert (receipt.certified_at, receipt.submitted_at) == (IN_TIME, IN_TIME + timedelta(hours=2))
    assert verbs(application)[-2:] == ["certify", "submit"]
    assert all(signatory.name in (mail.body or "") for mail in mails("application_submitted"))
    proof = queries.receipt_with_content(application)
    assert proof is not None
    shown = dict(rules.receipt_in_words(proof, application, [])["parts"][0]["pairs"])
    assert shown["Certified by"].startswith(f"{signatory.name}, Monday, 1 February 2027, 13:00")


def test_a_signatory_certifies_and_sends_in_with_one_act(app: Flask) -> None:
    application, signatory = ready_application()
    receipt = send_in(application, by=signatory)
    assert (receipt.certified_by_id, receipt.certified_at) == (signatory.id, receipt.submitted_at)
    assert application.certified_hash == application.content_hash == receipt.content_hash
    assert verbs(application).count("certify") == 1
    assert mails("application_certified") == [], "the receipt tells of it"


def test_only_who_may_sign_certifies(app: Flask) -> None:
    application, _signatory = ready_application()
    for somebody in (member(application), member(application, MemberRole.EDITOR), make.person()):
        read = actions.fingerprint_now(application)
        assert refused(actions.certify, application, read, by=somebody) == ["not_a_signatory"]
        assert refused(actions.submit, application, read=read, by=somebody) == ["not_a_signatory"]
    second = member(application, MemberRole.EDITOR, may_sign=True)
    certified(application, second)
    assert application.certified_by_id == second.id


def changed_answer(application: Application, by: Person) -> None:
    actions.save_section(application, "S1", {"title": "Safe passages"}, by=by, version=None)


def added_file(application: Application, by: Person) -> None:
    actions.attach(application, application.call.documents[0], "more.pdf", real_pdf("More"), by=by)


def other_file(application: Application, by: Person) -> None:
    (attachment,) = queries.attachments_of(application)
    actions.detach(attachment, by=by)
    actions.attach(application, application.call.documents[0], "statutes.pdf", real_pdf("Others"), by=by)


@pytest.mark.parametrize("change", [changed_answer, added_file, other_file])
def test_any_change_ends_the_certification_and_the_same_content_has_it_again(app: Flask, change: Any) -> None:
    application, signatory = ready_application()
    owner = member(application)
    certified(application, signatory)
    with db.session.begin_nested() as changed:
        change(application, owner)
        assert refused(actions.submit, application, by=owner) == ["changed_since_certified"]
        changed.rollback()
    db.session.expire_all()
    assert actions.submit(application, by=owner).certified_by_id == signatory.id


def test_an_answer_put_back_as_it_was_is_what_was_certified(app: Flask) -> None:
    application, signatory = ready_application()
    certified(application, signatory)
    changed_answer(application, signatory)
    actions.save_section(application, "S1", {"title": "Safe passage"}, by=signatory, version=None)
    assert actions.submit(application, by=signatory).certified_at == IN_TIME


def test_what_somebody_changed_while_the_signatory_was_reading_is_not_certified(app: Flask) -> None:
    application, signatory = ready_application()
    read = actions.fingerprint_now(application)
    changed_answer(application, member(application))
    assert refused(actions.certify, application, read, by=signatory) == ["changed_meanwhile"]
    assert refused(actions.submit, application, read=read, by=signatory) == ["changed_meanwhile"]
    assert application.certified_at is None
    assert application.state == ApplicationState.DRAFT


def test_what_is_not_complete_or_too_late_is_not_certified(app: Flask) -> None:
    signatory = make.person()
    application = actions.start(make.call(), make.organization(signatory), language="en", by=signatory)
    read = actions.fingerprint_now(application)
    assert "title.missing" in refused(actions.certify, application, read, by=signatory)
    assert "title.missing" in refused(actions.ask_to_certify, application, by=signatory)
    application, signatory = ready_application()
    with clock.at(CLOSING):
        read = actions.fingerprint_now(application)
        assert refused(actions.certify, application, read, by=signatory) == ["call_closed"]
    send_in(application, by=signatory)
    assert refused(actions.certify, application, read, by=signatory) == ["not_draft"]


def test_a_correction_of_the_questions_ends_the_certification(app: Flask) -> None:
    application, signatory = ready_application()
    certified(application, signatory)
    application.call.questionnaire_id = make.questionnaire().id
    actions.follow_correction(application, by=signatory)
    assert refused(actions.submit, application, by=signatory) == ["changed_since_certified"]


def test_what_was_withdrawn_is_certified_again_only_when_it_changed(app: Flask) -> None:
    application, signatory = ready_application()
    owner = member(application)
    send_in(application, by=signatory)
    actions.withdraw(application, "We forgot a partner", by=owner)
    actions.resume(application, by=owner)
    with clock.at(IN_TIME + timedelta(days=1)):
        assert actions.submit(application, by=owner).certified_at == IN_TIME
        actions.withdraw(application, "And another", by=owner)
        actions.resume(application, by=owner)
        changed_answer(application, owner)
        assert refused(actions.submit, application, by=owner) == ["changed_since_certified"]
        assert send_in(application, by=signatory).certified_at == IN_TIME + timedelta(days=1)


def test_the_signatories_are_asked_once_a_day_and_again_after_a_change(app: Flask) -> None:
    application, signatory = ready_application()
    owner = member(application)
    second = member(application, MemberRole.EDITOR, may_sign=True)
    assert actions.ask_to_certify(application, by=owner) == [signatory, second]
    assert [mail.to_person_id for mail in mails("certification_asked")] == [signatory.id, second.id]
    assert all(f"/applications/{application.reference}/certify" in (m.body or "") for m in mails("certification_asked"))
    assert all("Safe passage" not in m.subject + (m.body or "") for m in mails("certification_asked"))
    with clock.at(IN_TIME + timedelta(hours=23)):
        assert refused(actions.ask_to_certify, application, by=owner) == ["asked_already"]
        certified(application, second)
        assert refused(actions.ask_to_certify, application, by=owner) == ["certified"]
        changed_answer(application, owner)
        actions.ask_to_certify(application, by=owner)
    assert len(mails("certification_asked")) == 4
    with clock.at(IN_TIME + timedelta(hours=47)):
        actions.ask_to_certify(application, by=owner)
    assert len(mails("certification_asked")) == 6


def test_where_nobody_may_sign_a_signatory_is_to_be_named(browser: Browser) -> None:
    application, owner = ready_application()
    db.session.execute(update(Membership).values(may_sign=False))
    db.session.expire_all()
    assert refused(actions.ask_to_certify, application, by=owner) == ["no_signatory"]
    browser.sign_in(owner).get(f"/applications/{application.reference}")
    assert "Nobody may sign for your organization yet." in browser.text
    assert f'href="/organizations/{application.organization.reference}"' in browser.text
    browser.post(f"/applications/{application.reference}/certify/ask", status=409)


def test_what_the_fund_typed_is_confirmed_by_its_organization_afterwards(app: Flask) -> None:
    call, typist = make.call(), make.person(Role.REGIONAL_COORDINATOR)
    told = {"language": "en", "spoke_with": "Awa", "phone": "", "spoken_on": IN_TIME.date()}
    application = entries.enter(call, make.organization(), by=typist, **told).application
    actions.save_section(application, "S1", {"title": "Safe passage"}, by=typist, version=0)
    actions.attach(application, call.documents[0], "statutes.pdf", real_pdf(), by=typist)
    receipt = actions.submit(application, by=typist)
    assert (receipt.certified_at, receipt.certified_by_id) == (None, None)


def test_the_owner_asks_and_the_signatory_reads_certifies_and_sends_in(browser: Browser) -> None:
    application, signatory = ready_application()
    owner, reference = member(application), application.reference
    home, name = f"/applications/{reference}", signatory.name
    signatory.name = "Amina Diallo"
    ours, theirs = Browser(browser.app).sign_in(owner), browser.sign_in(signatory)
    ours.get(home)
    assert "Ask Amina Diallo to certify" in ours.text, name
    ours.get(f"{home}/certify")
    assert "I declare" not in ours.text
    ours.post(f"{home}/certify", {"read": "0" * 64, "sure": "y"}, page=home, status=403)
    ours.post(f"{home}/certify/ask", page=home, status=302)
    ours.follow()
    assert "We have written to Amina Diallo." in ours.text
    assert "You asked on" in ours.text
    ours.post(f"{home}/certify/ask", page=home, status=409)

    theirs.get(home)
    assert "Read, certify and send in" in theirs.text
    theirs.get(f"{home}/certify")
    for shown in ("Safe passage", "Statutes", "I may sign for the organization"):
        assert shown in theirs.text
    read = read_in(theirs.text)
    theirs.post(f"{home}/certify", {"read": read}, status=422)
    assert "Please tick this if it is so." in theirs.text
    theirs.post(f"{home}/certify", {"read": read, "sure": "y"}, page=home, status=302)
    theirs.follow()
    assert "The application is certified." in theirs.text

    ours.get(home)
    assert "Certified by a signatory" in ours.text
    assert 'aria-disabled="true"' not in ours.text
    changed_answer(db.session.scalars(select(Application)).one(), db.session.get_one(Person, owner.id))
    db.session.commit()
    ours.get(home)
    assert "Changed since it was certified" in ours.text
    theirs.post(f"{home}/certify", {"read": read, "sure": "y", "send": "yes"}, page=home, status=409)
    assert "has changed the application while you were reading" in theirs.text
    theirs.get(f"{home}/certify")
    theirs.post(f"{home}/certify", {"read": read_in(theirs.text), "sure": "y", "send": "yes"}, status=302)
    theirs.follow()
    assert "We have received your application" in theirs.text
    assert "Amina Diallo" in ours.get(f"{home}/receipt").text
    theirs.get(f"{home}/certify", status=302)


def test_the_coordinator_sees_who_certified_and_nobody_else_may(browser: Browser) -> None:
    application, signatory = ready_application()
    home, signatory_id = f"/applications/{application.reference}", signatory.id
    coordinator = make.person(Role.GLOBAL_COORDINATOR)
    stranger = make.person()
    make.organization(stranger)
    for somebody, status in ((coordinator, 404), (make.person(Role.AUDITOR), 404), (stranger, 404)):
        visitor = Browser(browser.app).sign_in(somebody)
        visitor.get(f"{home}/certify", status=404)
        visitor.post(f"{home}/certify", {"read": "x", "sure": "y"}, page="/", status=status)
        visitor.post(f"{home}/certify/ask", page="/", status=status)
    signatory = db.session.get_one(Person, signatory_id)
    signatory.name = "Amina Diallo"
    send_in(db.session.scalars(select(Application)).one(), by=signatory)
    db.session.commit()
    ours = Browser(browser.app).sign_in(coordinator)
    for page in ("read", "receipt"):
        assert "Amina Diallo, Monday, 1 February 2027" in ours.get(f"{home}/{page}").text
    ours.get(f"{home}/certify", status=403)
    ours.post(f"{home}/certify/ask", page=f"{home}/read", status=403)


def test_the_database_keeps_moment_and_name_together(app: Flask) -> None:
    ready_application()
    with pytest.raises(IntegrityError, match="certified_by_somebody"), db.session.begin_nested():
        db.session.execute(update(Application).values(certified_at=IN_TIME))
