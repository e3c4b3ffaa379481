from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from grants.accounts.models import Role
from grants.awards.models import Milestone
from grants.awards.workflow import AwardState
from grants.calls.workflow import CallState
from grants.core import clock
from grants.home import queries
from grants.home.rules import KINDS, tasks
from grants.home.views import FIRST
from grants.reviews.models import Assignment
from tests import factories as make
from tests.http import Browser

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


def test_what_only_waits_comes_first_and_is_not_late() -> None:
    since, to_come = MARCH - timedelta(hours=1), MARCH.date() + timedelta(days=1)
    works = [queries.Work("read_report", "G2", 2, to_come), queries.Work("countersign", "G1", 1, since)]
    works.append(queries.Work("chase_report", "G0", 0, MARCH.date() - timedelta(days=1)))
    assert [(task.reference, task.late) for task in tasks(works, MARCH)] == [("G0", True), ("G1", False), ("G2", False)]


def test_a_home_with_more_than_it_shows_says_so(app: Flask, browser: Browser) -> None:
    owner = make.person()
    award = make.award(make.application(make.call(), make.organization(owner), owner), owner, state=AwardState.ACTIVE)
    for n in range(queries.LONGEST + 1):
        make.save(Milestone(award_id=award.id, title=f"Step <{n}>", due_on=clock.now().date() - timedelta(days=n % 2)))
    browser.sign_in(owner).get("/")
    assert "60+ things wait for you. 30 of them are late." in browser.text
    assert browser.text.count('<li class="late">') == FIRST
    assert "Step &lt;1&gt;" in browser.text
    assert 'href="/?all=yes#waiting">Show all' in browser.text
    browser.get("/?all=yes")
    assert browser.text.count('<li class="late">') == 30
    assert "Show all" not in browser.text
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
