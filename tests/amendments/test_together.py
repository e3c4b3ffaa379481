"""Two people at once leave one result."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import func, select

from grants.accounts.models import MemberRole, Membership, Person
from grants.amendments import actions
from grants.amendments.models import Amendment, BudgetNotice
from grants.awards.models import Award, AwardVersion
from grants.core import clock
from grants.core.db import db, transaction
from tests import factories as make
from tests.amendments.rows import TODAY, budget, drawn_up, more_time, moving, scene
from tests.payments.test_together import at_once

PEOPLE = 8


def crowd(organization_id: int) -> list[int]:
    people = []
    for _ in range(PEOPLE):
        person = make.person()
        more = {"role": MemberRole.EDITOR, "may_sign": True}
        make.save(Membership(organization_id=organization_id, person_id=person.id, **more))
        people.append(person.id)
    return people


def arranged(live: Flask) -> tuple[int, list[int], int]:
    with transaction():
        made = scene()
        people = crowd(made.organization.id)
        return made.award.id, people, made.coordinator.id


def test_of_many_who_ask_at_once_one_is_heard(live: Flask) -> None:
    award_id, people, _coordinator = arranged(live)

    def ask(person: Person) -> None:
        with clock.at(TODAY):
            actions.ask(db.session.get_one(Award, award_id), more_time(), by=person)

    assert sorted(at_once(live, people, ask)) == ["done"] + ["one_at_a_time"] * (PEOPLE - 1)
    assert db.session.scalar(select(func.count()).select_from(Amendment)) == 1


def test_of_many_small_moves_at_once_no_more_applies_than_is_free(live: Flask) -> None:
    award_id, people, _coordinator = arranged(live)

    def ask(person: Person) -> None:
        with clock.at(TODAY):
            actions.ask(db.session.get_one(Award, award_id), moving(20_000), by=person)

    results = at_once(live, people, ask)
    # Three notices fill what is free (15 % of 4,000); the fourth has to be asked for, and the others wait behind it.
    assert sorted(results) == ["done"] * 4 + ["one_at_a_time"] * (PEOPLE - 4)
    assert db.session.scalar(select(func.count()).select_from(BudgetNotice)) == 3
    assert budget(db.session.get_one(Award, award_id)) == {"staff": 460_000, "activities": 540_000}


def test_of_many_who_sign_at_once_one_signs(live: Flask) -> None:
    with transaction():
        made = scene()
        people = crowd(made.organization.id)
        with clock.at(TODAY):
            amendment_id = drawn_up(made).id
        award_id = made.award.id

    def sign(person: Person) -> None:
        with clock.at(TODAY):
            actions.sign(db.session.get_one(Amendment, amendment_id), signature=person.name, by=person)

    assert sorted(at_once(live, people, sign)) == ["done"] + ["not_in_this_state"] * (PEOPLE - 1)
    found = select(func.count()).where(AwardVersion.award_id == award_id)
    assert db.session.scalar(found) == 2


def test_of_withdrawing_and_approving_at_once_one_holds(live: Flask) -> None:
    with transaction():
        made = scene()
        with clock.at(TODAY):
            amendment = actions.ask(made.award, more_time(), by=made.owner)
        people, amendment_id, owner = [made.owner.id, made.coordinator.id], amendment.id, made.owner.id

    def act(person: Person) -> None:
        with clock.at(TODAY):
            one = db.session.get_one(Amendment, amendment_id)
            if person.id == owner:
                actions.withdraw(one, "No.", by=person)
            else:
                actions.approve(one, by=person)

    results = at_once(live, people, act)
    db.session.rollback()
    found = db.session.get_one(Amendment, amendment_id, populate_existing=True)
    assert found.state == "withdrawn"
    assert set(results) <= {"done", "not_in_this_state"}
