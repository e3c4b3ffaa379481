"""Applying as a whole, in a real browser: from "may we?" to the receipt, on a phone and a desk, in two languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask_babel import gettext
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from sqlalchemy import select

from grants.applications.models import Application
from grants.core.db import db
from grants.core.languages import speaking
from grants.demo import sample
from grants.questionnaires.queries import definition_of
from grants.wordforms.rules import marks_of
from tests.bench import weight
from tests.bench.world import cookie_of
from tests.journeys.answering import OPEN_CALL, answers_today, questions_of
from tests.journeys.browsing import DESK, PHONE, Line, Window, window
from tests.journeys.desk import (
    KINDS,
    STATE,
    answer_the_check,
    choose,
    drop_the_line_on_the_way,
    fill_in,
    large_pdf,
    opened_at,
    sound,
    stored,
    text_of,
    until,
)
from tests.journeys.world import World
from tests.wordforms.flattened import typed_into

pytestmark = pytest.mark.browser

TOLD = "APP-005"
"""The application of the sample whose answers are typed."""

OWNER, COLLEAGUE, SECRET = "maya@forum.example", "USR-PE-1", "seven quiet rivers"
IN_THE_FILE = ("safeguarding", "data_security")
"""What is written in Word."""

EXPECTED = re.compile(r"not loaded: |ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|ERR_FAILED|status of 409")
"""What a browser itself complains about when the line is gone, or when two people changed the same answer."""


class Applicants:
    """Maya, who applies in one language and size of window, and her colleague."""

    def __init__(self, world: World, chromium: Chromium, line: Line, size: dict[str, int], language: str) -> None:
        self.world, self.line, self.language, self.told = world, line, language, self.answers()
        locale = {"en": "en-GB", "fr": "fr-FR"}[language]
        self.window = Window(chromium, self.line.address, viewport=size, locale=locale)
        self.other = Window(chromium, self.line.address, viewport=DESK)
        self.page = self.window.page
        self.home = ""

    @staticmethod
    def answers() -> dict[str, Any]:
        """What they answer: the sample's answers, with a name of their own."""
        return answers_today(
            TOLD,
            org_name="Returnee Forum",
            org_acronym=None,
            org_contact_email=OWNER,
            org_registration_number="SAMPLE-NP-0999",
        )

    def leave(self) -> None:
        """Close the windows; nothing but lost lines and conflicts may have been complained about."""
        for opened in (self.window, self.other):
            opened.complaints[:] = [said for said in opened.complaints if not EXPECTED.search(said)]
            opened.close()

    def say(self, text: str, **values: object) -> str:
        """A sentence of the pages in Maya's language."""
        with speaking(self.language):
            return str(gettext(text, **values))

    def press(self, text: str) -> None:
        """Press the button that says this."""
        self.page.get_by_role("button", name=self.say(text), exact=True).first.click()

    def click(self, text: str) -> None:
        """Follow the link that says this."""
        self.page.get_by_role("link", name=self.say(text), exact=True).first.click()

    def saved(self, page: Page | None = None) -> None:
        """The page says that the server has the text."""
        said = self.say("Saved on the server %(time)s", time="") if page is None else "Saved on the server"
        expect((page or self.page).locator(STATE)).to_contain_text(said.strip(), timeout=15_000)

    def section(self, key: str) -> str:
        """The address of a section."""
        return f"{self.home}/sections/{key}"

    def answers_to(self, key: str) -> dict[str, Any]:
        """What is typed into a section."""
        asked = [q["key"] for q in questions_of(key) if q["type"] != "files" and q["key"] in self.told]
        return {name: self.told[name] for name in asked if name not in IN_THE_FILE}

    def write(self, key: str) -> None:
        """Answer a section and go on to the next."""
        self.page.goto(self.section(key))
        fill_in(self.page, self.answers_to(key))
        sound(self.page)
        self.press("Save and go on")
        self.page.wait_for_url(lambda address: not address.endswith(self.section(key)))

    # ------------------------------------------------------------------ the steps

    def qualify(self) -> None:
        self.page.goto(f"/calls/{OPEN_CALL}")
        self.click("Check in two minutes whether you may apply")
        answer_the_check(self.page, country="NP")
        sound(self.page)
        self.press("See whether we may apply")
        expect(self.page.locator(".notice.success")).to_be_visible()
        sound(self.page)
        self.click("Open an account and begin")

    def register_and_confirm_the_address(self) -> None:
        expect(self.page.locator("html")).to_have_attribute("lang", self.language)
        fill_in(self.page, {"name": "Maya Returnee", "email": OWNER, "password": SECRET, "password_confirm": SECRET})
        sound(self.page)
        self.press("Open my account")
        expect(self.page.locator("h1")).to_have_text(self.say("Look into your mailbox"))
        letter = self.world.read(OWNER)
        assert letter.language == self.language
        self.page.goto(letter.link)
        sound(self.page)
        self.press("Yes, confirm it")

    def open_the_account_of_the_organization_and_invite_a_colleague(self) -> None:
        self.page.goto(f"/calls/{OPEN_CALL}/apply")
        self.click("Open the account of your organization")
        told = self.told
        profile = {
            "name": told["org_name"],
            "country": "NP",
            "legal_form": "ngo",
            "registered": "True",
            "registration_number": told["org_registration_number"],
            "founded_on": told["org_founded_on"],
            "income_last_year": "96000",
            "staff_paid": 8,
            "volunteers": 35,
            "migrant_led": "half",
            "email": OWNER,
            "contact_name": told["org_contact_name"],
            "legal_representative": told["org_legal_representative"],
        }
        fill_in(self.page, profile)
        sound(self.page)
        self.press("Open the account")
        expect(self.page.locator("h1")).to_have_text(told["org_name"])
        fill_in(self.page, {"email": self.world.emails[COLLEAGUE], "role": "editor"})
        sound(self.page)
        self.press("Send the invitation")
        expect(self.page.locator(".notice.success")).to_be_visible()
        colleague = self.other.sign_in(self.world.emails[COLLEAGUE])
        colleague.goto(self.world.read(COLLEAGUE, "invit").link)
        colleague.get_by_role("button", name="Join the organization").click()
        expect(colleague.locator(".notice.success")).to_be_visible()

    def begin(self) -> None:
        self.page.goto(f"/calls/{OPEN_CALL}/apply")
        fill_in(self.page, {"language": self.language})
        sound(self.page)
        self.press("Begin")
        self.page.wait_for_url("**/applications/*")
        self.home = "/applications/" + self.page.url.rsplit("/", 1)[-1]
        sound(self.page)
        self.write("S1")

    def write_with_the_network_cut_in_the_middle(self) -> None:
        page, told = self.page, self.answers_to("S2")
        opened_at(page, self.section("S2"))
        names = list(told)
        fill_in(page, {name: told[name] for name in names[:3]})
        self.saved()
        until(page, "caches.open('pages').then(pages => pages.keys()).then(keys => keys.length > 8)")
        self.line.cut()
        fill_in(page, {name: told[name] for name in names[3:]})
        waiting = self.say("Saved on this device, waiting for the line")
        expect(page.locator(STATE)).to_contain_text(waiting, timeout=15_000)
        sound(page)
        page.reload()
        expect(page.locator("[name=summary]")).to_have_value(told["summary"])
        self.press("Save and go on")
        page.wait_for_url("**/sections/S3")
        expect(page.locator("form[data-draft]")).to_be_visible()
        self.line.mend()
        page.goto(self.section("S2"))
        self.saved()
        assert text_of(page, self.section("S2"), "summary") == told["summary"]

    def both_change_the_same_answer(self) -> None:
        mine, theirs, place = self.page, self.other.page, self.section("S3")
        for page in (mine, theirs):
            page.goto(place)
        theirs.locator("[name=problem]").fill("What the colleague wrote")
        self.saved(theirs)
        mine.locator("[name=problem]").fill("What Maya wrote")
        expect(mine.locator(STATE)).to_have_class(re.compile("waiting"), timeout=15_000)
        expect(mine.locator(".notice", has_text="What the colleague wrote")).to_be_visible()
        expect(mine.locator("[name=problem]")).to_have_value("What Maya wrote")
        sound(mine)
        mine.locator("[name=problem]").fill(self.told["problem"])
        self.press("Save")
        self.saved()
        assert text_of(mine, place, "problem") == self.told["problem"]
        self.write("S3")

    def write_the_rest(self) -> None:
        for key in ("S4", "S5", "S6", "S7", "S8"):
            self.write(key)

    def fill_in_the_form_in_word(self) -> None:
        page = self.page
        page.goto(f"{self.home}/word")
        sound(page)
        with page.expect_download() as download:
            page.locator(f"main a[hreflang={self.language}]").click()
        content = Path(download.value.path()).read_bytes()
        db.session.rollback()
        marks = marks_of(definition_of(self._application().questionnaire_id))
        content = typed_into(content, {marks[key]: self.told[key] for key in IN_THE_FILE})
        told = {"name": "our form.docx", "mimeType": KINDS["docx"], "buffer": content}
        page.locator("main input[type=file]").set_input_files(told)  # type: ignore[arg-type]
        self.press("Compare with what is saved")
        expect(page.locator(".difference")).to_have_count(len(IN_THE_FILE))
        for key in IN_THE_FILE:
            expect(page.locator(f"#{key}")).to_contain_text(self.told[key])
        sound(page)
        self.press("Take over what is ticked")
        expect(page.locator(".notice.success")).to_be_visible()
        assert text_of(page, self.section("S5"), IN_THE_FILE[0]) == self.told[IN_THE_FILE[0]]

    def send_documents_over_a_line_that_drops(self) -> None:
        page, there = self.page, self.say("There")
        page.goto(f"{self.home}/documents")
        sound(page)
        gone = self.say(
            "The line is gone. %(sent)s of %(size)s have arrived and are safe; it goes on by itself when the line is back.",
            sent="",
            size="",
        )
        content = large_pdf()
        drop_the_line_on_the_way(page, "statutes", "statutes.pdf", content, gone.partition(".")[0], there)
        assert stored(self._application().reference, "statutes") == [("statutes.pdf", content)]
        for annex in self.told["annexes"]:
            if annex["key"] == "statutes" or not annex.get("file"):
                continue
            paper = sample.document(annex["file"].rsplit(".", 1)[-1], annex["key"], self.told["org_name"])
            choose(page, annex["key"], (annex["file"], paper))
            expect(page.locator(f"#{annex['key']} .badge").first).to_have_text(there, timeout=15_000)
        sound(page)

    def certify(self) -> None:
        page = self.page
        self.write("S10")
        page.goto(self.home)
        sound(page)
        expect(page.get_by_role("button", name=self.say("Send in the application"))).to_have_count(0)
        self.click("Read, certify and send in")
        page.locator("[name=sure]").check()
        sound(page)
        self.press("Certify only")
        expect(page.locator(".notice.success").first).to_be_visible()
        assert self._application().certified_hash

    def send_in_and_get_a_receipt(self) -> None:
        page = self.page
        page.goto(self.home)
        self.world.all_read()
        self.press("Send in the application")
        expect(page.locator("#confirm-dialog")).to_be_visible()
        sound(page)
        self.press("No, go back")
        expect(page.locator("#confirm-dialog")).to_be_hidden()
        self.press("Send in the application")
        self.press("Yes, go on")
        page.wait_for_url("**/receipt")
        sound(page)
        application = self._application()
        assert application.content_hash == application.certified_hash
        shown = re.sub(r"\s", "", page.locator("main").inner_text())
        assert str(application.content_hash) in shown
        letter = self.world.read(OWNER, application.reference)
        assert f"{self.home}/receipt" in letter.links
        assert letter.language == self.language

    def _application(self) -> Application:
        db.session.rollback()
        reference = self.home.rsplit("/", 1)[-1]
        return db.session.scalars(select(Application).where(Application.reference == reference)).one()


@pytest.fixture(params=[(PHONE, "fr"), (DESK, "en")], ids=["phone in French", "desk in English"])
def applicants(fund: World, chromium: Chromium, request: pytest.FixtureRequest) -> Iterator[Applicants]:
    """Maya and her colleague, with a line of their own that is given back at the end."""
    line = Line(fund.app)
    try:
        yield Applicants(fund, chromium, line, *request.param)
    finally:
        line.cut()


def test_an_organization_applies(applicants: Applicants) -> None:
    applicants.qualify()
    applicants.register_and_confirm_the_address()
    applicants.open_the_account_of_the_organization_and_invite_a_colleague()
    applicants.begin()
    applicants.write_with_the_network_cut_in_the_middle()
    applicants.both_change_the_same_answer()
    applicants.write_the_rest()
    applicants.fill_in_the_form_in_word()
    applicants.send_documents_over_a_line_that_drops()
    applicants.certify()
    applicants.send_in_and_get_a_receipt()
    applicants.leave()


def test_what_the_bench_weighs_is_what_a_browser_loads(
    house: tuple[World, str], chromium: Chromium, caplog: pytest.LogCaptureFixture
) -> None:
    world, address = house
    form, place = "/applications/APP-402/sections/S8", "/applications/APP-402/"
    with window(chromium, address) as known:
        known.sign_in(world.emails["USR-PE-1"])
        who = known.context.storage_state()
    weighed = {part for part, _size in weight.everything(world.app, form, cookie_of(world.app, "USR-PE-1"))}
    caplog.clear()
    with window(chromium, address, storage_state=who) as opened, caplog.at_level("INFO", "werkzeug"):
        opened.page.goto(form)
        until(opened.page, "navigator.serviceWorker.ready.then(() => true)")
        until(opened.page, "caches.match('/offline').then(found => !!found)")
        asked = set(re.findall(r'"GET ([^ ?]+)', caplog.text))
    asked = {part for part in asked if part == form or not part.startswith(place)}
    assert asked | {"/static/img/mark.svg"} == weighed, "one browser asks for the same icon once"
