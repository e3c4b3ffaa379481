"""A committee of five in three time zones decides over several days, in a real browser: one steps aside, two coordinators
confirm the same proposal, and what was decided is told in minutes and signed on a sheet.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from datetime import timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from grants.core import clock
from grants.core.db import db
from grants.packs.tasks import make_waiting
from tests.applications.documents import words_in
from tests.journeys.browsing import PHONE, window
from tests.journeys.world import World

pytestmark = pytest.mark.browser

CASE = "APP-005"
MEMBERS = {
    "STF-10": "Africa/Dakar",
    "STF-11": "Africa/Dakar",
    "STF-12": "Asia/Kathmandu",
    "STF-13": "America/Guatemala",
}
MEMBERS["STF-14"] = "America/Guatemala"
ASIDE = "STF-12"
VOTES = {"STF-10": "For", "STF-11": "For", "STF-13": "Against", "STF-14": "For"}


def test_a_committee_in_three_zones_decides_over_several_days(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    with ExitStack() as windows:
        pages: dict[str, Page] = {}
        opened = {}
        for who in ("STF-07", "STF-03", *MEMBERS):
            small = {"viewport": PHONE} if who == "STF-14" else {}
            opened[who] = windows.enter_context(window(chromium, address, **small))
            pages[who] = opened[who].sign_in(world.emails[who])
        room = _called(pages["STF-07"], world)
        title = _stepped_aside(pages, room)
        _proposed(pages["STF-07"], room)
        for who, choice in VOTES.items():
            pages[who].goto(f"{room}/{CASE}")
            pages[who].get_by_label(choice, exact=True).check()
            pages[who].get_by_role("button", name="Vote", exact=True).click()
            expect(pages[who].locator(".notice.success").first).to_contain_text("Your vote is recorded.")
        _confirmed_twice(pages, room)
        for who in ("STF-07", "STF-03"):
            opened[who].complaints = [said for said in opened[who].complaints if "409" not in said]
        _closed_and_signed(pages, room)
        _papers(pages, room, title)


def _called(claire: Page, world: World) -> str:
    """The coordinator calls a meeting that goes on for three days; everybody is told in their own time."""
    world.all_read()
    begins = clock.now().astimezone(ZoneInfo("Europe/Brussels")).replace(second=0, microsecond=0)
    claire.goto("/calls/MPF-2027-01/decisions")
    claire.get_by_text("Call a meeting").first.click()
    claire.get_by_label("When", exact=True).fill(f"{begins:%Y-%m-%dT%H:%M}")
    claire.get_by_label(re.compile("Until, when it goes on")).fill(f"{begins + timedelta(days=3):%Y-%m-%dT%H:%M}")
    claire.get_by_label(re.compile("Who chairs it")).select_option(label="Joseph Nonesuch")
    claire.get_by_label(re.compile("More points for the agenda")).fill("The minutes of the last meeting")
    claire.get_by_label("Quorum").fill("4")
    claire.get_by_role("button", name="Invite the members").click()
    claire.wait_for_url("**/meetings/*")
    for who, zone in MEMBERS.items():
        there = begins.astimezone(ZoneInfo(zone))
        letter = world.read(who, "Meeting of the committee")
        assert f"{there:%H:%M} ({zone.split('/')[1]}" in letter.text, (who, letter.text)
        assert "The minutes of the last meeting" in letter.text
    claire.get_by_role("button", name="Open the meeting").click()
    expect(claire.locator(".page-badge")).to_contain_text("In session")
    expect(claire.get_by_text("Joseph Nonesuch (chair)")).to_be_visible()
    return urlsplit(claire.url).path


def _stepped_aside(pages: dict[str, Page], room: str) -> str:
    """A member of the committee finds a tie while reading, and sees nothing of the application from then on."""
    devi = pages[ASIDE]
    devi.goto(f"{room}/{CASE}")
    title = devi.locator("h1").inner_text()
    devi.get_by_text("I have a conflict of interest").click()
    devi.get_by_label("What is the tie?").fill("My sister works there.")
    devi.get_by_role("button", name="Step aside").click()
    devi.wait_for_url(f"**{room}")
    expect(devi.locator("main")).not_to_contain_text(title)
    expect(devi.locator("main")).not_to_contain_text(CASE)
    devi.goto(f"{room}/agenda")
    expect(devi.locator("main")).not_to_contain_text(CASE)
    return title


def _proposed(claire: Page, room: str) -> None:
    """Less than was asked for is proposed, which has to be explained."""
    claire.goto(f"{room}/{CASE}")
    claire.get_by_label(re.compile("^Amount")).fill("14500")
    claire.get_by_role("button", name="Propose", exact=True).click()
    expect(claire.locator(".error-summary")).to_contain_text("This is less than what was asked for.")
    claire.locator("textarea[name=reason]").first.fill("The stipends can be lower.")
    claire.get_by_label(re.compile("Conditions")).fill("Adopt a written policy on safety.")
    claire.get_by_role("button", name="Propose", exact=True).click()
    expect(claire.get_by_role("button", name="Decide as proposed")).to_have_attribute("aria-disabled", "true")


def _confirmed_twice(pages: dict[str, Page], room: str) -> None:
    """Two coordinators have the same page before them; the second is told that it is decided."""
    claire, anita = pages["STF-07"], pages["STF-03"]
    for page in (claire, anita):
        page.goto(f"{room}/{CASE}")
        expect(page.get_by_text("3 for, 1 against, 0 abstained")).to_be_visible()
    claire.get_by_role("button", name="Decide as proposed").click()
    expect(claire.locator(".page-badge")).to_contain_text("Decided, letters not sent")
    anita.get_by_role("button", name="Decide as proposed").click()
    expect(anita.locator("main")).to_contain_text("The committee has decided about this application already.")


def _closed_and_signed(pages: dict[str, Page], room: str) -> None:
    claire, joseph = pages["STF-07"], pages["STF-11"]
    claire.goto(room)
    claire.get_by_label(re.compile("^Minutes")).fill("One application was decided.")
    claire.get_by_label(re.compile("Why a floor")).fill("The others are decided next week.")
    claire.get_by_role("button", name="Close the meeting").click()
    expect(claire.locator(".page-badge")).to_contain_text("Meeting closed")
    for page in (joseph, *(pages[who] for who in VOTES if who != "STF-11")):
        page.goto(room)
        page.get_by_role("button", name="Sign the decision sheet").click()
        expect(page.get_by_text("You have signed", exact=True)).to_be_visible()


def _papers(pages: dict[str, Page], room: str, title: str) -> None:
    """The sheet computes to the same, the minutes say who left the room, and the pack of who did holds nothing of it."""
    joseph, devi = pages["STF-11"], pages[ASIDE]
    joseph.goto(f"{room}/sheet")
    expect(joseph.locator("body")).to_contain_text("it is the same")
    expect(joseph.locator("body")).to_contain_text("Joseph Nonesuch (chair)")
    told = words_in(joseph.request.get(f"{room}/minutes.pdf").body())
    for words in ("DeviMythicallefttheroom.", "3for,1against,0abstained", "Thestipendscanbelower."):
        assert words in told, words
    devi.goto(f"{room}/pack")
    devi.get_by_role("button", name="Make my pack").click()
    make_waiting()
    db.session.remove()
    expect(devi.get_by_role("button", name="Download my pack (PDF)")).to_be_visible(timeout=15_000)
    with devi.expect_download() as taken:
        devi.get_by_role("button", name="Download my pack (PDF)").click()
    pack = words_in(taken.value.path().read_bytes())
    assert CASE not in pack
    assert "".join(title.split()) not in pack
    assert "APP-009" in pack
