"""A visit from its plan to the answer of the grantee, and the payments that wait for it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from grants.accounts.models import Role
from grants.awards.models import Award
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.permissions import scope
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.history.queries import timeline
from grants.owed.queries import of_grant as owed_of_grant
from grants.owed.rules import lines_of
from grants.payments import actions as payments
from grants.payments import rules as payment_rules
from grants.payments.queries import queue, standing_of, standings_of
from grants.reminders.actions import sweep
from grants.visits import actions
from grants.visits.models import Visit
from grants.visits.rules import Agreed
from tests import factories as make
from tests.awards.test_pages import declare_conflict
from tests.payments.rows import PDF, paid, scene, spend
from tests.visits.rows import TODAY, VISIT_DAY, account, planned, shared


def codes(act: Any, *args: Any, **more: Any) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return {obstacle.code for obstacle in refused.value.obstacles}


def mails(kind: str) -> list[str]:
    found = select(OutboxMail.to_address).where(OutboxMail.kind == kind).order_by(OutboxMail.id)
    return list(db.session.scalars(found))


def test_a_visit_is_planned_announced_moved_made_shared_and_answered(app: Flask) -> None:
    made, visit = planned()
    assert (visit.number, visit.state) == (1, "planned")
    assert mails("visit_announced") == []
    actions.announce(visit, by=made.coordinator)
    actions.move(visit, VISIT_DAY - timedelta(days=1), "They asked for the day before.", by=made.coordinator)
    assert mails("visit_announced") == [made.owner.email] * 2
    actions.write_down(visit, account(made_on=VISIT_DAY - timedelta(days=1)), by=made.coordinator)
    actions.write_down(visit, account(findings="Two assemblies."), by=made.coordinator)
    assert len(visit.changes) == 1
    actions.share(visit, by=made.coordinator)
    assert mails("visit_shared") == [made.owner.email]
    actions.answer(visit, "We keep the list now.", by=made.owner)
    assert mails("visit_answered") == [made.coordinator.email]
    assert (visit.state, visit.findings) == ("answered", "Two assemblies.")
    told = [
        entry["verb"] if "verb" in entry else str(entry["what"])
        for entry in timeline([("visit", visit.id)], names=False)
    ]
    assert len(told) == 7


def test_what_was_shared_is_not_changed_any_more(app: Flask) -> None:
    made, visit = shared()
    assert "not_in_this_state" in codes(actions.write_down, visit, account(), by=made.coordinator)
    assert "not_in_this_state" in codes(actions.add_file, visit, "x", "x.pdf", PDF, by=made.coordinator)
    assert "not_in_this_state" in codes(actions.move, visit, date(2027, 12, 1), "Later.", by=made.coordinator)
    with pytest.raises(NoSuchMove):
        actions.cancel(visit, "No.", by=made.coordinator)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"made_on": VISIT_DAY + timedelta(days=1)}, "made_in_future"),
        ({"findings": " "}, "not_told"),
        ({"met": ""}, "not_told"),
        ({"changes": [Agreed("A list", VISIT_DAY - timedelta(days=1))]}, "change_before_visit"),
        ({"changes": [Agreed(" ", VISIT_DAY)]}, "no_change"),
    ],
)
def test_what_is_written_down_is_whole(app: Flask, more: dict[str, Any], code: str) -> None:
    made, visit = planned()
    assert codes(actions.write_down, visit, account(**more), by=made.coordinator) == {code}


def test_the_database_keeps_a_visit_that_was_made_whole(app: Flask) -> None:
    _made, visit = planned()
    visit.state = "made"
    with pytest.raises(IntegrityError):
        db.session.flush()
    db.session.rollback()


def test_an_agreed_change_is_moved_also_when_late_and_done_with_what_shows_it(app: Flask) -> None:
    made, visit = shared()
    (change,) = visit.changes
    with clock.at(TODAY + timedelta(days=90)):
        assert codes(actions.move_change, change, change.due_on, "Later.", by=made.coordinator) == {"same_day"}
        actions.move_change(change, date(2028, 1, 10), "The printer was closed.", by=made.coordinator)
        assert codes(actions.do, change, " ", by=made.owner) == {"no_evidence"}
        actions.do(change, "The list, seen in a photograph.", by=made.owner)
    assert change.due_on == date(2028, 1, 10)
    assert change.done_on == date(2027, 12, 14)
    assert "done_already" in codes(actions.do, change, "Again.", by=made.owner)


def test_payments_due_on_the_day_of_a_visit_or_later_wait_for_it_in_words_and_in_the_queue(app: Flask) -> None:
    made = scene()
    _made, visit = planned(made, due_on=made.last.due_on, holds_payments=True)

    def stops(tranche: Any) -> set[str]:
        return {one.code for one in payment_rules.obstacles_to_preparing(standing_of(tranche), clock.now())}

    def due() -> int:
        return queue(scope(made.officers[0], Award), clock.now())[0]["due"].number

    assert stops(made.first) == set()
    assert due() == 1
    paid(made)
    spend(made, 1_000_000)
    assert stops(made.last) == {"visit_missing"}
    assert due() == 0
    with clock.at(TODAY + timedelta(days=1)):
        actions.write_down(visit, account(), by=made.coordinator)
    assert stops(made.last) == set()
    assert due() == 1


def test_a_visit_after_the_instalment_and_one_that_was_given_up_hold_nothing(app: Flask) -> None:
    made = scene()
    paid(made)
    spend(made, 1_000_000)
    _made, late = planned(made, due_on=made.last.due_on + timedelta(days=1), holds_payments=True)
    assert payment_rules.obstacles_to_preparing(standing_of(made.last), clock.now()) == []
    actions.move(late, made.last.due_on, "Sooner.", by=made.coordinator)
    assert standing_of(made.last).visit_on == made.last.due_on
    actions.cancel(late, "We met them at a conference.", by=made.coordinator)
    assert payment_rules.obstacles_to_preparing(standing_of(made.last), clock.now()) == []


def test_moving_a_visit_or_an_instalment_past_the_other_sets_no_money_free(app: Flask) -> None:
    made = scene()
    paid(made)
    spend(made, 1_000_000)
    day = made.last.due_on
    _made, visit = planned(made, due_on=day, holds_payments=True)

    def stops() -> set[str]:
        return {one.code for one in payment_rules.obstacles_to_preparing(standing_of(made.last), clock.now())}

    actions.move(visit, day + timedelta(days=90), "The rains came early.", by=made.coordinator)
    assert (visit.due_on, stops()) == (day + timedelta(days=90), {"visit_missing"})
    items = owed_of_grant(scope(made.coordinator, Award), [], made.award)
    (line,) = [
        line
        for line in lines_of(items, standings_of([made.award.id]), TODAY.date(), clock.now())
        if line.item.kind == "visit"
    ]
    assert line.waiting == made.last.amount
    actions.move(visit, day + timedelta(days=1), "A day before the meeting.", by=made.coordinator)
    sooner = day - timedelta(days=1)
    assert "before_its_visit" in codes(
        payments.postpone, made.award, made.last.number, sooner, "They asked.", by=made.coordinator
    )
    actions.move(visit, day - timedelta(days=9), "The road is open.", by=made.coordinator)
    actions.move(visit, day + timedelta(days=9), "It is not.", by=made.coordinator)
    payments.postpone(made.award, made.last.number, sooner, "They asked.", by=made.coordinator)
    assert stops() == {"visit_missing"}
    visit.holds_from = visit.due_on + timedelta(days=1)
    with pytest.raises(IntegrityError):
        db.session.flush()
    db.session.rollback()


def test_who_sees_which_visit(app: Flask) -> None:
    made, visit = planned()
    elsewhere = make.person("regional_coordinator", regions=["ASI"])
    stranger = make.person()

    def sees(person: Any) -> bool:
        return visit.id in set(db.session.scalars(scope(person, Visit).with_only_columns(Visit.id)))

    assert [sees(one) for one in (made.coordinator, made.auditor, made.officers[0])] == [True] * 3
    assert [sees(one) for one in (made.owner, elsewhere, stranger)] == [False] * 3
    actions.announce(visit, by=made.coordinator)
    assert sees(made.owner)
    declare_conflict(made.coordinator.id, made.organization.id)
    assert not sees(made.coordinator)


def test_an_unannounced_visit_is_the_grantees_to_read_once_it_is_shared(app: Flask) -> None:
    made, visit = shared()
    assert db.session.scalars(scope(made.owner, Visit)).all() == [visit]


def test_whoever_makes_a_visit_is_reminded_and_the_grantee_only_of_what_it_knows(app: Flask) -> None:
    with clock.at(TODAY - timedelta(days=60)):
        made, visit = planned()
    visit_id = visit.id

    def swept(day: date) -> Visit:
        db.session.commit()
        at = TODAY.replace(year=day.year, month=day.month, day=day.day)
        with clock.at(at):
            sweep(at)
        return db.session.get_one(Visit, visit_id)

    visit = swept(VISIT_DAY - timedelta(days=3))
    assert mails("reminder_visit_due") == [made.coordinator.email]
    with clock.at(TODAY - timedelta(days=2)):
        actions.announce(visit, by=made.coordinator)
    visit = swept(VISIT_DAY - timedelta(days=1))
    assert mails("reminder_visit_coming") == [made.owner.email]
    actions.write_down(visit, account(), by=made.coordinator)
    visit = swept(VISIT_DAY + timedelta(days=14))
    assert mails("reminder_visit_unshared") == [made.coordinator.email]
    actions.share(visit, by=made.coordinator)
    swept(date(2027, 10, 16))
    assert mails("reminder_agreed_change_due") == [made.owner.email]
    assert mails("reminder_visit_due") == [made.coordinator.email]


@pytest.mark.parametrize("asked", [{"holds_payments": True}, {"key": "visit_1"}, {}])
def test_a_visit_that_money_waited_for_is_given_up_before_others(app: Flask, asked: dict[str, Any]) -> None:
    made, visit = planned(**asked)
    colleague = make.person(Role.REGIONAL_COORDINATOR, regions=["AFR"])
    actions.cancel(visit, "The road is closed.", by=made.coordinator)
    told = set(db.session.scalars(select(OutboxMail.to_person_id).where(OutboxMail.kind == "visit_given_up")))
    assert told == ({one.id for one in made.officers} | {colleague.id} if asked else set())
