from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event

from grants.accounts.models import Role
from grants.awards.models import Milestone
from grants.awards.workflow import AwardState
from grants.calls.workflow import CallState
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db
from grants.history.actions import note
from grants.portfolio import queries
from grants.portfolio.rules import KINDS, tasks
from grants.reviews.models import Assignment
from tests import factories as make
from tests.http import Browser
from tests.reviews.rows import case, declared

MARCH = datetime(2027, 3, 10, 12, tzinfo=UTC)


def test_a_visitor_sees_the_open_calls_first(app: Flask, browser: Browser) -> None:
    at = clock.now()
    make.call(title={"en": "An open call"}, opens_at=at - timedelta(days=1), closes_at=at + timedelta(days=9))
    make.call(title={"en": "A secret draft"}, state=CallState.DRAFT, opens_at=at, closes_at=at + timedelta(days=9))
    browser.get("/")
    assert "An open call" in browser.text
    assert "A secret draft" not in browser.text


def test_an_empty_home_says_what_to_do_next(app: Flask, browser: Browser) -> None:
    browser.sign_in(make.person()).get("/")
    assert "/organizations/new" in browser.text


def test_the_most_urgent_work_stands_first_and_what_is_late_is_named(app: Flask) -> None:
    owner, reviewer = make.person(), make.person(Role.REVIEWER)
    call = make.call()
    later, sooner = (make.application(call, make.organization(owner), owner) for _ in range(2))
    for application, day in ((later, MARCH + timedelta(days=5)), (sooner, MARCH - timedelta(days=1))):
        asked = {"application_id": application.id, "reviewer_id": reviewer.id, "asked_by_id": owner.id}
        make.save(Assignment(**asked, due_on=day.date(), state="accepted"))
    found = tasks(queries.work_of(reviewer, MARCH), MARCH)
    assert [(task.reference, task.late) for task in found if task.reference] == [
        (sooner.reference, True),
        (later.reference, False),
    ]
    assert str(found[-1].words) == "Make your declaration of the year", "what has no day comes last"


def test_a_home_with_more_than_it_shows_says_so(app: Flask, browser: Browser) -> None:
    owner = make.person()
    award = make.award(make.application(make.call(), make.organization(owner), owner), owner, state=AwardState.ACTIVE)
    for n in range(queries.LONGEST + 1):
        make.save(Milestone(award_id=award.id, title=f"Step <{n}>", due_on=clock.now().date() - timedelta(days=n % 2)))
    browser.sign_in(owner).get("/")
    assert "60+ things wait for you." in browser.text
    assert browser.text.count('<li class="late">') == 30
    assert "Step &lt;1&gt;" in browser.text
    assert "</span> yesterday, " in browser.text


def test_coordinators_see_only_what_waits_in_their_regions(app: Flask) -> None:
    owner = make.person()
    africa, asia = (make.person(Role.REGIONAL_COORDINATOR, regions=[region]) for region in ("AFR", "ASI"))
    award = make.award(make.application(make.call(), make.organization(owner), owner), owner, state=AwardState.ACCEPTED)
    assert [work.reference for work in queries.work_of(africa, MARCH)] == [award.reference]
    assert queries.work_of(asia, MARCH) == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_work_leads_to_a_page_that_exists(app: Flask, kind: str) -> None:
    assert KINDS[kind][1] in app.view_functions


def test_the_list_of_grants_costs_the_same_queries_for_one_and_for_thirty(app: Flask, browser: Browser) -> None:
    owner, officer = make.person(), make.person(Role.FINANCE_OFFICER)
    call = make.call()
    counts = []
    seen: list[str] = []
    browser.sign_in(officer)
    event.listen(db.session.connection(), "before_cursor_execute", lambda *args: seen.append(args[2]))
    for number in (1, 29):
        for _ in range(number):
            make.award(make.application(call, make.organization(owner), owner), owner)
        db.session.commit()
        seen.clear()
        browser.get("/grants")
        counts.append(len([s for s in seen if s.startswith("SELECT")]))
    assert counts[0] == counts[1]


def test_a_phone_gets_the_pages_of_a_grant_in_one_line_that_names_the_present_one(app: Flask, browser: Browser) -> None:
    owner = make.person()
    award = make.award(make.application(make.call(), make.organization(owner), owner), owner)
    browser.sign_in(owner).get(f"/grants/{award.reference}")
    before, _tag, folded = browser.text.partition('<details class="tabs-short">')
    assert 'class="tabs"' not in before
    summary, _tag, listed = folded.partition("</summary>")
    assert "Pages of this grant: <strong>Overview</strong>" in summary
    short, _tag, long = listed.partition("</details>")
    assert long.strip().startswith(short.strip()), "a wide screen gets the same"


def test_a_grant_of_another_organization_is_not_there(app: Flask, browser: Browser) -> None:
    owner, stranger = make.person(), make.person()
    award = make.award(make.application(make.call(), make.organization(owner), owner), owner)
    browser.sign_in(owner).get(f"/grants/{award.reference}")
    assert award.title in browser.text
    other = Browser(app).sign_in(stranger)
    other.get(f"/grants/{award.reference}", status=404)
    assert award.title not in other.text


def test_what_was_written_on_a_grant_names_nothing_that_is_hidden_from_its_reader(app: Flask) -> None:
    of_call, owner, free, tied = make.call(), make.person(), *(make.person(Role.GLOBAL_COORDINATOR) for _ in range(2))
    award = make.award(make.application(of_call, make.organization(owner), owner), owner)
    secret = case(of_call, title="Zanzibar lighthouse")
    declared(tied, secret, Grade.CONFLICT, "A cousin.")
    note("award", award.id, "reopen", by=free, reason="As with the Zanzibar lighthouse.")
    pages = [f"/grants/{award.reference}{page}" for page in ("", "/agreement", "/milestones", "/reports", "/closeout")]
    for email, is_told in {free.email: True, tied.email: False}.items():
        browser, told = Browser(app).sign_in(email), []
        for page in pages:
            browser.get(page)
            told.append("Zanzibar" in browser.text)
        assert any(told) is is_told, email
        assert told[0] is is_told
