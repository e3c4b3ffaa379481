"""The pages of scenarios over HTTP: ticking, proposing, lifting a limit, keeping, comparing, and what nobody may see."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from flask import Flask

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import db
from grants.decisions import actions as decisions
from grants.decisions.models import Decision, Meeting
from grants.history.models import HistoryEntry
from grants.scenarios.models import LaidBefore, Scenario
from tests.decisions.rows import AT, coordinator, declare_for, members, scored, session_of
from tests.factories import call, person
from tests.http import Browser
from tests.reviews.rows import counted

TITLE, NAME, REFERENCE = "Zanzibar lighthouse action", "Quokka Alliance", "APP-CANARY"


@pytest.fixture(autouse=True)
def _on_the_day_of_the_meeting(app: Flask):
    with clock.at(AT):
        yield


class Scene(NamedTuple):
    """The reference of a call, that of a meeting about it, and the addresses of its members."""

    call: str
    meeting: str
    people: list[str]


def scene(**more: Any) -> Scene:
    """A call of EUR 30,000 and five applications, the canary second; a meeting of three."""
    of_call, people, chair = call(envelope_minor=3_000_000, **more), members(3), coordinator()
    scored(of_call, 5, 5, reference="APP-1", region="AFR", requested_minor=1_200_000, plan_points=[3])
    scored(
        of_call, 4, 5, reference=REFERENCE, title=TITLE, applicant={"name": NAME}, region="ASI",
        requested_minor=913_000, plan_points=[3, 4],
    )  # fmt: skip
    scored(of_call, 3, 5, reference="APP-3", region="ASI", requested_minor=1_400_000, plan_points=[4])
    scored(of_call, 4, 4, reference="APP-4", region="LAC", requested_minor=600_000, lot_key="L2", plan_points=[])
    scored(of_call, 2, 4, reference="APP-5", region="AFR", requested_minor=600_000)
    meeting = session_of(of_call, people, by=chair)
    return Scene(of_call.reference, meeting.reference, [one.email for one in people])


def one_of(model: Any, **named: Any) -> Any:
    return db.session.query(model).filter_by(**named).one()


def address(of_call: str, rest: str = "") -> str:
    return f"/calls/{of_call}/scenarios{rest}"


def keep(browser: Browser, of_call: str, name: str, *awards: str, **more: Any) -> None:
    page = address(of_call, "/new")
    browser.post(page, {"award": list(awards), "name": name, "save": "yes"} | more, page=page, status=302)


def ticked(browser: Browser) -> set[str]:
    boxes = [box for box in browser.page.root.all("input", type="checkbox") if box.at.get("name") == "award"]
    return {str(box.at["value"]) for box in boxes if "checked" in box.at}


def shares(browser: Browser) -> dict[str, list[str]]:
    """The figures of each region, lot and point, with what is said of its limits."""
    rows = [row for table in browser.page.root.all("table", class_="shares") for row in table.all("tr")]
    return {next(row.all("th")).text: [cell.text for cell in row.all("td")] for row in rows if list(row.all("td"))}


def test_what_is_ticked_is_counted_by_region_lot_and_point(app: Flask, browser: Browser) -> None:
    of_call, _meeting, people = scene()
    page = address(of_call, "/new")
    browser.sign_in(people[0]).get(page)
    assert ticked(browser) == {"APP-1", REFERENCE}, "what the money reaches going down the list"
    assert "2 awards, €8,870 left" in browser.text
    assert browser.text.index("APP-CANARY") < browser.text.index("The money line") < browser.text.index("APP-3")
    assert browser.text.index("Below a threshold") < browser.text.index("APP-5")
    browser.post(page, {"award": ["APP-3", "APP-4"], "floor-AFR": "5000", "count": "yes"}, page=page)
    assert ticked(browser) == {"APP-3", "APP-4"}
    assert "2 awards, €10,000 left" in browser.text
    told = shares(browser)
    assert told["ASI"] == ["1", "€14,000"]
    assert told["AFR at least €5,000 not reached"] == ["0", "€0"]
    assert told["L2. Lot L2"] == ["1", "€6,000"]
    browser.post(page, {"award": ["APP-1", REFERENCE, "APP-3"], "count": "yes"}, page=page)
    assert "3 awards, €5,130 too much" in browser.text
    assert db.session.query(Scenario).count() == 0


def test_an_award_counts_for_each_point_of_the_plan_that_it_serves(app: Flask, browser: Browser) -> None:
    plan = {"clusters": [{"points": [{"number": n, "text": {"en": f"Point {n}"}} for n in (3, 4, 5)]}]}
    of_call, _meeting, people = scene(plan_of_action=plan)
    page = address(of_call, "/new")
    browser.sign_in(people[0]).get(page)
    assert {key: told for key, told in shares(browser).items() if "Point" in key} == {
        "3. Point 3": ["2", "€21,130"],
        "4. Point 4": ["1", "€9,130"],
    }


def test_a_proposal_within_limits_that_were_typed_says_why_the_others_are_not_in(app: Flask, browser: Browser) -> None:
    of_call, _meeting, people = scene()
    page = address(of_call, "/new")
    browser.sign_in(people[0])
    browser.post(page, {"propose": "yes", "budget": "27000", "floor-LAC": "6000"}, page=page)
    assert ticked(browser) == {"APP-1", "APP-4"}
    assert "2 awards in the order of the ranking, within €27,000." in browser.text
    assert "it asks for" in browser.text or "needed for what was promised" in browser.text
    browser.post(page, {"propose": "yes", "budget": "lots"}, page=page, status=422)
    assert "Please write an amount" in browser.text
    browser.post(page, {"propose": "yes", "ceiling-ASI": "-1"}, page=page, status=422)


def test_a_limit_is_lifted_with_a_reason_that_is_kept(app: Flask, browser: Browser) -> None:
    of_call, _meeting, people = scene()
    page = address(of_call, "/new")
    typed = {"floor-LAC": "7000", "budget": "30000"}
    browser.sign_in(people[0]).post(page, typed | {"propose": "yes"}, page=page)
    assert "These limits cannot be met together" in browser.text
    assert "€1,000 short" in browser.text
    assert ticked(browser) == set()
    reason = "Only one organization of the region applied."
    browser.post(page, typed | {"propose": "yes", "lift-floor_LAC": reason}, page=page)
    assert ticked(browser) == {"APP-1", REFERENCE, "APP-4"}
    assert f"Because: {reason}" in browser.text
    awards = {"award": ["APP-1", REFERENCE, "APP-4"], "name": "With less for LAC", "save": "yes"}
    browser.post(page, typed | awards | {"lift-floor_LAC": reason}, page=page, status=302)
    browser.follow()
    assert reason in browser.text
    assert "It follows from the ranking and the limits" in browser.text
    kept = one_of(Scenario)
    assert [(one["code"], one["asked"], one["reached"], one["reason"]) for one in kept.lifted] == [
        ("floor_LAC", 700_000, 600_000, reason)
    ]
    assert [one["reference"] for one in kept.why] == ["APP-3"]
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="scenario", verb="save").one()
    assert (entry.subject_id, entry.reason) == (kept.id, reason)


def test_what_was_ticked_by_hand_is_kept_without_reasons_of_a_proposal(app: Flask, browser: Browser) -> None:
    of_call, _meeting, people = scene()
    browser.sign_in(people[0])
    keep(browser, of_call, "By hand", "APP-4")
    browser.follow()
    assert "It was ticked by hand." in browser.text
    kept = one_of(Scenario)
    assert (kept.number, kept.name, kept.proposed, kept.why, kept.saved_by_id) == (
        1,
        "By hand",
        False,
        [],
        one_of(Person, email=people[0]).id,
    )
    assert [(one["reference"], one["rank"], one["ticked"]) for one in kept.lines] == [
        *(("APP-1", 1, False), (REFERENCE, 2, False), ("APP-3", 3, False), ("APP-4", 4, True)),
    ]
    assert kept.limits == {"floors": {}, "ceilings": {}, "least": {}, "most_per_lead": None}
    page = address(of_call, "/new")
    browser.post(page, {"award": ["APP-4"], "save": "yes", "name": " "}, page=page, status=422)
    assert "Please give the scenario a name." in browser.text
    browser.post(page, {"award": ["APP-5"], "save": "yes", "name": "Below"}, page=page, status=422)
    assert "Not in the ranking any more: APP-5." in browser.text
    browser.get(f"{page}?from=1")
    assert ticked(browser) == {"APP-4"}
    assert browser.page.by_id("name").at["value"] == "By hand"


def test_a_kept_scenario_shows_what_it_was_made_from_whatever_happens_later(app: Flask, browser: Browser) -> None:
    of_call, _meeting, people = scene()
    browser.sign_in(people[0])
    keep(browser, of_call, "First", "APP-1", "APP-4")
    application = db.session.query(Application).filter_by(reference="APP-4").one()
    application.requested_minor, application.state = 900_000, "withdrawn"
    db.session.flush()
    browser.get(address(of_call, "/1"))
    assert "not in the ranking any more" in browser.text
    assert "2 awards" in browser.text
    assert "€18,000" in browser.text


def test_two_or_three_are_compared_side_by_side(app: Flask, browser: Browser) -> None:
    of_call, _meeting, people = scene()
    browser.sign_in(people[0])
    keep(browser, of_call, "First", "APP-1", REFERENCE)
    keep(browser, of_call, "Second", "APP-1", "APP-4", budget="20000")
    browser.get(address(of_call))
    assert browser.text.index("Second") < browser.text.index("First")
    browser.get(address(of_call, "/compare?with=1&with=2&with=2&with=x&with=77"))
    found = {}
    for row in browser.page.root.all("tr"):
        found[next(row.all("th")).text] = [cell.text for cell in row.all("td")]
    assert found["Left"] == ["€8,870", "€2,000"]
    assert [told for key, told in found.items() if TITLE in key] == [["in", "out"]]
    assert [told for key, told in found.items() if "APP-1 " in key] == [["in", "in"]]
    browser.get(address(of_call, "/compare?with=1"))
    assert "There is nothing to compare yet." in browser.text


def test_one_is_laid_before_the_meeting_and_nothing_is_decided(app: Flask, browser: Browser) -> None:
    of_call, meeting, people = scene()
    browser.sign_in(people[0])
    keep(browser, of_call, "First", "APP-1")
    keep(browser, of_call, "Second", "APP-4")
    room = f"/meetings/{meeting}"
    browser.get(room)
    assert "Scenario before this meeting" not in browser.text
    for number in (1, 2):
        page = address(of_call, f"/{number}")
        browser.post(f"{page}/lay-before", {"meeting": meeting}, page=page, status=302)
    browser.get(room)
    assert "Scenario before this meeting: Second" in browser.text
    assert "In: APP-4" in browser.text
    assert "A scenario was laid before the meeting" in browser.text
    assert db.session.query(Decision).count() == 0
    assert [one.scenario.name for one in db.session.query(LaidBefore).order_by(LaidBefore.id)] == ["First", "Second"]
    page = address(of_call, "/1")
    browser.post(f"{page}/lay-before", {"meeting": "NONE"}, page=page, status=404)
    decisions.close_meeting(one_of(Meeting), minutes="Nothing was decided.", reason="No time.", by=coordinator())
    browser.post(f"{page}/lay-before", {"meeting": meeting}, page=page, status=409)


def test_somebody_who_stepped_aside_sees_nothing_of_the_application(app: Flask, browser: Browser) -> None:
    of_call, meeting, people = scene()
    browser.sign_in(people[0])
    page = address(of_call, "/new")
    reason = f"{TITLE} is good."
    typed = {"floor-LAC": "7000", "award": ["APP-1", REFERENCE, "APP-4"], "name": f"With {TITLE}", "save": "yes"}
    browser.post(page, typed | {"lift-floor_LAC": reason}, page=page, status=302)
    keep(browser, of_call, "Without", "APP-1")
    browser.post(address(of_call, "/1/lay-before"), {"meeting": meeting}, page=address(of_call, "/1"), status=302)
    application, member = one_of(Application, reference=REFERENCE), one_of(Person, email=people[1])
    number = application.id
    decisions.recuse(one_of(Meeting), application, member, "A cousin works there.", by=member)
    other = Browser(app).sign_in(people[1])
    for rest in ("", "/1", "/new", "/new?from=1", "/compare?with=1&with=2"):
        other.get(address(of_call, rest))
        for canary in (TITLE, NAME, REFERENCE, "9,130", "21,130", "27,130", "2,870"):
            assert canary not in other.text, (rest, canary)
    other.get(f"/meetings/{meeting}")
    assert "Scenario before this meeting: Scenario 1" in other.text
    assert "2 awards, €18,000; €12,000 left." in other.text
    assert REFERENCE not in other.text
    other.get(address(of_call, "/1"))
    assert [row.text.split()[0] for row in other.page.root.all("td", class_="record-name")] == ["1.", "3."]
    other.post(page, {"propose": "yes", "budget": "30000"}, page=page)
    assert ticked(other) == {"APP-1", "APP-3"}, "as if it had never been sent in"
    other.post(page, {"count": "yes", "award": ["APP-1", REFERENCE]}, page=page)
    assert "1 award, €18,000 left" in other.text
    other.post(page, {"save": "yes", "name": "Mine", "award": ["APP-1", REFERENCE]}, page=page, status=422)
    keep(other, of_call, "Mine", "APP-1")
    assert number not in {line["id"] for line in one_of(Scenario, name="Mine").lines}
    browser.get(address(of_call, "/1"))
    assert TITLE in browser.text


def test_a_coordinator_of_some_regions_reads_but_makes_none(app: Flask, browser: Browser) -> None:
    of_call, _meeting, people = scene()
    browser.sign_in(people[0])
    keep(browser, of_call, "First", "APP-1", REFERENCE)
    regional = Browser(app).sign_in(person(Role.REGIONAL_COORDINATOR, regions=["AFR"]))
    regional.get(address(of_call, "/1"))
    assert REFERENCE not in regional.text
    assert "€21,130" in regional.text, "other regions count, as on the ranked list"
    regional.get(address(of_call, "/new"), status=403)
    auditor = Browser(app).sign_in(person(Role.AUDITOR, regions=["AFR", "ASI", "LAC"]))
    auditor.get(address(of_call, "/1"))
    assert REFERENCE in auditor.text
    auditor.get(address(of_call, "/new"), status=403)
    absent = Browser(app).sign_in(person(Role.COMMITTEE_MEMBER))
    absent.get(address(of_call), status=403)


def test_the_pages_ask_the_database_as_often_for_many_as_for_few(app: Flask, browser: Browser) -> None:
    of_call, _meeting, people = scene()
    browser.sign_in(people[0])
    keep(browser, of_call, "First", "APP-1")
    pages = [address(of_call, rest) for rest in ("", "/1", "/new", "/compare?with=1&with=2")]

    def asked() -> list[int]:
        found = []
        for page in pages:
            browser.get(page)
            statements: list[str] = []
            with counted(statements):
                browser.get(page)
            found.append(len(statements))
        return found

    before = asked()
    for n in range(12):
        scored(one_of(Call, reference=of_call), 4, 4, reference=f"APP-M{n}")
        declare_for(one_of(Call, reference=of_call), [one_of(Person, email=people[0])])
        keep(browser, of_call, f"More {n}", "APP-1")
    assert asked() == before
