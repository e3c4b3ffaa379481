"""A coordinator types for an organization without a line: marked everywhere, confirmed by it, checked by somebody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from grants.accounts.models import Organization, Person, Role
from grants.applications import actions as applications
from grants.applications.models import Application
from grants.applications.queries import receipt_with_content
from grants.applications.rules import Audience, copy_in_words
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.checks import actions as checks
from grants.checks.models import Outcome
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.entries import actions
from grants.entries.models import AssistedEntry
from grants.questionnaires.queries import definition_of
from tests import factories as make
from tests.applications import sample
from tests.http import Browser

NOW = datetime(2027, 2, 11, 9, tzinfo=UTC)
SPOKEN = date(2027, 2, 10)


@pytest.fixture(autouse=True)
def _then(app: Flask):
    with clock.at(NOW):
        yield


def refused(action: Callable[..., Any], *args: Any, **more: Any) -> list[str]:
    with pytest.raises(Refused) as refusal:
        action(*args, **more)
    return [o.code for o in refusal.value.obstacles]


def coordinator(region: str = "AFR") -> Person:
    return make.person(Role.REGIONAL_COORDINATOR, regions=[region])


def typed(call: Call, by: Person, reference: str = "APP-001") -> AssistedEntry:
    """A sample application, typed by a coordinator for its organization."""
    organization, _owner = sample.organization_of(reference)
    entry = actions.enter(
        call, organization, language="fr", spoke_with="Awa, president", phone="+221 33", spoken_on=SPOKEN, by=by
    )
    told = sample.answers_of(reference)
    for section in definition_of(call.questionnaire_id).sections:
        values = {q.key: told.get(q.key) for q in section.questions if q.type != "files"}
        if values:
            applications.save_section(entry.application, section.key, values, by=by, version=None)
    return entry


def handed_in() -> tuple[AssistedEntry, Person, Person]:
    """What was typed and sent in, who typed it, and a colleague."""
    call, _everybody = sample.sample_call()
    typist, colleague = coordinator(), coordinator()
    entry = typed(call, typist)
    applications.submit(entry.application, by=typist)
    return entry, typist, colleague


def check(application: Application, by: Person) -> None:
    for finding in checks.check_eligibility(application, by=by):
        if finding.outcome != Outcome.PASSED:
            checks.judge(finding, Outcome.PASSED, "Seen.", by=by)


def test_what_was_typed_counts_once_the_organization_has_confirmed_it(app: Flask) -> None:
    entry, _typist, colleague = handed_in()
    application = entry.application
    check(application, colleague)
    assert refused(checks.find_eligible, application, by=colleague) == ["entry_unconfirmed"]
    actions.record_confirmation(entry, "letter", "Awa Diop", NOW.date(), by=colleague)
    assert (entry.is_confirmed, entry.recorded_by) == (True, colleague)
    assert refused(actions.record_confirmation, entry, "letter", "Awa", NOW.date(), by=colleague) == ["confirmed"]
    checks.find_eligible(application, by=colleague)
    assert application.state == ApplicationState.ELIGIBLE


def test_a_confirmation_says_how_who_and_when(app: Flask) -> None:
    entry, _typist, colleague = handed_in()
    record = actions.record_confirmation
    assert refused(record, entry, "link", "Awa", NOW.date(), by=colleague) == ["way"]
    assert refused(record, entry, "visit", " ", NOW.date(), by=colleague) == ["name"]
    for day in (SPOKEN - timedelta(days=1), NOW.date() + timedelta(days=1)):
        assert refused(record, entry, "visit", "Awa", day, by=colleague) == ["day"]


def test_whoever_typed_neither_asks_nor_writes_down_what_the_organization_says(app: Flask) -> None:
    entry, typist, colleague = handed_in()
    assert refused(actions.ask_to_confirm, entry, "awa@example.org", by=typist) == ["typed_it"]
    assert refused(actions.record_confirmation, entry, "visit", "Awa", NOW.date(), by=typist) == ["typed_it"]
    actions.record_confirmation(entry, "visit", "Awa", NOW.date(), by=colleague)
    themselves = update(AssistedEntry).values(recorded_by_id=AssistedEntry.entered_by_id)
    with pytest.raises(IntegrityError, match="recorded_by_another"), db.session.begin_nested():
        db.session.execute(themselves)


def test_the_deadline_is_the_same_for_what_the_fund_types(app: Flask) -> None:
    call, _everybody = sample.sample_call()
    typist = coordinator()
    entry = typed(call, typist)
    with clock.at(call.closes_at):
        assert refused(applications.submit, entry.application, by=typist) == ["call_closed"]
        assert refused(actions.confirm, entry, by=typist) == ["not_sent_in"]
        other, _owner = sample.organization_of("APP-002")
        more = {"language": "en", "spoke_with": "A", "phone": "", "spoken_on": SPOKEN}
        assert refused(actions.enter, call, other, by=coordinator(other.region or ""), **more) == ["call_closed"]


def test_a_coordinator_types_for_their_own_regions_only(app: Flask) -> None:
    call, _everybody = sample.sample_call()
    organization, _owner = sample.organization_of("APP-001")
    more = {"language": "en", "spoke_with": "A", "phone": "", "spoken_on": SPOKEN}
    assert refused(actions.enter, call, organization, by=coordinator("LAC"), **more) == ["not_your_region"]


def test_what_changed_after_it_was_confirmed_is_confirmed_again(app: Flask) -> None:
    entry, typist, colleague = handed_in()
    application = entry.application
    actions.record_confirmation(entry, "call", "Awa Diop", NOW.date(), by=colleague)
    due = application.call.closes_at.date() + timedelta(days=5)
    clarification = checks.ask(application, ["S6"], "Which partner?", due, by=colleague)
    applications.save_section(application, "S6", {"sustainability": "The union."}, by=typist, version=None)
    checks.hand_in(clarification, "By telephone.", by=typist)
    assert not entry.is_confirmed
    check(application, colleague)
    assert refused(checks.find_eligible, application, by=colleague) == ["entry_unconfirmed"]


def test_documents_and_copies_say_that_the_fund_typed_it(app: Flask) -> None:
    entry, _typist, _colleague = handed_in()
    application = entry.application
    words = copy_in_words(application, definition_of(application.questionnaire_id), {}, [], Audience.REVIEWER)
    assert ["How it was entered", "Typed by the fund, for an organization without a line"] in words["parts"][0]["pairs"]
    assert receipt_with_content(application) is not None


# ------------------------------------------------------------------ over HTTP


def link_in(mail: OutboxMail) -> str:
    found = re.search(r"/confirm-entry/\S+", mail.body or "")
    assert found
    return found[0]


def test_from_the_conversation_to_the_confirmation_by_link(browser: Browser) -> None:
    call, _everybody = sample.sample_call()
    typist, colleague = coordinator(), coordinator()
    ours, theirs = browser.sign_in(typist), Browser(browser.app).sign_in(colleague)
    stranger = Browser(browser.app)
    page = f"/calls/{call.reference}/enter"
    ours.get(page)
    said = {"spoke_with": "Awa, president", "spoken_on": SPOKEN.isoformat(), "written_in": "fr", "language": "fr"}
    ours.post(page, said, page=page, status=422)
    assert "Please give the name." in ours.text
    ours.post(page, said | {"organization": "ORG-NONE"}, page=page, status=422)
    assert "We know no organization with this reference" in ours.text
    who = {
        "name": "Association sans ligne",
        "country": "SN",
        "legal_form": "association",
        "registered": "True",
        "email": "awa@example.org",
        "confidentiality_default": "public",
        "migrant_led": "half",
    }
    ours.post(page, said | who, page=page, status=302)
    ours.follow()
    assert "Entered by the fund by telephone on" in ours.text
    application = db.session.scalars(select(Application)).one()
    number, reference = application.id, application.reference
    home = f"/applications/{reference}"
    assert db.session.get_one(Organization, application.organization_id).members == []
    theirs.get(f"{home}/read", status=404)
    ours.get(f"{home}/sections/S1")
    application, by = db.session.get_one(Application, number), db.session.get_one(Person, typist.id)
    told = sample.answers_of("APP-001")
    for section in definition_of(call.questionnaire_id).sections:
        values = {q.key: told.get(q.key) for q in section.questions if q.type != "files"}
        if values:
            applications.save_section(application, section.key, values, by=by, version=None)
    db.session.commit()
    ours.post(f"{home}/submit", {"confirmed": "yes"}, page=home, status=302)
    for path in ("", "/read", "/receipt", "/entry", "/check"):
        ours.get(home + path)
        assert typist.name in ours.text
    ours.post(f"{home}/check", page=f"{home}/entry", status=403)
    theirs.get(f"/calls/{call.reference}/applications")
    assert "entered by telephone" in theirs.text
    theirs.get(f"{home}/check")
    assert "has not confirmed it" in theirs.text
    theirs.post(f"{home}/check", page=f"{home}/check", status=302)

    ours.get(f"{home}/entry")
    assert "You typed it, so a colleague asks the organization" in ours.text
    ours.post(f"{home}/entry/ask", {"address": "me@example.org"}, page=f"{home}/entry", status=403)
    theirs.get(f"{home}/entry")
    assert "awa@example.org" in theirs.text
    theirs.post(f"{home}/entry/ask", {"address": ""}, page=f"{home}/entry", status=422)
    theirs.post(f"{home}/entry/ask", {"address": "awa@example.org"}, page=f"{home}/entry", status=302)
    mail = db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "entry_to_confirm")).one()
    address = link_in(mail)
    assert mail.to_address == "awa@example.org"
    stranger.get("/confirm-entry/a-token-of-nobody", status=404)
    stranger.get(address)
    assert "Observatoire" in stranger.text or "Awa, president" in stranger.text
    stranger.post(address, {"name": "Awa"}, page=address, status=422)
    stranger.post(address, {"name": "Awa Diop, president", "sure": "y"}, page=address)
    assert "Thank you. Your application is confirmed." in stranger.text
    stranger.get(address, status=404)
    theirs.get(f"{home}/entry")
    assert "Awa Diop, president" in theirs.text
    assert "By the link in our mail" in theirs.text
    assert (
        db.session.scalars(select(OutboxMail.kind).where(OutboxMail.about == reference).order_by(OutboxMail.id)).all()[
            -1
        ]
        == "entry_confirmed"
    )


def test_a_link_ends_after_a_month_and_with_the_next_one(browser: Browser) -> None:
    entry, _typist, colleague = handed_in()
    first = actions.ask_to_confirm(entry, "awa@example.org", by=colleague)
    second = actions.ask_to_confirm(entry, "awa@example.org", by=colleague)
    db.session.commit()
    browser.get(f"/confirm-entry/{first}", status=404)
    browser.get(f"/confirm-entry/{second}")
    with clock.at(NOW + timedelta(days=31)):
        browser.post(f"/confirm-entry/{second}", {"name": "Awa", "sure": "y"}, status=409)
        browser.get(f"/confirm-entry/{second}")
        assert "This link is too old" in browser.text


def test_a_signatory_confirms_after_signing_in_and_a_stranger_sees_nothing(browser: Browser) -> None:
    entry, typist, colleague = handed_in()
    home = f"/applications/{entry.application.reference}"
    member = make.person()
    make.save(
        make.Membership(
            organization_id=entry.application.organization_id, person_id=member.id, role="owner", may_sign=True
        )
    )
    db.session.commit()
    for somebody, status in ((typist, 403), (colleague, 403), (make.person(), 404)):
        Browser(browser.app).sign_in(somebody).post(f"{home}/entry/confirm", page="/applications", status=status)
    browser.sign_in(member).get(f"{home}/entry")
    browser.post(f"{home}/entry/record", page=f"{home}/entry", status=403)
    browser.post(f"{home}/entry/confirm", page=f"{home}/entry", status=302)
    browser.follow()
    assert "The organization has confirmed it" in browser.text


def test_a_confirmation_is_written_down_over_http(browser: Browser) -> None:
    entry, typist, colleague = handed_in()
    page = f"/applications/{entry.application.reference}/entry"
    typed_it = Browser(browser.app).sign_in(typist)
    typed_it.post(f"{page}/record", {"way": "letter", "name": "Awa", "on": "2027-02-11"}, page=page, status=403)
    browser.sign_in(colleague)
    browser.post(f"{page}/record", {"way": "letter"}, page=page, status=422)
    assert "Please give the name." in browser.text
    browser.post(f"{page}/record", {"way": "letter", "name": "Awa Diop", "on": "2027-02-11"}, page=page, status=302)
    browser.follow()
    assert "By a signed letter" in browser.text
    Browser(browser.app).sign_in(make.person(Role.AUDITOR)).get(page)
