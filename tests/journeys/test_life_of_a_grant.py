"""One grant lives from the published call to the closed account, through the pages, with everybody it needs."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from grants.applications.models import Application
from grants.calls.models import Call
from grants.core.db import db
from grants.demo import sample
from grants.demo.calls import CallStory
from tests.journeys.answering import answers_of, fill_section, sections
from tests.journeys.world import World

CALL = "MPF-2027-01"
OWNER, COLLEAGUE = "maya.returnee@example.org", "deepak.accounts@example.org"
SECRET = "seven quiet rivers"
ORGANIZATION = "Himalaya Returnees' Forum"
FILES = ("call", "form_full_application", "evaluation_grid", "budget_categories", "plan_of_action")


def test_a_grant_lives_from_the_published_call_to_the_closed_account(world: World) -> None:
    life = Life(world)
    life.the_coordinator_imports_previews_and_publishes_a_call()
    life.a_visitor_finds_the_call_and_reads_every_question()
    life.the_visitor_registers_and_confirms_the_address_with_the_mailed_link()
    life.she_opens_the_account_of_her_organization_and_invites_a_colleague_who_joins()
    life.they_fill_in_every_section_of_the_questionnaire()


def zipped(**changed: str) -> bytes:
    """The files of the sample call as somebody would send them, some with other text."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for name in FILES:
            text = (sample.FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
            packed.writestr(f"call/{name}.yaml", changed.get(name, text))
    return archive.getvalue()


class Life:
    """The life, one step after the other; each step looks at what the people in it see."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.coordinator = "STF-07"
        self.application = ""
        self.organization = ""

    # ------------------------------------------------------------------ 1 the call

    def the_coordinator_imports_previews_and_publishes_a_call(self) -> None:
        with self.world.on("2027-01-08 10:00"):
            claire = self.world.as_(self.coordinator)
            claire.open("/calls/import")
            text = (sample.FOLDER / "call.yaml").read_text(encoding="utf-8")
            broken = text.replace("deadline: 2027-02-26T23:59:59+01:00", "deadline: tomorrow")
            page = claire.press("Import", {"file": (zipped(call=broken), "call.zip")}, status=422)
            assert "call.call.timetable.deadline" in page.text or "timetable.deadline" in page.text
            assert db.session.scalar(select(Call.id)) is None
            page = claire.press("Import", {"file": (zipped(), "call.zip")})
            assert page.badges[0] == "In preparation"
            assert "Imported" in page.history[0]
            visitor = self.world.visitor()
            visitor.open(f"/calls/{CALL}", status=404)
            self._preview(claire)
            claire.open(f"/calls/{CALL}/manage")
            page = claire.press("Publish this call")
            assert page.notices == ["The call is published."]
            assert page.history[0].startswith("Published Claire Pseudonyme")
            assert page.badges[0].startswith("Opens")
            call = db.session.scalars(select(Call)).one()
            assert self.world.entry("call", call.id, "publish").from_state == "draft"
            self.world.read("STF-01")  # the other coordinators are told
            assert visitor.open(f"/calls/{CALL}").badges[0].startswith("Opens")

    def _preview(self, claire: Any) -> None:
        page = claire.click("See it as applicants do")
        assert "EUR 120,000" in page.content or "120,000" in page.content
        for section in sections():
            page = claire.open(f"/calls/{CALL}/preview/{section}")
            assert not page.buttons("Save")

    # ------------------------------------------------------------------ 2 the visitor

    def a_visitor_finds_the_call_and_reads_every_question(self) -> None:
        with self.world.on("2027-01-18 11:00"):
            self.maya = self.world.visitor()
            self.maya.open("/")
            self.maya.click("Read the call")
            assert self.maya.address == f"/calls/{CALL}"
            assert self.maya.page.badges[0].startswith("Open, closes in")
            page = self.maya.click("Read all questions")
            for section in sample.read("form_full_application")["form"]["sections"]:
                assert section["title"]["en"] in page.content
                for question in section["questions"]:
                    assert question["label"]["en"] in page.content, question["key"]

    def the_visitor_registers_and_confirms_the_address_with_the_mailed_link(self) -> None:
        with self.world.on("2027-01-18 11:20"):
            self.maya.open(f"/calls/{CALL}")
            self.maya.click("Apply")
            assert self.maya.address.startswith("/sign-in")
            self.maya.click("I have no account yet")
            who = {"name": "Maya Returnee", "email": OWNER, "password": SECRET, "password_confirm": "seven loud rivers"}
            page = self.maya.press("Open my account", who)
            assert page.errors == ["The two passwords are not the same."]
            page = self.maya.press("Open my account", {"password": SECRET, "password_confirm": SECRET})
            assert page.heading == "Look into your mailbox"
            early = self.world.visitor()
            early.open("/sign-in")
            page = early.press("Sign in", {"email": OWNER, "password": SECRET})
            assert page.errors == ["Please confirm your e-mail address first, with the link that we sent you."]
            self.maya.open(self.world.read(OWNER, "confirm").link)
            page = self.maya.press("Yes, confirm it")
            assert self.maya.address == f"/calls/{CALL}/apply", "she goes on where she was going"
            assert "First, your organization" in page.content
            self.world.passwords[OWNER] = SECRET
            self.world.browsers[OWNER] = self.maya

    def she_opens_the_account_of_her_organization_and_invites_a_colleague_who_joins(self) -> None:
        with self.world.on("2027-01-18 11:40"):
            told = answers_of("APP-005")
            self.maya.click("Open the account of your organization")
            profile = {
                "name": ORGANIZATION,
                "country": "NP",
                "legal_form": "ngo",
                "registered": "True",
                "registration_number": "SAMPLE-NP-0999",
                "founded_on": told["org_founded_on"],
                "income_last_year": "96000",
                "staff_paid": 8,
                "volunteers": 35,
                "migrant_led": "half",
                "email": "forum@example.org",
                "contact_name": told["org_contact_name"],
                "legal_representative": told["org_legal_representative"],
            }
            page = self.maya.press("Open the account", profile)
            assert page.heading == ORGANIZATION
            self.organization = self.maya.address.rsplit("/", 1)[-1]
            page = self.maya.press("Send the invitation", {"email": COLLEAGUE, "role": "editor"})
            assert COLLEAGUE in page.content
            self._the_colleague_joins()
            assert "Deepak" in self.maya.open(f"/organizations/{self.organization}").content

    def _the_colleague_joins(self) -> None:
        deepak = self.world.visitor()
        deepak.open(self.world.read(COLLEAGUE, "invited").link)
        deepak.click("Open an account and join")
        secrets = {"password": SECRET, "password_confirm": SECRET}
        deepak.press("Open my account", {"name": "Deepak Accounts", "email": COLLEAGUE} | secrets)
        deepak.open(self.world.read(COLLEAGUE, "confirm").link)
        deepak.press("Yes, confirm it")
        page = deepak.press("Join the organization")
        assert page.heading == ORGANIZATION
        self.world.passwords[COLLEAGUE] = SECRET
        self.world.browsers[COLLEAGUE] = deepak

    # ------------------------------------------------------------------ 3 the application

    def they_fill_in_every_section_of_the_questionnaire(self) -> None:
        answers = answers_of("APP-005") | {
            "org_name": ORGANIZATION,
            "org_acronym": None,
            "org_registration_number": "SAMPLE-NP-0999",
            "org_contact_email": "forum@example.org",
        }
        with self.world.on("2027-01-20 09:00"):
            maya = self.world.as_(OWNER)
            maya.open(f"/calls/{CALL}/apply")
            page = maya.press("Begin", {"language": "en"})
            self.application = maya.address.rsplit("/", 1)[-1]
            assert page.badges[0] == "Draft"
            assert page.obstacles("Send in the application")
        for number, key in enumerate(sections()):
            with self.world.on(f"2027-02-{1 + number:02} 10:00"):
                writer = self.world.as_([OWNER, COLLEAGUE][number % 2])
                writer.open(f"/applications/{self.application}/sections/{key}")
                if writer.address.endswith("/documents"):
                    continue
                if key == "S1":
                    control = writer.page.buttons("Save")[0].form.controls["org_name"]
                    assert control.values == [ORGANIZATION], "copied from the profile"
                fill_section(writer, key, answers)
                writer.open(f"/applications/{self.application}/sections/{key}?check=1")
                assert not writer.page.errors, (key, writer.page.errors)
