"""The pages of the eligibility check over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.core import clock
from grants.core.db import db
from tests import factories as make
from tests.applications import sample
from tests.http import Browser

NOW = datetime(2027, 2, 11, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _then(app: Flask):
    """Every page is opened while the sample call is open."""
    with clock.at(NOW):
        yield


def sent_in(reference: str = "APP-001") -> tuple[Application, Person]:
    """A sample application that was sent in, and its owner."""
    call, _coordinator = sample.sample_call()
    application, owner = sample.filled(call, reference)
    sample.send_in(application, by=owner)
    return application, owner


def test_coordinators_check_judge_and_find(browser: Browser) -> None:
    application, _owner = sent_in("APP-003")
    coordinator = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    browser.sign_in(coordinator)
    page = "/applications/APP-003/check"
    browser.get(f"/calls/{application.call.reference}/applications")
    assert "APP-003" in browser.text
    browser.get("/applications/APP-003", status=302)
    browser.follow()
    assert "The name is withheld" in browser.text
    assert "La liste nommerait" in browser.text
    assert "Nos membres sont pour la plupart" in browser.text
    assert "Coordinatrice, 60 % du temps" in browser.text
    browser.get(page)
    assert "No rule has been looked at yet" in browser.text
    browser.post("/applications/APP-003/find-eligible", page=page, status=409)
    browser.post(page, page=page, status=302)
    browser.get(page)
    browser.post(f"{page}/E13", {"E13-outcome": "passed", "E13-reason": ""}, status=422)
    assert "Please say why" in browser.text
    browser.post(f"{page}/E13", {"E13-outcome": "passed", "E13-reason": "Seen with the sponsor"}, status=302)
    browser.post(f"{page}/E11", {"E11-outcome": "failed", "E11-reason": "A report of 2025"}, page=page, status=302)
    browser.post("/applications/APP-003/find-eligible", page=page, status=409)
    assert "not met: E11" in browser.text
    browser.post("/applications/APP-003/find-ineligible", page="/applications/APP-003/find-ineligible", status=422)
    browser.post("/applications/APP-003/find-ineligible", {"reason": "A report is owed."}, status=302)
    assert db.session.get_one(Application, application.id).state == ApplicationState.INELIGIBLE
    browser.post(
        "/applications/APP-003/reopen-check",
        {"reason": "The report is here"},
        page="/applications/APP-003/reopen-check",
        status=302,
    )
    browser.post(f"{page}/E11", {"E11-outcome": "passed", "E11-reason": "It arrived"}, page=page, status=302)
    browser.post("/applications/APP-003/find-eligible", page=page, status=302)
    assert db.session.get_one(Application, application.id).state == ApplicationState.ELIGIBLE
    browser.get(page)
    assert "Judged by" in browser.text
    browser.get("/applications/APP-003/read")


def test_a_coordinator_does_not_check_the_application_of_their_own_organization(browser: Browser) -> None:
    application, owner = sent_in()
    make.save(make.RoleGrant(person_id=owner.id, role=Role.REGIONAL_COORDINATOR, regions=["AFR"]))
    browser.sign_in(owner)
    browser.post("/applications/APP-001/check", page="/applications/APP-001/withdraw", status=403)
    assert application.state == ApplicationState.SUBMITTED
