"""The pages of the eligibility check over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.core import clock
from grants.core.db import db
from grants.enquiries.models import Enquiry
from grants.enquiries.workflow import EnquiryState
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


def objection(application: Application, **more: Any) -> Enquiry:
    """An objection to a “no” of the check before registration, found right and answered."""
    values = {"kind": "contest", "state": EnquiryState.ANSWERED, "verdict": "may_apply", "answered_at": NOW}
    told = {
        "text": "Are we too young?",
        "answer": {"en": "Your network counts from its founding."},
        "about": "two_years",
    }
    asked: Enquiry = make.save(
        Enquiry(call_id=application.call_id, language="en", origin="-", **(values | told | more))
    )
    return asked


@pytest.mark.parametrize("known_by", ["account", "address of a member", "address of the organization"])
def test_who_was_told_that_they_may_apply_is_known_to_the_check(browser: Browser, known_by: str) -> None:
    application, owner = sent_in("APP-003")
    organization = application.organization
    organization.email = "Office@example.org"
    by = {
        "account": {"asker_id": owner.id},
        "address of a member": {"email": owner.email.upper()},
        "address of the organization": {"email": "office@example.org"},
    }
    told = objection(application, **by[known_by])
    reference, call = told.reference, application.call.reference
    browser.sign_in(make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"]))
    browser.get("/applications/APP-003/check")
    assert "Your network counts from its founding." in browser.text
    browser.open(browser.page.address_of("What they asked, and which rules it is about"))
    assert browser.address == f"/calls/{call}/enquiries/{reference}"


@pytest.mark.parametrize(
    "more",
    [
        {"email": "somebody.else@example.org"},
        {"verdict": "stands"},
        {"kind": "question", "verdict": None},
        {"state": EnquiryState.ASKED, "answered_at": None},
    ],
)
def test_nothing_else_that_was_asked_is_known_to_the_check(browser: Browser, more: dict[str, Any]) -> None:
    application, owner = sent_in("APP-003")
    objection(application, **({"email": owner.email} | more))
    browser.sign_in(make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"]))
    browser.get("/applications/APP-003/check")
    assert "they may apply" not in browser.page.text
