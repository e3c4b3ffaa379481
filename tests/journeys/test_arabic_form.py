"""The form of a call that is written in Arabic, on a narrow screen: it runs from right to left, and nothing is cut."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from config import Config
from grants.applications import actions as applications
from grants.calls import actions as calls
from grants.core import clock
from grants.core.db import transaction
from grants.demo.people import People
from tests.calls.other_call import documents
from tests.journeys.browsing import faults, served, window
from tests.journeys.conftest import copy_of_the_demonstration
from tests.journeys.world import World

pytestmark = pytest.mark.browser

NARROW = {"width": 320, "height": 640}
"""A desk of 1280 px at 400 %, and the smallest phone."""

SECTION = "/applications/APP-801/sections/only"
TITLE = "عنوان النشاط"
WORDS: dict[str, dict[str, Any]] = {
    "title": {"label": {"ar": TITLE}, "help": {"ar": "قصير وواضح: ما الذي سيتغير، ولمن."}},
    "lot": {"label": {"ar": "لأي موضوع تتقدمون؟"}},
    "people": {"label": {"ar": "كم عدد الأشخاص الذين سيشاركون؟"}},
    "requested_amount": {"label": {"ar": "كم تطلبون منا؟"}},
    "mood": {"label": {"ar": "ما مدى ثقتكم في النجاح؟"}},
    "costs": {"label": {"ar": "التكاليف"}},
}


def arabic_call() -> dict[str, Any]:
    """The small call of other tests, worded in Arabic and open today, with a long text and a choice."""
    made = documents()
    now = clock.now()
    timetable = {"timezone": "Africa/Casablanca", "published_at": now.isoformat()}
    timetable["deadline"] = (now + timedelta(days=30)).isoformat()
    timetable["reviews_due"] = (date.today() + timedelta(days=60)).isoformat()
    made["call"] |= {
        "id": "SALAM-1",
        "title": {"ar": "صندوق الجوار: حقوق العمال المهاجرين"},
        "languages_of_application": ["ar"],
        "authoritative_language": "ar",
        "eligible_countries": ["MA"],
        "lots": [{"id": key, "title": {"ar": f"الموضوع {key}"}} for key in "abcde"],
        "timetable": timetable,
    }
    made["call"]["programme"] = {"ar": "صندوق السلام"}
    made["call"]["eligibility"]["rules"][0] |= {"check": "organization.country == 'MA'", "text": {"ar": "في المغرب"}}
    made["call"]["eligibility"]["rules"][1]["text"] = {"ar": "ثلاثة أشخاص"}
    made["form"] |= {"languages": ["ar"], "title": {"ar": "طلب"}}
    section = made["form"]["sections"][0]
    section |= {"title": {"ar": "كل شيء عن نشاطكم"}, "intro": {"ar": "أجيبوا بكلماتكم."}}
    section["questions"] = [
        *(question | WORDS[question["key"]] for question in section["questions"]),
        {"key": "summary", "type": "longtext", "max_words": 200, "required": True, "label": {"ar": "لخصوا نشاطكم"}},
    ]
    for column, word in zip(section["questions"][-2]["columns"], ("ماذا", "الثمن"), strict=True):
        column["label"] = {"ar": word}
    made["grid"]["sections"][0]["title"] = {"ar": "الكل"}
    return made


@pytest.fixture(scope="module")
def arabic(running: Config, demonstration: Config) -> Iterator[tuple[World, str]]:
    """A draft in a call that was imported as any other, on a web server."""
    with copy_of_the_demonstration(running, demonstration) as world:
        people = People()
        by, home = people["USR-MA-1"], people.organizations["ORG-MA"]
        with transaction():
            call = calls.import_call(arabic_call(), by=people["STF-07"])
            calls.publish(call, by=people["STF-07"])
            draft = applications.start(call, home, language="ar", by=by, reference="APP-801")
            answers = {"title": "كرامة العاملات المنزليات", "lot": "a", "summary": "نص طويل. " * 30}
            applications.save_section(draft, "only", answers, by=by, version=None)
        with served(world.app) as address:
            yield world, address


def widest(page: Page) -> int:
    """How much wider than its window a page is."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def side(page: Page, selector: str, inside: str) -> str:
    """On which side of its container something stands."""
    return str(
        page.evaluate(
            """([selector, inside]) => {
                const range = document.createRange();
                const element = document.querySelector(selector);
                range.selectNodeContents(element);
                const box = (element.matches("input") ? element : range).getBoundingClientRect();
                const around = element.closest(inside).getBoundingClientRect();
                return box.left - around.left < around.right - box.right ? "left" : "right";
            }""",
            [selector, inside],
        )
    )


@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_arabic_form_runs_from_right_to_left_at_320_px(
    arabic: tuple[World, str], chromium: Chromium, language: str
) -> None:
    world, address = arabic
    with window(chromium, address) as opened:
        page = opened.sign_in(world.emails["USR-MA-1"])
        if language != "en":
            page.locator(f"nav.languages button[value={language}]").click()
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        for path in (
            SECTION,
            f"{SECTION}?check=1",
            "/calls/SALAM-1",
            "/calls/SALAM-1/questions",
            "/applications/APP-801",
        ):
            page.goto(path)
            assert widest(page) <= 0, path
            assert not faults(page), path
        page.goto(SECTION)
        heading = page.locator("h1 [lang=ar]")
        assert heading.inner_text() == "كل شيء عن نشاطكم"
        assert side(page, "h1", "header") == "right"
        assert page.locator("[data-question=title]").get_attribute("dir") == "rtl"
        assert page.locator("[data-question=title] .label [lang=ar]").inner_text() == TITLE
        assert side(page, "[data-question=title] .label", ".field") == "right"
        assert side(page, "[data-question=lot] .option input", ".field") == "right"
        for control in ("input[name=title]", "textarea[name=summary]"):
            assert page.locator(control).evaluate("field => getComputedStyle(field).direction") == "rtl"
        save = page.locator("button[name=save]")
        assert save.is_visible()
        assert page.locator("html").get_attribute("dir") == "ltr"


def test_the_whole_page_can_be_turned_round(arabic: tuple[World, str], chromium: Chromium) -> None:
    world, address = arabic
    with window(chromium, address, viewport=NARROW) as opened:
        page = opened.sign_in(world.emails["USR-MA-1"])
        for size in (NARROW, {"width": 1280, "height": 860}):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            for path in (SECTION, "/applications/APP-801"):
                page.goto(path)
                page.evaluate("document.documentElement.dir = 'rtl'")
                assert widest(page) <= 0, (path, size)
                least = page.evaluate(
                    "Math.min(...[...document.querySelectorAll('main *')].map(e => e.getBoundingClientRect().left))"
                )
                assert least >= 0, (path, size)
        page.goto(SECTION)
        page.evaluate("document.documentElement.dir = 'rtl'")
        assert side(page, ".brand", ".masthead-row") == "right"
        sections, content = (page.locator(of).bounding_box() for of in (".page-sections", ".page-content"))
        assert sections is not None
        assert content is not None
        assert sections["x"] > content["x"], "the sections stand where reading begins"
