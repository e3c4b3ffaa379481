"""The reserve list: money that is free again, and another meeting that takes an application up without a word before its letter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.awards import actions as awards
from grants.awards.models import Award
from grants.awards.queries import letters_about
from grants.calls.models import Call
from grants.core import clock
from grants.core.rules import Refused
from grants.decisions import actions, queries, rules
from grants.decisions.models import Choice, Decision, Meeting
from grants.decisions.workflow import DecisionState
from grants.history.models import HistoryEntry
from grants.home.queries import own_applications
from tests.decisions.rows import AT, coordinator, decided, members, scored, session_of
from tests.factories import call, db
from tests.http import Browser

WHY = "The first on the list, and the money is free again."


@pytest.fixture(autouse=True)
def _after_the_meeting(app: Flask):
    with clock.at(AT):
        yield


def refusal(act, *args, **more) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return {obstacle.code for obstacle in refused.value.obstacles}


def told() -> tuple[Call, list[Person], Person, Application, Application]:
    """A call whose money was enough for one: that one was offered the grant, the other is on the reserve list."""
    of_call, people, by = call(envelope_minor=1_500_000), members(), coordinator()
    first, second = scored(of_call, 5, 5), scored(of_call)
    meeting = session_of(of_call, people, by=by)
    decided(meeting, first, people)
    decided(meeting, second, people, "reserve")
    actions.close_meeting(meeting, by=by, minutes="Short.")
    for one in people:
        actions.sign(meeting, by=one)
    awards.release_decisions(meeting, by=by)
    return of_call, people, by, first, second


def outcome_for(application: Application) -> list[str | None]:
    """What the applicant reads in the list of their applications."""
    owner = db.session.get(Person, application.started_by_id)
    assert owner is not None
    db.session.flush()
    return [one.outcome for one in own_applications(owner) if one.reference == application.reference]


def award_of(application: Application) -> Award:
    return db.session.query(Award).filter_by(application_id=application.id).one()


@pytest.mark.parametrize("way", ["refused", "lapsed"])
def test_the_money_of_an_offer_that_comes_to_nothing_is_free_again(way: str) -> None:
    of_call, people, by, first, second = told()
    meeting = session_of(of_call, people, by=by)
    again = actions.propose(meeting, second, outcome="award", amount=second.requested, reason=WHY, by=by)
    for one in people:
        actions.vote(again, Choice.FOR, by=one)
    assert refusal(actions.take, again, by=by) == {"over_envelope"}
    offer = award_of(first)
    if way == "refused":
        awards.refuse_offer(offer, "We found another fund.", by=people[0])
    else:
        awards.lapse(offer, "Nobody answered.", by=by)
    assert offer.decision.freed_at == AT
    assert [one.application_id for one in queries.awarded_in(of_call.id)] == []
    actions.take(again, by=by)
    assert [one.application_id for one in queries.awarded_in(of_call.id)] == [second.id]
    standing = actions.reviews.standing_of(of_call)
    line = rules.money_line(of_call, rules.ranking(of_call, standing), queries.ballots_of(of_call.id))
    assert line.awarded == second.requested


def test_an_application_is_taken_up_from_the_reserve_list_with_a_reason_and_its_letter_holds_until_the_next() -> None:
    of_call, people, by, first, second = told()
    awards.refuse_offer(award_of(first), "We found another fund.", by=people[0])
    former = queries.decision_on(second.id)
    assert former is not None
    meeting: Meeting = session_of(of_call, people, by=by)
    award = {"outcome": "award", "amount": second.requested, "by": by}
    assert "reserve_reason_missing" in refusal(actions.propose, meeting, second, **award)
    assert former.taken_up_at is None
    new = actions.propose(meeting, second, reason=WHY, **award)
    assert (new.id != former.id, new.state) == (True, DecisionState.PROPOSED)
    assert (former.state, former.taken_up_at) == (DecisionState.RELEASED, AT)
    noted = db.session.query(HistoryEntry).filter_by(subject_kind="decision", verb="take_up").one()
    assert (noted.subject_id, noted.reason) == (former.id, WHY)
    for one in people:
        actions.vote(new, Choice.FOR, by=one)
    actions.take(new, by=by)
    actions.close_meeting(meeting, by=by, minutes="Short.")
    assert outcome_for(second) == ["reserve"], "nothing is told before the letter"
    assert letters_about([second.id])[second.id].outcome == "reserve"
    for one in people:
        actions.sign(meeting, by=one)
    (offer,) = awards.release_decisions(meeting, by=by)
    assert offer.application_id == second.id
    assert (former.state, new.state) == (DecisionState.SUCCEEDED, DecisionState.RELEASED)
    assert outcome_for(second) == ["award"]
    assert letters_about([second.id])[second.id].outcome == "award"
    assert refusal(actions.set_aside, former, "Late.", by=by) == {"award_offered"}


def test_only_the_reserve_list_is_taken_up_and_only_by_another_meeting() -> None:
    of_call, people, by = call(), members(), coordinator()
    reserve, declined = scored(of_call, 5, 5), scored(of_call, 3, 2)
    meeting = session_of(of_call, people, by=by)
    decided(meeting, reserve, people, "reserve", reason="Not now.")
    decided(meeting, declined, people, "decline")
    award = {"outcome": "award", "reason": WHY, "by": by}
    assert refusal(actions.propose, meeting, reserve, amount=reserve.requested, **award) == {"decided_already"}
    actions.close_meeting(meeting, by=by, minutes="Short.")
    for one in people:
        actions.sign(meeting, by=one)
    with clock.at(AT + timedelta(days=1)):
        awards.release_decisions(meeting, by=by)
        other = session_of(of_call, people, by=by)
        assert refusal(actions.propose, other, declined, amount=declined.requested, **award) == {"decided_already"}
        taken_up = actions.propose(other, reserve, amount=reserve.requested, **award)
    assert isinstance(taken_up, Decision)


def test_the_page_of_the_case_says_that_it_is_on_the_reserve_list(browser: Browser) -> None:
    of_call, people, by, first, second = told()
    awards.refuse_offer(award_of(first), "We found another fund.", by=people[0])
    meeting = session_of(of_call, people, by=by)
    place, earlier = f"/meetings/{meeting.reference}/{second.reference}", f"{of_call.reference}-M1"
    browser.sign_in(by).open(place)
    assert f"The committee put it there in {earlier}." in browser.page.content
    browser.press("Propose", {"outcome": "award", "reason": WHY})
    assert "On the reserve list" not in browser.page.content
    assert browser.page.obstacles("Decide as proposed")
    browser.open(f"/meetings/{earlier}/sheet")
    assert "Taken up from the reserve list in another meeting." in browser.page.content


def test_the_reserve_list_is_seen_as_a_list_and_by_nobody_who_stepped_aside(app: Flask, browser: Browser) -> None:
    of_call, people, by, first, second = told()
    third = scored(of_call, 3, 4)
    meeting = session_of(of_call, people, by=by)
    decided(meeting, third, people, "reserve", reason="Less points.")
    actions.recuse(meeting, third, people[2], "A cousin.", by=people[2])
    pages, mails = (
        (f"/meetings/{meeting.reference}", f"/calls/{of_call.reference}/decisions"),
        [by.email, people[2].email],
    )
    lists = {}
    for mail, page in ((mails[0], pages[0]), (mails[0], pages[1]), (mails[1], pages[0])):
        shown = Browser(app).sign_in(mail).open(page)
        lists[mail, page] = [line.text for ol in shown.root.all("ol", class_="agenda") for line in ol.all("li")]
    for page in pages:
        on_list = [line for line in lists[mails[0], page] if "points" in line]
        assert [second.reference in on_list[-2], third.reference in on_list[-1]] == [True, True], (
            "in the order of ranking"
        )
        assert "letter not sent" in on_list[-1]
        assert not any(first.reference in line for line in on_list)
    assert not any(third.reference in line for line in lists[mails[1], pages[0]])
