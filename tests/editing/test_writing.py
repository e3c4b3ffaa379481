"""Coordinators write calls in the browser: every page forgets nothing, and says what is still to be mended."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings

from grants.accounts.models import Role
from grants.calls.actions import import_call
from grants.calls.forms import read_call
from grants.calls.models import Call
from grants.calls.queries import call_for_import, working_copy_of, written_documents
from grants.calls.rules import problems_of
from grants.core import clock
from grants.core.db import db
from grants.core.money import Money
from grants.editing.rules import MEMBERS, PARTS, list_at
from grants.questionnaires.queries import definition_of
from tests import factories
from tests.calls.other_call import documents
from tests.calls.some_call import calls
from tests.http import Browser

SAMPLE = Path(__file__).parents[2] / "sample"
JANUARY = datetime(2027, 1, 5, tzinfo=UTC)
WRITE = "/calls/KIZUNA.2027/write"


@pytest.fixture
def other(app: Flask, browser: Browser) -> Call:
    """A small call in preparation, and a coordinator in front of it."""
    call = import_call(documents(), by=None)
    browser.sign_in(factories.person(Role.GLOBAL_COORDINATOR))
    return call


def the_call(reference: str = "KIZUNA.2027") -> Call:
    """A call as the database has it now."""
    db.session.expire_all()
    found = call_for_import(reference)
    assert found is not None
    return found


def now_says(call: Call) -> dict[str, Any]:
    """What a call says, as far as it is applied."""
    db.session.expire_all()
    return written_documents(call)


def pages_of(call: Call) -> list[str]:
    """The address of every page on which something of a call is written."""
    written, found = written_documents(call), []
    for part in (part for part in PARTS if not part.within):
        if not part.lists:
            found.append(part.key)
            continue
        inner = MEMBERS.get(part.key)
        for n in range(len(list_at(written, part, ()) or [])):
            found.append(f"{part.key}/{n}")
            if inner is not None:
                found += [f"{inner.key}/{n}-{m}" for m in range(len(list_at(written, inner, (n,)) or []))]
    return found


# ------------------------------------------------------------------ nothing is forgotten


def test_saving_any_page_of_the_sample_untouched_changes_nothing(app: Flask, browser: Browser) -> None:
    call = import_call(read_call(SAMPLE), by=None)
    browser.sign_in(factories.person(Role.GLOBAL_COORDINATOR))
    before = json.dumps(written_documents(call))
    pages = pages_of(call)
    assert len(pages) > 100
    for page in pages[:: max(1, len(pages) // 40)]:
        browser.open(f"/calls/MPF-2027-01/write/{page}")
        browser.press("Save")
        assert json.dumps(working_copy_of(call).documents) == before, page
    assert json.dumps(now_says(call)) == before


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(definition=calls())
def test_saving_any_page_of_any_call_untouched_changes_nothing(app: Flask, definition: dict[str, Any]) -> None:
    reference = definition["call"]["id"]
    if call_for_import(reference):
        return
    call = import_call(definition, by=None)
    before, pages = json.dumps(written_documents(call)), pages_of(call)
    person = factories.person(Role.GLOBAL_COORDINATOR)
    db.session.commit()
    visitor = Browser(app).sign_in(person)
    for page in pages:
        visitor.open(f"/calls/{reference}/write/{page}")
        visitor.press("Save")
    assert json.dumps(now_says(call_for_import(reference))) == before


def test_every_list_and_document_of_the_sample_opens(app: Flask, browser: Browser) -> None:
    import_call(read_call(SAMPLE), by=None)
    browser.sign_in(factories.person(Role.REGIONAL_COORDINATOR))
    browser.open("/calls/MPF-2027-01/write")
    for part in PARTS:
        if not part.within:
            browser.open(f"/calls/MPF-2027-01/write/{part.key}")
    for document in ("call", "form", "grid", "budget", "plan_of_action"):
        browser.open(f"/calls/MPF-2027-01/write/text/{document}")
        before = json.dumps(written_documents(call_for_import("MPF-2027-01")))
        browser.press("Save")
        assert json.dumps(working_copy_of(call_for_import("MPF-2027-01")).documents) == before, document


# ------------------------------------------------------------------ what is written counts at once, when it is sound


def test_a_title_and_an_amount_that_were_written_stand_on_the_call(other: Call, browser: Browser) -> None:
    browser.open(f"{WRITE}/words")
    browser.press("Save", {"title-ja": "隣人"})
    browser.open(f"{WRITE}/money")
    browser.press("Save", {"envelope-total": "6,000,000"})
    assert now_says(the_call())["call"]["title"] == {"ja": "隣人"}
    assert (the_call().title, the_call().envelope.minor) == ({"ja": "隣人"}, 6_000_000)


def test_a_tick_makes_reviews_blind_and_taking_it_back_makes_them_open(other: Call, browser: Browser) -> None:
    box = "assessors-blind-organization_visible"
    for ticked in (True, False):
        browser.open(f"{WRITE}/grid")
        browser.press("Save", {box: ticked})
        assert now_says(the_call())["grid"]["assessors"]["blind"] == {"organization_visible": not ticked}
        assert the_call().hides_applicants is ticked


def test_a_moment_is_written_in_the_zone_of_the_call(other: Call, browser: Browser) -> None:
    browser.open(f"{WRITE}/dates")
    browser.press("Save", {"deadline": "2027-06-01T12:00"})
    assert now_says(the_call())["call"]["timetable"]["deadline"] == "2027-06-01T12:00:00+09:00"
    assert the_call().closes_at == datetime(2027, 6, 1, 3, 0, tzinfo=UTC)


def test_a_question_is_added_moved_and_taken_out(other: Call, browser: Browser) -> None:
    browser.open(f"{WRITE}/sections")
    browser.click("Add a question")
    browser.press("Save", {"key": "why", "type": "longtext", "label-ja": "なぜ？", "required": True})
    browser.press("Save", {"max_words": "200"})
    assert definition_of(the_call().questionnaire_id).questions["why"].max_words == 200
    browser.open(f"{WRITE}/sections")
    browser.post(f"{WRITE}/sections", {"place": "0-6", "do": "up", "version": "2"}, page=f"{WRITE}/sections")
    assert [q.key for q in definition_of(the_call().questionnaire_id).sections[0].questions][-2:] == ["why", "costs"]
    sent = {"place": "0-4", "do": "remove", "version": "3"}
    browser.post(f"{WRITE}/sections", sent, page=f"{WRITE}/sections")
    assert "It goes with everything in it." in browser.text
    assert "mood" in definition_of(the_call().questionnaire_id).questions, "asked first"
    browser.press("Take out")
    assert "mood" not in definition_of(the_call().questionnaire_id).questions


def test_answers_to_choose_from_and_columns_are_rows_that_can_be_added_and_emptied(
    other: Call, browser: Browser
) -> None:
    browser.open(f"{WRITE}/questions/0-new")
    browser.press(
        "Save",
        {
            "key": "colour",
            "type": "choice",
            "label-ja": "色",
        },
    )
    browser.press(
        "Save",
        {
            "options-0-value": "red",
            "options-0-label-ja": "赤",
            "options-1-value": "blue",
            "options-1-label-ja": "青",
        },
    )
    browser.press("Add rows")
    browser.press(
        "Save",
        {"options-0-value": "", "options-0-label-ja": "", "options-3-value": "green", "options-3-label-ja": "緑"},
    )
    assert list(definition_of(the_call().questionnaire_id).questions["colour"].labels) == ["blue", "green"]


def test_the_points_of_a_section_of_the_grid_follow_its_weights(other: Call, browser: Browser) -> None:
    browser.open(f"{WRITE}/criteria/0-0")
    browser.press("Save", {"weight": "3"})
    assert now_says(the_call())["grid"]["sections"][0]["max"] == 40
    assert [criterion.weight for criterion in the_call().criteria] == [3, 1]


# ------------------------------------------------------------------ unfinished, wrong, and by two at once


def test_a_draft_may_be_saved_unfinished_and_is_not_published_so(other: Call, browser: Browser) -> None:
    browser.open(f"{WRITE}/dates")
    browser.press("Save", {"deadline": ""})
    assert "still to be mended" in browser.text
    assert "deadline" not in working_copy_of(the_call()).documents["call"]["timetable"]
    assert the_call().closes_at == datetime(2027, 5, 31, 8, 0, tzinfo=UTC), "the call stays at what was sound"
    with clock.at(JANUARY):
        browser.open("/calls/KIZUNA.2027/manage")
        assert browser.page.switched_off("Publish this call")
    browser.open(WRITE)
    assert "call.timetable.deadline" in browser.text
    browser.open(f"{WRITE}/dates")
    browser.press("Save", {"deadline": "2027-05-30T17:00"})
    assert the_call().closes_at == datetime(2027, 5, 30, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("page", "typed", "said"),
    [
        ("questions/0-2", {"required_if": "peeple > 1"}, "“required_if”: unknown name “peeple” (at character 1)"),
        ("questions/0-2", {"shown_if": "people >"}, "the formula ends too early"),
        ("rules/0", {"check": "organization.land == 'JP'"}, "unknown name “organization.land”"),
        ("money", {"envelope-total": "lots"}, "Please write an amount"),
        ("money", {"envelope-total": "1.5"}, "Please write an amount"),
        ("questions/0-0", {"max_words": "many"}, "Please write a whole number"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field_and_stays_typed(
    other: Call, browser: Browser, page: str, typed: dict[str, str], said: str
) -> None:
    browser.open(f"{WRITE}/{page}")
    browser.press("Save", typed, status=422)
    assert said in browser.text
    name, value = next(iter(typed.items()))
    assert any(form.fields.get(name) == [value] for form in browser.page.forms)
    assert working_copy_of(the_call()) is None


def test_of_two_who_write_at_once_the_second_is_told_and_loses_nothing(other: Call, browser: Browser) -> None:
    second = browser.twin()
    browser.open(f"{WRITE}/words")
    second.open(f"{WRITE}/lots/0")
    browser.press("Save", {"title-ja": "隣人"})
    second.press("Save", {"title-ja": "主題"}, status=422)
    assert "Somebody else changed this call" in second.text
    second.press("Save")
    says = now_says(the_call())
    assert says["call"]["title"] == {"ja": "隣人"}
    assert says["call"]["lots"][0]["title"] == {"ja": "主題"}


def test_what_is_not_applied_can_be_forgotten(other: Call, browser: Browser) -> None:
    browser.open(f"{WRITE}/dates")
    browser.press("Save", {"deadline": ""})
    browser.press("Forget what is not applied")
    assert working_copy_of(the_call()) is None


def test_a_document_is_written_as_text_and_its_mistakes_are_told_by_line(other: Call, browser: Browser) -> None:
    browser.open(f"{WRITE}/text/grid")
    browser.press("Save", {"text": "scale: {min: 0, max: [}"}, status=422)
    assert "Line 1: this is not YAML" in browser.text
    browser.press("Save", {"text": "scale: {min: 0, max: 5}\nassessors: {independent_reviews: 2}\n"})
    assert "grid.sections" in browser.text


# ------------------------------------------------------------------ copies, and who may


def test_a_copy_has_its_own_reference_and_all_dates_moved_with_its_deadline(app: Flask, browser: Browser) -> None:
    import_call(read_call(SAMPLE), by=None)
    browser.sign_in(factories.person(Role.GLOBAL_COORDINATOR))
    browser.open("/calls/MPF-2027-01/copy")
    browser.press("Copy", {"reference": "MPF-2027-01"}, status=422)
    assert "There is a call with this reference already" in browser.text
    browser.press("Copy", {"reference": "MPF-2028-01", "deadline_on": "2028-07-26"})
    call, made = the_call("MPF-2027-01"), the_call("MPF-2028-01")
    assert made.state == "draft"
    assert made.closes_at == datetime(2028, 7, 26, 21, 59, 59, tzinfo=UTC), "the same hour of day, in summer"
    assert (made.meeting_on - made.closes_at.date()) == (call.meeting_on - call.closes_at.date())
    assert (made.title, made.envelope, len(made.criteria)) == (call.title, call.envelope, len(call.criteria))


def test_a_copy_without_a_deadline_has_no_dates_and_cannot_be_published(app: Flask, browser: Browser) -> None:
    import_call(documents(), by=None)
    browser.sign_in(factories.person(Role.GLOBAL_COORDINATOR))
    browser.open("/calls/KIZUNA.2027/copy")
    browser.press("Copy", {"reference": "KIZUNA.2028"})
    assert "call.timetable.deadline" in browser.text
    browser.open("/calls/KIZUNA.2028/manage")
    assert browser.page.switched_off("Publish this call")


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.REVIEWER, Role.FINANCE_OFFICER])
def test_nobody_but_coordinators_writes(app: Flask, browser: Browser, role: Role) -> None:
    import_call(documents(), by=None)
    browser.sign_in(factories.person(role))
    for page in ("", "/words", "/lots/0", "/text/call"):
        browser.get(f"{WRITE}{page}", status=403)


@pytest.mark.parametrize(
    "page", ["nothing", "words/0", "lots/99", "lots/x", "questions/0", "questions/9-0", "text/nothing"]
)
def test_an_address_that_leads_nowhere_is_not_found(other: Call, browser: Browser, page: str) -> None:
    browser.get(f"{WRITE}/{page}", status=404)


# ------------------------------------------------------------------ a call from nothing


FRAME = {
    "reference": "ZAMBEZI-2028",
    "title": "Fair recruitment on the Zambezi",
    "language": "pt",
    "regions": ["AFR"],
    "currency": "jpy",
    "envelope": "9000000",
    "smallest": "300000",
    "largest": "1200000",
    "deadline_on": "2999-05-31",
    "timezone": "Africa/Maputo",
}


def test_a_call_begins_with_its_frame_and_is_sound_from_the_first_moment(app: Flask, browser: Browser) -> None:
    browser.sign_in(factories.person(Role.GLOBAL_COORDINATOR))
    browser.open("/calls/manage")
    browser.click("Begin a call")
    browser.press("Begin", FRAME)
    call = the_call("ZAMBEZI-2028")
    assert (call.state, call.currency, call.envelope) == ("draft", "JPY", Money(9_000_000, "JPY"))
    assert call.closes_at.astimezone(ZoneInfo("Africa/Maputo")).isoformat() == "2999-05-31T23:59:59+02:00"
    assert [(region.region, region.indicative_minor) for region in call.regions] == [("AFR", 9_000_000)]
    assert problems_of(written_documents(call)) == []
    for page in pages_of(call):
        browser.open(f"/calls/ZAMBEZI-2028/write/{page}")
    browser.open("/calls/ZAMBEZI-2028/manage")
    browser.press("Publish this call")
    assert the_call("ZAMBEZI-2028").state == "published"


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("reference", "no spaces please"),
        ("reference", "new"),
        ("title", ""),
        ("regions", []),
        ("currency", "ZZZ"),
        ("envelope", "much"),
        ("envelope", "-5"),
        ("largest", "99000000"),
        ("smallest", "1300000"),
        ("deadline_on", "2001-01-01"),
        ("deadline_on", "2999-02-31"),
    ],
)
def test_a_frame_that_cannot_stand_is_told_beside_its_field(
    app: Flask, browser: Browser, field: str, typed: Any
) -> None:
    browser.sign_in(factories.person(Role.GLOBAL_COORDINATOR))
    browser.open("/calls/new")
    page = browser.press("Begin", FRAME | {field: typed}, status=422)
    assert page.by_id(f"{field}-error").text
    form = next(form for form in page.forms if "reference" in form["fields"])
    kept = {name: form["fields"][name][0] for name in ("largest", "timezone") if name != field}
    assert kept == {name: FRAME[name] for name in kept}
    assert call_for_import("ZAMBEZI-2028") is None


def test_a_reference_is_given_once(app: Flask, browser: Browser) -> None:
    import_call(documents(), by=None)
    browser.sign_in(factories.person(Role.GLOBAL_COORDINATOR))
    browser.open("/calls/new")
    browser.press("Begin", FRAME | {"reference": "KIZUNA.2027"}, status=422)
    assert "There is a call with this reference already" in browser.text


def test_instalments_and_reports_are_written_on_pages(app: Flask, browser: Browser) -> None:
    import_call(documents(), by=None)
    browser.sign_in(factories.person(Role.GLOBAL_COORDINATOR))
    browser.open(f"{WRITE}/reports/new")
    browser.press("Save", {"key": "end", "label-ja": "最終報告", "type": "narrative_and_financial"})
    assert "offset" in browser.text
    at = len(written_documents(the_call())["call"].get("reporting", {}).get("milestones", []))
    browser.open(f"{WRITE}/reports/{at}")
    browser.press("Save", {"offset-days": "30", "offset-from": "end", "required": "amount > 100"})
    said = written_documents(the_call())["call"]["reporting"]["milestones"][at]
    assert (said["offset"], said["required"]) == ({"days": 30, "from": "end"}, "amount > 100")
    browser.open(f"{WRITE}/reports/{at}")
    browser.press("Save", {"required": "population > 100"}, status=422)
    assert "population" in browser.text
