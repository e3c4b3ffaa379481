"""A coordinator tries the form of a call in preparation: really saved, really checked, and never an application."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.calls.actions import import_call
from grants.calls.models import Call
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.questionnaires.models import AnswerSheet, SectionAnswers, SectionRevision
from grants.questionnaires.queries import sections_of
from grants.trials.models import Trial
from tests import factories
from tests.calls.other_call import documents
from tests.http import Browser

TRIAL = "/calls/KIZUNA.2027/trial"
ANSWERS = {"title": "Bridges", "lot": "a", "people": "12", "requested_amount": "500000", "mood": "2"}


@pytest.fixture
def coordinator(app: Flask, browser: Browser) -> Person:
    """A coordinator before a small call in preparation."""
    import_call(documents(), by=None)
    person = factories.person(Role.REGIONAL_COORDINATOR)
    browser.sign_in(person)
    return person


def the_trial() -> Trial:
    db.session.expire_all()
    return db.session.scalars(select(Trial)).one()


def number_of(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_trial_is_saved_checked_and_marked_on_every_page(coordinator: Person, browser: Browser) -> None:
    browser.open("/calls/KIZUNA.2027/manage")
    browser.click("Try the form")
    assert "nothing here is an application" in browser.text
    assert number_of(Trial) == 0, "looking begins nothing"
    browser.open(f"{TRIAL}/only")
    assert "nothing here is an application" in browser.text
    browser.press("Save", {"title": "Bridges", "people": "0"})
    assert sections_of(the_trial().answer_sheet_id)["only"].values["title"] == "Bridges"
    browser.open(TRIAL)
    assert "“How many?”: the smallest possible value is 1." in browser.text
    assert "“Lot” is not answered yet." in browser.text
    browser.open(f"{TRIAL}/only")
    browser.press("Save and go on", ANSWERS)
    assert "These answers could be sent in." in browser.text


def test_a_trial_is_nowhere_counted_listed_or_mailed(coordinator: Person, browser: Browser) -> None:
    browser.open(f"{TRIAL}/only")
    browser.press("Save", ANSWERS)
    assert number_of(Application) == 0
    assert number_of(OutboxMail) == 0
    for page in ("/applications", "/calls/KIZUNA.2027/applications", "/"):
        browser.open(page)
        assert "Bridges" not in browser.text


def test_a_trial_follows_the_form_while_it_is_written(coordinator: Person, browser: Browser) -> None:
    browser.open(f"{TRIAL}/only")
    browser.press("Save", ANSWERS)
    browser.open("/calls/KIZUNA.2027/write/questions/0-new")
    browser.press("Save", {"key": "risk", "type": "text", "label-ja": "Risk", "required": True})
    browser.open(TRIAL)
    assert "“Risk” is not answered yet." in browser.text
    browser.open(f"{TRIAL}/only")
    browser.press("Save", {"risk": "None"})
    trial = the_trial()
    call = db.session.get_one(Call, trial.call_id)
    assert trial.answer_sheet.questionnaire_id == call.questionnaire_id
    assert sections_of(trial.answer_sheet_id)["only"].values["title"] == "Bridges"
    assert sections_of(trial.answer_sheet_id)["only"].complete


def test_a_trial_is_thrown_away_whole(coordinator: Person, browser: Browser) -> None:
    browser.open(f"{TRIAL}/only")
    browser.press("Save", ANSWERS)
    browser.press("Save", {"title": "Tunnels"})
    assert number_of(SectionRevision) == 1
    browser.open(TRIAL)
    browser.press("Throw the trial away")
    for model in (Trial, AnswerSheet, SectionAnswers, SectionRevision):
        assert number_of(model) == 0


def test_everybody_has_a_trial_of_their_own(coordinator: Person, browser: Browser) -> None:
    browser.open(f"{TRIAL}/only")
    browser.press("Save", ANSWERS)
    other = factories.person(Role.GLOBAL_COORDINATOR)
    db.session.commit()
    second = Browser(browser.app).sign_in(other)
    second.open(f"{TRIAL}/only")
    assert "Bridges" not in second.page.content


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.REVIEWER])
def test_nobody_else_tries(app: Flask, browser: Browser, role: Role) -> None:
    import_call(documents(), by=None)
    browser.sign_in(factories.person(role))
    browser.get(TRIAL, status=403)


def test_a_published_call_is_not_tried(app: Flask, browser: Browser) -> None:
    call = factories.call()
    browser.sign_in(factories.person(Role.GLOBAL_COORDINATOR))
    browser.get(f"/calls/{call.reference}/trial", status=403)
