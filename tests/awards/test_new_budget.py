"""Who is awarded less than asked for hands in a new budget of exactly that amount before the agreement is made."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Person, Role
from grants.applications.workflow import ApplicationState
from grants.awards import actions, queries, rules
from grants.awards.models import Award
from grants.awards.workflow import AwardState, BudgetState
from grants.core import clock
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.decisions.models import Seat
from grants.decisions.workflow import DecisionState
from grants.payments import actions as payments
from tests import factories as make
from tests.applications.sample import filled, sample_call, send_in
from tests.factories import db
from tests.http import Browser

AT = datetime(2027, 4, 15, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _after_the_meeting(app: Flask):
    with clock.at(AT):
        yield


def refusal(act, *args, **more) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return {obstacle.code for obstacle in refused.value.obstacles}


def offered(less: int = 50_000) -> tuple[Award, Person, Person]:
    """A sample application that is awarded ``less`` cents than it asked for; its coordinator, its owner."""
    call, coordinator = sample_call()
    application, owner = filled(call, "APP-005")
    with clock.at(datetime(2027, 2, 20, tzinfo=UTC)):
        send_in(application, by=owner)
    application.state = ApplicationState.ELIGIBLE
    decision = make.decision(
        application,
        coordinator,
        state=DecisionState.TAKEN,
        released_at=None,
        amount_minor=application.requested_minor - less,
        reason="The travel is too dear." if less else "",
    )
    seated = make.person(Role.COMMITTEE_MEMBER)
    make.save(Seat(meeting_id=decision.meeting_id, person_id=seated.id, present=True, signed_at=AT))
    (award,) = actions.release_decisions(decision.meeting, by=coordinator)
    db.session.flush()
    return award, coordinator, owner


def lines_of(award: Award) -> list[dict[str, Any]]:
    budget = award.new_budget
    assert budget is not None
    written = queries.written_budget(budget)
    return [dict(line) for line in written.answers[written.question.key]]


def cut(lines: list[dict[str, Any]], minor: int) -> list[dict[str, Any]]:
    """The same lines, with so many cents less of the fund for the dearest of them, as one would type it."""
    line = max(lines, key=lambda one: Decimal(one["requested"]))
    line["quantity"], line["cofinancing"] = 1, "0"
    line["unit_cost"] = line["total"] = line["requested"] = str(Decimal(line["requested"]) - Decimal(minor) / 100)
    return lines


def save(award: Award, lines: list[dict[str, Any]], by: Person) -> None:
    budget = award.new_budget
    assert budget is not None
    written = queries.written_budget(budget)
    version = written.saved.version if written.saved else 0
    actions.save_budget(budget, {written.question.key: lines}, version=version, by=by)


def mails(kind: str) -> list[OutboxMail]:
    return list(db.session.scalars(select(OutboxMail).where(OutboxMail.kind == kind)))


def test_an_award_of_all_that_was_asked_for_needs_no_new_budget() -> None:
    award, _, _ = offered(less=0)
    assert award.new_budget is None
    assert not rules.obstacles_by_budget(award)
    (letter,) = mails("award_offered")
    assert "new budget" not in str(letter.body)


def test_the_agreement_waits_until_a_new_budget_adds_up_to_the_award_to_the_cent_and_is_accepted() -> None:
    award, coordinator, owner = offered()
    budget = award.new_budget
    assert budget is not None
    (letter,) = mails("award_offered")
    assert "new budget" in str(letter.body)
    actions.accept(award, by=owner)
    make.diligence(award, coordinator)
    assert refusal(payments.prepare_agreement, award, by=coordinator) == {"new_budget_missing"}
    assert refusal(actions.hand_in_budget, budget, by=owner) == {"budget_not_award"}, "it still asks for all of it"
    first = lines_of(award)
    save(award, cut(deepcopy(first), 49_999), owner)
    assert refusal(actions.hand_in_budget, budget, by=owner) >= {"budget_not_award"}, "a cent too much"
    save(award, cut(deepcopy(first), 50_000), owner)
    assert refusal(actions.accept_budget, budget, by=coordinator) == {"not_handed_in"}
    actions.hand_in_budget(budget, by=owner)
    assert len(mails("new_budget_handed_in")) >= 1
    assert refusal(save, award, lines_of(award), owner) == {"handed_in"}
    assert refusal(payments.prepare_agreement, award, by=coordinator) == {"new_budget_missing"}
    former = {line.heading: line.amount_minor for line in award.budget}
    actions.accept_budget(budget, by=coordinator)
    assert budget.state == BudgetState.ACCEPTED
    asked: dict[str, int] = {}
    for line in lines_of(award):
        asked[line["heading"]] = asked.get(line["heading"], 0) + int(Decimal(line["requested"]) * 100)
    assert {line.heading: line.amount_minor for line in award.budget} == {key: n for key, n in asked.items() if n}
    assert sum(line.amount_minor for line in award.budget) == award.amount_minor
    assert former != {line.heading: line.amount_minor for line in award.budget}
    assert len(mails("new_budget_accepted")) >= 1
    assert payments.prepare_agreement(award, by=coordinator).version == 1
    assert award.state == AwardState.SENT


def test_a_budget_that_is_sent_back_is_changed_and_handed_in_again() -> None:
    award, coordinator, owner = offered()
    budget = award.new_budget
    assert budget is not None
    save(award, cut(lines_of(award), 50_000), owner)
    actions.hand_in_budget(budget, by=owner)
    assert refusal(actions.return_budget, budget, " ", by=coordinator) == {"reason_missing"}
    actions.return_budget(budget, "Please cut the travel, not the staff.", by=coordinator)
    assert (budget.state, budget.returned_reason) == (BudgetState.RETURNED, "Please cut the travel, not the staff.")
    save(award, lines_of(award), owner)
    actions.hand_in_budget(budget, by=owner)
    actions.accept_budget(budget, by=coordinator)
    assert len(mails("new_budget_handed_in")) == 2 * len({mail.to_person_id for mail in mails("new_budget_handed_in")})


def test_limits_of_the_call_hold_for_a_new_budget() -> None:
    award, _, owner = offered()
    budget = award.new_budget
    assert budget is not None
    lines = cut(lines_of(award), 50_000)
    lines[0]["unit_cost"] = str(Decimal(lines[0]["unit_cost"]) * 10)
    save(award, lines, owner)
    assert refusal(actions.hand_in_budget, budget, by=owner)


def test_the_grantee_writes_it_and_the_coordinator_accepts_it_on_the_page(app: Flask, browser: Browser) -> None:
    award, coordinator, owner = offered()
    reference, staff, writer = award.reference, coordinator.email, owner.email
    stranger = make.person().email
    page = f"/grants/{reference}/budget"
    browser.sign_in(writer).open(f"/grants/{reference}/agreement")
    browser.click("Write the new budget")
    assert browser.page.obstacles("Hand the budget in"), "it asks for what was asked before"
    office = Browser(app).sign_in(staff)
    office.open(page)
    assert "Coordinator, 70% of full time" in browser.page.content
    assert "Coordinator, 70% of full time" not in office.page.content, "nothing of it before it is handed in"
    award = db.session.scalars(select(Award).where(Award.reference == reference)).one()
    save(award, cut(lines_of(award), 50_000), db.session.scalars(select(Person).where(Person.email == writer)).one())
    db.session.commit()
    browser.open(page)
    browser.press("Save")
    browser.press("Hand the budget in")
    assert "New budget handed in" in browser.page.badges
    browser.post(page, {"budget_lines-rows": "0"}, status=409)
    office.open(page)
    assert "Coordinator, 70% of full time" in office.page.content
    assert "Save and go on" not in office.page.all_buttons
    office.press("Accept this budget")
    assert "New budget accepted" in office.page.badges
    office.post(page, {"budget_lines-rows": "0"}, status=403)
    Browser(app).sign_in(stranger).open(page, status=404)
