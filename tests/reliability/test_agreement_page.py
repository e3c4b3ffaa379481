"""What coordinators read of how far reviewers agree."""

from __future__ import annotations

from grants.accounts.models import Role
from grants.applications.models import Application
from grants.calls.models import Call
from grants.conflicts.models import Grade
from grants.core.db import db
from grants.decisions.rules import ranking
from grants.reliability import rules
from grants.reviews.queries import standing_of
from tests.factories import call, person
from tests.http import Browser
from tests.reviews.rows import case, declared, reviewed, reviewer


def test_agreement_severity_and_places_stand_on_one_page(browser: Browser) -> None:
    of_call, people = call(), [reviewer() for _ in range(3)]
    for n, values in enumerate([(5, 4, 3), (4, 4, 2), (3, 2, 2), (2, 2, 1)]):
        application = case(of_call, title=f"Action {n}")
        for one, value in zip(people, values, strict=True):
            reviewed(application, value, value, by=one)
    names, page = [one.name for one in people], f"/calls/{of_call.reference}/reviews/agreement"
    browser.sign_in(person(Role.GLOBAL_COORDINATOR, regions=["AFR", "ASI", "LAC"])).get(page)
    assert "12 reviews of 4 applications by 3 reviewers." in browser.text
    assert all(name in browser.text for name in names)
    assert browser.text.index(names[2]) < browser.text.index(names[0]), "the most severe stands first"
    assert "ICC(2,k)" in browser.text


def test_applications_of_other_regions_are_not_named(browser: Browser) -> None:
    of_call = call()
    application = case(of_call, title="Only for Africa")
    for _ in range(2):
        reviewed(application)
    of_call_page = f"/calls/{of_call.reference}/reviews/agreement"
    elsewhere = person(Role.REGIONAL_COORDINATOR, regions=["LAC"])
    browser.sign_in(elsewhere).get(of_call_page)
    assert "Only for Africa" not in browser.text


def disagreed(of_call: Call) -> None:
    """Four applications by three reviewers, of whom the last is severe: he reviewed the first, which would be second."""
    mild, fair, severe = (reviewer() for _ in range(3))
    for reference, scores in (
        ("APP-1", ((fair, 4, 5), (severe, 3, 4))),
        ("APP-2", ((mild, 5, 5), (fair, 4, 4))),
        ("APP-3", ((mild, 4, 4), (severe, 2, 2))),
        ("APP-4", ((mild, 2, 2), (fair, 1, 1))),
        ("APP-5", ((mild, 4, 4), (severe, 2, 2))),
    ):
        application = case(of_call, title=reference, reference=reference)
        for by, first, second in scores:
            reviewed(application, first, second, by=by)


def test_places_are_those_of_the_ranked_list_and_none_below_a_threshold(browser: Browser) -> None:
    of_call = call()
    disagreed(of_call)
    list_ = ranking(of_call, standing_of(of_call))
    places, adjusted = {row.application.reference: row.rank for row in list_.ranked}, rules.adjusted(list_)
    assert [one.application.reference for one in list_.below] == ["APP-4"]
    order = sorted(list_.ranked, key=lambda row: -adjusted[row.application.id].score)
    assert [adjusted[row.application.id].place for row in order] == list(range(1, len(order) + 1))
    assert [row.rank for row in order] != [row.rank for row in list_.ranked], "severity would change something"
    assert adjusted[list_.below[0].application.id].place is None
    reader = person(Role.GLOBAL_COORDINATOR, regions=["AFR", "ASI", "LAC"])
    browser.sign_in(reader).get(f"/calls/{of_call.reference}/reviews/agreement")
    rows = [row.text for row in browser.page.root.all("td", class_="record-name") if "APP-" in row.text]
    assert [row[:5] for row in rows] == [*sorted(places, key=lambda one: places[one]), "APP-4"]
    browser.get(f"/calls/{of_call.reference}/decisions")
    for row in list_.ranked:
        assert f"adjusted place: {adjusted[row.application.id].place}" in browser.text


def test_a_reader_who_stepped_aside_gets_numbers_without_that_application(browser: Browser) -> None:
    of_call = call()
    disagreed(of_call)
    reader = person(Role.GLOBAL_COORDINATOR, regions=["AFR", "ASI", "LAC"])
    hidden = db.session.query(Application).filter_by(reference="APP-2").one()
    declared(reader, hidden, Grade.CONFLICT, "A cousin.")
    browser.sign_in(reader).get(f"/calls/{of_call.reference}/reviews/agreement")
    assert "8 reviews of 4 applications by 3 reviewers." in browser.text
    assert "APP-2" not in browser.text


def test_without_reviews_the_page_says_so(browser: Browser) -> None:
    of_call = call()
    browser.sign_in(person(Role.AUDITOR)).get(f"/calls/{of_call.reference}/reviews/agreement")
    assert "No review has been submitted yet." in browser.text
