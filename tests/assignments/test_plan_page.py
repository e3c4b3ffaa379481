"""The plan of a call's reviews on its page: computed, changed, confirmed, and refused when it is no longer so."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.assignments import queries, rules
from grants.assignments.actions import BROKEN_DOWN, ask_planned, begin_plan, boards_for, finish, take_on
from grants.assignments.models import PlanState, ReviewPlan
from grants.assignments.rules import Plan, best_plan
from grants.assignments.tasks import work_out_waiting
from grants.calls.models import Call
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import transaction
from grants.core.rules import Refused
from grants.core.solver import NotProven
from grants.decisions import actions as decisions
from grants.reviews import actions as reviews
from grants.reviews.models import Assignment
from tests.factories import call, db, person
from tests.http import Browser
from tests.reviews.rows import AT, assignment, case, reviewed, reviewer

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


def planned(browser: Browser, page: str) -> dict[str, list[str]]:
    """Whom the form on the page would ask."""
    (form,) = [one for one in browser.page.forms if one["action"] == page]
    return {name: values for name, values in form["fields"].items() if name.startswith("ask-")}


def test_a_plan_is_looked_through_changed_and_confirmed(browser: Browser) -> None:
    of_call, (first, second), chair = scene()
    page = f"/calls/{of_call.reference}/reviews/plan"
    browser.sign_in(chair).get(page)
    chosen = planned(browser, page)
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
    browser.get(page)
    assert planned(browser, page).keys() == {f"ask-{second}"}, "the last one is still missing"
    assert "Asked already:" in browser.text


def test_what_became_impossible_meanwhile_asks_nobody(browser: Browser) -> None:
    of_call, (first, second), chair = scene()
    page = f"/calls/{of_call.reference}/reviews/plan"
    browser.sign_in(chair).get(page)
    chosen = planned(browser, page)
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
    assert "Not everything can be covered" in browser.text
    assert "needs 2 reviewers and has 1 who may review it" in browser.text


def test_loads_that_cannot_be_even_are_spoken_of(browser: Browser) -> None:
    of_call, _, chair = scene()
    page = f"/calls/{of_call.reference}/reviews/plan"
    browser.sign_in(chair).get(page)
    assert "Not even the best plan" not in browser.text
    for _ in range(3):
        case(of_call)
    reviewer(profile={"capacity": 1})
    db.session.commit()
    browser.get(page)
    assert "Not even the best plan" not in browser.text, "three each, and one"
    for _ in range(2):
        case(of_call)
    db.session.commit()
    browser.get(page)
    assert "No assignment keeps the numbers of reviews of all reviewers within 2 of each other" in browser.text


def test_what_has_begun_is_added_to_and_a_third_reviewer_is_found(browser: Browser) -> None:
    rule = {"rule": "absolute_gap", "formula": "abs(T1-T2) >= 15", "text": {"en": "Far apart."}}
    of_call, chair = call(), person(Role.GLOBAL_COORDINATOR)
    of_call.grid = of_call.grid | {"assessors": {"independent_reviews": 2, "third_review_if": [rule]}}
    waiting, apart, whole = case(of_call), case(of_call), case(of_call)
    known, near, far = reviewer(), reviewer(), reviewer(profile={"regions": ["LAC"], "lots": []})
    for application, people in ((waiting, [known]), (whole, [known, near])):
        for one in people:
            assignment(application, one)
    reviewed(apart, 4, 4, by=known)
    reviewed(apart, 4, 2, by=far)
    page = f"/calls/{of_call.reference}/reviews/plan"
    browser.sign_in(chair).get(page)
    chosen = planned(browser, page)
    assert chosen == {f"ask-{waiting.reference}": [near.reference], f"ask-{apart.reference}": [near.reference]}
    assert f"Asked already: {known.name}" in browser.text
    assert "Two disagree: third review" in browser.text
    browser.post(page, chosen | {"due_on": DUE}, status=302)
    made = {
        (one.application.reference, one.round)
        for one in db.session.scalars(select(Assignment).where(Assignment.state == "asked"))
    }
    assert made == {(waiting.reference, 1), (apart.reference, 2)}
    assert "Nobody has to be asked." in browser.get(page).text


# ------------------------------------------------------------------ two who confirm at once


def test_two_coordinators_who_confirm_at_once_leave_one_result(live: Flask) -> None:
    with transaction():
        of_call = call()
        cases = [case(of_call).id for _ in range(4)]
        people = [reviewer(profile={"capacity": 2}).id for _ in range(4)]
        chairs = [person(Role.GLOBAL_COORDINATOR).id for _ in range(2)]
    call_id, together = of_call.id, Barrier(2)

    def confirm(chair: int) -> list[str]:
        with live.app_context(), clock.at(AT):
            try:
                with transaction():
                    by, of_call = db.session.get_one(Person, chair), db.session.get_one(Call, call_id)
                    boards = boards_for(of_call, by)
                    plan = best_plan(boards.first, 2)
                    assert isinstance(plan, Plan)
                    chosen: dict[Application, list[Person]] = {}
                    for pair in plan.pairs if chair == chairs[0] else plan.pairs[::-1]:
                        who = db.session.get_one(Person, pair.reviewer.id)
                        chosen.setdefault(db.session.get_one(Application, pair.application.id), []).append(who)
                    together.wait(20)
                    return ["asked"] * len(ask_planned(of_call, chosen, boards, due_on=date(2027, 3, 26), by=by))
            except Refused as refused:
                return sorted({one.code for one in refused.obstacles})
            finally:
                db.session.remove()

    with ThreadPoolExecutor(2) as pool:
        results = sorted(pool.map(confirm, chairs))
    assert results == [["asked"] * 8, ["asked_already", "capacity", "enough_reviews"]]
    asked = [(one.application_id, one.reviewer_id) for one in db.session.scalars(select(Assignment))]
    assert len(asked) == len(set(asked)) == 8
    assert Counter(application for application, _ in asked) == dict.fromkeys(cases, 2)
    assert max(Counter(reviewer for _, reviewer in asked).values()) <= 2
    assert {reviewer for _, reviewer in asked} == set(people)


def test_two_coordinators_who_ask_the_same_reviewer_for_different_applications_keep_to_what_was_agreed(
    live: Flask,
) -> None:
    with transaction():
        of_call, somebody = call(), reviewer(profile={"capacity": 1}).id
        cases = [case(of_call).id for _ in range(2)]
        chair = person(Role.GLOBAL_COORDINATOR).id
    together = Barrier(2)

    def ask(number: int) -> str:
        with live.app_context(), clock.at(AT):
            try:
                with transaction():
                    application = db.session.get_one(Application, number)
                    by, who = db.session.get_one(Person, chair), db.session.get_one(Person, somebody)
                    together.wait(20)
                    decisions.ask_reviewer(application, who, due_on=date(2027, 3, 26), round=1, by=by)
            except Refused as refused:
                return refused.obstacles[0].code
            finally:
                db.session.remove()
            return "asked"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ask, cases)) == ["asked", "capacity"]


# ------------------------------------------------------------------ plans that take long


def test_a_large_plan_is_worked_out_by_a_worker_while_the_page_says_how_far_it_is(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "AT_ONCE", 1)
    of_call, (first, second), chair = scene()
    page = f"/calls/{of_call.reference}/reviews/plan"
    browser.sign_in(chair).get(page)
    assert "2 applications need reviewers." in browser.text
    assert f"ask-{first}" not in browser.text
    browser.post(f"{page}/work-out", {}, status=302)
    browser.follow()
    assert "The plan waits for its turn" in browser.text
    assert "data-look-again" in browser.text
    assert page in browser.page.links, "to look again without a script"
    seen = []
    told = queries.plan_in_work

    def looked(*mine: Any) -> ReviewPlan | None:
        plan = told(*mine)
        seen.append(plan.step if plan else None)
        return plan

    monkeypatch.setattr(queries, "plan_in_work", looked)
    assert work_out_waiting() == 1
    assert seen == [0, 1, 2]
    assert work_out_waiting() == 0
    browser.get(page)
    chosen = planned(browser, page)
    assert len(set(chosen[f"ask-{first}"])) == len(set(chosen[f"ask-{second}"])) == 2
    assert "Something has changed" not in browser.text
    decisions.ask_reviewer(
        db.session.scalars(select(Application).filter_by(reference=first)).one(),
        db.session.scalars(select(Person).filter_by(reference=chosen[f"ask-{first}"][0])).one(),
        due_on=date(2099, 6, 1),
        round=1,
        by=db.session.get_one(Person, chair.id),
    )
    db.session.commit()
    browser.get(page)
    assert "Something has changed since this plan was worked out" in browser.text
    left = planned(browser, page)
    assert left[f"ask-{first}"] == [chosen[f"ask-{first}"][1]], "what is left of the plan"
    browser.post(page, left | {"due_on": DUE}, status=302)
    assert len(asked()) == 4


def test_a_plan_that_somebody_asks_for_anew_is_not_answered_with_the_old_one(app: Flask) -> None:
    of_call, _, chair = scene()
    begin_plan(of_call, by=chair)
    old = queries.plan_to_do(clock.now())
    assert old is not None
    mine = (old.id, old.asked_at)
    boards, wanted = take_on(old)
    assert queries.plan_to_do(clock.now()) is None, "somebody works on it"
    with clock.at(clock.now() + BROKEN_DOWN * 2):
        assert queries.plan_to_do(clock.now()) is not None, "and has broken down"
        begin_plan(of_call, by=chair)
    assert queries.plan_in_work(*mine) is None
    new = queries.plan_of(of_call, chair)
    assert new is not None
    finish(new, boards, rules.propose(boards, wanted))
    assert (new.state, len(new.proposal["chosen"])) == (PlanState.READY, 2)


def test_a_kept_plan_names_nothing_that_was_hidden_from_its_coordinator_since(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "AT_ONCE", 1)
    of_call, (first, second), chair = scene()
    begin_plan(of_call, by=chair)
    kept = queries.plan_to_do(clock.now())
    assert kept is not None
    boards, wanted = take_on(kept)
    words = [f"{one} lacks a reviewer." for one in (first, second)]
    finish(kept, boards, replace(rules.propose(boards, wanted), why_not=words, shortcomings=words))
    secret = db.session.scalars(select(Application).filter_by(reference=first)).one()
    decisions.declare_interest(chair, secret.organization, grade=Grade.CONFLICT, reason="Kin.", by=chair)
    page = f"/calls/{of_call.reference}/reviews/plan"
    browser.sign_in(chair).get(page)
    assert words[1] in browser.text
    assert first not in browser.text


def test_what_cannot_be_proven_in_time_is_left_to_people(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise NotProven

    monkeypatch.setattr(rules, "best_plan", never)
    of_call, (first, _), chair = scene()
    page = f"/calls/{of_call.reference}/reviews/plan"
    browser.sign_in(chair).get(page)
    assert "could not be found in time" in browser.text
    assert f"ask-{first}" in browser.text
    monkeypatch.setattr(rules, "AT_ONCE", 1)
    browser.post(f"{page}/work-out", {}, page=page, status=302)
    work_out_waiting()
    browser.get(page)
    assert "could not be found in time" in browser.text
    assert f"ask-{first}" in browser.text
    assert "Work out a new plan" in browser.text
