"""What coordinators read of how far reviewers agree."""

from __future__ import annotations

from grants.accounts.models import Role
from tests.factories import call, person
from tests.http import Browser
from tests.reviews.rows import case, reviewed, reviewer


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


def test_without_reviews_the_page_says_so(browser: Browser) -> None:
    of_call = call()
    browser.sign_in(person(Role.AUDITOR)).get(f"/calls/{of_call.reference}/reviews/agreement")
    assert "No review has been submitted yet." in browser.text
