"""The pages of a call: the public's and the coordinators'."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select

from grants.accounts.models import Role
from grants.calls.actions import import_call, publish
from grants.calls.forms import read_call
from grants.calls.models import Call
from grants.calls.workflow import CallState
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.money import Money
from tests import factories
from tests.http import Browser

SAMPLE = Path(__file__).parents[2] / "sample"
OPEN = datetime(2027, 2, 1, 12, tzinfo=UTC)


@pytest.fixture
def sample(app: Flask) -> Call:
    with clock.at(datetime(2027, 1, 5, tzinfo=UTC)):
        return import_call(read_call(SAMPLE), by=None)


@pytest.fixture
def published(sample: Call) -> Call:
    with clock.at(datetime(2027, 1, 6, tzinfo=UTC)):
        publish(sample, by=None)
        db.session.commit()
    return sample


def staff(browser: Browser, *roles: Role) -> Browser:
    somebody = factories.person(*roles)
    db.session.commit()
    return browser.sign_in(somebody)


def queries_of(browser: Browser, path: str) -> int:
    """How many statements a page costs."""
    seen: list[str] = []

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        browser.get(path)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len([s for s in seen if s.startswith(("SELECT", "WITH"))])


def test_a_visitor_reads_the_call_and_its_questions(published: Call, browser: Browser) -> None:
    with clock.at(OPEN):
        browser.get("/calls")
        assert "MADE Pilot Fund – Call for proposals 2027" in browser.text
        browser.get("/calls/MPF-2027-01")
        for wanted in (
            "May we apply?",
            "Read all questions",
            Money(600_000, "EUR").shown("en"),
            "26 February 2027, 23:59",
        ):
            assert wanted in browser.text
        browser.get("/calls/MPF-2027-01/questions")
        assert "What is the problem, and how do you know?" in browser.text
        assert "at most 350 words" in browser.text
        browser.get("/calls/manage", status=302)


def test_the_pages_speak_the_readers_language(published: Call, browser: Browser) -> None:
    with clock.at(OPEN):
        browser.get("/calls/MPF-2027-01", headers={"Accept-Language": "fr"})
        assert "droits des migrants en transit et au travail" in browser.text
        assert "Elle est active depuis au moins deux ans." in browser.text


def test_nobody_outside_sees_a_draft(sample: Call, browser: Browser) -> None:
    for path in ("/calls/MPF-2027-01", "/calls/MPF-2027-01/questions"):
        browser.get(path, status=404)
    browser.get("/calls")
    assert "MPF-2027-01" not in browser.text
    staff(browser, Role.REVIEWER, Role.COMMITTEE_MEMBER, Role.FINANCE_OFFICER)
    browser.get("/calls/MPF-2027-01", status=404)
    for path in ("/calls/manage", "/calls/import", "/calls/MPF-2027-01/manage", "/calls/MPF-2027-01/preview"):
        browser.get(path, status=403)


def test_an_empty_list_is_kind(app: Flask, browser: Browser) -> None:
    browser.get("/calls")
    assert "No call is open at the moment" in browser.text
    staff(browser, Role.GLOBAL_COORDINATOR).get("/calls/manage")
    assert "There is no call yet" in browser.text
    browser.get("/calls?page=0", status=404)
    browser.get("/calls?page=x", status=404)


def test_a_call_is_coming_open_and_closed_by_its_dates(published: Call, browser: Browser) -> None:
    for moment, wanted in (
        (datetime(2027, 1, 8, tzinfo=UTC), "Applications are taken from"),
        (OPEN, "Deadline:"),
        (datetime(2027, 3, 1, tzinfo=UTC), "The deadline has passed"),
    ):
        with clock.at(moment):
            browser.get("/calls/MPF-2027-01")
            assert wanted in browser.text
            browser.get("/calls")


def test_coordinators_preview_every_section_as_applicants_see_it(sample: Call, browser: Browser) -> None:
    staff(browser, Role.REGIONAL_COORDINATOR)
    browser.get("/calls/MPF-2027-01/preview")
    assert "This is a preview" in browser.text
    for number in range(1, 11):
        browser.get(f"/calls/MPF-2027-01/preview/S{number}")
        assert '<fieldset class="field" disabled>' in browser.text
    browser.get("/calls/MPF-2027-01/preview/S11", status=404)


def test_a_global_coordinator_publishes_and_the_others_of_its_regions_are_told(sample: Call, browser: Browser) -> None:
    regional = factories.person(Role.REGIONAL_COORDINATOR, regions=["ASI"])
    factories.person(Role.REGIONAL_COORDINATOR, regions=["EUR"])
    with clock.at(datetime(2027, 1, 6, tzinfo=UTC)):
        staff(browser, Role.GLOBAL_COORDINATOR).get("/calls/MPF-2027-01/manage")
        assert "Publish this call" in browser.text
        browser.post("/calls/MPF-2027-01/publish", status=302)
        browser.follow()
    assert db.session.scalar(select(Call.state)) == CallState.PUBLISHED
    assert db.session.scalars(select(OutboxMail.to_person_id).where(OutboxMail.kind == "call_published")).all() == [
        regional.id
    ]


def test_regional_coordinators_and_auditors_read_but_do_not_publish(sample: Call, browser: Browser) -> None:
    for role in (Role.REGIONAL_COORDINATOR, Role.AUDITOR):
        staff(browser, role).get("/calls/MPF-2027-01/manage")
        browser.post("/calls/MPF-2027-01/publish", status=403)
        browser.post("/calls/MPF-2027-01/cancel", {"reason": "No"}, page="/calls/MPF-2027-01/manage", status=403)
        browser.post("/sign-out", page="/calls/MPF-2027-01/manage")
    assert db.session.scalar(select(Call.state)) == CallState.DRAFT


def test_a_call_whose_deadline_has_passed_is_not_published(sample: Call, browser: Browser) -> None:
    with clock.at(datetime(2027, 3, 1, tzinfo=UTC)):
        staff(browser, Role.GLOBAL_COORDINATOR).get("/calls/MPF-2027-01/manage")
        assert "The deadline has already passed." in browser.text
        assert 'aria-disabled="true"' in browser.text
        browser.post("/calls/MPF-2027-01/publish", status=409)
        assert "The deadline has already passed." in browser.text
    assert db.session.scalar(select(Call.state)) == CallState.DRAFT


def test_cancelling_asks_for_a_reason_and_hides_the_call(published: Call, browser: Browser) -> None:
    with clock.at(OPEN):
        staff(browser, Role.GLOBAL_COORDINATOR)
        browser.post("/calls/MPF-2027-01/cancel", {"reason": " "}, page="/calls/MPF-2027-01/manage", status=422)
        assert "Please say why" in browser.text
        browser.post("/calls/MPF-2027-01/cancel", {"reason": "The money was withdrawn."}, status=302)
        browser.follow()
        assert "The money was withdrawn." in browser.text
        Browser(browser.app).get("/calls/MPF-2027-01", status=404)


def test_a_call_is_imported_over_the_web_from_a_zip_of_its_folder(app: Flask, browser: Browser) -> None:
    staff(browser, Role.GLOBAL_COORDINATOR).get("/calls/import")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in SAMPLE.glob("*.yaml"):
            archive.write(path, f"sample/{path.name}")
    packed.seek(0)
    browser.post("/calls/import", {"file": (packed, "call.zip")}, status=302)
    browser.follow()
    assert "MPF-2027-01" in browser.text


def test_mistakes_in_an_upload_are_told_with_their_line_and_nothing_is_kept(app: Flask, browser: Browser) -> None:
    staff(browser, Role.GLOBAL_COORDINATOR)
    text = (SAMPLE / "call.yaml").read_bytes().replace(b"currency: EUR", b"currency: EURO")
    browser.post("/calls/import", {"file": (io.BytesIO(text), "call.yaml")}, page="/calls/import", status=422)
    assert "the document “form” is missing" in browser.text
    browser.post("/calls/import", {}, page="/calls/import", status=422)
    assert "Please choose a file." in browser.text
    browser.post("/calls/import", {"file": (io.BytesIO(b"x"), "call.exe")}, page="/calls/import", status=422)
    assert "a YAML file (.yaml) or a folder as .zip is expected" in browser.text
    assert db.session.scalar(select(Call.id)) is None


def test_pages_of_calls_cost_few_queries_whatever_their_number(published: Call, browser: Browser) -> None:
    with clock.at(OPEN):
        for path in ("/calls", "/calls/MPF-2027-01", "/calls/MPF-2027-01/questions"):
            browser.get(path)
        few, page = queries_of(browser, "/calls"), queries_of(browser, "/calls/MPF-2027-01")
        for _ in range(30):
            factories.call()
            factories.call(closes_at=datetime(2027, 1, 20, tzinfo=UTC))
        db.session.commit()
        assert queries_of(browser, "/calls") == few <= 3
        assert page <= 3
        assert queries_of(browser, "/calls/MPF-2027-01/questions") <= 2
