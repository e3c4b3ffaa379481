"""Writing on a weak line, in a real browser: nothing typed is lost, wherever the line drops and whoever else writes."""

from __future__ import annotations

import copy

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select, update

from grants.accounts.models import Membership, Person, Role, RoleGrant
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.calls.actions import save_working_copy
from grants.calls.models import Call
from grants.calls.queries import working_copy_of, written_documents
from grants.core.db import db, transaction
from grants.corrections.actions import publish_correction
from grants.reports.models import ReportDue, ReportKind
from grants.reports.workflow import ReportState
from tests.bench.world import make_draft
from tests.journeys.browsing import PHONE, Line, Window, window
from tests.journeys.desk import STATE, first_text, opened_at, sound, text_of, until
from tests.journeys.world import World

pytestmark = pytest.mark.browser

SECTION = "/applications/APP-402/sections/S2"
ANOTHER = "/applications/APP-402/sections/S7"


def test_what_is_typed_is_on_the_server_within_seconds(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    with window(chromium, address, viewport=PHONE) as opened:
        page = opened.sign_in(world.emails["USR-PE-1"])
        page.goto(SECTION)
        name = first_text(page)
        page.locator(f"[name={name}]").fill("Words typed without pressing anything")
        expect(page.locator(STATE)).to_contain_text("Saved on this device")
        expect(page.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        assert text_of(page, SECTION, name) == "Words typed without pressing anything"
        page.locator(f"[name={name}]").fill("And once more")
        expect(page.locator(STATE)).to_contain_text("Saved on this device")
        expect(page.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        assert text_of(page, SECTION, name) == "And once more"


def test_writing_goes_on_without_a_line_and_across_a_restart(fund: World, chromium: Chromium) -> None:
    line = Line(fund.app)
    opened = Window(chromium, line.address, viewport=PHONE)
    page = opened.sign_in(fund.emails["USR-PE-1"])
    name = opened_at(page, SECTION)
    until(page, "caches.open('pages').then(pages => pages.keys()).then(keys => keys.length > 8)")
    line.cut()
    page.locator(f"[name={name}]").fill("Written in a bus without a line")
    expect(page.locator(STATE)).to_contain_text("waiting for the line", timeout=10_000)
    page.reload()
    expect(page.locator(f"[name={name}]")).to_have_value("Written in a bus without a line")
    page.get_by_role("button", name="Save and go on").click()
    page.wait_for_url("**/sections/S3")
    expect(page.locator("form[data-draft]")).to_be_visible()
    page.goto(ANOTHER)
    other = first_text(page)
    page.locator(f"[name={other}]").fill("And the other section too")
    expect(page.locator(STATE)).to_contain_text("waiting for the line", timeout=10_000)
    page.close()
    line.mend()
    page = opened.context.new_page()
    page.goto(SECTION)
    expect(page.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
    assert text_of(page, SECTION, name) == "Written in a bus without a line"
    until(page, "!Object.keys(localStorage).some(key => key.startsWith('draft:'))")
    assert text_of(page, ANOTHER, other) == "And the other section too"
    opened.context.close()
    line.cut()


def test_two_people_never_overwrite_each_other_unseen(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    with window(chromium, address) as mine, window(chromium, address) as theirs:
        one = mine.sign_in(world.emails["USR-PE-1"])
        two = theirs.sign_in(world.emails["USR-PE-1"])
        for page in (one, two):
            page.goto(SECTION)
        names = [
            str(field.get_attribute("name"))
            for field in one.locator("form[data-draft] .field textarea, form[data-draft] .field input[type=text]").all()
        ][:2]
        one.locator(f"[name={names[0]}]").fill("From the first")
        expect(one.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        two.locator(f"[name={names[1]}]").fill("From the second")
        expect(two.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        expect(two.locator(f"[name={names[0]}]")).to_have_value("From the first")
        two.locator(f"[name={names[0]}]").fill("The second changes it")
        expect(two.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        one.locator(f"[name={names[0]}]").fill("The first changes it too")
        expect(one.locator(STATE)).to_contain_text("somebody else changed the same answer", timeout=10_000)
        expect(one.locator(".notice", has_text="The second changes it")).to_be_visible()
        expect(one.locator(f"[name={names[0]}]")).to_have_value("The first changes it too")
        assert text_of(one, SECTION, names[0]) == "The second changes it"
        one.locator(f"[name={names[0]}]").fill("Both together")
        one.get_by_role("button", name="Save", exact=True).click()
        expect(one.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        assert text_of(one, SECTION, names[0]) == "Both together"
        mine.complaints.clear()  # the browser notes the answer "409" as an error


def slow(page: Page) -> list[Route]:
    """The line becomes slow: what the page saves next waits for ``continue_``."""
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST" and not waiting:
            waiting.append(route)
        else:
            route.continue_()

    page.route("**/sections/*", hold)
    return waiting


def on_its_way(page: Page, waiting: list[Route]) -> Route:
    """The save that has left the page and waits."""
    for _ in range(100):
        if waiting:
            return waiting[0]
        page.wait_for_timeout(100)
    raise AssertionError("nothing was saved")


def test_what_a_colleague_chose_stays_chosen(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    with window(chromium, address) as mine, window(chromium, address) as theirs:
        one, two = mine.sign_in(world.emails["USR-PE-1"]), theirs.sign_in(world.emails["USR-PE-2"])
        for page in (one, two):
            page.goto(SECTION)
        chosen = "input[name=confidentiality]:checked"
        options = [box.get_attribute("value") for box in one.locator("input[name=confidentiality]").all()]
        was = str(one.locator(chosen).get_attribute("value"))
        for choice in [option for option in options if option != was]:
            two.locator(f"input[name=confidentiality][value={choice}]").check()
            expect(two.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
            one.locator("[name=title]").fill(f"Typed while a colleague chose {choice}")
            expect(one.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
            assert one.locator(chosen).get_attribute("value") == choice


def test_what_is_typed_while_a_save_is_on_its_way_never_covers_what_a_colleague_wrote(
    house: tuple[World, str], chromium: Chromium
) -> None:
    world, address = house
    with window(chromium, address) as mine, window(chromium, address) as theirs:
        one, two = mine.sign_in(world.emails["USR-PE-1"]), theirs.sign_in(world.emails["USR-PE-2"])
        for page in (one, two):
            page.goto(SECTION)
        two.locator("[name=summary]").fill("The summary of a colleague")
        expect(two.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        waiting = slow(one)
        one.locator("[name=title]").fill("A title, and then on to the summary")
        saving = on_its_way(one, waiting)
        one.locator("[name=summary]").fill("My own summary")
        saving.continue_()
        expect(one.locator(STATE)).to_contain_text("somebody else changed the same answer", timeout=10_000)
        expect(one.locator(".notice", has_text="The summary of a colleague")).to_be_visible()
        expect(one.locator("[name=summary]")).to_have_value("My own summary")
        assert text_of(one, SECTION, "summary") == "The summary of a colleague"
        assert text_of(one, SECTION, "title") == "A title, and then on to the summary"
        mine.complaints.clear()  # the browser notes the answer "409" as an error


def lines_of(page: Page, path: str, name: str) -> list[str]:
    """What the server has in one column of a table, without empty lines."""
    count = int(text_of(page, path, name.replace("{}-", "").rsplit("-", 1)[0] + "-rows"))
    return [text for n in range(1, count + 1) if (text := text_of(page, path, name.format(n)))]


def test_lines_typed_while_a_save_is_on_its_way_stay_beside_those_of_a_colleague(
    house: tuple[World, str], chromium: Chromium
) -> None:
    world, address = house
    path, name = "/applications/APP-402/sections/S4", "team-{}-role"
    with window(chromium, address) as mine, window(chromium, address) as theirs:
        one, two = mine.sign_in(world.emails["USR-PE-1"]), theirs.sign_in(world.emails["USR-PE-2"])
        for page in (one, two):
            page.goto(path)
        before = lines_of(one, path, name)
        free = len(before) + 1
        for page in (one, two):
            page.locator("#team").get_by_role("button", name="Add a line").click()
        two.locator(f"[name={name.format(free)}]").fill("Of a colleague")
        expect(two.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        waiting = slow(one)
        one.locator(f"[name={name.format(free)}]").fill("Mine, half")
        saving = on_its_way(one, waiting)
        one.locator(f"[name={name.format(free)}]").fill("Mine, half and whole")
        one.locator("#team").get_by_role("button", name="Add a line").click()
        one.locator(f"[name={name.format(free + 1)}]").fill("Mine, the next")
        saving.continue_()
        until(one, "!Object.keys(localStorage).some(key => key.startsWith('draft:'))")
        focused = one.evaluate("document.activeElement.value")
        assert focused == "Mine, the next", "who types goes on in their own line"
        assert lines_of(one, path, name) == [*before, "Of a colleague", "Mine, half and whole", "Mine, the next"]


def test_an_expired_session_keeps_the_text(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    opened = Window(chromium, address)
    page = opened.sign_in(world.emails["USR-PE-1"])
    page.goto(SECTION)
    name = first_text(page)
    opened.context.clear_cookies()
    page.locator(f"[name={name}]").fill("Typed when the session was over")
    expect(page.locator(STATE)).to_contain_text("Please sign in again", timeout=10_000)
    opened.sign_in(world.emails["USR-PE-1"])
    page.goto(SECTION)
    expect(page.locator(f"[name={name}]")).to_have_value("Typed when the session was over")
    expect(page.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
    assert text_of(page, SECTION, name) == "Typed when the session was over"
    opened.context.close()


def test_lines_of_a_table_are_added_on_the_spot_and_saved(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    with window(chromium, address) as opened:
        page = opened.sign_in(world.emails["USR-PE-1"])
        page.goto("/applications/APP-402/sections/S4")
        table = page.locator("[data-table]").first
        counter = table.locator("input[type=hidden]").first
        before = int(counter.input_value())
        table.get_by_role("button", name="Add a line").click()
        expect(counter).to_have_value(str(before + 1))
        assert page.url.endswith("/sections/S4")
        table.locator(".line").last.locator("textarea, input").first.fill("A line of one's own")
        expect(page.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        page.reload()
        line = page.locator("[data-table]").first.locator(".line").first
        expect(line.locator("textarea, input").first).to_have_value("A line of one's own")


def report_to_write(fund: World) -> tuple[str, str]:
    """The first section of a narrative report that is owed, and the e-mail address of somebody who writes it."""
    with fund.app.app_context():
        due, email = db.session.execute(
            select(ReportDue.id, Person.email)
            .join(Award, Award.id == ReportDue.award_id)
            .join(Membership, Membership.organization_id == Award.organization_id)
            .join(Person, Person.id == Membership.person_id)
            .where(
                ReportDue.state == ReportState.OWED,
                ReportDue.kind != ReportKind.NARRATIVE_LIGHT,
                Award.state == AwardState.ACTIVE,
            )
            .order_by(ReportDue.id)
            .limit(1)
        ).one()
        return f"/reports/{due}/sections/done", email


def test_a_report_is_written_without_a_line_as_well(fund: World, chromium: Chromium) -> None:
    section, email = report_to_write(fund)
    line = Line(fund.app)
    opened = Window(chromium, line.address, viewport=PHONE)
    page = opened.sign_in(email)
    name = opened_at(page, section)
    page.locator(f"[name={name}]").fill("Saved by itself")
    expect(page.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
    line.cut()
    page.locator(f"[name={name}]").fill("Written in a bus without a line")
    expect(page.locator(STATE)).to_contain_text("waiting for the line", timeout=10_000)
    page.reload()
    expect(page.locator(f"[name={name}]")).to_have_value("Written in a bus without a line")
    page.close()
    line.mend()
    page = opened.context.new_page()
    page.goto(section)
    expect(page.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
    assert text_of(page, section, name) == "Written in a bus without a line"
    opened.context.close()
    line.cut()


def test_two_people_who_write_a_report_see_both_texts(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    section, email = report_to_write(world)
    with window(chromium, address) as mine, window(chromium, address) as theirs:
        one, two = mine.sign_in(email), theirs.sign_in(email)
        for page in (one, two):
            page.goto(section)
        name = first_text(one)
        one.locator(f"[name={name}]").fill("From the first")
        expect(one.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        two.locator(f"[name={name}]").fill("From the second")
        expect(two.locator(STATE)).to_contain_text("somebody else changed the same answer", timeout=10_000)
        expect(two.locator(".notice", has_text="From the first")).to_be_visible()
        expect(two.locator(f"[name={name}]")).to_have_value("From the second")
        assert text_of(one, section, name) == "From the first"
        theirs.complaints.clear()  # the browser notes the answer "409" as an error


CORRECTED = "/applications/APP-402/sections/S3"


def take_out(fund: World, key: str) -> None:
    """The fund corrects the call of the application: a question of the section is asked no more."""
    with fund.app.app_context(), transaction():
        call = db.session.scalars(
            select(Call).join(Application, Application.call_id == Call.id).where(Application.reference == "APP-402")
        ).one()
        coordinator = db.session.scalars(
            select(Person)
            .join(RoleGrant, RoleGrant.person_id == Person.id)
            .where(RoleGrant.role == Role.GLOBAL_COORDINATOR)
            .limit(1)
        ).one()
        written = copy.deepcopy(written_documents(call))
        section = next(section for section in written["form"]["sections"] if section["id"] == "S3")
        section["questions"] = [question for question in section["questions"] if question["key"] != key]
        kept = working_copy_of(call)
        save_working_copy(call, written, version=kept.version if kept else 0, by=coordinator)
        publish_correction(call, "It was asked twice.", by=coordinator)


def test_what_is_typed_while_the_questions_are_corrected_is_kept_and_shown_back(
    house: tuple[World, str], chromium: Chromium
) -> None:
    world, address = house
    with window(chromium, address, viewport=PHONE) as opened:
        page = opened.sign_in(world.emails["USR-PE-1"])
        page.goto(CORRECTED)
        others = text_of(page, CORRECTED, "migrant_participation")
        assert others
        take_out(world, "complementarity")
        page.locator("[name=problem]").fill("Said where it is still asked")
        page.locator("[name=complementarity]").fill("Said where nobody asks any more")
        told = page.locator(".notice[data-corrected]")
        expect(told).to_be_visible(timeout=10_000)
        expect(page.locator("[data-question=problem]")).to_have_attribute("inert", "")
        told.get_by_role("link").click()
        expect(page.locator("[name=problem]")).to_have_value("Said where it is still asked")
        expect(page.locator("[name=complementarity]")).to_have_count(0)
        expect(page.locator(".set-aside", has_text="Said where nobody asks any more")).to_be_visible()
        expect(page.locator(".notice", has_text="Question taken out")).to_be_visible()
        until(page, "!Object.keys(localStorage).some(key => key.startsWith('draft:'))")
        expect(page.locator(".set-aside")).to_have_count(2)  # what was there, and what was typed afterwards
        expect(page.locator(".set-aside").last).not_to_contain_text("What is the problem")
        expect(page.locator("[name=migrant_participation]")).to_have_value(others)
        page.get_by_role("button", name="I have read this").click()
        expect(page.locator(".notice", has_text="Question taken out")).to_have_count(0)


def test_what_waits_on_a_device_while_the_questions_are_corrected_finds_its_place(
    fund: World, chromium: Chromium
) -> None:
    line = Line(fund.app)
    opened = Window(chromium, line.address, viewport=PHONE)
    page = opened.sign_in(fund.emails["USR-PE-1"])
    opened_at(page, CORRECTED)
    line.cut()
    page.locator("[name=problem]").fill("Written in a bus")
    page.locator("[name=complementarity]").fill("And this too")
    expect(page.locator(STATE)).to_contain_text("waiting for the line", timeout=10_000)
    page.close()
    take_out(fund, "complementarity")
    line.mend()
    page = opened.context.new_page()
    page.goto(CORRECTED)
    expect(page.locator(".set-aside", has_text="And this too")).to_be_visible(timeout=10_000)
    expect(page.locator("[name=problem]")).to_have_value("Written in a bus")
    until(page, "!Object.keys(localStorage).some(key => key.startsWith('draft:'))")
    opened.context.close()
    line.cut()


def test_what_waits_on_a_device_and_cannot_be_kept_is_mended_where_it_was_typed(
    fund: World, chromium: Chromium
) -> None:
    line = Line(fund.app)
    opened = Window(chromium, line.address, viewport=PHONE)
    page = opened.sign_in(fund.emails["USR-PE-1"])
    opened_at(page, CORRECTED)
    line.cut()
    page.locator("[name=problem]").fill("Pasted \x01 from somewhere")
    page.locator("[name=complementarity]").fill("And this too")
    expect(page.locator(STATE)).to_contain_text("waiting for the line", timeout=10_000)
    page.close()
    take_out(fund, "complementarity")
    line.mend()
    page = opened.context.new_page()
    page.goto(CORRECTED)
    expect(page.locator("#problem-error")).to_contain_text("After “Pasted” stands", timeout=10_000)
    expect(page.locator("[name=complementarity]")).to_have_value("And this too")
    page.locator("[name=problem]").fill("Typed again")
    expect(page.locator(".notice[data-corrected]")).to_be_visible(timeout=10_000)
    page.locator(".notice[data-corrected]").get_by_role("link").click()
    expect(page.locator(".set-aside", has_text="And this too")).to_be_visible()
    expect(page.locator("[name=problem]")).to_have_value("Typed again")
    until(page, "!Object.keys(localStorage).some(key => key.startsWith('draft:'))")
    opened.context.close()
    line.cut()


def test_what_waits_on_a_device_is_told_where_the_application_is_sent_in_and_read(
    house: tuple[World, str], chromium: Chromium
) -> None:
    world, address = house
    desk = SECTION.partition("/sections")[0]
    with window(chromium, address, viewport=PHONE, service_workers="block") as opened:  # "route" sees no page of theirs
        opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = opened.sign_in(world.emails["USR-PE-1"])
        waiting = page.locator("[data-waits]")

        def type_without_a_line(text: str) -> None:
            page.goto(SECTION)
            page.route(
                "**/sections/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_()
            )
            page.locator("[name=title]").fill(text)
            expect(page.locator(STATE)).to_contain_text("waiting for the line", timeout=10_000)

        type_without_a_line("Typed in a bus")
        page.goto(desk)
        expect(waiting).to_contain_text("has not reached us yet")
        sound(page)
        page.unroute("**/sections/*")
        page.reload()
        expect(waiting).to_be_hidden(timeout=10_000)
        until(page, "!Object.keys(localStorage).some(key => key.startsWith('draft:'))")
        another = opened.context.new_page()  # the first loads itself again, to tell how far the application is now
        another.goto(SECTION)
        expect(another.locator("[name=title]")).to_have_value("Typed in a bus")
        another.close()

        type_without_a_line("Typed too late")
        with world.app.app_context(), transaction():
            mine = update(Application).where(Application.reference == "APP-402")
            db.session.execute(mine.values(state=ApplicationState.WITHDRAWN))
        page.unroute("**/sections/*")
        page.goto(SECTION)
        page.wait_for_url("**/read")
        expect(waiting.locator("dd", has_text="Typed too late")).to_be_visible()
        expect(waiting).to_contain_text("can no longer be saved")
        sound(page)
        page.goto(desk)
        waiting.get_by_role("button", name="Copy").click()
        expect(waiting.get_by_role("status")).to_have_text("Copied")
        assert "\nTyped too late" in str(page.evaluate("navigator.clipboard.readText()"))
        waiting.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Yes").click()
        expect(waiting).to_be_hidden()
        page.reload()
        expect(waiting).to_be_hidden()
        opened.complaints.clear()  # the browser notes what it could not send as an error


def test_nobody_sends_in_without_what_waits_on_this_device_unasked(
    house: tuple[World, str], chromium: Chromium
) -> None:
    world, address = house
    make_draft(world.app, "APP-005")
    desk = "/applications/APP-005"
    with window(chromium, address) as opened:
        page = opened.sign_in(world.emails["USR-NP-1"])
        kept = {"version": "0", "at": 0, "fields": [["title", "Typed on this device"]]}
        page.evaluate(
            "([path, kept]) => localStorage.setItem(`draft:${document.body.dataset.person}:${path}`, JSON.stringify(kept))",
            [f"{desk}/sections/S2", kept],
        )
        page.goto(f"{desk}/certify")
        expect(page.get_by_role("link", name="Open the section")).to_have_attribute("href", f"{desk}/sections/S2")
        page.locator("#declaration input[type=checkbox]").check()
        page.get_by_role("button", name="Certify and send in").click()
        asked = page.get_by_role("dialog")
        expect(asked).to_contain_text("Texts on this device have not reached us")
        asked.get_by_role("button", name="No, go back").click()
        page.evaluate("localStorage.clear(); dispatchEvent(new Event('storage'))")
        expect(page.locator("[data-waits]")).to_be_hidden()
        page.get_by_role("button", name="Certify and send in").click()
        page.wait_for_url("**/receipt")


def test_a_count_goes_on_in_a_question_that_was_laid_out_anew(house: tuple[World, str], chromium: Chromium) -> None:
    world, address = house
    with window(chromium, address) as mine, window(chromium, address) as theirs:
        one, two = mine.sign_in(world.emails["USR-PE-1"]), theirs.sign_in(world.emails["USR-PE-2"])
        for page in (one, two):
            page.goto(SECTION)
        count = one.locator("#summary-count")
        words = "one " * (int(str(count.get_attribute("data-max"))) - 1)
        two.locator("[name=summary]").fill(words)
        expect(two.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        one.locator("[name=title]").fill("Another title")
        expect(one.locator("[name=summary]")).to_have_value(words.strip(), timeout=10_000)
        expect(count).to_have_text("Words left: 1")
        one.locator("[name=summary]").fill(words + "two three")
        expect(count).to_have_text("Words too many: 1")


def test_figures_save_themselves_and_what_was_wrong_loses_its_mark(
    house: tuple[World, str], chromium: Chromium
) -> None:
    world, address = house
    section, email = report_to_write(world)
    place = section.replace("/sections/done", "/figures")
    with window(chromium, address, viewport=PHONE) as opened:
        page = opened.sign_in(email)
        page.goto(place)
        page.locator("[name=currency]").fill("XOF")
        page.locator("[name=rate]").fill("0")
        page.locator("[name^=local_]").first.fill("655957")
        expect(page.locator(STATE)).to_contain_text("see what is wrong below", timeout=10_000)
        expect(page.locator("[data-question=about] .error")).to_have_count(1)
        expect(page.locator("[name^=local_]").first).to_have_value("655957")
        page.locator("[name=rate]").fill("655.957")
        expect(page.locator(STATE)).to_contain_text("Saved on the server", timeout=10_000)
        expect(page.locator("main .error, main .error-summary, main [aria-invalid]")).to_have_count(0)
        expect(page.locator("[data-question=added_up]")).to_contain_text("€1,000")
        page.reload()
        expect(page.locator("[name^=local_]").first).to_have_value("655957")
        opened.complaints = [said for said in opened.complaints if "422" not in said]
