from __future__ import annotations

import html
import re
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import MemberRole, Membership, Role
from grants.awards.models import Milestone
from grants.core import clock
from grants.core.db import db
from grants.reports import actions, queries
from grants.reports.models import ReportDue
from grants.reports.workflow import ReportState
from tests import factories as make
from tests.awards.test_pages import declare_conflict, statements
from tests.http import Browser, Page, begin_request
from tests.reports.test_life import DONE, by_key, give_figures, running, write_all, write_all_but_figures


def fresh(due_id: int) -> ReportDue:
    return db.session.get_one(ReportDue, due_id, populate_existing=True)


def fields(browser: Browser) -> dict[str, Any]:
    """The form of the page in the middle, as it is filled."""
    form = next(f for f in Page(browser.text).forms if f["method"] == "post" and "currency" in f["fields"])
    return {name: values[0] for name, values in form["fields"].items()}


# ------------------------------------------------------------------ writing


def test_a_grantee_writes_a_report_part_by_part_and_submits_it(app: Flask, browser: Browser) -> None:
    award, dues, owner, _ = running()
    note, reference = by_key(dues, "inception_note").id, award.reference
    db.session.commit()
    browser.sign_in(owner).get(f"/grants/{reference}/reports")
    assert "Inception note" in browser.text
    browser.get(f"/reports/{note}")
    assert "Begin to write" in browser.text
    assert queries.report_of(note) is None
    browser.post(f"/reports/{note}/submit", status=409)
    section = f"/reports/{note}/sections/note"
    browser.post(section, {"version": "0", "begun": "Twelve observers.", "save": "yes"}, page=section, status=302)
    browser.follow()
    assert "Twelve observers." in browser.text
    browser.post(section, {"version": "1", "begun": "Twelve.", "safe": "yes", "next": "yes"}, status=302)
    browser.follow()
    assert "Submit the report" in browser.text
    browser.post(f"/reports/{note}/submit", status=302)
    assert fresh(note).state == ReportState.SUBMITTED
    browser.post(f"/reports/{note}/submit", page=f"/reports/{note}", status=409)
    browser.get(section)
    assert "This report stands elsewhere now" in browser.text


def test_a_colleagues_text_is_not_overwritten_unseen(app: Flask, browser: Browser) -> None:
    _, dues, owner, _ = running()
    note = by_key(dues, "inception_note")
    actions.save_section(note, "note", {"begun": "First text."}, by=owner, version=0)
    actions.save_section(note, "note", {"begun": "Second text."}, by=owner, version=1)
    section = f"/reports/{note.id}/sections/note"
    db.session.commit()
    browser.sign_in(owner)
    browser.post(section, {"version": "1", "begun": "My text."}, page=section, status=409)
    assert "My text." in browser.text
    assert "Second text." in browser.text


def test_a_page_that_saves_by_itself_is_told_where_the_text_is(app: Flask, browser: Browser) -> None:
    _, dues, owner, _ = running()
    note = by_key(dues, "inception_note")
    colleague = make.person(name="A colleague")
    make.save(Membership(organization_id=note.award.organization_id, person_id=colleague.id, role=MemberRole.EDITOR))
    db.session.commit()
    section = f"/reports/{note.id}/sections/note"
    browser.sign_in(owner)
    other = Browser(app).sign_in(colleague)

    def saved(by: Browser, version: int, typed: str, status: int = 200) -> dict[str, Any]:
        if by.address != section:
            by.open(section)
        token = next(form for form in by.page.forms if "data-draft" in form.tag.at).fields["csrf_token"]
        begin_request()
        sent = {"csrf_token": token, "version": str(version), "begun": typed}
        asked = {"Accept": "application/json", "Origin": "http://localhost"}
        answer = by.client.post(section, data=sent, headers=asked)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json
        return told

    first = saved(browser, 0, "Mine.")
    assert (first["state"], first["version"], first["fields"]) == ("saved", 1, [])
    assert first["said"].startswith("Saved on the server")
    theirs = saved(other, 0, "Theirs.", 409)
    assert (theirs["state"], theirs["fields"]) == ("conflict", ["begun"])
    assert "Mine." in theirs["html"]
    assert "Theirs." in theirs["html"]
    assert saved(other, theirs["version"], "Both together.")["state"] == "saved"
    assert saved(browser, 1, "Mine.")["fields"] == ["begun"], "what the other wrote comes to the page"
    browser.get(section)
    assert "Both together." in browser.text
    assert "A colleague" in browser.text


def test_figures_are_typed_in_local_money_and_shown_converted(app: Flask, browser: Browser) -> None:
    award, dues, owner, _ = running()
    interim = by_key(dues, "interim_report").id
    first, second = queries.budget_line_ids(award.id)
    page = f"/reports/{interim}/figures"
    db.session.commit()
    browser.sign_in(owner).get(page)
    typed = fields(browser) | {"currency": "xof", "rate": "655.957", f"local_{first}": "655,957", "save": "yes"}
    browser.post(page, typed, status=302)
    browser.follow()
    assert fields(browser)["currency"] == "XOF"
    assert fields(browser)[f"local_{first}"] == "655957"
    report = queries.report_of(interim)
    assert report is not None
    lines = queries.lines_of(report.id)
    assert (lines[first].spent_minor, lines[second].spent_minor) == (100_000, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rate": "0"}, "has to be above zero"),
        ({"rate": "-655.957"}, "has to be above zero"),
        ({"rate": "1.0000001"}, "has to be above zero"),
        ({"rate": "many"}, "has to be above zero"),
        ({"rate": ""}, "Please give the exchange rate."),
        ({"currency": "ABC"}, "three letters"),
        ({"currency": "EUR"}, "Accounts in EUR need no exchange"),
        ({"amount": "500 USD"}, "Amounts here are in XOF"),
        ({"amount": "$500"}, "Amounts here are in XOF"),
        ({"period_until": "2027-05-31"}, "The period ends before it begins"),
        ({"period_from": ""}, "Please give the day."),
        ({"rated_on": "2999-01-01"}, "a day that has not come yet"),
        ({"amount": "12.5"}, "XOF has 0 decimals"),
        ({"amount": "-5"}, "cannot be below zero"),
        ({"amount": "about 500"}, "Please write an amount"),
    ],
)
def test_figures_that_cannot_be_are_refused_where_they_stand(
    app: Flask, browser: Browser, change: dict[str, str], words: str
) -> None:
    award, dues, owner, _ = running()
    interim = by_key(dues, "interim_report").id
    line = queries.budget_line_ids(award.id)[0]
    page = f"/reports/{interim}/figures"
    db.session.commit()
    browser.sign_in(owner).get(page)
    values = {"currency": "XOF", "rate": "655.957", f"local_{line}": change.get("amount", "1000")}
    kept = {f"explanation_{line}": "Words that stay"}
    browser.post(page, fields(browser) | values | kept | {k: v for k, v in change.items() if k != "amount"}, status=422)
    assert words in browser.text
    assert "Words that stay" in browser.text
    assert queries.report_of(interim) is None


def test_a_report_begins_with_the_activities_that_are_to_be_told_of(app: Flask, browser: Browser) -> None:
    award, dues, owner, _ = running()
    interim, final = by_key(dues, "interim_report"), by_key(dues, "final_report")
    for title, reached in (("Train the observers", None), ("Open the office", date(2027, 7, 1))):
        who = owner.id if reached else None
        make.save(
            Milestone(award_id=award.id, title=title, due_on=date(2027, 9, 1), reached_on=reached, reached_by_id=who)
        )
    numbers = (interim.id, final.id)
    pages = [f"/reports/{number}/sections/done" for number in numbers]
    db.session.commit()
    browser.sign_in(owner).get(pages[0])
    assert 'value="Train the observers"' in browser.text
    assert "Open the office" not in browser.text
    assert queries.report_of(numbers[0]) is None
    interim, owner = fresh(numbers[0]), db.session.merge(owner)
    told = [
        {"activity": "Training", "progress": "done", "remark": None},
        {"activity": "Round table", "progress": "later", "remark": "The hall was closed"},
    ]
    write_all(interim, owner)
    actions.save_section(interim, "done", DONE | {"activities": told}, by=owner, version=1)
    actions.submit(interim, by=owner)
    db.session.commit()
    browser.get(pages[1])
    assert 'value="Round table"' in browser.text
    assert "The hall was closed" not in browser.text
    assert 'value="Training"' not in browser.text
    assert "Train the observers" not in browser.text


def test_a_short_note_has_no_figures(app: Flask, browser: Browser) -> None:
    _, dues, owner, _ = running()
    note = by_key(dues, "inception_note").id
    db.session.commit()
    browser.sign_in(owner).get(f"/reports/{note}/figures", status=404)
    browser.get(f"/reports/{note}/sections/nowhere", status=404)


# ------------------------------------------------------------------ reading and judging


def test_a_coordinator_reads_returns_and_accepts(app: Flask, browser: Browser) -> None:
    _, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    write_all_but_figures(interim, owner)
    give_figures(interim, owner, 100_000)
    number = interim.id
    db.session.commit()
    browser.sign_in(coordinator).get(f"/reports/{number}")
    assert "Twelve observers recorded" not in browser.text
    browser.post(f"/reports/{number}/accept", status=409)
    Browser(app).sign_in(owner).post(f"/reports/{number}/submit", page=f"/reports/{number}", status=302)
    browser.get("/reports")
    assert f"/reports/{number}" in browser.text
    browser.get(f"/reports/{number}")
    assert "Twelve observers recorded" in browser.text
    page = f"/reports/{number}/return"
    browser.post(page, {"reason": ""}, page=page, status=422)
    browser.post(page, {"reason": "Which authority decided?"}, status=302)
    visitor = Browser(app).sign_in(owner)
    visitor.get(f"/reports/{number}/sections/results")
    assert "Which authority decided?" in visitor.text
    visitor.post(f"/reports/{number}/submit", page=f"/reports/{number}", status=302)
    browser.post(f"/reports/{number}/accept", page=f"/reports/{number}", status=302)
    assert fresh(number).state == ReportState.ACCEPTED
    browser.post(f"/reports/{number}/accept", page=f"/reports/{number}", status=409)


def read(browser: Browser) -> dict[str, str]:
    """The mark of what the page shows."""
    told = re.search(r'name="read" value="([^"]+)"', browser.text)
    assert told
    return {"read": told.group(1)}


def test_nobody_decides_on_a_version_that_was_not_read(app: Flask, browser: Browser) -> None:
    _, dues, owner, coordinator = running()
    colleague = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    note = by_key(dues, "inception_note")
    write_all(note, owner)
    actions.submit(note, by=owner)
    number = note.id
    db.session.commit()
    browser.sign_in(coordinator).get(f"/reports/{number}")
    place = re.search(rf'href="(/reports/{number}/return[^"]*)"', browser.text)
    assert place
    returning = html.unescape(place.group(1))
    other = Browser(app).sign_in(colleague)
    other.post(f"/reports/{number}/return", {"reason": "Who?"}, page=f"/reports/{number}", status=302)
    Browser(app).sign_in(owner).post(f"/reports/{number}/submit", page=f"/reports/{number}", status=302)
    first = read(browser)
    browser.post(f"/reports/{number}/accept", first, status=409)
    assert "It was changed after you opened this page." in browser.text
    browser.get(returning)
    assert read(browser) == first
    browser.post(returning, {"reason": ""} | first, status=422)
    assert read(browser) == first
    browser.post(returning, {"reason": "Where was it?"} | first, status=422)
    assert "It was changed after you opened this page." in browser.text
    assert "Where was it?" in browser.text
    assert read(browser) != first
    browser.post(returning, {"reason": "Where was it?"} | read(browser), status=302)
    assert fresh(number).state == ReportState.RETURNED


def test_a_coordinator_moves_and_waives(app: Flask, browser: Browser) -> None:
    _, dues, _, coordinator = running()
    interim, final = by_key(dues, "interim_report").id, by_key(dues, "final_report").id
    db.session.commit()
    browser.sign_in(coordinator)
    page = f"/reports/{interim}/move"
    browser.post(page, {"due_on": "soon", "reason": "Illness"}, page=page, status=422)
    assert "Illness" in browser.text
    browser.post(page, {"due_on": "2027-12-31", "reason": "Illness"}, status=302)
    assert fresh(interim).due_on == date(2027, 12, 31)
    page = f"/reports/{final}/waive"
    browser.post(page, {"reason": ""}, page=page, status=422)
    assert "goes on waiting until a later report is accepted" in browser.text, "a waiver alone frees no money"
    browser.post(page, {"reason": "Ended early."}, page=page, status=302)
    assert fresh(final).state == ReportState.WAIVED


JUDGING = ("accept", "return", "waive", "move")


@pytest.mark.parametrize("path", ["", "/sections/note", "/figures", *(f"/{verb}" for verb in JUDGING)])
def test_a_report_of_another_organization_does_not_exist(app: Flask, browser: Browser, path: str) -> None:
    award, dues, _, _ = running()
    stranger = make.person()
    make.organization(stranger)
    number, title, reference = by_key(dues, "inception_note").id, award.title, award.reference
    db.session.commit()
    browser.sign_in(stranger)
    allowed = 403 if path.strip("/") in JUDGING and path != "/accept" else 405 if path == "/accept" else 404
    browser.get(f"/reports/{number}{path}", status=allowed)
    assert title not in browser.text
    browser.get(f"/grants/{reference}/reports", status=404)


def test_a_grantee_does_not_judge_its_own_report(app: Flask, browser: Browser) -> None:
    award, dues, owner, _ = running()
    note = by_key(dues, "inception_note")
    write_all(note, owner)
    actions.submit(note, by=owner)
    both = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    make.save(make.Membership(organization_id=award.organization_id, person_id=both.id, role="editor"))
    number = note.id
    db.session.commit()
    Browser(app).sign_in(owner).post(f"/reports/{number}/accept", page=f"/reports/{number}", status=403)
    browser.sign_in(both).post(f"/reports/{number}/accept", page=f"/reports/{number}", status=403)
    browser.get(f"/reports/{number}/return", status=403)
    assert fresh(number).state == ReportState.SUBMITTED


def test_coordinators_do_not_write_reports(app: Flask, browser: Browser) -> None:
    _, dues, _, coordinator = running()
    note = by_key(dues, "inception_note").id
    db.session.commit()
    browser.sign_in(coordinator).get(f"/reports/{note}/sections/note", status=403)
    browser.post(f"/reports/{note}/submit", status=403)


@pytest.mark.parametrize(("role", "queue"), [(Role.FINANCE_OFFICER, 403), (Role.AUDITOR, 200)])
def test_finance_and_auditors_read_reports_and_judge_none(app: Flask, browser: Browser, role: Role, queue: int) -> None:
    award, dues, owner, _ = running()
    note = by_key(dues, "inception_note")
    write_all(note, owner)
    actions.submit(note, by=owner)
    reader, number, reference = make.person(role), note.id, award.reference
    db.session.commit()
    browser.sign_in(reader).get(f"/reports/{number}")
    assert "twelve observers" in browser.text
    assert "Accept the report" not in browser.text
    browser.get(f"/grants/{reference}/reports")
    browser.post(f"/reports/{number}/accept", status=403)
    browser.get("/reports", status=queue)


def test_a_conflict_hides_reports_from_list_and_page(app: Flask, browser: Browser) -> None:
    award, dues, owner, coordinator = running()
    note = by_key(dues, "inception_note")
    write_all(note, owner)
    actions.submit(note, by=owner)
    declare_conflict(coordinator.id, award.organization_id)
    number, title = note.id, award.title
    db.session.commit()
    browser.sign_in(coordinator).get(f"/reports/{number}", status=404)
    browser.get("/reports")
    assert title not in browser.text


@pytest.mark.parametrize("state", list(ReportState))
@pytest.mark.parametrize("key", ["inception_note", "interim_report"])
@pytest.mark.parametrize("who", ["owner", "coordinator"])
def test_every_state_of_a_report_has_its_page(
    app: Flask, browser: Browser, state: ReportState, key: str, who: str
) -> None:
    award, dues, owner, coordinator = running()
    due = by_key(dues, key)
    write_all(due, owner)
    if state != ReportState.OWED:
        actions.submit(due, by=owner)
    due.state = state
    number, reference = due.id, award.reference
    db.session.commit()
    browser.sign_in(owner if who == "owner" else coordinator).get(f"/reports/{number}")
    assert "What you can do now" in browser.text
    browser.get(f"/grants/{reference}/reports")


# ------------------------------------------------------------------ the queue


def test_the_queue_shows_submitted_reports_first_then_late_ones_then_those_due_soon(
    app: Flask, browser: Browser
) -> None:
    _, dues, owner, coordinator = running()
    note, interim, final = dues
    today = clock.today("UTC")
    note.due_on, interim.due_on, final.due_on = (today + timedelta(days=d) for d in (300, -5, 10))
    write_all(note, owner)
    actions.submit(note, by=owner)
    order = [note.id, interim.id, final.id]
    db.session.commit()
    browser.sign_in(coordinator).get("/reports")
    assert list(dict.fromkeys(int(n) for n in re.findall(r'href="/reports/(\d+)"', browser.text))) == order
    for which, expected in (("to_read", [order[0]]), ("soon", [order[2]]), ("accepted", [])):
        browser.get(f"/reports?show={which}")
        assert [int(n) for n in re.findall(r'href="/reports/(\d+)"', browser.text)] == expected
    assert 'href="/reports?show=late"' in browser.text
    browser.get("/reports?show=late", status=302)
    browser.follow()
    assert "Interim report" in browser.text
    assert "Final report" not in browser.text
    browser.get("/reports?region=LAC")
    assert "No report is like this" in browser.text


def test_the_queue_takes_as_many_queries_for_many_reports_as_for_few(app: Flask, browser: Browser) -> None:
    _, _, _, coordinator = running()
    db.session.commit()
    browser.sign_in(coordinator)
    few = statements(app, browser, "/reports")
    for _ in range(6):
        running()
    db.session.commit()
    assert statements(app, browser, "/reports") == few
    assert few <= 6
