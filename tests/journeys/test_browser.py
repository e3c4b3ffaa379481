"""The same in a real browser: every main screen on a phone and on a desk, and the core of the life with clicks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from config import ROOT, Config
from grants.core import clock
from grants.demo import sample
from tests.journeys import scenes
from tests.journeys.browsing import DESK, PHONE, faults, served, window
from tests.journeys.conftest import copy_of_the_demonstration
from tests.journeys.world import World

pytestmark = pytest.mark.browser

PICTURES = ROOT / "docs" / "screenshots"
PICTURED = {
    "welcome-360", "home-coordinator-1280", "home-reviewer-360", "application-360", "budget-1280", "ranked-list-1280",
    "committee-room-dark-1280", "offer-360", "grant-1280", "payments-1280", "record-1280",
}  # fmt: skip
"""What is kept for the documentation: name of the screen and width of the window."""


class Pressed(NamedTuple):
    """A page; or what a form of it leads to when it asks once more or shows what is wrong: nothing changes by it.

    ``form`` is the end of the address the form goes to. Its checks by the browser and by scripts are passed over.
    """

    path: str
    form: str | None = None
    fields: Mapping[str, str] = {}
    status: int = 200


S2 = "/applications/APP-402/sections/S2"
COPY = "/calls/MPF-2028-01"
SENEGAL, KENYA = "/organizations/ORG-SN", "/applications/{entered}"
ANSWERED = (
    "kind=ngo&registration=registered&country=SN&two_years=no&only_there=yes&theme=L1&advocacy=unsure"
    "&amount=10000&months=6&own_share=yes&language=yes&other_application=no&late_report=no"
)

SCREENS: dict[str, dict[str, str | Pressed]] = {
    "": {
        "welcome": "/",
        "calls": "/calls",
        "call": "/calls/MPF-2027-02",
        "questions": "/calls/MPF-2027-02/questions",
        "sign-in": "/sign-in",
        "register": "/register",
        "register-wrong": Pressed("/register", "/register", {"email": "nobody"}, 200),
        "may-we-apply": "/calls/MPF-2027-02/can-we-apply",
        "we-may-apply": f"/calls/MPF-2027-02/can-we-apply?answered=yes&{ANSWERED}",
        "we-may-not-apply": f"/calls/MPF-2027-02/can-we-apply?answered=yes&{ANSWERED}".replace("=SN", "=FR"),
        "ask-about-call": "/calls/MPF-2027-02/ask",
        "object": "/calls/MPF-2027-02/ask?about=country&given=FR",
        "objection-to-confirm": "{asking}",
        "registered": "/registered",
        "confirm-again": "/confirm",
        "forgotten": "/reset-password",
        "new-password": "{reset}",
        "address-to-confirm": "{confirm}",
        "first-sign-in": "/first-sign-in/{first}",
        "invitation-of-visitor": "{invitation}",
        "entry-to-confirm": "{confirming}",
        "report-to-confirm": "{confirming_report}",
        "offline": "/offline",
        "look": "/look",
        "not-found": Pressed("/nowhere", status=404),
    },
    "awa@example.org": {"first-steps": "/welcome", "invitation": "{invitation}", "account-invited": "/account"},
    "fatou@example.org": {
        "home-without-organization": "/",
        "applications-none": "/applications",
        "new-organization": "/organizations/new",
        "find-organization": "/organizations/find?country=KE&q=coast+domestic+workers+forum",
        "ask-to-join": "{joining}",
        "owed-nothing": "/owed",
    },
    "USR-PE-2": {
        "both-texts": Pressed(S2, S2, {"version": "{seen}", "summary": "Yo escribí otra cosa mientras tanto."}, 409),
    },
    "USR-PE-1": {
        "applications-own": "/applications",
        "apply": "/calls/MPF-2027-02/apply",
        "copy-answers": "/applications/APP-402/copy?from=APP-012",
        "copy-from": "/applications/APP-402/copy",
        "note-wrong": Pressed("/applications/APP-402/notes", "/notes", {"text": " "}, 422),
        "word-compared": "/applications/APP-402/word/compare",
        "word-wrong": Pressed("/applications/APP-402/word", "/word", status=422),
        "asked-for-more": "/applications/APP-503/clarifications",
        "application-reopened": "/applications/APP-503",
        "section-reopened": "/applications/APP-503/sections/S6",
        "receipt-of-answer": "/applications/APP-503/receipt",
        "withdraw": "/applications/APP-503/withdraw",
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
        "owed-by-us": "/owed",
        "report-figures": "/reports/6/figures",
        "report-section": "/reports/6/sections/done",
        "report-changes": "/reports/6/changes",
        "report-change": "/reports/6/changes/new",
        "report-documents": "/reports/6/documents",
        "bank-account": "/organizations/ORG-SN/bank-account",
        "receipt": "/applications/APP-001/receipt",
        "letter": "/applications/APP-201/letter",
        "organization-own": SENEGAL,
        "profile-of-organization": f"{SENEGAL}/profile",
        "profile-wrong": Pressed(f"{SENEGAL}/profile", "", {"name": "", "founded_on": "2999-01-01"}, 422),
        "requests": f"{SENEGAL}/requests",
        "request-declined": f"{SENEGAL}/requests/{{request}}/decline",
        "kept-documents": f"{SENEGAL}/documents",
        "kept-document-removed": Pressed(f"{SENEGAL}/documents", "/documents/{document}/remove"),
        "identifiers": f"{SENEGAL}/identifiers",
        "sponsored": f"{SENEGAL}/sponsor",
        "sponsoring-declined": f"{SENEGAL}/sponsorships/{{asked}}/decline",
        "sponsoring-ended": f"{SENEGAL}/sponsorships/{{sponsorship}}/end",
        "member": f"{SENEGAL}/people/{{member}}",
        "member-hands-over": Pressed(f"{SENEGAL}/people/{{member}}", "/hand-over"),
        "member-ends": Pressed(SENEGAL, "/people/{member}/end"),
        "change-password": "/change-password",
        "refuse-offer": "/grants/MPF-2026-02-G03/refuse",
        "changes": "/grants/MPF-2026-01-G02/changes",
        "change-ask": "/grants/MPF-2026-01-G02/changes/new",
        "change-ask-wrong": Pressed(
            "/grants/MPF-2026-01-G02/changes/new", "", {"move_0": "1000", "move_1": "-900"}, 422
        ),
        "change-to-sign": "/grants/MPF-2026-01-G02/changes/2",
        "change-signed": "/grants/MPF-2026-01-G02/changes/1",
        "change-withdrawn": "/grants/MPF-2026-01-G02/changes/2/answer/withdraw",
        "grant-versions": "/grants/MPF-2026-01-G02/versions",
    },
    "USR-MA-1": {
        "sponsor-asked": "/organizations/ORG-MA/sponsor",
        "requests-none": "/organizations/ORG-MA/requests",
        "kept-documents-none": "/organizations/ORG-MA/documents",
        "identifiers-none": "/organizations/ORG-MA/identifiers",
    },
    "USR-GT-1": {"draft-begun": "/applications/APP-403", "notes-none": "/applications/APP-403/notes"},
    "USR-KE-1": {"entry-own": f"{KENYA}/entry", "entry-read": KENYA},
    "USR-DO-1": {
        "change-to-work-out": "/grants/MPF-2026-01-G05/changes/2",
        "change-worked-out": "/grants/MPF-2026-01-G05/changes/2/work-out",
    },
    "USR-LB-1": {
        "write-up-to-confirm": "{written_up}/write-up",
        "write-up-wrong": Pressed("{written_up}/write-up", "/write-up/decline", status=422),
    },
    "USR-NP-1": {
        "offer": "/grants/MPF-2026-02-G01/agreement",
        "offer-refused": "/grants/MPF-2026-02-G01/refuse",
        "new-budget": "/grants/MPF-2026-02-G01/budget",
        "diligence-asked": "/grants/MPF-2026-02-G01/diligence",
        "confidentiality-asked": "/grants/MPF-2026-02-G01/confidentiality",
    },
    "REV-2": {
        "home-reviewer": "/",
        "profile": "/reviews/profile",
        "reviews": "/reviews",
        "interests": "/reviews/interests?words=ha",
        "declaration-of-the-year": "/declarations/year",
        "declaration-for-a-call": "/calls/MPF-2026-03/declaration",
    },
    "STF-12": {
        "home-committee": "/",
        "meetings": "/meetings",
        "committee-room": "/meetings/MPF-2027-01-M1",
        "meeting": "/meetings/MPF-2026-02-M1",
        "case": "/meetings/MPF-2026-02-M1/APP-303",
        "case-workbook": "/meetings/MPF-2026-02-M1/APP-303/files/{workbook}/pages",
        "sheet": "/meetings/MPF-2026-02-M1/sheet",
        "agenda-read": "/meetings/MPF-2027-01-M1/agenda",
        "pack-none": "/meetings/MPF-2027-01-M1/pack",
    },
    "STF-07": {
        "home-coordinator": "/",
        "filters-kept": "/filters",
        "list-being-written": "/exports",
        "call-managed": "/calls/MPF-2027-01/manage",
        "call-import": "/calls/import",
        "applications": "/calls/MPF-2027-01/applications",
        "application-read": "/applications/APP-005/read",
        "check": "/applications/APP-005/check",
        "call-reviews": "/calls/MPF-2027-01/reviews",
        "conflicts": "/calls/MPF-2027-01/conflicts",
        "reviews-agreement": "/calls/MPF-2027-01/reviews/agreement",
        "reviews-plan": "/calls/MPF-2026-03/reviews/plan",
        "application-reviews": "/calls/MPF-2027-01/reviews/APP-005",
        "ranked-list": "/calls/MPF-2027-01/decisions",
        "agenda": "/meetings/MPF-2027-01-M1/agenda",
        "agenda-wrong": Pressed("/meetings/MPF-2027-01-M1/agenda", "/agenda", {"title": " "}, 409),
        "scenarios": "/calls/MPF-2027-01/scenarios",
        "scenario": "/calls/MPF-2027-01/scenarios/1",
        "scenario-made": "/calls/MPF-2027-01/scenarios/new?from=1",
        "scenario-counted": Pressed("/calls/MPF-2027-01/scenarios/new", "/scenarios/new", {"floor-LAC": "60000"}, 200),
        "scenarios-compared": "/calls/MPF-2027-01/scenarios/compare?with=1&with=2",
        "scenarios-none": "/calls/MPF-2026-03/scenarios",
        "draw": "/calls/MPF-2027-01/draw",
        "call-grants": "/calls/MPF-2026-01/grants",
        "grants": "/grants",
        "grants-narrowed": "/grants?region=AFR&q=migra",
        "grants-not-found": "/grants?region=AFR&state=lapsed&risk=high",
        "figures": "/grants/figures",
        "grant": "/grants/MPF-2026-01-G01",
        "imports": "/imports",
        "import-wrong": Pressed("/imports", "", status=422),
        "import-columns": "/imports/{waiting}/columns",
        "import-waiting": "/imports/{waiting}",
        "import-under-way": "/imports/{importing}",
        "import-done": "/imports/{imported}",
        "past-grant": "/past-grants/{past}",
        "milestones": "/grants/MPF-2026-01-G01/milestones",
        "owed": "/owed",
        "owed-filtered": "/owed?when=late&who=fund",
        "owed-of-grant": "/grants/MPF-2026-01-G01/owed",
        "instalment-moved": "/grants/MPF-2026-01-G01/instalments/3/move",
        "instalment-planned": "/grants/MPF-2026-02-G02/plan/instalments/2",
        "instalment-freed": "/grants/{waived}/instalments/2/free",
        "instalment-waived": "/grants/{waived}/payments",
        "milestone-confirmed": "/grants/{telling}/milestones/{told}/confirm",
        "agreement-planned": "/grants/MPF-2026-02-G02/agreement",
        "report-mended": "{mended}",
        "report-version": "{mended}/versions/1",
        "write-up-declined": "{declined}/write-up",
        "written-up": "{written_up}",
        "write-up": "{written_up}/write-up",
        "write-up-new": "/reports/{to_write_up}/write-up/new",
        "visits": "/grants/MPF-2026-01-G01/visits",
        "visit-made": "/grants/MPF-2026-01-G01/visits/1",
        "visit-written": "/grants/MPF-2026-01-G01/visits/1/findings",
        "visit-share": "/grants/MPF-2026-01-G01/visits/1/share",
        "visit-given-up": "/grants/MPF-2026-01-G01/visits/2",
        "visit-answered": "/grants/MPF-2026-01-G02/visits/1",
        "visit-planned": "/grants/MPF-2026-01-G02/visits/2",
        "visit-new": "/grants/MPF-2026-01-G01/visits/new",
        "visit-wrong": Pressed("/grants/MPF-2026-01-G01/visits/new", "", status=422),
        "report": "/reports/3",
        "reports-queue": "/reports",
        "changes-told": "/reports/changes",
        "closeout": "/grants/MPF-2026-01-G06/closeout",
        "closeout-done": "/grants/{closed}/closeout",
        "closing-letter": "/grants/{closed}/letters/{closing}",
        "dossier-none": "/grants/{closed}/dossier",
        "retention": "/retention",
        "retention-kept": "/retention?show=kept",
        "retention-of-grant": "/grants/{closed}/retention",
        "retention-wrong": Pressed("/grants/{closed}/retention", "/retention/keep", {"reason": ""}, 422),
        "plan": "/grants/MPF-2026-02-G02/plan",
        "diligence": "/grants/MPF-2026-02-G02/diligence",
        "diligence-checklist": "/grants/MPF-2026-02-G02/diligence?tab=checklist",
        "diligence-bank": "/grants/MPF-2026-02-G01/diligence?tab=bank",
        "diligence-partners": "/grants/MPF-2026-02-G02/diligence?tab=partners",
        "diligence-sanctions": "/grants/MPF-2026-02-G02/diligence?tab=sanctions",
        "diligence-search": "/grants/MPF-2026-02-G01/diligence?tab=sanctions",
        "diligence-risk": "/grants/MPF-2026-02-G03/diligence?tab=risk",
        "diligence-point": "/grants/MPF-2026-02-G01/diligence/points/{point}",
        "confidentiality": "/grants/MPF-2026-02-G02/confidentiality",
        "conditions": "/grants/MPF-2026-02-G03/milestones",
        "condition-new": "/grants/MPF-2026-02-G02/conditions/new",
        "condition-moved": "/grants/MPF-2026-02-G02/conditions/{condition}/move",
        "countersign": "/grants/MPF-2026-02-G03/countersign",
        "copy-returned": "/grants/MPF-2026-02-G03/agreement/signed-copy/return",
        "agreements": "/calls/MPF-2026-02/agreements",
        "agreement-worded": "/calls/MPF-2026-02/letters/agreement/fr",
        "calls-managed": "/calls/manage",
        "call-draft": f"{COPY}/manage",
        "write": f"{COPY}/write",
        "write-words": f"{COPY}/write/words",
        "write-dates": f"{COPY}/write/dates",
        "write-money": f"{COPY}/write/money",
        "write-lots": f"{COPY}/write/lots",
        "write-lot": f"{COPY}/write/lots/0",
        "write-questions": f"{COPY}/write/sections",
        "write-section": f"{COPY}/write/sections/1",
        "write-question": f"{COPY}/write/questions/1-0",
        "write-table": f"{COPY}/write/questions/3-0",
        "write-new-question": f"{COPY}/write/questions/1-new",
        "write-rule": f"{COPY}/write/rules/2",
        "write-document": f"{COPY}/write/documents/0",
        "write-grid": f"{COPY}/write/grid",
        "write-criteria": f"{COPY}/write/scored",
        "write-criterion": f"{COPY}/write/criteria/0-0",
        "write-qualifying": f"{COPY}/write/qualifying/0",
        "write-heading": f"{COPY}/write/headings/0",
        "write-instalments": f"{COPY}/write/instalments/0",
        "write-reports": f"{COPY}/write/reports/0",
        "call-begun": "/calls/new",
        "write-text": f"{COPY}/write/text/grid",
        "write-wrong": Pressed(f"{COPY}/write/money", "", {"grant-min": "much"}, 422),
        "write-discarded": Pressed(f"{COPY}/write", "/write-back"),
        "write-published": "/calls/MPF-2027-02/write",
        "call-copied": f"{COPY}/copy",
        "correction": "/calls/MPF-2027-02/correct",
        "preview": f"{COPY}/preview",
        "preview-section": f"{COPY}/preview/S4",
        "trial": f"{COPY}/trial",
        "trial-section": f"{COPY}/trial/S2?check=1",
        "trial-tables": f"{COPY}/trial/S4",
        "enquiries": "/calls/MPF-2027-02/enquiries",
        "enquiry": "/calls/MPF-2027-02/enquiries/{enquiry}",
        "objection": "/calls/MPF-2027-02/enquiries/{objection}",
        "enquiries-none": f"{COPY}/enquiries",
        "enter": "/calls/MPF-2027-02/enter",
        "enter-wrong": Pressed("/calls/MPF-2027-02/enter", "", status=422),
        "entry": f"{KENYA}/entry",
        "ask-for-more": f"{KENYA}/clarifications/ask",
        "clarifications": "/applications/APP-503/clarifications",
        "clarification-closed": "/applications/APP-503/clarifications/close",
        "ineligible": "/applications/APP-503/find-ineligible",
        "check-reopened": "/applications/APP-501/reopen-check",
        "organizations": "/organizations",
        "organization-of-applicant": SENEGAL,
        "alike": "/organizations/alike",
        "pair": "/organizations/alike/{pair}",
        "appointed": "/organizations/ORG-TG/people/{heir}/appoint",
        "reviewers": "/reviewers",
        "reviewer": "/reviewers/REV-2",
        "letters-to-release": "/meetings/MPF-2026-02-M1/release",
        "letters-none": "/meetings/MPF-2027-01-M1/letters",
        "milestone-moved": "/grants/MPF-2026-01-G01/milestones/{milestone}/move",
        "milestone-reached": "/grants/MPF-2026-01-G01/milestones/{milestone}/reached",
        "suspended": "/grants/MPF-2026-01-G01/standing/suspend",
        "changes-of-grant": "/grants/MPF-2026-02-G04/changes",
        "change-written-down": "/grants/MPF-2026-02-G04/changes/new",
        "change-to-answer": "/grants/MPF-2026-02-G05/changes/1",
        "change-to-check": "/grants/MPF-2026-01-G01/changes/2",
        "change-refused": "/grants/MPF-2026-02-G05/changes/1/answer/refuse",
        "terminate": "/grants/MPF-2026-01-G01/terminate",
        "settlement": "/grants/MPF-2026-01-G03/settlement",
        "letter-of-standing": "/grants/MPF-2026-01-G03/letters/{standing}",
        "agreement-ended": "/grants/MPF-2026-01-G03/agreement",
        "report-moved": "/reports/{owed}/move",
        "report-waived": "/reports/{owed}/waive",
        "report-returned": "/reports/3/return",
        "report-costs": "/reports/3/costs",
        "nothing-allowed": Pressed("/people", status=403),
    },
    "STF-08": {
        "home-finance": "/",
        "payments": "/payments",
        "payments-waiting": "/payments?show=waiting",
        "payment": "/payments/MPF-2026-02-G05-P1",
        "grant-payments": "/grants/MPF-2026-01-G01/payments",
        "verification": "/organizations/ORG-MA/bank-account/verification",
        "ledger": "/ledger",
        "refund": "/grants/MPF-2026-01-G06/refund",
        "refund-request": "/grants/MPF-2026-01-G06/refund-request",
        "refund-taken-back": "/grants/MPF-2026-01-G05/refunds/{refunded}/take-back",
        "refunded": "/grants/MPF-2026-01-G05/payments",
        "payment-sent": "/payments/{sent}",
        "payment-taken-back": "/payments/{sent}/take-back",
        "line-taken-back": "/payments/statements/1/lines/1/take-back",
        "owed-to-pay": "/owed",
        "ledger-as-of": "/ledger?at=2026-11-01&call=MPF-2026-01",
        "ledger-of-call": "/ledger/grants?call=MPF-2026-01",
        "ledger-of-grant": "/grants/MPF-2026-01-G01/ledger",
        "payment-orders": "/payments/orders",
        "payment-order": "/payments/orders/{order}",
        "statements": "/payments/statements",
        "statement": "/payments/statements/1",
        "confirm-it-is-you": "/confirm-it-is-you",
        "dossier-asked": "/grants/{closed}/dossier",
    },
    "STF-15": {
        "home-auditor": "/",
        "people": "/people",
        "record": "/record",
        "owed-read": "/owed",
        "grant-audited": "/grants/MPF-2026-01-G01",
        "lists-taken-out": "/exports",
        "dossier": "/grants/{closed}/dossier",
    },
    "STF-16": {
        "home-administrator": "/",
        "person": "/people/REV-2",
        "invite": "/people/invite",
        "mails": "/mails",
        "person-invited": "/people/{invited}",
        "person-proposed": "/people/STF-12",
        "role-to-confirm": "/people/STF-05",
        "people-of-fund": "/people",
        "invite-wrong": Pressed("/people/invite", "/people/invite", status=422),
        "account-closed": Pressed("/people/REV-2", "/close"),
    },
}


# ------------------------------------------------------------------ every screen


@pytest.fixture(scope="module")
def staged(running: Config, demonstration: Config) -> Iterator[tuple[World, str, dict[str, str]]]:
    """The demonstration on a web server, with more life in it, and what the addresses of its pages need."""
    with copy_of_the_demonstration(running, demonstration) as world, served(world.app) as address:
        yield world, address, scenes.set_up(world)


ROUNDS = {
    f"{who or 'visitor'} {first}": (who, dict(list(screens.items())[first : first + 30]))
    for who, screens in SCREENS.items()
    for first in range(0, len(screens), 30)
}
"""The screens in parts of a bearable length, so that several processes can look at them."""


@pytest.mark.parametrize("part", list(ROUNDS))
def test_screens_fit_speak_and_are_accessible(
    staged: tuple[World, str, dict[str, str]], chromium: Chromium, part: str
) -> None:
    who, screens = ROUNDS[part]
    world, address, places = staged
    found: list[str] = []
    with window(chromium, address) as opened:
        page = opened.sign_in(world.email(who)) if who else opened.page
        for language in ("en", "fr"):
            page.goto("/")
            _speak(page, language)
            for name, screen in screens.items():
                page.set_viewport_size(DESK)
                pressed = Pressed(screen) if isinstance(screen, str) else screen
                status = _opened(page, pressed, places)
                assert status == pressed.status, f"{name}: {status}"
                assert page.locator("html").get_attribute("lang") == language
                found += [f"{name} {language} {problem}" for problem in _looked_at(page, language)]
                _keep_picture(page, name, language)
        page.goto("/")
        _speak(page, "en")
        opened.complaints = [said for said in opened.complaints if not EXPECTED.search(said)]
    assert not found, "\n".join(found)


EXPECTED = re.compile(r"the server responded with a status of 4\d\d")
"""What the browser says of a page that refuses."""


def _opened(page: Page, pressed: Pressed, places: dict[str, str]) -> int:
    """Go to a page, and send one of its forms when that is what is to be seen; the status of the answer."""
    answer = page.goto(pressed.path.format(**places))
    if pressed.form is not None:
        for name, text in pressed.fields.items():
            field = page.locator(f"main [name='{name}']").first
            field.evaluate("(field, text) => { field.value = text }", text.format(**places))
        end = pressed.form.format(**places)
        form = page.locator("main form[method=post]" + (f"[action$='{end}']" if end else "")).first
        with page.expect_navigation() as moved:
            form.evaluate("form => HTMLFormElement.prototype.submit.call(form)")
        answer = moved.value
    assert answer is not None
    return answer.status


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
        if size == DESK:
            problems += [f"more than one line: {row}" for row in page.evaluate(BROKEN)]
        if (language == "en") == (scheme == "light"):
            problems += [
                f"{scheme}: {v['id']}: {[node['html'][:160] for node in v['nodes'][:3]]}" for v in faults(page)
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


BROKEN = """() => [...document.querySelectorAll('.main-nav > ul, main > .tabs ul')].filter(
    row => row.offsetWidth && row.lastElementChild.offsetTop > row.firstElementChild.offsetTop)
    .map(row => row.innerText.slice(0, 80))"""
"""The menu and the tabs across a page on a desk, where they take more than one line."""


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
        page.get_by_role("link", name="APP-005").click()
        page.get_by_role("link", name="Declare for this call").click()
        page.get_by_role("button", name="I have no tie to any of these").click()
        page.get_by_role("link", name="Himal Fair Recruitment Watch (SAMPLE)").click()
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


def test_a_scenario_is_counted_while_one_ticks(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    with window(chromium, address) as opened:
        page = opened.sign_in(world.emails["STF-07"])
        page.goto("/calls/MPF-2027-01/scenarios/new")
        tally, money = page.locator("#tally"), page.locator("#money")
        expect(tally).to_have_text("9 awards, €11,200 left")
        page.get_by_label("Standard contract watch").uncheck()
        expect(tally).to_have_text("8 awards, €24,400 left")
        expect(money).to_contain_text("€95,600")
        expect(page.locator("#balance")).to_contain_text("€23,900")
        expect(page.get_by_label("Standard contract watch")).not_to_be_checked()
        page.get_by_role("button", name="Propose within these limits").click()
        expect(page.locator(".notice").first).to_contain_text("€1,400 short")
        page.get_by_label("Why this limit is lifted").fill("Only two of the region reached every threshold.")
        page.get_by_role("button", name="Lift it and propose").click()
        expect(tally).to_have_text("9 awards, €11,200 left")
        page.get_by_label("Name of the scenario").fill("For the meeting")
        page.get_by_role("button", name="Keep this scenario").click()
        page.get_by_role("button", name="Lay it before MPF-2027-01-M1").click()
        page.goto("/meetings/MPF-2027-01-M1")
        expect(page.get_by_role("link", name="Scenario before this meeting: For the meeting")).to_be_visible()


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
        pieter.get_by_role("button", name="I send it by hand now").click()
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
