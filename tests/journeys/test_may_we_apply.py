"""Before an account exists, in a real browser: a phone without scripts, a colleague abroad, a coordinator who answers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.journeys.browsing import DESK, PHONE, window
from tests.journeys.desk import answer_the_check, sound
from tests.journeys.world import World

pytestmark = pytest.mark.browser

CALL = "/calls/MPF-2027-02"


def test_a_visitor_on_a_phone_without_scripts_qualifies_objects_and_begins(
    house: tuple[World, str], chromium: Chromium
) -> None:
    world, address = house
    with window(chromium, address, viewport=PHONE, java_script_enabled=False) as opened:
        page = opened.page
        page.goto(CALL)
        page.get_by_role("link", name="Check in two minutes whether you may apply").click()
        answer_the_check(page, country="FR")
        page.get_by_role("button", name="See whether we may apply").click()
        expect(page.locator(".notice.warning")).to_contain_text("Not as things stand, for one reason")
        page.get_by_role("link", name="We think this “no” is wrong").click()
        expect(page.locator(".notice.info")).to_contain_text("You answered: France")
        page.get_by_label("Why do you think so?").fill("Our office is in Dakar.")
        page.get_by_label("Your e-mail address").fill("phone@example.org")
        page.get_by_label(re.compile("Yes, write to me")).check()
        page.get_by_role("button", name="Send").click()
        expect(page.locator("h1")).to_have_text("One more step")
        page.goto(world.read("phone@example.org").link)
        page.get_by_role("button", name="Yes, please answer").click()
        expect(page.locator(".notice.success")).to_contain_text("We have your question")
        page.goto(f"{CALL}/can-we-apply")
        answer_the_check(page)
        page.get_by_role("button", name="See whether we may apply").click()
        expect(page.locator(".notice.success")).to_contain_text("You can apply")
        page.get_by_role("link", name="Open an account and begin").click()
        expect(page).to_have_url(re.compile("/register"))


@pytest.mark.parametrize(("size", "language"), [(PHONE, "fr-FR"), (DESK, "en-GB")])
def test_the_pages_before_an_account_are_sound_at_every_size(
    shown: tuple[World, str], chromium: Chromium, size: dict[str, int], language: str
) -> None:
    _world, address = shown
    good = (
        "answered=yes&kind=ngo&registration=registered&country=SN&two_years=no&only_there=yes&theme=L1&advocacy=unsure"
        "&amount=10000&months=6&own_share=yes&language=yes&other_application=no&late_report=no"
    )
    bad = good.replace("=SN", "=FR").replace("10000", "50000")
    with window(chromium, address, viewport=size, locale=language) as opened:
        for path in (
            "can-we-apply",
            f"can-we-apply?{good}",
            f"can-we-apply?{bad}",
            "ask?about=country&given=FR",
            "ask",
        ):
            for scheme in ("light", "dark"):
                opened.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
                opened.page.goto(f"{CALL}/{path}")
                sound(opened.page)


def test_the_deadline_is_told_in_the_time_of_the_place_where_it_is_read(
    shown: tuple[World, str], chromium: Chromium
) -> None:
    _world, address = shown
    with window(chromium, address, viewport=PHONE, timezone_id="Asia/Dhaka") as opened:
        opened.page.goto(CALL)
        place = opened.page.locator(".deadline [data-moment]")
        expect(place).to_have_text(re.compile(r"where you are: .*04:59"))
        sound(opened.page)


def test_a_coordinator_words_an_answer_and_publishes_it(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    with window(chromium, address) as opened:
        page = opened.sign_in(world.emails["STF-07"])
        page.get_by_role("link", name="Publish answers that are ready").first.click()
        sound(page)
        page.get_by_role("link", name=re.compile("presidenta")).click()
        sound(page)
        for code in ("en", "fr", "es"):
            page.locator(f"textarea[name=question_{code}]").fill(f"May the vice-president sign? ({code})")
            page.locator(f"textarea[name=answer_{code}]").fill(f"Yes. ({code})")
        page.get_by_role("button", name="Ready to be published").click()
        page.get_by_role("button", name="Publish 2 answers").click()
        page.get_by_role("button", name="Yes, go on").click()
        expect(page.locator(".notice.success")).to_contain_text("2 answers are published.")
        page.goto(f"{CALL}#answers")
        expect(page.locator("#answers")).to_contain_text("May the vice-president sign? (en)")
    for who in ("USR-DO-1", "USR-PE-1"):
        assert world.read(who, "New answers about the call").links == [CALL]
    world.nothing_for("USR-SN-1", "New answers about the call")
