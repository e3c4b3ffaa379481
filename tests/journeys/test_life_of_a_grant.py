"""One grant lives from the published call to the closed account, through the pages, with everybody it needs."""

from __future__ import annotations

import io
import re
import zipfile
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from grants.applications.models import Application
from grants.awards.models import Award
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import db, transaction
from grants.demo import sample
from grants.demo.calls import CallStory
from grants.demo.people import People
from grants.diligence.models import Diligence, Point
from grants.history.queries import broken_seals
from tests.http import Browser
from tests.journeys.answering import answers_of, fill_answers, fill_section, sections
from tests.journeys.world import World

CALL = "MPF-2027-01"
OWNER, COLLEAGUE = "maya.returnee@example.org", "deepak.accounts@example.org"
SECRET = "seven quiet rivers"
ORGANIZATION = "Himalaya Returnees' Forum"
SORRY = "Le comité a lu votre demande avec attention. Nous regrettons de ne pas pouvoir la soutenir cette fois"
FILES = ("call", "form_full_application", "evaluation_grid", "budget_categories", "plan_of_action")


def test_a_grant_lives_from_the_published_call_to_the_closed_account(world: World) -> None:
    life = Life(world)
    life.the_coordinator_imports_previews_and_publishes_a_call()
    life.a_visitor_finds_the_call_and_reads_every_question()
    life.the_visitor_registers_and_confirms_the_address_with_the_mailed_link()
    life.she_opens_the_account_of_her_organization_and_invites_a_colleague_who_joins()
    life.they_fill_in_every_section_of_the_questionnaire()
    life.they_attach_their_documents()
    life.the_owner_certifies_it_sends_it_in_and_gets_a_receipt()
    life.after_the_deadline_the_same_click_is_refused()
    life.the_coordinator_checks_every_rule_and_finds_it_eligible()
    life.the_coordinator_asks_reviewers_and_one_declares_a_conflict()
    life.two_reviewers_declare_no_tie_and_score_every_criterion()
    life.the_ranked_list_stands_against_the_money_line()
    life.the_committee_votes_without_those_who_stepped_aside()
    life.all_letters_go_out_at_one_moment()
    life.the_grantee_accepts_and_the_signatory_signs_the_agreement()
    life.the_bank_account_is_entered_and_verified_by_a_call()
    life.the_first_tranche_is_prepared_approved_paid_and_confirmed_by_different_people()
    life.the_interim_report_is_returned_once_and_accepted()
    life.the_second_tranche_follows_the_accepted_report()
    life.the_final_report_and_the_last_tranche_follow()
    life.the_grant_is_closed_once_nothing_is_missing()
    life.the_record_is_whole()


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

    def they_attach_their_documents(self) -> None:
        annexes = answers_of("APP-005")["annexes"]
        place = f"/applications/{self.application}"
        with self.world.on("2027-02-20 10:00"):
            deepak = self.world.as_(COLLEAGUE)
            page = deepak.open(f"{place}/documents")
            assert page.badges.count("Missing") == 8
            false = (b"MZ this is a program", "statutes.pdf")
            page = deepak.press("Add", {"files": false}, at="/statutes/attach", status=422)
            assert page.errors == [
                "statutes.pdf: The content of this file is not what its name says. Please send one of: pdf, docx."
            ]
            for annex in annexes:
                content = sample.document(annex["file"].rsplit(".", 1)[-1], annex["key"], ORGANIZATION)
                page = deepak.press("Add", {"files": (content, annex["file"])}, at=f"/{annex['key']}/attach")
                assert annex["file"] in page.content
            assert "Missing" not in page.badges
            page = deepak.open(place)
            assert "10 of 10 sections are complete" in page.content
            assert not page.buttons("Send in the application"), "an editor writes, the owner sends in"
            self.world.all_read()
            page = deepak.press("Ask Maya Returnee to certify")
            assert page.says("We have written to Maya Returnee.")
            assert any("You asked on" in why for why in page.obstacles("Ask Maya Returnee to certify"))

    def the_owner_certifies_it_sends_it_in_and_gets_a_receipt(self) -> None:
        place = f"/applications/{self.application}"
        with self.world.on("2027-02-25 18:00") as moment:
            maya = self.world.as_(OWNER)
            asked = self.world.read(OWNER, self.application)
            assert ORGANIZATION not in asked.subject
            left_open = maya.open(asked.link)
            assert maya.open(place).address_of("Read, certify and send in") == asked.link == maya.address + "/certify"
            maya.click("Read, certify and send in")
            assert answers_of("APP-005")["org_legal_representative"] in left_open.content, "everything on one page"
            page = maya.press("Certify and send in", status=422)
            assert page.errors == ["Please tick this if it is so."]
            page = maya.press("Certify and send in", {"sure": True})
            assert maya.address == f"{place}/receipt"
            receipt = next(page.root.all("p", class_="eyebrow")).text
            assert page.step == "Checked"
            assert maya.download(f"{place}/receipt.pdf").startswith(b"%PDF")
            assert maya.download(f"{place}/copy.pdf").startswith(b"%PDF")
            letter = self.world.read(OWNER, self.application)
            assert f"{place}/receipt" in letter.links
            assert ORGANIZATION not in letter.subject
            application = self._application()
            assert application.submitted_at == moment
            entry = self.world.entry("application", application.id, "submit")
            assert (entry.from_state, entry.to_state) == ("draft", "submitted")
            self.world.all_read()
            page = maya.repeat(left_open, "Certify and send in", {"sure": True})
            assert next(page.root.all("p", class_="eyebrow")).text == receipt, "the same receipt"
            self.world.nothing_for(OWNER)
            maya.open(f"{place}/sections/S2")
            assert maya.address == f"{place}/read", "nothing can be changed any more"

    def after_the_deadline_the_same_click_is_refused(self) -> None:
        self._others().apply(lambda _said: None)
        late = self._others("APP-006")
        entry = next(e for e in sample.read("applications")["applications"] if e["id"] == "APP-006")
        with self.world.on("2027-02-26 12:00"), transaction():
            late.fill(late.start(entry), entry)
        with self.world.on("2027-02-26 23:59"):
            philip = self.world.as_("USR-PH-1")
            in_time = philip.open("/applications/APP-006/certify")
        with self.world.on("2027-02-27 00:00"):
            page = philip.repeat(in_time, "Certify and send in", {"sure": True}, status=409)
            assert "The call closed on Friday, 26 February 2027, 23:59" in page.content
            page = philip.open("/applications/APP-006")
            assert any("The call closed on" in why for why in page.obstacles("Send in the application"))
            assert page.badges[0] == "Draft"
            assert philip.download("/applications/APP-006/copy.pdf").startswith(b"%PDF"), "the text stays theirs"

    def _others(self, *references: str) -> CallStory:
        """What the other applicants of the sample do, told by the same actions as the pages."""
        db.session.rollback()
        wanted = references or ("APP-001", "APP-009")
        story = CallStory(People(), CALL, 0, {reference: reference for reference in wanted})
        story.call = db.session.scalars(select(Call)).one()
        known = db.session.scalars(select(Application).where(Application.reference.in_(wanted)))
        story.applications = {application.reference: application for application in known}
        return story

    def _application(self) -> Application:
        db.session.rollback()
        return db.session.scalars(select(Application).where(Application.reference == self.application)).one()

    # ------------------------------------------------------------------ 4 the check and the reviews

    def the_coordinator_checks_every_rule_and_finds_it_eligible(self) -> None:
        place = f"/applications/{self.application}"
        with self.world.on("2027-03-02 09:00"):
            self.world.as_("STF-01").open(f"{place}/read", status=404)  # another region
            anita = self.world.as_("STF-03")
            page = anita.open("/")
            assert self.application in page.content or "check" in page.content.lower()
            anita.open(f"/calls/{CALL}/applications")
            page = anita.open(f"{place}/check")
            assert page.obstacles("Find eligible")
            page = anita.press("Check every rule")
            assert page.badges.count("Met") > 8
            for rule in re.findall(r"E\d\d", str(page.obstacles("Find eligible"))):
                judged = {f"{rule}-outcome": "passed", f"{rule}-reason": "Seen in our own records."}
                page = anita.press("Note my judgement", judged, at=f"/check/{rule}")
            page = anita.press("Find eligible")
            assert page.badges[0] == "Eligible"
            application = self._application()
            assert self.world.entry("application", application.id, "find_eligible").actor.reference == "STF-03"
            assert self.application in self.world.read(OWNER, self.application).subject
        self._others().check()

    def the_coordinator_asks_reviewers_and_one_declares_a_conflict(self) -> None:
        with self.world.on("2027-03-08 09:00"):
            self.world.all_read()
            anita = self.world.as_("STF-03")
            anita.open(f"/calls/{CALL}/reviews/{self.application}")
            for reviewer in ("Three", "Six"):
                page = anita.press(f"Ask Reviewer {reviewer} (SAMPLE)")
            assert page.badges.count("Waiting for your declaration") == 2
            letter = self.world.read("REV-3")
            assert ORGANIZATION not in letter.subject
        with self.world.on("2027-03-09 09:00"):
            three = self.world.as_("REV-3")
            self._declare_for_the_call(three)
            page = three.click(ORGANIZATION)
            assignment = three.address
            assert page.heading == "Do you have a tie to this organization?"
            assert self._title() not in page.text, "nothing is shown before the declaration"
            page = three.press("Declare and go on", {"grade": "conflict"}, status=422)
            assert page.errors == ["Please describe the tie in a sentence."]
            page = three.press("Declare and go on", {"grade": "conflict", "reason": "I advised them last year."})
            assert ORGANIZATION not in page.content
            for address in (assignment, f"/applications/{self.application}", f"/applications/{self.application}/read"):
                three.open(address, status=404)
            assert ORGANIZATION not in three.open("/").text
            self.world.read("STF-03")
            page = self.world.as_("STF-03").open(f"/calls/{CALL}/reviews/{self.application}")
            assert not page.buttons("Ask Reviewer Three (SAMPLE)")
            self.world.as_("STF-03")
            self.world.browsers[self.world.email("STF-03")].open(f"/calls/{CALL}/reviews/{self.application}")
            self.world.browsers[self.world.email("STF-03")].press("Ask Reviewer Two (SAMPLE)")

    def _declare_for_the_call(self, reviewer: Browser) -> None:
        reviewer.open("/reviews")
        assert ORGANIZATION not in reviewer.page.text, "nobody is named before the declaration"
        reviewer.click(self.application)
        page = reviewer.click("Declare for this call")
        assert ORGANIZATION in page.text
        page = reviewer.press("I have no tie to any of these")
        assert ORGANIZATION in page.text

    def _title(self) -> str:
        return str(answers_of("APP-005")["title"])

    def two_reviewers_declare_no_tie_and_score_every_criterion(self) -> None:
        told = {r["reviewer"]: r for r in sample.read("reviews")["reviews"] if r["application"] == "APP-005"}
        for day, (who, source) in enumerate((("REV-6", "REV-6"), ("REV-2", "REV-4"))):
            with self.world.on(f"2027-03-{12 + day} 09:00"):
                reviewer = self.world.as_(who)
                self._declare_for_the_call(reviewer)
                page = reviewer.click(ORGANIZATION)
                page = reviewer.press("Declare and go on", {"grade": "none"})
                assert page.heading == self._title()
                self._write_review(reviewer, told[source])
                mine = reviewer.page
                assert mine.says("Another reviewer") == (day == 1), "others' reviews only after one's own"
        assert self.world.read("STF-03", "").links
        self._others().review(lambda _said: None, rounds=(1, 2))

    def _write_review(self, reviewer: Browser, told: dict[str, Any]) -> None:
        summary = told["summary"]
        place = reviewer.address
        page = reviewer.press("Save and submit", {"summary": summary})
        assert page.says("Your draft is saved, but not submitted yet: something is missing.")
        assert summary in page.text, "the draft is kept"
        typed: dict[str, Any] = {f"value_{key}": value for key, value in told["scores"].items()}
        typed |= {f"reason_{key}": told["reasons"].get(key, "") for key in told["scores"]}
        typed |= {"for_applicant": told["for_applicant"], "recommendation": told["recommendation"]}
        assert not page.says("Another reviewer")
        page = reviewer.press("Save and submit", typed)
        assert reviewer.address == place
        assert page.wording("Review submitted") in page.badges

    # ------------------------------------------------------------------ 5 the committee

    def the_ranked_list_stands_against_the_money_line(self) -> None:
        with self.world.on("2027-03-30 10:00"):
            page = self.world.as_("STF-07").open(f"/calls/{CALL}/decisions")
            first = next(row for row in page.root.all("tr") if self.application in row.text)
            assert re.search(r"\b1\b", first.text.split(self._title())[0]), first.text
            assert "92.5" in first.text, "the mean of 94 and 91"
            assert "open" in first.text

    def the_committee_votes_without_those_who_stepped_aside(self) -> None:
        with self.world.on("2027-04-01 10:00"):
            self.world.all_read()
            claire = self.world.as_("STF-07")
            claire.open(f"/calls/{CALL}/decisions")
            claire.press("Invite the members", {"starts_at": "2027-04-08T14:00", "quorum": 3})
            self.meeting = claire.address
            for number in range(10, 15):
                assert self.world.read(f"STF-{number}").links
        with self.world.on("2027-04-08 14:00"):
            claire = self.world.as_("STF-07")
            for number in range(10, 15):
                member = self.world.as_(f"STF-{number}")
                page = member.open(self.meeting, status=409)
                assert ORGANIZATION not in page.text, "nobody is named before the declaration"
                member.open(f"/calls/{CALL}/declaration")
                member.press("I have no tie to any of these")
                member.open(self.meeting)
                if number < 14:
                    member.press("I am here")
            claire.open(self.meeting)
            claire.press("Present Raúl Espejismo")
            claire.press("Open the meeting")
            self._our_application_is_decided(claire)
            self._a_member_with_a_declared_conflict_sees_nothing_of_the_other(claire)
            self._the_third_is_declined(claire)
            page = claire.open(self.meeting)
            page = claire.press("Close the meeting", {"minutes": "Three applications were discussed."}, status=409)
            assert "has to write down why" in page.content
            claire.open(self.meeting)
            floors = {
                "minutes": "Three applications were discussed.",
                "reason": "A small round; the floors come later.",
            }
            claire.press("Close the meeting", floors)
            for number in range(10, 15):
                member = self.world.as_(f"STF-{number}")
                page = member.open(self.meeting)
                page = member.press("Sign the decision sheet")
            claire.open(f"{self.meeting}/sheet")
            assert self._title() in claire.page.text

    def _our_application_is_decided(self, claire: Browser) -> None:
        case = f"{self.meeting}/{self.application}"
        devi = self.world.as_("STF-12")
        devi.open(case)
        devi.press("Step aside", {"reason": "My sister works there."})
        devi.open(case, status=404)
        assert self._title() not in devi.open(self.meeting).text
        claire.open(case)
        wanted = {"outcome": "award", "amount": "16000", "conditions": "Adopt a written refund procedure."}
        page = claire.press("Propose", wanted, status=409)
        assert "The award cannot be higher than what was asked for." in page.content
        claire.open(case)
        page = claire.press("Propose", wanted | {"amount": "15000"})
        assert any("at least 3 members" in why for why in page.obstacles("Decide as proposed"))
        for who, choice in (("STF-10", "for"), ("STF-11", "against"), ("STF-13", "for"), ("STF-14", "abstain")):
            assert page.obstacles("Decide as proposed") or who == "STF-14"
            member = self.world.as_(who)
            member.open(case)
            member.press("Vote", {"choice": choice})
            page = claire.open(case)
        page = claire.press("Decide as proposed")
        assert "Decided, letters not sent" in page.badges
        assert "Stepped aside: Devi Mythical" in page.content

    def _a_member_with_a_declared_conflict_sees_nothing_of_the_other(self, claire: Browser) -> None:
        case = f"{self.meeting}/APP-009"
        elena = self.world.as_("STF-13")
        elena.open(case, status=404)
        assert "APP-009" not in elena.open(self.meeting).text
        self._decide(claire, case, {"outcome": "award"}, [10, 11, 12, 14])

    def _the_third_is_declined(self, claire: Browser) -> None:
        case = f"{self.meeting}/APP-001"
        claire.open(case)
        page = claire.press("Propose", {"outcome": "decline"}, status=409)
        assert "This departs from the ranking." in page.content
        decline = {"outcome": "decline", "reason": "The same need is met by another programme this year."}
        self._decide(claire, case, decline, [10, 11, 12, 13, 14])

    def _decide(self, claire: Browser, case: str, proposal: dict[str, Any], voters: list[int]) -> None:
        claire.open(case)
        claire.press("Propose", proposal)
        for number in voters:
            member = self.world.as_(f"STF-{number}")
            member.open(case)
            member.press("Vote", {"choice": "for"})
        claire.open(case)
        claire.press("Decide as proposed")

    def all_letters_go_out_at_one_moment(self) -> None:
        self.world.all_read()
        letter = f"/applications/{self.application}/letter"
        applicants = {OWNER: self.application, "USR-MX-1": "APP-009", "USR-SN-1": "APP-001"}
        with self.world.on("2027-04-12 11:59"):
            for who, application in applicants.items():
                visitor = self.world.as_(who)
                visitor.open(f"/applications/{application}/letter", status=404)
                assert "Decided" not in visitor.open(f"/applications/{application}").history[0]
                self.world.nothing_for(who)
        with self.world.on("2027-04-12 12:00"):
            claire = self.world.as_("STF-07")
            claire.open(f"{self.meeting}/release")
            claire.press("Send 3 letters")
            assert claire.page.badges.count("Letters sent") == 1
            assert not claire.page.buttons("Send 3 letters")
            maya = self.world.as_(OWNER)
            assert "offer you a grant" in maya.open(letter).content
            self.offer = self.world.read(OWNER, "Good news").link
            assert self.world.as_("USR-SN-1").open("/applications/APP-001/letter").says(SORRY)
            assert self.world.read("USR-SN-1", "APP-001").links
            self.grant = self.offer.split("/")[2]
            award = self._award()
            assert award.amount_minor == 1_500_000
            assert self.world.entry("award", award.id, "offer").actor.reference == "STF-07"

    def _award(self) -> Award:
        db.session.rollback()
        return db.session.scalars(select(Award).where(Award.reference == self.grant)).one()

    # ------------------------------------------------------------------ 6 the agreement

    def the_grantee_accepts_and_the_signatory_signs_the_agreement(self) -> None:
        place = f"/grants/{self.grant}"
        with self.world.on("2027-04-14 09:00"):
            self.world.all_read()
            self.world.as_("USR-SN-1").open(f"{place}/agreement", status=404)
            deepak = self.world.as_(COLLEAGUE)
            assert not deepak.open(self.offer).buttons("Accept the grant"), "an editor does not answer an offer"
            self.world.as_("STF-03").open(f"{place}/plan")
            assert self.world.as_("STF-03").open(f"{place}/plan").obstacles("Draw up the agreement")
            maya = self.world.as_(OWNER)
            page = maya.open(self.offer)
            assert page.badges[0] == "Offered, waiting for an answer"
            page = maya.press("Accept the grant")
            assert page.badges[0] == "Accepted, agreement in preparation"
            assert self.grant in self.world.read("STF-03").subject
            maya.open(f"{place}/sign")
            assert not maya.page.buttons("Sign the agreement"), "there is nothing to sign yet"
        self._looked_at_before_the_agreement()
        with self.world.on("2027-04-16 09:00"):
            self.world.all_read()
            anita = self.world.as_("STF-03")
            page = anita.open(f"{place}/plan")
            assert all(amount in page.content for amount in ("€7,500", "€6,000", "€1,500"))
            anita.press("Draw up the agreement")
            deepak.open(f"{place}/sign", status=403)
            maya = self.world.as_(OWNER)
            maya.open(self.world.read(OWNER, self.grant).link)
            page = maya.open(f"{place}/agreement")
            assert maya.download(page.address_of("Download the agreement (PDF)")).startswith(b"%PDF")
            maya.open(f"{place}/sign")
            page = maya.press("Sign the agreement", {"signature": "Maya Returnee"}, status=422)
            assert page.errors, "the box has to be ticked"
            page = maya.press("Sign the agreement", {"agreed": True})
            assert page.badges[0] == "Running"
            award = self._award()
            assert self.world.entry("award", award.id, "sign").actor.email == OWNER
            assert self.grant in self.world.read("STF-03", self.grant).subject

    def _looked_at_before_the_agreement(self) -> None:
        """Papers that did not come with the application are handed in; a coordinator and a finance officer judge."""
        place = f"/grants/{self.grant}/diligence"
        with self.world.on("2027-04-15 09:00"):
            anita, pieter, maya = (self.world.as_(who) for who in ("STF-03", "STF-08", OWNER))
            page = anita.open(f"/grants/{self.grant}/plan")
            assert page.obstacles("Draw up the agreement") == ["The due diligence has not begun."]
            anita.open(place)
            anita.press("Begin the due diligence")
            maya.open(self.world.read(OWNER, self.grant).link)
            assert maya.address == place
            found = select(Point.id, Point.tab, Point.asked_of, Point.source).join(Point.diligence).order_by(Point.id)
            points = db.session.execute(found.where(Diligence.award_id == self._award().id)).all()
            for point_id, _tab, asked_of, source in points:
                if asked_of == "grantee" and source is None:
                    paper = (sample.document("pdf", "Paper", ORGANIZATION), "paper.pdf")
                    maya.press("Hand it in", {"file": paper}, at=f"/points/{point_id}/file")
            assert "Needed" not in maya.page.badges
            for point_id, tab, _asked_of, _source in points:
                judge = pieter if tab == "bank" else anita
                judge.open(f"{place}/points/{point_id}")
                judge.press("Keep this judgement", {"verdict": "ok"})
            anita.open(f"{place}?tab=sanctions")
            search = {
                "list_name": "United Nations, consolidated list",
                "list_version": "2027-04-14",
                "outcome": "no_match",
            }
            anita.press("Keep this search", search)
            anita.open(f"{place}?tab=risk")
            anita.press("Keep this judgement", {"risk": "low", "reason": "A small grant; the accounts are in order."})
            page = anita.press("Finish the due diligence")
            assert "Checked" in page.badges

    # ------------------------------------------------------------------ 7 the money

    def the_bank_account_is_entered_and_verified_by_a_call(self) -> None:
        place = f"/organizations/{self.organization}/bank-account"
        with self.world.on("2027-04-19 09:00"):
            self.world.all_read()
            maya = self.world.as_(OWNER)
            maya.open(f"/grants/{self.grant}/payments")
            maya.click("Enter the bank account")
            typed = {"holder": ORGANIZATION, "number": "BE68 5390 0754 7035", "bic": "", "currency": "EUR"}
            page = maya.press("Save the account", typed, status=422)
            assert "The check digits of this IBAN do not fit." in page.errors[0]
            page = maya.press("Save the account", {"number": "BE68 5390 0754 7034"})
            assert page.badges[0] == "Not verified"
            assert "BE68" not in maya.text
            pieter = self.world.as_("STF-08")
            pieter.open(f"{place}/verification")
            page = pieter.press("Show the full number")
            assert "BE68539007547034" in page.content.replace(" ", "")
            page = pieter.press("The account is right", {"reason": "yes"}, status=422)
            assert "Please say whom you called" in page.errors[0]
            reason = "Called Bishnu Notareal on the number of the application at 10:30; the account was read back."
            page = pieter.press("The account is right", {"reason": reason})
            assert page.badges[0] == "Verified by a second person"
            assert self.world.read(OWNER).links

    def the_first_tranche_is_prepared_approved_paid_and_confirmed_by_different_people(self) -> None:
        place = f"/grants/{self.grant}/payments"
        with self.world.on("2027-04-20 09:00"):
            self.world.all_read()
            pieter = self.world.as_("STF-08")
            page = pieter.open(place)
            assert page.obstacles("Prepare tranche 1…") == ["Conditions that hold payments are not met: 1."]
            anita = self.world.as_("STF-03")
            anita.open(f"/grants/{self.grant}/milestones")
            anita.click("Mark as met Adopt a written refund procedure.")
            anita.press("Mark as met", {"evidence": "The procedure of 18 April was read."})
            self._pay(1, "€7,500", when="2027-04-20 10:00", received="1089000")
        with self.world.on("2027-04-28 09:00"):
            page = self.world.as_("STF-08").open(place)
            assert page.badges.count("Received by the grantee")
            assert "This report is not in: Interim report." in page.content

    def _pay(self, number: int, amount: str, *, when: str, received: str) -> None:
        """Two finance officers and the grantee, each on their page; nobody can take the other's step."""
        place = f"/grants/{self.grant}/payments"
        with self.world.on(when) as moment:
            pieter, ines, maya = (self.world.as_(who) for who in ("STF-08", "STF-09", OWNER))
            pieter.open(place)
            page = pieter.press(f"Prepare tranche {number}…")
            payment = pieter.address
            assert amount in page.heading
            assert "another finance officer approves it" in page.obstacles("Approve this payment")[0].lower()
            pieter.post(f"{payment}/approve", status=409)
            letter = self.world.read("STF-09", payment.rsplit("/", 1)[-1])
            assert letter.language == "fr"
            ines.open(letter.link)
            assert ines.address == payment
            ines.press("Approve this payment")
            pieter.open(payment)
            pieter.press("I send it by hand now")
            proof = {"paid_on": moment.date().isoformat(), "bank_reference": f"SAMPLE-{number}"}
            page = pieter.press("Record the payment", proof, status=422)
            assert page.errors, "without a proof nothing is paid"
            document = (sample.document("pdf", "Proof", payment), "proof.pdf")
            page = pieter.press("Record the payment", {"proof": document})
            assert page.badges[0] == "Paid, waiting for the grantee’s confirmation"
            maya.open(self.world.read(OWNER).link)
            assert maya.address == payment
            assert maya.download(f"{payment}/proof").startswith(b"%PDF")
            arrived = {"received_on": moment.date().isoformat(), "received": received, "currency": "NPR"}
            page = maya.press("Confirm the receipt", arrived)
            assert page.badges[0] == "Received by the grantee"
            ledger = pieter.open("/ledger")
            assert payment.rsplit("/", 1)[-1] in ledger.content or amount in ledger.content
            self.world.all_read()

    # ------------------------------------------------------------------ 8 the reports

    def the_interim_report_is_returned_once_and_accepted(self) -> None:
        reports = f"/grants/{self.grant}/reports"
        with self.world.on("2027-10-05 09:00"):
            maya = self.world.as_(OWNER)
            maya.open(reports)
            page = maya.click("Interim report")
            self.interim = maya.address
            assert page.obstacles("Submit the report")
            self._write_report(self.interim, share=Decimal("0.4"))
            page = self.world.as_(OWNER).open(self.interim)
            page = maya.press("Submit the report")
            assert "Report submitted" in page.badges
            self._returned_and_mended()

    def _write_report(self, place: str, *, share: Decimal) -> None:
        told = sample.read("reports")["narrative_and_financial"]["en"]
        deepak = self.world.as_(COLLEAGUE)
        for section, answers in told.items():
            deepak.open(f"{place}/sections/{section}")
            fill_answers(deepak, {key: value for key, value in answers.items() if key != "changes"})
            for change in answers.get("changes", ()):
                self._tell_change(deepak, place, change)
        self._type_figures(deepak, place, share)

    def _tell_change(self, deepak: Browser, place: str, told: dict[str, Any]) -> None:
        deepak.open(f"{place}/changes/new")
        values = {"plan_point": told["plan_point"], "country": "NP", "level": "national", "stage": told["level"]}
        page = deepak.press("Save", values | {"what": told["evidence"], "evidence": "The letter of the office."})
        assert not page.errors

    def _type_figures(self, deepak: Browser, place: str, share: Decimal) -> None:
        deepak.open(f"{place}/figures")
        typed = {
            "currency": "NPR",
            "rate": "145.2",
            "source": "Nepal Rastra Bank",
            "rated_on": clock.now().date().isoformat(),
        }
        db.session.rollback()
        for line in self._award().budget:
            typed[f"local_{line.id}"] = str(int(Decimal(line.amount_minor) / 100 * share * Decimal("145.2")))
        page = deepak.press("Save and add up", typed)
        assert not page.errors

    def _returned_and_mended(self) -> None:
        self.world.all_read()
        with self.world.on("2027-10-08 09:00"):
            anita = self.world.as_("STF-03")
            anita.open("/reports")
            anita.click("Interim report")
            anita.click("Return it with questions")
            page = anita.press("Return this report", {"reason": ""}, status=422)
            assert page.errors
            anita.press("Return this report", {"part_done": "Please say what the returnee committee decided."})
            assert "Returned for changes" in anita.page.badges
        with self.world.on("2027-10-10 09:00"):
            maya = self.world.as_(OWNER)
            page = maya.open(self.world.read(OWNER).link)
            assert "Please say what the returnee committee decided." in page.content
            maya.open(f"{self.interim}/sections/learned")
            fill_answers(maya, {"next_steps": "The committee decided to file forty cases first."})
            maya.open(self.interim)
            maya.press("Submit the report")
            self.world.all_read()
        with self.world.on("2027-10-12 09:00"):
            anita = self.world.as_("STF-03")
            page = anita.open(self.interim)
            assert "forty cases first" in page.content
            page = anita.press("Accept the report")
            assert "Accepted" in page.badges
            assert self.world.read(OWNER).links

    def the_second_tranche_follows_the_accepted_report(self) -> None:
        self.world.all_read()
        self._pay(2, "€6,000", when="2027-10-15 10:00", received="871200")

    def the_final_report_and_the_last_tranche_follow(self) -> None:
        with self.world.on("2028-03-20 09:00"):
            maya = self.world.as_(OWNER)
            maya.open(f"/grants/{self.grant}/reports")
            maya.click("Final report")
            self.final = maya.address
            page = self.world.as_("STF-03").open(f"/grants/{self.grant}/closeout")
            assert page.obstacles("Open the close-out") == ["The final report is not in yet."]
            self._write_report(self.final, share=Decimal("0.6"))
            maya.open(self.final)
            maya.press("Submit the report")
        with self.world.on("2028-03-24 09:00"):
            anita = self.world.as_("STF-03")
            anita.open(f"/grants/{self.grant}/closeout")
            page = anita.press("Open the close-out")
            assert page.obstacles("Close the grant")
            anita.open(self.final)
            anita.press("Accept the report")
        self.world.all_read()
        self._pay(3, "€1,499.", when="2028-03-27 10:00", received="217600")

    # ------------------------------------------------------------------ 9 the end

    def the_grant_is_closed_once_nothing_is_missing(self) -> None:
        place = f"/grants/{self.grant}"
        with self.world.on("2028-04-03 09:00"):
            self.world.all_read()
            anita = self.world.as_("STF-03")
            page = anita.open(f"{place}/closeout")
            assert any("Milestones that were not reached: 7" in why for why in page.obstacles("Close the grant"))
            maya = self.world.as_(OWNER)
            for _ in range(6):
                maya.open(f"{place}/milestones")
                maya.click("Mark as reached")
                maya.press("Mark as reached", {"evidence": "The minutes are in our files."})
            page = anita.open(f"{place}/closeout")
            assert any("Milestones that were not reached: 1" in why for why in page.obstacles("Close the grant"))
            anita.post(f"{place}/closeout/finish", status=409)
            anita.open(f"{place}/closeout")
            page = anita.press(
                "Save the note", {"note": "The notice comes out in May; the authority has confirmed it."}
            )
            page = anita.press("Close the grant")
            assert "This grant is closed" in page.content
            award = self._award()
            assert award.state == "closed"
            self.world.entry("award", award.id, "close")
            assert self.world.read(OWNER).links
            assert "Grant closed" in maya.open(place).badges

    def the_record_is_whole(self) -> None:
        with self.world.on("2028-04-03 10:00"):
            db.session.rollback()
            assert broken_seals() == []
            db.session.rollback()
            assert self.world.as_("STF-15").open(f"/grants/{self.grant}").history
