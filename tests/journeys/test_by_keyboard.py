"""Applying by keyboard alone, from the list of calls to the receipt; the focus is seen at every step."""

from __future__ import annotations

from typing import Any

import pytest
from flask_babel import gettext
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from grants.core.languages import speaking
from grants.demo import sample
from tests.journeys.answering import OPEN_CALL, answers_today, questions_of, sections
from tests.journeys.browsing import DESK, Window, window
from tests.journeys.desk import GOOD_ANSWERS, NARROWEST
from tests.journeys.keys import Keys
from tests.journeys.world import World

pytestmark = pytest.mark.browser

PAPERS = "S9"
"""The section of the form that asks for documents."""

TOLD = "APP-012"
"""The application of the sample whose answers are typed."""

COSTS: list[dict[str, Any]] = [
    {
        "heading": heading, "description": what, "unit": unit, "quantity": quantity, "unit_cost": cost, "requested": asked,
        "cofinancing": others, "cofinancing_source": payer, "in_kind": False, "justification": "As last year",
    }
    for heading, what, unit, quantity, cost, asked, others, payer in (
        ("staff", "Coordination", "month", 5, 500, 2500, 0, None),
        ("activities", "Assemblies", "event", 10, 240, 2400, 0, None),
        ("activities", "Forum", "event", 1, 800, 0, 800, "own_contribution_cash"),
        ("services", "Legal advice", "day", 19, 100, 1900, 0, None),
    )
]  # fmt: skip
"""What the action of the sample costs, in fewer lines."""

OWNER, SECRET = "carmen@andina.example", "seven quiet rivers"


def answers() -> dict[str, Any]:
    """The answers of the sample under another name, cut short: two lines of a table, a few words of a text."""
    long = {q["key"] for key in sections() for q in questions_of(key) if q["type"] == "longtext"}
    mine = {"org_name": "Taller Andino", "org_contact_email": OWNER, "org_registration_number": "SAMPLE-PE-0999"}
    told = answers_today(TOLD, **mine)
    short: dict[str, Any] = {"budget_lines": COSTS, "budget_note": None}
    short |= {key: told[key][:20] for key in long if told[key] and key not in short}
    return told | short | {key: told[key][:2] for key in ("target_groups", "logframe", "workplan", "team", "risks")}


class Carmen:
    """Somebody who applies with a keyboard and no mouse."""

    def __init__(self, world: World, opened: Window, language: str) -> None:
        self.world, self.page, self.language = world, opened.page, language
        self.keys, self.told = Keys(opened.page), answers()

    def say(self, text: str) -> str:
        """A sentence of the pages in her language."""
        with speaking(self.language):
            return str(gettext(text))

    def go(self, text: str) -> None:
        """Go where the link or the button with this sentence leads."""
        self.keys.go(self.say(text))

    def open(self, link: str) -> None:
        """Open a link of a mail, in the same window."""
        self.page.goto(link)
        self.keys.skip()

    def open_the_call(self) -> None:
        """From the list of calls to the one that is open."""
        self.keys.go(self.page.locator(f"main a[href='/calls/{OPEN_CALL}']").inner_text())

    def find_the_call_and_see_whether_she_may_apply(self) -> None:
        self.page.goto("/calls")
        expect(self.page.locator("html")).to_have_attribute("lang", self.language)
        self.keys.walk()
        self.page.reload()
        self.keys.skip()
        self.open_the_call()
        self.go("Check in two minutes whether you may apply")
        self.keys.fill_in(GOOD_ANSWERS | {"country": "PE"}, until=self.say("See whether we may apply"))
        self.keys.enter()
        expect(self.page.locator(".notice.success")).to_be_visible()
        self.go("Open an account and begin")

    def register_and_confirm_her_address(self) -> None:
        mine = {"name": "Carmen Deejemplo", "email": OWNER, "password": SECRET, "password_confirm": SECRET}
        self.keys.fill_in(mine, until=self.say("Open my account"))
        self.keys.enter()
        self.open(self.world.read(OWNER).link)
        self.go("Yes, confirm it")

    def open_the_account_of_her_organization(self) -> None:
        self.go("Open the account of your organization")
        told = self.told
        same = ("registration_number", "staff_paid", "volunteers", "contact_name", "legal_representative", "legal_form")
        profile = {name: told[f"org_{name}"] for name in ("name", "founded_on", "country", *same)}
        profile |= {"registered": "True", "income_last_year": "27000", "migrant_led": told["org_led_by_migrants"]}
        self.keys.fill_in(profile | {"email": OWNER}, until=self.say("Open the account"))
        self.keys.enter()
        expect(self.page.locator("h1")).to_have_text(told["org_name"])

    def begin(self) -> None:
        self.go("Find a call to apply to")
        self.open_the_call()
        self.go("Apply")
        self.keys.fill_in({"language": self.language}, until=self.say("Begin"))
        self.keys.enter()
        self.home = self.page.url.partition("#")[0]

    def write(self) -> None:
        self.keys.go(self.page.locator("main table a").first.inner_text())
        for key in sections():
            if key == PAPERS:
                self.attach()
                self.go("Go on")
            else:
                asked = [q["key"] for q in questions_of(key) if q["key"] in self.told]
                self.keys.fill_in({name: self.told[name] for name in asked}, until="next")
                self.keys.enter()

    def attach(self) -> None:
        """Send every document that the sample has."""
        for annex in self.told["annexes"]:
            if not annex["file"]:
                continue
            key, name = annex["key"], annex["file"]
            self.keys.to(name=f"file-{key}")
            self.keys.choose_file(name, sample.document(name.rsplit(".", 1)[-1], key, self.told["org_name"]))
            self.keys.to(self.say("Add"))
            with self.page.expect_event("load"):
                self.keys.press("Enter")
            self.keys.to(name)
            expect(self.page.locator(f"#{key} :focus")).to_be_visible()  # on the file that is there now

    def come_back_another_day(self) -> None:
        """Sign out by the menu of the account, and in again."""
        self.keys.to("Carmen Deejemplo", key="Shift+Tab")
        self.keys.press("Enter")
        self.go("Sign out")
        if self.page.locator(".menu summary").is_visible():
            self.keys.to(self.say("Menu"), key="Shift+Tab")
            for key in ("Enter", "Escape", "Enter"):
                self.keys.press(key)
                self.keys.look()
            self.go("Sign in")
        else:
            self.keys.to(self.say("Sign in"), key="Shift+Tab")
            self.keys.enter()
        self.keys.fill_in({"email": OWNER, "password": SECRET}, until=self.say("Sign in"))
        self.keys.enter()
        self.keys.go(self.told["title"])

    def certify_and_send_in(self) -> None:
        self.go("Read, certify and send in")
        self.keys.to(self.say("To the declaration"))
        self.keys.press("Enter")
        self.keys.fill_in({"sure": True}, until="send")
        self.keys.enter()
        expect(self.page.locator("h1")).to_have_text(self.say("We have received your application"))


@pytest.mark.parametrize(
    ("size", "language"),
    [({"width": NARROWEST, "height": 568}, "fr"), (DESK, "en")],
    ids=["narrowest in French", "desk in English"],
)
def test_somebody_without_a_mouse_applies(
    house: tuple[World, str], chromium: Chromium, size: dict[str, int], language: str
) -> None:
    world, address = house
    with window(chromium, address, viewport=size, locale={"en": "en-GB", "fr": "fr-FR"}[language]) as opened:
        carmen = Carmen(world, opened, language)
        carmen.find_the_call_and_see_whether_she_may_apply()
        carmen.register_and_confirm_her_address()
        carmen.open_the_account_of_her_organization()
        carmen.begin()
        carmen.write()
        carmen.come_back_another_day()
        carmen.certify_and_send_in()


def test_what_is_saved_by_itself_leaves_the_focus_where_one_types(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    with window(chromium, address) as opened:
        page, keys = opened.sign_in(world.emails["USR-PE-1"]), Keys(opened.page)
        page.goto("/applications/APP-402/sections/S2")
        keys.to(name="title")
        keys.press("End")
        page.evaluate("document.activeElement.value += '\\x01'")
        page.keyboard.type("AD")
        keys.press("ArrowLeft")
        expect(page.locator(".error-summary")).to_be_visible(timeout=15_000)
        page.keyboard.type("N")
        assert keys.look()["name"] == "title"
        assert keys.at["value"].endswith("AND")
        keys.to(name="next")
        keys.press("Enter")
        expect(page.locator(".error-summary")).to_be_focused()
        opened.complaints.clear()
