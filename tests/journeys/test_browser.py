"""The same in a real browser: every main screen on a phone and on a desk, and the core of the life with clicks."""

from __future__ import annotations

import os
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from config import ROOT
from grants.core import clock
from grants.demo import sample
from tests.journeys.browsing import DESK, PHONE, window
from tests.journeys.world import World

pytestmark = pytest.mark.browser

PICTURES = ROOT / "docs" / "screenshots"
PICTURED = {
    "welcome-360", "home-coordinator-1280", "home-reviewer-360", "application-360", "budget-1280", "ranked-list-1280",
    "committee-room-dark-1280", "offer-360", "grant-1280", "payments-1280", "record-1280",
}  # fmt: skip
"""What is kept for the documentation: name of the screen and width of the window."""

SCREENS: dict[str, dict[str, str]] = {
    "": {
        "welcome": "/",
        "calls": "/calls",
        "call": "/calls/MPF-2027-02",
        "questions": "/calls/MPF-2027-02/questions",
        "sign-in": "/sign-in",
        "register": "/register",
    },
    "USR-PE-1": {
        "home-applicant": "/",
        "application": "/applications/APP-402",
        "certify": "/applications/APP-402/certify",
        "form-section": "/applications/APP-402/sections/S2",
        "form-tables": "/applications/APP-402/sections/S4",
        "budget": "/applications/APP-402/sections/S8",
        "form-missing": "/applications/APP-402/sections/S10?check=1",
        "documents": "/applications/APP-402/documents",
        "notes": "/applications/APP-402/notes",
        "versions": "/applications/APP-402/sections/S2/versions",
        "fill-in-word": "/applications/APP-402/word",
        "organization": "/organizations/ORG-PE",
        "account": "/account",
    },
    "USR-SN-1": {
        "home-grantee": "/",
        "grant-grantee": "/grants/MPF-2026-01-G02",
        "agreement": "/grants/MPF-2026-02-G03/agreement",
        "sign": "/grants/MPF-2026-02-G03/sign",
        "reports": "/grants/MPF-2026-01-G02/reports",
        "report-figures": "/reports/6/figures",
        "report-section": "/reports/6/sections/done",
        "bank-account": "/organizations/ORG-SN/bank-account",
        "receipt": "/applications/APP-001/receipt",
        "letter": "/applications/APP-201/letter",
    },
    "USR-NP-1": {"offer": "/grants/MPF-2026-02-G01/agreement"},
    "REV-2": {
        "home-reviewer": "/",
        "profile": "/reviews/profile",
        "reviews": "/reviews",
        "interests": "/reviews/interests?words=ha",
    },
    "STF-12": {
        "home-committee": "/",
        "meetings": "/meetings",
        "committee-room": "/meetings/MPF-2027-01-M1",
        "meeting": "/meetings/MPF-2026-02-M1",
        "case": "/meetings/MPF-2026-02-M1/APP-303",
        "sheet": "/meetings/MPF-2026-02-M1/sheet",
    },
    "STF-07": {
        "home-coordinator": "/",
        "call-managed": "/calls/MPF-2027-01/manage",
        "call-import": "/calls/import",
        "applications": "/calls/MPF-2027-01/applications",
        "application-read": "/applications/APP-005/read",
        "check": "/applications/APP-005/check",
        "call-reviews": "/calls/MPF-2027-01/reviews",
        "application-reviews": "/calls/MPF-2027-01/reviews/APP-005",
        "ranked-list": "/calls/MPF-2027-01/decisions",
        "call-grants": "/calls/MPF-2026-01/grants",
        "grants": "/grants",
        "grant": "/grants/MPF-2026-01-G01",
        "milestones": "/grants/MPF-2026-01-G01/milestones",
        "report": "/reports/3",
        "reports-queue": "/reports",
        "closeout": "/grants/MPF-2026-01-G06/closeout",
        "plan": "/grants/MPF-2026-02-G02/plan",
    },
    "STF-08": {
        "home-finance": "/",
        "payments": "/payments",
        "payments-waiting": "/payments?show=waiting",
        "payment": "/payments/MPF-2026-02-G05-P1",
        "grant-payments": "/grants/MPF-2026-01-G01/payments",
        "verification": "/organizations/ORG-MA/bank-account/verification",
        "ledger": "/ledger",
    },
    "STF-15": {"home-auditor": "/", "people": "/people", "record": "/record"},
    "STF-16": {"home-administrator": "/", "person": "/people/REV-2", "invite": "/people/invite", "mails": "/mails"},
}


# ------------------------------------------------------------------ every screen


@pytest.mark.parametrize("who", list(SCREENS), ids=lambda who: who or "visitor")
def test_screens_fit_speak_and_are_accessible(shown: tuple[World, str], chromium: Chromium, who: str) -> None:
    world, address = shown
    found: list[str] = []
    with window(chromium, address) as opened:
        page = opened.sign_in(world.emails[who]) if who else opened.page
        for language in ("en", "fr"):
            page.goto("/")
            _speak(page, language)
            for name, path in SCREENS[who].items():
                page.set_viewport_size(DESK)
                answer = page.goto(path)
                assert answer is not None
                assert answer.status == 200, f"{path}: {answer.status}"
                assert page.locator("html").get_attribute("lang") == language
                found += [f"{name} {language} {problem}" for problem in _looked_at(page, language)]
                _keep_picture(page, name, language)
        page.goto("/")
        _speak(page, "en")
    assert not found, "\n".join(found)


def _speak(page: Page, language: str) -> None:
    """Choose the language as people do."""
    page.set_viewport_size(DESK)
    button = page.locator(f"nav.languages button[value={language}]")
    if button.get_attribute("aria-current") != "true":
        button.click()
        page.wait_for_load_state()


def _looked_at(page: Page, language: str) -> list[str]:
    """What is wrong with the present page: too wide on a desk or a phone, or what axe finds in the light and in the dark."""
    problems = []
    for scheme, size in (("light", DESK), ("dark", PHONE)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        if (wide := page.evaluate(WIDEST)) is not None:
            problems.append(f"{size['width']} px: too wide by {wide}")
        if (language == "en") == (scheme == "light"):
            results = Axe().run(page)
            problems += [
                f"{scheme}: {v['id']}: {[node['html'][:160] for node in v['nodes'][:3]]}"
                for v in results.response["violations"]
            ]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return problems


WIDEST = """() => {
    const over = document.documentElement.scrollWidth - window.innerWidth;
    if (over <= 0) return null;
    const tooFar = [...document.querySelectorAll('body *')].filter(
        e => e.getBoundingClientRect().right > window.innerWidth + 1);
    return over + ' px: ' + tooFar.slice(0, 3).map(e => e.outerHTML.slice(0, 120)).join(' | ');
}"""


def _keep_picture(page: Page, name: str, language: str) -> None:
    """Screenshots for the documentation, when they are asked for."""
    if os.environ.get("SCREENSHOTS") != "1" or language != "en":
        return
    for size in (DESK, PHONE):
        for scheme, infix in (("light", ""), ("dark", "dark-")):
            if (picture := f"{name}-{infix}{size['width']}") in PICTURED:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
                page.set_viewport_size(size)  # type: ignore[arg-type]
                page.screenshot(path=PICTURES / f"{picture}.png")


# ------------------------------------------------------------------ the core of the life


def test_a_reviewer_declares_and_scores(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    _ask_another_reviewer(world)
    told = next(
        r for r in sample.read("reviews")["reviews"] if (r["application"], r["reviewer"]) == ("APP-005", "REV-6")
    )
    with window(chromium, address, viewport=PHONE) as opened:
        page = opened.sign_in(world.emails["REV-1"])
        page.goto("/reviews")
        page.get_by_role("link", name="Himal Fair Recruitment Watch (SAMPLE)").click()
        page.get_by_label("No tie").check()
        page.get_by_role("button", name="Declare and go on").click()
        expect(page.locator("h1")).to_contain_text("Zero-cost recruitment")
        for key, value in told["scores"].items():
            page.locator(f"input[name=value_{key}][value='{value}']").check()
            page.locator(f"textarea[name=reason_{key}]").fill(told["reasons"].get(key, ""))
        page.locator("textarea[name=summary]").fill(told["summary"])
        page.locator("textarea[name=for_applicant]").fill(told["for_applicant"])
        page.locator(f"input[name=recommendation][value={told['recommendation']}]").check()
        page.get_by_role("button", name="Save and submit").click()
        expect(page.locator(".page-badge")).to_contain_text("Review submitted")


def _ask_another_reviewer(world: World) -> None:
    three, anita = world.as_("REV-3"), world.as_("STF-03")
    page = three.open("/reviews")
    row = next(row for row in page.root.all("tr") if "APP-005" in row.text)
    three.open(next(row.all("a")).at["href"] or "")
    three.press("Step aside", {"reason": "My brother has started to work there."})
    anita.open("/calls/MPF-2027-01/reviews/APP-005")
    anita.press("Ask Reviewer One (SAMPLE)")


def test_two_finance_officers_pay(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    payment = "/payments/MPF-2026-02-G05-P1"
    with window(chromium, address) as first, window(chromium, address) as second:
        pieter, ines = first.sign_in(world.emails["STF-08"]), second.sign_in(world.emails["STF-09"])
        pieter.goto(payment)
        expect(pieter.get_by_role("button", name="Approve this payment")).to_have_attribute("aria-disabled", "true")
        expect(pieter.locator(".obstacles")).to_contain_text("You prepared this payment.")
        ines.goto(payment)
        ines.get_by_role("button", name="Approve this payment").click()
        expect(ines.locator(".page-badge")).to_contain_text("Approved, to be paid")
        pieter.goto(payment)
        pieter.get_by_label("Sent on").fill(clock.today("UTC").isoformat())
        pieter.get_by_label("Reference of the bank").fill("SAMPLE-1")
        pieter.get_by_role("button", name="Record the payment").click()
        expect(pieter.locator(".error-summary")).to_be_focused()
        assert pieter.get_by_label("Reference of the bank").input_value() == "SAMPLE-1"
        proof = sample.document("pdf", "Proof", "Bank")
        pieter.get_by_label(re.compile("Proof from the bank")).set_input_files(
            {"name": "proof.pdf", "mimeType": "application/pdf", "buffer": proof}
        )
        pieter.get_by_role("button", name="Record the payment").click()
        expect(pieter.locator(".page-badge")).to_contain_text("Paid, waiting for the grantee’s confirmation")
        first.complaints = [said for said in first.complaints if "422" not in said]
