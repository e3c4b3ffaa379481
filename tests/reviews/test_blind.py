"""Blind reviews: nothing that a blind reviewer is served or sent tells whose application it is."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pikepdf
import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Person, Role
from grants.calls.models import Call
from grants.conflicts.models import Grade
from grants.core import clock, files
from grants.core.redaction import COVER
from grants.reviews import actions
from tests.factories import db, person
from tests.http import Browser
from tests.reviews.canaries import (
    CANARY,
    NAME,
    Watch,
    attach,
    blind_call,
    every_byte,
    letter_that_tells,
    papers,
    told,
    walk,
    watch_a_blind_reviewer,
    watch_a_conflicted_reviewer,
    watch_who_follows_in_conflict,
)
from tests.reviews.rows import AT, DUE, assignment, case, counted, reviewer


@pytest.fixture(autouse=True)
def _in_the_weeks_of_review(app: Flask) -> Iterator[None]:
    with clock.at(AT):
        yield


def test_no_byte_that_a_blind_reviewer_is_served_or_sent_tells_who_applied(app: Flask, browser: Browser) -> None:
    watch = watch_a_blind_reviewer(browser)
    assert watch.telling == []
    assert all(answer.headers.get("ETag") is None for path, answer in watch.answers if "/files/" in path)
    page = next(path for path, _ in watch.answers if re.fullmatch(r"/reviews/\d+", path))
    summary = browser.get(page).get_data(as_text=True)
    assert "Forty wells will be dug." in summary
    assert 'aria-label="name withheld"' in summary
    assert COVER in summary


def test_what_a_blind_reviewer_declared_before_they_were_asked_stands_on_no_page_of_a_review(
    app: Flask, browser: Browser
) -> None:
    application, somebody = told(blind_call()), reviewer()
    others = case(application.call), case(application.call)
    for one, reason in ((application, f"I met {NAME} in Dakar."), (others[0], "We talked in Lima.")):
        actions.declare_interest(
            somebody, one.organization, grade=Grade.KNOWS, reason=reason, call=one.call, by=somebody
        )
    ids = [actions.assign(one, somebody, due_on=DUE, by=person()).id for one in (application, *others)]
    db.session.commit()
    browser.sign_in(somebody)
    pages = [browser.get(f"/reviews/{one}").get_data(as_text=True) for one in ids]
    assert not [page for page in pages if CANARY.decode() in page.lower() or "Dakar" in page]
    forms = {tuple(re.findall(r"<(?:input|textarea)[^>]*checked[^>]*>|in Lima", page)) for page in pages}
    assert forms == {()}, "the form is empty, whatever was declared about whom"


def test_no_byte_that_a_reviewer_with_a_conflict_is_served_or_sent_tells_of_the_application(
    app: Flask, browser: Browser
) -> None:
    watch = watch_a_conflicted_reviewer(browser)
    assert watch.telling == []


@pytest.mark.parametrize("role", [Role.GLOBAL_COORDINATOR, Role.AUDITOR, Role.FINANCE_OFFICER])
def test_nor_does_one_that_a_coordinator_auditor_or_finance_officer_with_a_conflict_is_served_or_sent(
    app: Flask, browser: Browser, role: Role
) -> None:
    watch = watch_who_follows_in_conflict(browser, role)
    assert watch.telling == []


def test_what_tells_who_applied_is_left_out_and_the_rest_is_read(app: Flask, browser: Browser) -> None:
    application, somebody = told(blind_call()), reviewer()
    given = papers(application)
    one = assignment(application, somebody)
    page, stored = f"/reviews/{one.id}", given["pdf"].file
    before, key = files.read(stored), stored.key
    ids = {name: paper.id for name, paper in given.items()}
    browser.sign_in(somebody).get(page)
    for hidden in ("4711", "The org_name", "The who_we_are", "The identifier", "The mail", "Paper certificate"):
        assert hidden not in browser.text
    for shown in ("The summary", "The role", "Paper plan", "lighthouse"):
        assert shown in browser.text
    browser.get(f"{page}/files/{ids['statutes']}", 404)
    for named in ("named_pdf", "named_docx"):
        for place in ("", "/pages", "/pages/1"):
            browser.get(f"{page}/files/{ids[named]}{place}", 409)
            assert "names the applicant" in browser.text
    answer = browser.get(f"{page}/files/{ids['second']}")
    assert "-plan-2.pdf" in answer.headers["Content-Disposition"]
    assert b"Forty" in every_byte(answer.get_data()).title()
    assert files.read(db.session.scalars(select(files.StoredFile).filter_by(key=key)).one()) == before
    with pikepdf.open(io.BytesIO(before)) as untouched:
        assert untouched.docinfo["/Author"] == "Ana Quokkaruiz"


def test_the_text_of_a_document_is_covered_as_answers_are(app: Flask, browser: Browser) -> None:
    application, somebody = told(blind_call()), reviewer()
    content = letter_that_tells(on_the_page="Forty wells. Write to ana@wells.example.")
    paper = attach(application, "plan", content, "docx").id
    browser.sign_in(somebody).get(f"/reviews/{assignment(application, somebody).id}/files/{paper}/pages")
    assert "Forty wells. Write to " in browser.text
    assert COVER in browser.text
    assert "ana@wells" not in browser.text


@pytest.mark.parametrize("role", [Role.REGIONAL_COORDINATOR, Role.AUDITOR])
def test_who_is_not_blind_sees_who_applied(app: Flask, browser: Browser, role: Role) -> None:
    application = told(blind_call())
    one = assignment(application, reviewer())
    browser.sign_in(person(role, regions=["AFR"])).get(f"/reviews/{one.id}")
    assert NAME in browser.text
    assert "4711" in browser.text


def test_without_blind_reviews_everything_is_read_as_it_was_written(app: Flask, browser: Browser) -> None:
    application, somebody = told(blind_call(blind=False)), reviewer()
    named = papers(application)["named_pdf"].id
    page = f"/reviews/{assignment(application, somebody).id}"
    browser.sign_in(somebody).get(page)
    assert NAME in browser.text
    assert "4711" in browser.text
    assert COVER not in browser.text
    assert Watch([CANARY], [("", browser.get(f"{page}/files/{named}"))]).telling


def test_a_declaration_before_a_blind_review_does_not_tell_afterwards_whom_it_was_about(
    app: Flask, browser: Browser
) -> None:
    application, somebody = told(blind_call()), reviewer()
    one = actions.assign(application, somebody, due_on=DUE, by=person())
    actions.accept(one, grade=Grade.KNOWS, reason="I think I know their work.", by=somebody)
    browser.sign_in(somebody).get("/reviews/interests")
    assert "I think I know their work." in browser.text
    assert NAME not in browser.text
    assert application.organization.reference not in browser.text


def test_the_list_and_the_form_cost_the_same_for_one_blind_review_and_for_many(app: Flask, browser: Browser) -> None:
    of_call, somebody = blind_call().id, reviewer().id
    browser.sign_in(db.session.get(Person, somebody))
    counts: list[tuple[int, int]] = []
    for _ in range(2):
        for _more in range(3):
            made = assignment(told(db.session.get(Call, of_call)), db.session.get(Person, somebody)).id
        for path in ("/reviews", f"/reviews/{made}"):
            browser.get(path)  # the form and the wording of a call are read once
        both = []
        for path in ("/reviews", f"/reviews/{made}"):
            statements: list[str] = []
            with counted(statements):
                browser.get(path)
            both.append(len([s for s in statements if s.startswith(("SELECT", "WITH"))]))
        counts.append((both[0], both[1]))
    assert counts[0] == counts[1]
    assert counts[0][0] <= 7
    assert counts[0][1] <= 16


def test_the_reviewer_of_another_application_is_told_nothing_either(app: Flask, browser: Browser) -> None:
    application, somebody = told(blind_call()), reviewer()
    hidden = assignment(application, reviewer()).id
    assignment(case(application.call), somebody)
    browser.sign_in(somebody)
    assert not [
        path for path, answer in walk(browser, "/", "/reviews").items() if Watch([CANARY], [("", answer)]).telling
    ]
    browser.get(f"/reviews/{hidden}", 404)
