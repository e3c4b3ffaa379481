"""The plan of a call's reviews on its page: computed, changed, confirmed, and refused when it is no longer so."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.calls.models import Call
from grants.reviews import actions as reviews
from grants.reviews.models import Assignment
from tests.factories import call, db, person
from tests.http import Browser
from tests.reviews.rows import case, reviewer

DUE = date(2099, 6, 1).isoformat()


def scene() -> tuple[Call, list[str], Person]:
    """A call with two applications and three reviewers who can read both, and a coordinator."""
    of_call = call()
    applications = [case(of_call), case(of_call)]
    for _ in range(3):
        reviewer()
    chair = person(Role.GLOBAL_COORDINATOR, regions=["AFR", "ASI", "LAC"])
    return of_call, [one.reference for one in applications], chair


def asked() -> list[tuple[str, str]]:
    return [(one.application.reference, one.reviewer.reference) for one in db.session.scalars(select(Assignment))]


def test_a_plan_is_looked_through_changed_and_confirmed(browser: Browser) -> None:
    of_call, (first, second), chair = scene()
    page = f"/calls/{of_call.reference}/reviews/plan"
    browser.sign_in(chair).get(page)
    (form,) = [one for one in browser.page.forms if one["action"] == page]
    chosen = {name: values for name, values in form["fields"].items() if name.startswith("ask-")}
    assert set(chosen) == {f"ask-{first}", f"ask-{second}"}
    assert all(len(set(some)) == 2 for some in chosen.values()), "two different reviewers each"
    assert asked() == [], "nobody is asked by looking"
    fewer = chosen | {f"ask-{second}": [chosen[f"ask-{second}"][0], ""]}
    browser.post(page, fewer | {"due_on": ""}, page=page, status=422)
    assert "Please choose a day." in browser.text
    browser.post(page, fewer | {"due_on": DUE}, page=page, status=302)
    assert sorted(asked()) == sorted(
        [(first, who) for who in chosen[f"ask-{first}"]] + [(second, chosen[f"ask-{second}"][0])]
    )
    assert "Every application has been given to reviewers." in browser.get(page).text


def test_what_became_impossible_meanwhile_asks_nobody(browser: Browser) -> None:
    of_call, (first, second), chair = scene()
    page = f"/calls/{of_call.reference}/reviews/plan"
    browser.sign_in(chair).get(page)
    (form,) = [one for one in browser.page.forms if one["action"] == page]
    chosen = {name: values for name, values in form["fields"].items() if name.startswith("ask-")}
    tied = db.session.scalars(select(Person).where(Person.reference == chosen[f"ask-{second}"][0])).one()
    organization = db.session.scalars(select(Application).where(Application.reference == second)).one().organization
    reviews.declare_interest(tied, organization, grade="conflict", reason="My sister leads it.", by=tied)
    name = tied.name
    db.session.commit()
    browser.post(page, chosen | {"due_on": DUE}, page=page, status=409)
    assert f"{second}: {name} has a conflict of interest." in browser.text
    assert asked() == []
    assert first in browser.text


def test_what_cannot_be_covered_is_said_with_its_reason(browser: Browser) -> None:
    of_call = call()
    case(of_call)
    reviewer()
    chair = person(Role.GLOBAL_COORDINATOR, regions=["AFR", "ASI", "LAC"])
    browser.sign_in(chair).get(f"/calls/{of_call.reference}/reviews/plan")
    assert "No plan covers everything:" in browser.text
    assert "needs 2 reviewers and has 1 who may review it" in browser.text
