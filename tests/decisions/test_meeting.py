"""The committee: presence, quorum, recusals, votes, envelope, minutes, signatures, letters."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from grants.applications.workflow import ApplicationState
from grants.conflicts import queries as conflicts
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.mail import OutboxMail
from grants.core.money import Money
from grants.core.rules import Refused
from grants.decisions import actions, queries
from grants.decisions.models import Choice, Decision, Procedure, Recusal
from grants.decisions.workflow import DecisionState, MeetingState
from grants.history.models import HistoryEntry
from grants.reviews import actions as review_actions
from tests.decisions.rows import AT, coordinator, decided, members, scored, session_of
from tests.factories import call, db, person
from tests.http import Browser
from tests.reviews.rows import case, reviewed


@pytest.fixture(autouse=True)
def _on_the_day_of_the_meeting(app: Flask):
    with clock.at(AT):
        yield


def codes(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {obstacle.code for obstacle in refused.value.obstacles}


def refusal(act, *args, **more) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return codes(refused)


def test_a_meeting_is_called_with_members_a_quorum_and_mails() -> None:
    of_call, people = call(), members()
    meeting = actions.call_meeting(of_call, starts_at=AT, members=people, quorum=2, by=coordinator())
    assert meeting.reference == f"{of_call.reference}-M1"
    assert {seat.person_id for seat in meeting.seats} == {one.id for one in people}
    assert db.session.query(OutboxMail).filter_by(kind="meeting_called").count() == 3
    bad = {"starts_at": AT, "by": coordinator()}
    assert refusal(actions.call_meeting, of_call, members=people, quorum=4, **bad) == {"quorum"}
    assert refusal(actions.call_meeting, of_call, members=[person()], quorum=1, **bad) == {"not_a_member"}
    assert refusal(actions.call_meeting, of_call, members=[], quorum=1, **bad) == {"no_members"}
    early = {"starts_at": of_call.opens_at, "members": people, "quorum": 1, "by": coordinator()}
    assert refusal(actions.call_meeting, of_call, **early) == {"call_not_closed"}


def test_an_award_needs_votes_by_a_quorum_and_a_majority() -> None:
    of_call, people = call(), members(4)
    application, meeting = scored(of_call), session_of(of_call, people, quorum=3)
    decision = actions.propose(meeting, application, outcome="award", amount=application.requested, by=people[0])
    assert refusal(actions.take, decision, by=people[0]) == {"no_quorum"}
    for one, choice in zip(people, (Choice.FOR, Choice.AGAINST, Choice.ABSTAIN), strict=False):
        actions.vote(decision, choice, by=one)
    assert refusal(actions.take, decision, by=people[0]) == {"vote_open"}
    actions.vote(decision, Choice.ABSTAIN, by=people[3])
    assert refusal(actions.take, decision, by=people[0]) == {"no_majority"}
    actions.vote(decision, Choice.FOR, by=people[2])
    actions.take(decision, by=people[0])
    assert (decision.state, decision.score, decision.rank) == (DecisionState.TAKEN, "80", 1)
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="decision", verb="take").one()
    assert entry.details["votes"] == [2, 1, 1, 0]
    assert refusal(actions.vote, decision, Choice.FOR, by=people[0]) == {"decided_already"}


def test_a_live_meeting_waits_for_everybody_here_who_may_vote_unless_the_vote_is_closed() -> None:
    of_call, people = call(), members(5)
    application, meeting = scored(of_call), session_of(of_call, people, quorum=2)
    actions.mark_present(meeting, people[4], present=False, by=people[4])
    actions.recuse(meeting, application, people[3], "A cousin.", by=people[3])
    decision = actions.propose(meeting, application, outcome="award", amount=application.requested, by=people[0])
    actions.vote(decision, Choice.FOR, by=people[0])
    assert refusal(actions.take, decision, by=people[0], closes_vote=True) == {"no_quorum"}
    actions.vote(decision, Choice.FOR, by=people[1])
    assert refusal(actions.take, decision, by=people[0]) == {"vote_open"}, "one who is here could still object"
    actions.take(decision, by=people[0], closes_vote=True)
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="decision", verb="take").one()
    assert entry.details["not_voted"] == [people[2].reference], "not who is away, nor who stepped aside"
    actions.reconsider(decision, "All are here now.", by=people[0])
    for one in people[:3]:
        actions.vote(decision, Choice.FOR, by=one)
    actions.take(decision, by=people[0])
    assert queries.on_record([decision.id])[decision.id].not_voted == ()


def test_only_the_chair_and_coordinators_close_a_vote_and_the_minutes_say_who_had_not_voted(app: Flask) -> None:
    of_call, people, by = call(), members(3), coordinator()
    application, meeting = scored(of_call), session_of(of_call, people, by=by)
    actions.choose_chair(meeting, people[0], by=by)
    decision = actions.propose(meeting, application, outcome="award", amount=application.requested, by=by)
    for one in people[:2]:
        actions.vote(decision, Choice.FOR, by=one)
    room, silent, closing = f"/meetings/{meeting.reference}", people[2].name, "Close the vote and decide as proposed"
    page, emails = f"{room}/{application.reference}", [one.email for one in people]
    other, chair = Browser(app).sign_in(emails[1]), Browser(app).sign_in(emails[0])
    other.get(page)
    assert "1 member who is present has not voted." in other.text
    assert closing not in other.text
    other.post(f"{page}/take", {"closes_vote": "yes"}, page=page, status=403)
    chair.get(page)
    assert closing in chair.text
    chair.post(f"{page}/take", {"closes_vote": "yes"}, page=page, status=302)
    told = f"2 for, 0 against, 0 abstained; did not vote: {silent}"
    for place in (page, f"{room}/sheet"):
        chair.get(place)
        assert told in chair.text, place


def test_only_members_who_are_present_vote() -> None:
    of_call, people = call(), members(3)
    application, meeting = scored(of_call), session_of(of_call, people, quorum=1)
    decision = actions.propose(meeting, application, outcome="award", amount=application.requested, by=people[0])
    actions.vote(decision, Choice.FOR, by=people[0])
    assert refusal(actions.vote, decision, Choice.FOR, by=members(1)[0]) == {"not_present"}
    actions.mark_present(meeting, people[0], present=False, by=people[0])
    assert refusal(actions.take, decision, by=people[1]) == {"no_quorum"}, "who left no longer counts"
    assert refusal(actions.mark_present, meeting, person(), by=people[1]) == {"no_seat"}


def test_amounts_stay_within_the_request_the_limits_and_the_envelope() -> None:
    of_call, people = call(envelope_minor=1_500_000), members()
    first, second = scored(of_call, 5, 5), scored(of_call)
    meeting = session_of(of_call, people)
    propose = {"outcome": "award", "reason": "Less will do.", "by": people[0]}
    for euros, code in ((10_001, "above_request"), (5_999, "outside_limits"), (0, "outside_limits")):
        assert refusal(actions.propose, meeting, first, amount=Money(euros * 100, "EUR"), **propose) == {code}
    decided(meeting, first, people)
    departs = {"outcome": "award", "amount": second.requested, "by": people[0]}
    assert refusal(actions.propose, meeting, second, **departs) == {"departs_from_ranking"}
    decision = actions.propose(meeting, second, reason="It is the only one of its kind.", **departs)
    for one in people:
        actions.vote(decision, Choice.FOR, by=one)
    assert refusal(actions.take, decision, by=people[0]) == {"over_envelope"}


def test_less_than_two_reviews_is_no_ground_for_a_decision() -> None:
    of_call, people = call(), members()
    application = case(of_call)
    one = reviewed(application)
    meeting = session_of(of_call, people)
    decline = {"outcome": "decline", "by": people[0]}
    assert refusal(actions.propose, meeting, application, **decline) == {"reviews_missing"}
    reviewed(application)
    award = {"outcome": "award", "amount": application.requested, "by": people[0]}
    decision = actions.propose(meeting, application, **award)
    for member in people:
        actions.vote(decision, Choice.FOR, by=member)
    actions.recuse_from_review(one, "A cousin works there.", by=one.reviewer)
    assert "reviews_missing" in refusal(actions.take, decision, by=people[0]), "a voided review does not count"


def test_a_departure_from_the_ranking_is_explained() -> None:
    of_call, people = call(), members()
    good, poor = scored(of_call), scored(of_call, 3, 2)
    meeting = session_of(of_call, people)
    for application, outcome in ((good, "decline"), (good, "reserve"), (poor, "reserve")):
        departs = {"outcome": outcome, "by": people[0]}
        assert refusal(actions.propose, meeting, application, **departs) == {"departs_from_ranking"}
        assert actions.propose(meeting, application, reason="The team is gone.", **departs).outcome == outcome
    assert actions.propose(meeting, poor, outcome="decline", by=people[0]).reason == ""


def test_changing_a_proposal_sets_the_votes_aside() -> None:
    of_call, people = call(), members()
    application, meeting = scored(of_call), session_of(of_call, people)
    award = {"outcome": "award", "by": people[0]}
    decision = actions.propose(meeting, application, amount=application.requested, **award)
    actions.vote(decision, Choice.FOR, by=people[1])
    less = {"amount": Money(900_000, "EUR"), "conditions": ["One", " "]}
    assert refusal(actions.propose, meeting, application, **less, **award) == {"less_than_asked"}
    again = actions.propose(meeting, application, reason="The travel is too dear.", **less, **award)
    assert again.id == decision.id
    assert (again.votes, again.conditions) == ([], ["One"])


def test_a_declared_conflict_recuses_by_itself_and_is_written_down() -> None:
    of_call, people = call(), members(3)
    application = scored(of_call)
    kept_out = people[2]
    declared = {"grade": Grade.CONFLICT, "reason": "My brother volunteers there.", "by": kept_out}
    review_actions.declare_interest(kept_out, application.organization, **declared)
    meeting = session_of(of_call, people, quorum=3)
    recusal = db.session.query(Recusal).one()
    assert (recusal.person_id, recusal.reason) == (kept_out.id, "My brother volunteers there.")
    award = {"outcome": "award", "amount": application.requested}
    assert refusal(actions.propose, meeting, application, by=kept_out, **award) == {"recused"}
    decision = actions.propose(meeting, application, by=people[0], **award)
    assert refusal(actions.vote, decision, Choice.AGAINST, by=kept_out) == {"recused"}
    for one in people[:2]:
        actions.vote(decision, Choice.FOR, by=one)
    assert refusal(actions.take, decision, by=people[0]) == {"no_quorum"}, "two of three wanted"


def test_stepping_aside_after_voting_takes_the_vote_back() -> None:
    of_call, people = call(), members(3)
    application, meeting = scored(of_call), session_of(of_call, people, quorum=3)
    award = {"outcome": "award", "amount": application.requested, "by": people[0]}
    decision = actions.propose(meeting, application, **award)
    for one in people:
        actions.vote(decision, Choice.FOR, by=one)
    assert refusal(actions.recuse, meeting, application, people[1], " ", by=people[1]) == {"reason_missing"}
    actions.recuse(meeting, application, people[1], "We once worked together.", by=people[1])
    assert application.id in conflicts.hidden_ids(people[1], of_call.id)
    assert refusal(actions.take, decision, by=people[0]) == {"no_quorum"}


def test_a_decision_is_taken_up_again_with_a_reason_while_in_session() -> None:
    of_call, people = call(), members()
    application, meeting = scored(of_call), session_of(of_call, people)
    decision = decided(meeting, application, people)
    assert refusal(actions.reconsider, decision, "", by=people[0]) == {"reason_missing"}
    actions.reconsider(decision, "A new fact.", by=people[0])
    assert (decision.state, decision.votes) == (DecisionState.PROPOSED, [])


def test_a_meeting_is_closed_with_minutes_and_reasons_for_what_it_does_not_keep() -> None:
    of_call, people = call(), members()
    of_call.regions[0].floor_minor = 2_000_000
    first, second = scored(of_call), scored(of_call)
    meeting = session_of(of_call, people)
    decided(meeting, first, people)
    waiting = actions.propose(meeting, second, outcome="award", amount=second.requested, by=people[0])
    close = {"by": coordinator()}
    assert refusal(actions.close_meeting, meeting, **close) == {
        "undecided", "minutes_missing", "floor_AFR", "reason_missing",
    }  # fmt: skip
    for one in people:
        actions.vote(waiting, Choice.FOR, by=one)
    actions.take(waiting, by=people[0])
    actions.close_meeting(meeting, minutes="All agreed.", **close)
    assert meeting.state == MeetingState.CLOSED
    assert meeting.closed_at == AT
    assert db.session.query(OutboxMail).filter_by(kind="sheet_ready").count() == 3


def test_letters_go_out_at_one_moment_when_everybody_has_signed() -> None:
    of_call, people = call(), members()
    good, reserve, poor = scored(of_call, 5, 5), scored(of_call), scored(of_call, 3, 2)
    meeting = session_of(of_call, people)
    assert refusal(actions.release, meeting, by=people[0]) == {"meeting_not_closed", "signatures_missing", "no_letters"}
    decided(meeting, good, people)
    decided(meeting, reserve, people, "reserve", reason="Too close to another one.")
    decided(meeting, poor, people, "decline")
    assert refusal(actions.sign, meeting, by=people[0]) == {"meeting_not_closed"}
    actions.close_meeting(meeting, minutes="All agreed.", by=people[0])
    actions.sign(meeting, by=people[0])
    assert refusal(actions.sign, meeting, by=people[0]) == {"signed_already"}
    assert refusal(actions.release, meeting, by=people[0]) == {"signatures_missing"}
    for one in people[1:]:
        actions.sign(meeting, by=one)
    released = actions.release(meeting, by=coordinator())
    assert {one.application_id for one in released} == {good.id, reserve.id, poor.id}
    assert {(one.state, one.released_at) for one in db.session.query(Decision)} == {(DecisionState.RELEASED, AT)}
    letters = db.session.query(OutboxMail).filter(OutboxMail.kind.like("decision_%")).all()
    assert {(mail.kind, mail.about) for mail in letters} == {
        ("decision_reserve", reserve.reference), ("decision_declined", poor.reference),
    }  # fmt: skip
    assert not any(reserve.title in mail.subject + (mail.body or "") for mail in letters)
    assert refusal(actions.release, meeting, by=coordinator()) == {"no_letters"}


def test_what_is_not_eligible_or_decided_elsewhere_is_not_discussed() -> None:
    of_call, people = call(), members()
    application, other = scored(of_call), scored(of_call, state=ApplicationState.INELIGIBLE)
    meeting = session_of(of_call, people)
    award = {"outcome": "award", "amount": application.requested, "by": people[0]}
    assert refusal(actions.propose, meeting, other, **award) == {"not_eligible"}
    decided(meeting, application, people)
    assert refusal(actions.propose, meeting, application, **award) == {"decided_already"}
    scored(of_call, 3, 3)
    later = session_of(of_call, people)
    assert refusal(actions.propose, later, application, **award) == {"decided_already"}


def test_over_several_days_members_vote_when_they_can_and_all_are_waited_for() -> None:
    of_call, people = call(), members(3)
    chair, ends_at = coordinator(), AT + timedelta(days=3)
    application = scored(of_call)
    meeting = actions.call_meeting(of_call, starts_at=AT, ends_at=ends_at, members=people, quorum=2, by=chair)
    actions.open_meeting(meeting, by=chair)
    decision = actions.propose(meeting, application, outcome="award", amount=application.requested, by=chair)
    actions.vote(decision, Choice.FOR, by=people[0])
    assert [seat.present for seat in meeting.seats] == [True, False, False], "who votes attends"
    assert refusal(actions.take, decision, by=chair) == {"voting_goes_on", "no_quorum"}
    actions.vote(decision, Choice.FOR, by=people[1])
    assert refusal(actions.take, decision, by=chair) == {"voting_goes_on"}
    assert refusal(actions.vote, decision, Choice.FOR, by=members(1)[0]) == {"not_present"}
    with clock.at(ends_at):
        assert refusal(actions.vote, decision, Choice.AGAINST, by=people[2]) == {"voting_ended"}
        actions.take(decision, by=chair)
    assert decision.state == DecisionState.TAKEN


def test_all_having_voted_nobody_waits_for_the_last_day() -> None:
    of_call, people = call(), members(2)
    chair, application = coordinator(), scored(of_call)
    ends_at = AT + timedelta(days=3)
    meeting = actions.call_meeting(of_call, starts_at=AT, ends_at=ends_at, members=people, quorum=2, by=chair)
    actions.open_meeting(meeting, by=chair)
    decided(meeting, application, people)
    early = {"starts_at": AT, "ends_at": AT, "members": people, "quorum": 1, "by": chair}
    assert refusal(actions.call_meeting, call(), **early) == {"ends_too_early"}


def test_by_consent_silence_agrees_and_one_objection_stops() -> None:
    of_call, people = call(), members(3)
    chair, application = coordinator(), scored(of_call)
    meeting = actions.call_meeting(
        of_call, starts_at=AT, members=people, quorum=3, procedure=Procedure.CONSENT, by=chair
    )
    for one in people[:2]:
        actions.mark_present(meeting, one, by=chair)
    actions.open_meeting(meeting, by=chair)
    decision = actions.propose(meeting, application, outcome="award", amount=application.requested, by=chair)
    assert refusal(actions.take, decision, by=chair) == {"no_quorum"}, "who is away does not consent"
    actions.mark_present(meeting, people[2], by=chair)
    actions.vote(decision, Choice.AGAINST, by=people[2])
    assert refusal(actions.take, decision, by=chair) == {"objection"}
    actions.vote(decision, Choice.ABSTAIN, by=people[2])
    actions.take(decision, by=chair)
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="decision", verb="take").one()
    assert entry.details["votes"] == [0, 0, 1, 2], "who was silent did not vote for it"


def test_over_several_days_silence_consents_only_at_the_end() -> None:
    of_call, people = call(), members(3)
    chair, application, ends_at = coordinator(), scored(of_call), AT + timedelta(days=2)
    meeting = actions.call_meeting(
        of_call, starts_at=AT, ends_at=ends_at, members=people, quorum=2, procedure=Procedure.CONSENT, by=chair
    )
    actions.open_meeting(meeting, by=chair)
    decision = actions.propose(meeting, application, outcome="award", amount=application.requested, by=chair)
    assert refusal(actions.take, decision, by=chair) == {"voting_goes_on", "no_quorum"}
    with clock.at(ends_at):
        assert refusal(actions.take, decision, by=chair) == {"no_quorum"}, "nobody came"
    actions.mark_present(meeting, people[0], by=people[0])
    actions.remark(meeting, application, "I agree.", by=people[1])
    with clock.at(ends_at):
        actions.take(decision, by=chair)
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="decision", verb="take").one()
    assert entry.details["votes"] == [0, 0, 0, 2], "two came, and did not object"


def test_what_is_said_stays_in_the_discussion_until_the_meeting_closes() -> None:
    of_call, people = call(), members(2)
    application, meeting = scored(of_call), session_of(of_call, people)
    said = actions.remark(meeting, application, " The second review is right. ", by=people[0])
    assert [(one.by, one.text) for one in queries.remarks_on(meeting.id, application.id)] == [
        (people[0].name, "The second review is right.")
    ]
    assert said.said_at is not None
    assert refusal(actions.remark, meeting, application, "  ", by=people[0]) == {"remark_empty"}
    actions.close_meeting(meeting, minutes="Done.", reason="Few came.", by=coordinator())
    assert refusal(actions.remark, meeting, application, "Late", by=people[0]) == {"meeting_closed"}
