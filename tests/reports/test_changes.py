"""What changed because of a grant: told entry by entry, and found again over all grants."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import Confidentiality, Person, Role
from grants.core import clock
from grants.core.db import db
from grants.core.permissions import scope
from grants.demo import sample
from grants.reports import actions, queries, rules
from grants.reports.models import ReportDue
from tests import factories as make
from tests.awards.test_life import refused
from tests.awards.test_pages import declare_conflict, statements
from tests.http import Browser
from tests.reports.test_life import by_key, running, write_all

PDF = sample.document("pdf", "Letter", "Ministry")
REGISTER = rules.ChangeGiven(3, "SN", "national", "decision", "A register at every post.", "The decree of May.")


def told(submitted: bool = True, given: rules.ChangeGiven = REGISTER) -> tuple[ReportDue, Person, Person]:
    """A report that tells of one change; with the fund unless it is still written."""
    _, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    write_all(interim, owner)
    actions.tell_change(interim, given, by=owner)
    if submitted:
        actions.submit(interim, by=owner)
    return interim, owner, coordinator


def seen_by(person: Person, **asked: Any) -> list[str]:
    lines, number = queries.changes_told(scope(person, ReportDue), **asked)
    assert number == len(lines)
    return [line.what for line in lines]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"plan_point": 9}, "unknown_choice"),
        ({"level": "galactic"}, "unknown_choice"),
        ({"stage": "dream"}, "unknown_choice"),
        ({"country": ""}, "country_missing"),
        ({"what": " "}, "what_missing"),
        ({"evidence": " "}, "evidence_missing"),
        ({"link": "javascript:alert(1)"}, "link_unsound"),
        ({"link": "https://"}, "link_unsound"),
        ({"link": "ministry"}, "link_unsound"),
    ],
)
def test_a_change_says_what_where_how_far_and_what_shows_it(app: Flask, change: dict[str, Any], code: str) -> None:
    _, dues, owner, _ = running()
    interim = by_key(dues, "interim_report")
    with refused(code):
        actions.tell_change(interim, replace(REGISTER, **change), by=owner)


def test_a_file_or_an_address_shows_a_change_as_well_as_words(app: Flask) -> None:
    _, dues, owner, _ = running()
    interim = by_key(dues, "interim_report")
    bare = replace(REGISTER, evidence="")
    shown = actions.tell_change(interim, bare, file=("letter.pdf", PDF), by=owner)
    actions.tell_change(interim, replace(bare, link="https://ministry.example/decree"), by=owner)
    assert shown.file is not None
    again = actions.tell_change(interim, replace(bare, what="A register at two posts."), shown, by=owner)
    assert (again.id, again.file) == (shown.id, shown.file)
    assert [one.what for one in queries.written(interim).changes or ()] == [
        "A register at two posts.",
        "A register at every post.",
    ]


def test_a_short_note_asks_for_no_changes_and_no_report_for_too_many(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, dues, owner, _ = running()
    with refused("not_asked"):
        actions.tell_change(by_key(dues, "inception_note"), REGISTER, by=owner)
    monkeypatch.setattr(rules, "MOST_CHANGES", 1)
    interim = by_key(dues, "interim_report")
    first = actions.tell_change(interim, REGISTER, by=owner)
    with refused("too_many_changes"):
        actions.tell_change(interim, REGISTER, by=owner)
    actions.tell_change(interim, REGISTER, first, by=owner)


def test_what_was_handed_in_stays_and_what_became_of_it_is_told(app: Flask) -> None:
    interim, owner, coordinator = told()
    assert interim.report is not None
    (change,) = queries.changes_of(interim.report)
    with refused("not_in_this_state"):
        actions.drop_change(interim, change, by=owner)
    actions.return_(interim, "", {"changes": "Which decree?"}, by=coordinator)
    actions.drop_change(interim, change, by=owner)
    actions.tell_change(interim, replace(REGISTER, level="local"), by=owner)
    report = actions.submit(interim, by=owner)
    before, now = queries.version_of(report, 1), queries.version_of(report, 2)
    assert before is not None
    assert now is not None
    gone, come = rules.changed_since(queries.written(interim).definition, before.content, now.content, "en")
    assert (gone.part, gone.now, come.before) == ("changes", [], [])
    assert gone.before == [
        "3 Migrants in distress and in transit · Senegal · National · It was decided",
        "A register at every post.",
        "What shows it: The decree of May.",
    ]
    assert "Local" in come.now[0]


def test_changes_of_all_grants_are_found_by_point_country_and_level(app: Flask) -> None:
    _, _, coordinator = told()
    told(given=REGISTER.__class__(7, "KE", "local", "practice", "No more fees.", "Receipts."))
    told(submitted=False, given=replace(REGISTER, what="Not handed in."))
    assert seen_by(coordinator) == ["No more fees.", "A register at every post."]
    assert seen_by(coordinator, plan_point=3) == ["A register at every post."]
    assert seen_by(coordinator, country="KE") == ["No more fees."]
    assert seen_by(coordinator, level="local") == ["No more fees."]
    assert seen_by(coordinator, plan_point=3, country="KE") == []
    assert queries.countries_told(scope(coordinator, ReportDue)) == ["KE", "SN"]
    elsewhere = make.person(Role.REGIONAL_COORDINATOR, regions=["LAC"])
    assert seen_by(elsewhere) == []
    assert queries.countries_told(scope(elsewhere, ReportDue)) == []


def test_a_conflict_hides_what_changed(app: Flask) -> None:
    interim, _, coordinator = told()
    declare_conflict(coordinator.id, interim.award.organization_id)
    db.session.flush()
    assert seen_by(coordinator) == []


def test_a_grantee_tells_of_a_change_on_its_page(app: Flask, browser: Browser) -> None:
    _, dues, owner, coordinator = running()
    interim = by_key(dues, "interim_report")
    write_all(interim, owner)
    number, page = interim.id, f"/reports/{interim.id}/changes"
    db.session.commit()
    browser.sign_in(owner).get(page)
    assert "No change is told yet" in browser.text
    new = f"{page}/new"
    typed = {"plan_point": "3", "country": "SN", "level": "national", "stage": "decision", "what": "A register."}
    browser.post(new, typed, page=new, status=422)
    assert "Please say what shows it" in browser.text
    assert "A register." in browser.text
    wrong = {"file": (io.BytesIO(b"MZ\x00"), "letter.exe")}
    browser.post(new, typed | wrong, content_type="multipart/form-data", status=422)
    paper = {"file": (io.BytesIO(PDF), "letter.pdf")}
    browser.post(new, typed | paper, content_type="multipart/form-data", status=302)
    browser.follow()
    (change,) = queries.written(db.session.get_one(ReportDue, number)).changes or ()
    place = f"{page}/{change.id}"
    browser.post(place, typed | {"what": "Two registers.", "link": "https://a.example/b"}, page=place, status=302)
    assert browser.get(f"{place}/file").data == PDF
    fund = Browser(app).sign_in(coordinator)
    fund.get(f"{place}/file", status=403)
    fund.get(page, status=403)
    fund.get("/reports/changes")
    assert "Two registers." not in fund.text
    browser.post(f"/reports/{number}/submit", page=f"/reports/{number}", status=302)
    assert fund.get(f"{place}/file").data == PDF
    for address in (f"/reports/{number}", "/reports/changes", "/reports/changes?point=3&country=SN&level=national"):
        fund.get(address)
        assert "Two registers." in fund.text
        assert 'href="https://a.example/b"' in fund.text
    fund.get("/reports/changes?point=4")
    assert "No change is like this" in fund.text
    fund.get("/reports/changes?point=99&page=nine")
    assert "Two registers." in fund.text


def test_an_entry_that_is_taken_away_is_gone(app: Flask, browser: Browser) -> None:
    interim, owner, _ = told(submitted=False)
    assert interim.report is not None
    (change,) = queries.changes_of(interim.report)
    page, address = f"/reports/{interim.id}/changes", f"/reports/{interim.id}/changes/{change.id}/drop"
    db.session.commit()
    browser.sign_in(owner).post(address, page=page, status=302)
    browser.follow()
    assert "A register" not in browser.text
    browser.post(address, page=page, status=404)


def test_a_report_begun_with_the_former_questions_keeps_them(app: Flask, browser: Browser) -> None:
    interim, owner, _ = told(submitted=False)
    assert interim.report is not None
    form = interim.report.answer_sheet.questionnaire
    old = make.save(
        form.__class__(
            key=form.key,
            version=1,
            title=form.title,
            languages=form.languages,
            definition=form.definition
            | {
                "sections": [
                    *form.definition["sections"],
                    {
                        "id": "former",
                        "title": {"en": "Former"},
                        "questions": [
                            {"key": "changes", "type": "longtext", "required": False, "label": {"en": "Changes"}}
                        ],
                    },
                ]
            },
        )
    )
    interim.report.answer_sheet.questionnaire_id = old.id
    number = interim.id
    db.session.commit()
    browser.sign_in(owner).get(f"/reports/{number}/changes", status=404)
    browser.get(f"/reports/{number}/sections/former")
    with refused("not_asked"):
        actions.tell_change(db.session.get_one(ReportDue, number), REGISTER, by=owner)


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.REGIONAL_COORDINATOR, 200),
        (Role.GLOBAL_COORDINATOR, 200),
        (Role.AUDITOR, 200),
        (Role.FINANCE_OFFICER, 403),
        (Role.REVIEWER, 403),
        (Role.COMMITTEE_MEMBER, 403),
        (Role.ADMINISTRATOR, 403),
    ],
)
def test_who_sees_what_changed_over_all_grants(app: Flask, browser: Browser, role: Role, status: int) -> None:
    person = make.person(role, **({"regions": ["AFR"]} if role == Role.REGIONAL_COORDINATOR else {}))
    db.session.commit()
    browser.sign_in(person).get("/reports/changes", status=status)


def test_the_list_of_changes_warns_of_withheld_names_and_reads_as_often_for_many(app: Flask, browser: Browser) -> None:
    with clock.at(datetime(2027, 10, 5, tzinfo=UTC)):
        interim, _, coordinator = told()
    interim.award.confidentiality = Confidentiality.FULLY_CONFIDENTIAL
    db.session.commit()
    browser.sign_in(coordinator).get("/reports/changes")
    assert "Name withheld: do not share" in browser.text
    few = statements(app, browser, "/reports/changes")
    for _ in range(5):
        told()
    db.session.commit()
    assert statements(app, browser, "/reports/changes") == few
