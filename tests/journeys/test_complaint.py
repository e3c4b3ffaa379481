"""A letter is worded, somebody complains about what it says, and somebody else answers: in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.journeys.browsing import PHONE, window
from tests.journeys.desk import sound
from tests.journeys.world import World

pytestmark = pytest.mark.browser

APPLICATION = "/applications/APP-501"


def test_a_letter_is_complained_about_and_answered_by_somebody_else(
    house: tuple[World, str], chromium: Chromium
) -> None:
    world, address = house
    with (
        window(chromium, address) as checking,
        window(chromium, address, viewport=PHONE) as applying,
        window(chromium, address) as examining,
    ):
        claire = checking.sign_in(world.emails["STF-07"])
        shirin = applying.sign_in(world.emails["USR-BD-1"])
        rami = examining.sign_in(world.emails["STF-04"])

        claire.goto("/calls/MPF-2026-03/letters")
        sound(claire)
        claire.get_by_role("link", name="Not eligible, English").click()
        claire.locator("[name=outcome]").fill("Your application {nothing} cannot be considered.")
        claire.get_by_role("button", name="Look at it first").click()
        expect(claire.locator("#outcome-error")).to_contain_text("{nothing}")
        claire.locator("[name=outcome]").fill("We looked at {title} with care, and cannot consider it.")
        claire.get_by_role("button", name="Look at it first").click()
        expect(claire.locator("article")).to_contain_text("with care, and cannot consider it.")
        sound(claire)
        claire.get_by_role("button", name="Save", exact=True).click()
        expect(claire.get_by_role("main")).to_contain_text("Worded for this call")

        claire.goto(f"{APPLICATION}/reopen-check")
        claire.locator("[name=reason]").fill("The register was closed that day.")
        claire.get_by_role("button", name="Open it again").click()
        claire.goto(f"{APPLICATION}/check")
        rule = claire.locator("details", has_text="Judge it otherwise").first
        rule.locator("summary").click()
        rule.get_by_label("Not met").check()
        rule.locator("textarea").fill("It is not in the register.")
        rule.get_by_role("button", name="Note my judgement").click()
        claire.get_by_role("link", name="Find not eligible").click()
        claire.locator("[name=reason]").fill("The register does not know the number.")
        claire.get_by_role("button", name="Find not eligible").click()

        shirin.goto(APPLICATION)
        shirin.get_by_role("link", name="Complain").click()
        sound(shirin)
        shirin.get_by_role("button", name="Send the complaint").click()
        expect(shirin.locator(".error-summary")).to_be_focused()
        shirin.locator("[name=ground]").first.check()
        shirin.locator("[name=text]").fill("We have been registered since 2010; the paper is attached.")
        shirin.get_by_role("button", name="Send the complaint").click()
        expect(shirin.get_by_role("main")).to_contain_text("We have been registered since 2010")
        sound(shirin)
        complaint = shirin.url

        claire.goto(complaint)
        expect(claire.get_by_role("button", name="Take it up")).to_have_attribute("aria-disabled", "true")
        rami.goto("/calls/MPF-2026-03/complaints")
        sound(rami)
        rami.get_by_role("main").get_by_role("link", name="APP-501").click()
        rami.get_by_role("button", name="Take it up").click()
        sound(rami)
        rami.get_by_label("Yes, something went wrong").check()
        rami.locator("[name=answer]").fill("The register was closed that day. We look again.")
        rami.get_by_role("button", name="Send the answer").click()
        expect(rami.get_by_role("main")).to_contain_text("The complaint is upheld")

        shirin.reload()
        expect(shirin.get_by_role("main")).to_contain_text("We look again.")
        assert world.read("USR-BD-1", "complaint")
        claire.goto(f"{APPLICATION}/check")
        expect(claire.get_by_role("link", name="Find not eligible")).to_have_count(0)
        checking.complaints = [said for said in checking.complaints if "422" not in said]
        applying.complaints = [said for said in applying.complaints if "422" not in said]
