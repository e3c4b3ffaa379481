"""What a process keeps of a call: never older than the database, and never shown to whoever sees less."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.calls.models import Call
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.db import db, transaction
from grants.decisions import actions, rules
from grants.decisions.models import Meeting
from grants.reviews import actions as review_actions
from grants.reviews import queries as reviews
from grants.reviews.rules import results_of
from tests.decisions.rows import AT, coordinator, decided, members, scored, session_of
from tests.factories import call, person
from tests.http import Browser
from tests.reviews.rows import case, reviewed


@pytest.fixture(autouse=True)
def _on_the_day_of_the_meeting(live: Flask):
    with clock.at(AT):
        yield


def standing(reference: str) -> reviews.Standing:
    """What a page reads of a call, in a transaction of its own."""
    found = reviews.standing_of(db.session.query(Call).filter_by(reference=reference).one())
    db.session.rollback()
    return found


def elsewhere(statement: str, **values: object) -> None:
    """A change that another process commits, leaving no trace but the row."""
    with db.engine.begin() as connection:
        assert connection.execute(text(statement), values).rowcount == 1


def test_what_nobody_changed_is_kept_and_computed_once() -> None:
    with transaction():
        of_call = call()
        scored(of_call)
    reference = of_call.reference
    kept = standing(reference)
    assert standing(reference) is kept
    assert results_of(standing(reference)) is results_of(kept)
    with transaction():
        person()
    assert standing(reference) is kept, "something else was committed"


def _withdrawn(application: Application) -> None:
    elsewhere("UPDATE application SET state = 'withdrawn' WHERE id = :id", id=application.id)


def _named(application: Application) -> None:
    elsewhere("UPDATE organization SET name = 'New name' WHERE id = :id", id=application.organization_id)


def _voided(application: Application) -> None:
    elsewhere(
        "UPDATE review SET voided_at = now() WHERE id = (SELECT min(r.id) FROM review r"
        " JOIN assignment a ON a.id = r.assignment_id WHERE a.application_id = :id)",
        id=application.id,
    )


def _declined(application: Application) -> None:
    elsewhere(
        "UPDATE assignment SET state = 'declined'"
        " WHERE id = (SELECT max(id) FROM assignment WHERE application_id = :id)",
        id=application.id,
    )


def _reviewed(application: Application) -> None:
    with transaction():
        reviewed(db.session.merge(application), 5, 5)


@pytest.mark.parametrize("change", [_withdrawn, _named, _voided, _declined, _reviewed])
def test_any_change_of_a_row_is_seen_at_once(change: Callable[[Application], None]) -> None:
    with transaction():
        of_call = call()
        application = scored(of_call)
        scored(of_call)
    reference = of_call.reference
    before = standing(reference)
    change(application)
    after = standing(reference)
    assert after is not before
    assert (after.lines, after.points, after.assignments.asked) != (
        before.lines,
        before.points,
        before.assignments.asked,
    )
    assert standing(reference) is after


def test_what_a_transaction_changed_itself_is_seen_there_and_kept_nowhere() -> None:
    with transaction():
        of_call = call()
        scored(of_call)
    reference, number = of_call.reference, of_call.id
    kept = standing(reference)
    within = db.session.get(Call, number)
    scored(within)
    assert len(reviews.standing_of(within).lines) == 2
    db.session.rollback()
    assert standing(reference) is kept
    assert len(standing(reference).lines) == 1


def test_two_calls_and_two_conflicts_have_lists_of_their_own() -> None:
    with transaction():
        of_call, another = call(), call()
        application, other = scored(of_call, 5, 5), scored(of_call)
        scored(another)
    both = standing(of_call.reference)
    whole = rules.ranking(of_call, both)
    without = rules.ranking(of_call, both, hidden={application.id})
    assert [one.application.id for one in whole.ranked] == [application.id, other.id]
    assert [one.application.id for one in without.ranked] == [other.id]
    assert rules.ranking(of_call, both) is whole
    assert rules.ranking(of_call, both, hidden={application.id}) is without
    assert len(standing(another.reference).lines) == 1


# ------------------------------------------------------------------ pages


TITLE, NAME, REFERENCE = "Zanzibar lighthouse action", "Quokka Alliance", "APP-CANARY"
CANARY = {"title": TITLE, "reference": REFERENCE, "applicant": {"name": NAME}}


def told(browser: Browser, page: str) -> bool:
    """Whether a page tells anything about the application; it is the same when it is opened again."""
    answers = []
    for _ in range(2):
        sent = browser.get(page).get_data(as_text=True)
        answers.append(any(word in sent for word in (TITLE, NAME, REFERENCE)))
    assert answers[0] == answers[1]
    return answers[0]


def test_what_was_drawn_for_one_is_not_given_to_whoever_sees_less(live: Flask) -> None:
    with transaction():
        of_call, people, chair = call(), members(3), coordinator()
        application = scored(of_call, **CANARY)
        scored(of_call, applicant={"region": "LAC"})
        meeting = session_of(of_call, people, by=chair)
        tied, elsewhere_ = people[2], person(Role.REGIONAL_COORDINATOR, regions=["LAC"])
        review_actions.declare_interest(
            tied, application.organization, grade=Grade.CONFLICT, reason="My brother volunteers there.", by=tied
        )
        conflicted, as_many = coordinator(), coordinator("AFR")
        review_actions.declare_interest(
            conflicted, application.organization, grade=Grade.CONFLICT, reason="My sister.", by=conflicted
        )
    room, lists = f"/meetings/{meeting.reference}", [f"/calls/{of_call.reference}/{kind}" for kind in LISTS]
    everything = [Browser(live).sign_in(one.email) for one in (chair, coordinator_again(), as_many)]
    for browser in everything:
        assert all(told(browser, page) for page in (room, *lists))
    assert told(Browser(live).sign_in(people[0].email), room)
    assert not told(Browser(live).sign_in(tied.email), room)
    for less in (elsewhere_, conflicted):
        browser = Browser(live).sign_in(less.email)
        assert not any(told(browser, page) for page in (room, *lists)), less.reference
    assert told(everything[0], room), "and whoever sees it goes on seeing it"


LISTS = ("reviews", "decisions")


def coordinator_again() -> Person:
    """Another coordinator, who came later."""
    with transaction():
        return coordinator()


def test_the_pages_follow_what_happens_and_speak_the_readers_language(live: Flask) -> None:
    with transaction():
        of_call, people, chair = call(), members(2), coordinator()
        french = person(Role.GLOBAL_COORDINATOR, regions=["AFR", "ASI", "LAC"], language="fr")
        application = scored(of_call, **CANARY)
        meeting = session_of(of_call, people, by=chair)
    room = f"/meetings/{meeting.reference}"
    reading, lisant = Browser(live).sign_in(chair.email), Browser(live).sign_in(french.email)
    reading.get(room)
    assert "Asked for" in reading.text
    assert ">open<" in reading.last.get_data(as_text=True)
    lisant.get(room)
    assert "Asked for" not in lisant.text
    with transaction():
        here = db.session.get(Meeting, meeting.id)
        committee = [db.session.get(Person, one.id) for one in people]
        decision = decided(here, db.session.get(Application, application.id), committee)
    reading.get(room)
    assert ">open<" not in reading.last.get_data(as_text=True)
    assert "decided" in reading.text
    with transaction():
        actions.reconsider(db.session.merge(decision), "A new fact.", by=db.session.get(Person, chair.id))
    reading.get(room)
    assert "proposed" in reading.text
    with transaction():
        case(db.session.get(Call, of_call.id), title="Came in later")
    reading.get(room)
    assert "Came in later" in reading.text
