"""Reviewing in a real browser: two coordinators, three reviewers of whom one has a conflict, and a disagreement."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.journeys.browsing import PHONE, window
from tests.journeys.desk import sound
from tests.journeys.world import World

pytestmark = pytest.mark.browser

APPLICATION = "APP-501"
OF_CALL = f"/calls/MPF-2026-03/reviews/{APPLICATION}"
LEAD = "Padma Returnee Women's Alliance (SAMPLE)"
REASON = "The plan names who does what, in which month."


def reviewer(world: World, name: str) -> str:
    """The e-mail address of a reviewer of the sample."""
    numbers = ("One", "Two", "Three", "Four", "Five", "Six")
    return world.emails[f"REV-{numbers.index(name.split()[1]) + 1}"]


def score(page: Page, value: int) -> None:
    """Give every criterion the same score, with what has to be written beside it."""
    page.evaluate(
        """([value, reason]) => {
            for (const option of document.querySelectorAll(`input[name^=value_][value="${value}"]`)) option.checked = true;
            for (const text of document.querySelectorAll("textarea[name^=reason_]")) text.value = reason;
        }""",
        [value, REASON],
    )
    page.locator("textarea[name=summary]").fill("The committee can decide on this.")
    page.locator("textarea[name=for_applicant]").fill("Your plan is clear; say more of what stays.")
    page.locator("input[name=recommendation]").first.check()


def test_three_reviewers_judge_and_who_has_a_conflict_sees_nothing(
    house: tuple[World, str], chromium: Chromium
) -> None:
    world, address = house
    with (
        window(chromium, address) as planning,
        window(chromium, address) as asking,
        window(chromium, address, viewport=PHONE) as tied,
        window(chromium, address) as generous,
        window(chromium, address, viewport=PHONE) as strict,
    ):
        claire, anita = planning.sign_in(world.emails["STF-07"]), asking.sign_in(world.emails["STF-03"])

        page = tied.sign_in(world.emails["REV-2"])
        page.goto("/reviews")
        expect(page.get_by_role("article")).not_to_contain_text(LEAD)
        page.get_by_role("article").get_by_role("link").click()
        review = page.url
        page.get_by_role("link", name="Declare for this call").click()
        sound(page)
        page.get_by_label(f"Tie: {LEAD}").select_option("conflict")
        page.get_by_role("button", name="Declare what is marked").click()
        expect(page.locator(".error-summary")).to_be_focused()
        page.get_by_label(f"Reason: {LEAD}").fill("My sister keeps their books.")
        page.get_by_role("button", name="Declare what is marked").click()
        page.goto("/reviews")
        expect(page.get_by_role("main")).not_to_contain_text(APPLICATION)
        assert page.goto(review).status == 404  # type: ignore[union-attr]

        claire.goto("/calls/MPF-2026-03/reviews/plan")
        chosen = claire.get_by_role("row").filter(has_text=APPLICATION).locator("select option:checked")
        instead = chosen.inner_text().split(" · ")[0]
        claire.get_by_role("button", name="Ask these reviewers").click()
        anita.goto(OF_CALL)
        expect(anita.get_by_role("main")).to_contain_text(instead)
        expect(anita.get_by_role("button", name="Ask Reviewer Two")).to_have_count(0)

        page = generous.sign_in(reviewer(world, instead))
        page.goto("/reviews")
        page.get_by_role("link", name=APPLICATION).click()
        page.get_by_role("link", name="Declare for this call").click()
        page.get_by_role("button", name="I have no tie to any of these").click()
        page.get_by_role("article").filter(has_text=LEAD).get_by_role("link").first.click()
        page.get_by_role("button", name="Declare and go on").click()
        other = strict.sign_in(world.emails["REV-3"])
        other.goto("/reviews")
        other.get_by_role("article").filter(has_text=LEAD).get_by_role("link").first.click()
        for writing, value in ((page, 5), (other, 2)):
            expect(writing.get_by_role("main")).not_to_contain_text(REASON)
            score(writing, value)
            expect(writing.locator(".save-state")).to_contain_text("Saved on the server", timeout=10_000)
            writing.reload()
            expect(writing.locator(f"input[name^=value_][value='{value}']").first).to_be_checked()
            writing.get_by_text("Look at it here").first.click()
            expect(writing.locator("details[open] img").first).to_be_visible()
            sound(writing)
            writing.get_by_role("button", name="Save and submit").click()
            expect(writing.locator(".page-badge")).to_contain_text("Review submitted")

        anita.goto(OF_CALL)
        expect(anita.get_by_role("main")).to_contain_text("The reviews disagree")
        expect(anita.get_by_role("heading", name="Ask a third reviewer")).to_be_visible()
        sound(anita)
        claire.goto("/calls/MPF-2026-03/conflicts")
        expect(claire.get_by_role("main")).to_contain_text("My sister keeps their books.")
        tied.complaints = [said for said in tied.complaints if "422" not in said and "404" not in said]
