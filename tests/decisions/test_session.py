"""The session of a committee: what is left undecided, what is voted on, and two people who act at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.awards import actions as awards
from grants.complaints import actions as complaints
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.decisions import actions, queries, rules
from grants.decisions.models import Choice, Decision, Meeting
from grants.decisions.workflow import DecisionState, MeetingState
from grants.history.models import HistoryEntry
from grants.reviews import actions as review_actions
from grants.reviews.models import Assignment
from grants.reviews.queries import standing_of
from tests.decisions.rows import AT, coordinator, decided, members, refusal, scored, session_of
from tests.factories import call
from tests.reviews.rows import scores

WHY = "We want to hear the applicant first."


@pytest.fixture(autouse=True)
def now(app: Flask) -> Iterator[None]:
    with clock.at(AT):
        yield


def proposed(meeting: Meeting, application: Application, by: Person, **more: object) -> Decision:
    return actions.propose(
        meeting, application, **{"outcome": "award", "amount": application.requested, "by": by} | more
    )


def sealed(meeting: Meeting, people: list[Person], by: Person, **more: object) -> None:
    """Closed and signed by everybody."""
    actions.close_meeting(meeting, by=by, minutes="All agreed.", **more)
    for one in people:
        actions.sign(meeting, by=one)


# ------------------------------------------------------------------ left undecided


@pytest.mark.parametrize("way", ["leave", "withdraw", "reopen", "close"])
def test_a_proposal_that_is_not_decided_stops_nobody_elses_letter(way: str) -> None:
    of_call, people, by = call(), members(), coordinator()
    good, open_ = scored(of_call, 5, 5), scored(of_call)
    meeting = session_of(of_call, people, by=by)
    decided(meeting, good, people)
    decision, left = proposed(meeting, open_, by), {}
    assert "undecided" in refusal(actions.close_meeting, meeting, by=by, minutes="All agreed.")
    if way == "leave":
        assert refusal(actions.leave, decision, " ", by=by) == {"reason_missing"}
        actions.leave(decision, WHY, by=by)
    elif way == "withdraw":
        actions.withdraw_application(open_, "We closed.", by=db.session.get_one(Person, open_.started_by_id))
    elif way == "reopen":
        actions.reopen_check(open_, "A document is false.", by=by)
    else:
        left = {open_.reference: WHY}
    sealed(meeting, people, by, left=left)
    why = {
        "withdraw": "The application was withdrawn.",
        "reopen": "The eligibility check was opened again.",
    }.get(way, WHY)
    assert (decision.state, decision.left_because) == (DecisionState.LEFT, why)
    told = db.session.query(HistoryEntry).filter_by(subject_kind="decision", verb="leave").one()
    assert (told.subject_id, told.reason) == (decision.id, why)
    sheet = queries.sheet_of(meeting.id)
    assert sheet.content["left_undecided"] == [[open_.reference, why]]
    assert [one["application"] for one in sheet.content["decisions"]] == [good.reference]
    assert rules.fingerprint(actions.queried_sheet(meeting)) == sheet.fingerprint
    (award,) = awards.release_decisions(meeting, by=by)
    assert award.application_id == good.id
    assert rules.fingerprint(actions.queried_sheet(meeting)) == sheet.fingerprint


def test_what_was_left_undecided_is_proposed_again_here_or_decided_by_another_meeting() -> None:
    of_call, people, by = call(), members(), coordinator()
    good, open_ = scored(of_call, 5, 5), scored(of_call)
    meeting = session_of(of_call, people, by=by)
    decided(meeting, good, people)
    decision = proposed(meeting, open_, by)
    actions.vote(decision, Choice.AGAINST, by=people[0])
    actions.leave(decision, WHY, by=by)
    assert queries.decision_on(open_.id) is None
    again = proposed(meeting, open_, by)
    assert (again.id, again.state, again.left_because, again.votes) == (decision.id, DecisionState.PROPOSED, "", [])
    actions.leave(again, WHY, by=by)
    sealed(meeting, people, by)
    awards.release_decisions(meeting, by=by)
    another = session_of(of_call, people, by=by)
    new = decided(another, open_, people, "decline", reason="No money.")
    assert (new.id != decision.id, new.state) == (True, DecisionState.TAKEN)
    assert refusal(actions.leave, again, WHY, by=by) == {"meeting_not_open"}


def on_reserve(**more: object) -> tuple[Application, list[Person], Person]:
    of_call, people, by = call(envelope_minor=1_500_000, **more), members(), coordinator()
    first, second = scored(of_call, 5, 5), scored(of_call)
    meeting = session_of(of_call, people, by=by)
    decided(meeting, first, people)
    decided(meeting, second, people, "reserve")
    sealed(meeting, people, by, reason="There is no other.")
    awards.release_decisions(meeting, by=by)
    return second, people, by


def test_what_is_not_taken_up_after_all_is_back_on_the_reserve_list() -> None:
    second, people, by = on_reserve()
    former = queries.decision_on(second.id)
    meeting = session_of(second.call, people, by=by)
    new = proposed(meeting, second, by, outcome="decline", reason="Why not.")
    owner = db.session.get_one(Person, second.started_by_id)
    assert refusal(actions.withdraw_application, second, "We closed.", by=owner) == {"decided_already"}
    assert refusal(actions.reopen_check, second, "Look.", by=by) == {"decided_already"}
    actions.leave(new, WHY, by=by)
    assert queries.decision_on(second.id).id == former.id
    assert (former.state, former.taken_up_at) == (DecisionState.RELEASED, None)
    noted = db.session.query(HistoryEntry).filter_by(subject_kind="decision", verb="put_back").one()
    assert (noted.subject_id, noted.reason) == (former.id, WHY)


def test_nothing_is_taken_up_from_a_reserve_list_that_has_ended() -> None:
    second, people, by = on_reserve(reserve_valid_until=AT.date())
    meeting = session_of(second.call, people, by=by)
    with clock.at(AT + timedelta(days=1)):
        assert refusal(proposed, meeting, second, by, reason=WHY) >= {"reserve_ended"}
    new = proposed(meeting, second, by, outcome="decline", reason=WHY)
    for one in people:
        actions.vote(new, Choice.FOR, by=one)
    with clock.at(AT + timedelta(days=1)):
        assert refusal(actions.take, new, by=by) == {"reserve_ended"}
    actions.take(new, by=by)


@pytest.mark.parametrize("when", ["proposed", "taken", "closed", "told"])
def test_a_complaint_about_the_reserve_list_can_be_upheld_while_it_is_taken_up(when: str) -> None:
    second, people, by = on_reserve()
    former = queries.decision_on(second.id)
    complaint = complaints.complain(
        second, "factual_error", "It is wrong.", by=db.session.get_one(Person, second.started_by_id)
    )
    meeting = session_of(second.call, people, by=by)
    new = proposed(meeting, second, by, outcome="decline", reason="Why not.")
    if when != "proposed":
        for one in people:
            actions.vote(new, Choice.FOR, by=one)
        actions.take(new, by=by)
    if when in ("closed", "told"):
        sealed(meeting, people, by, reason="There is no other.")
    examiner = coordinator()
    complaints.take_up(complaint, by=examiner)
    if when == "closed":
        assert refusal(complaints.uphold, complaint, "They are right.", by=examiner) == {"letters_wait"}
    if when in ("closed", "told"):
        awards.release_decisions(meeting, by=by)
    complaints.uphold(complaint, "They are right.", by=examiner)
    assert queries.decision_on(second.id) is None, "it is decided anew"
    told = when in ("closed", "told")
    assert former.state == (DecisionState.SUCCEEDED if told else DecisionState.SET_ASIDE)
    assert new.state == (DecisionState.SET_ASIDE if told else DecisionState.LEFT)


# ------------------------------------------------------------------ what is voted on


def test_points_that_change_after_the_vote_are_proposed_and_voted_on_again() -> None:
    of_call, people = call(), members(2)
    application = scored(of_call)
    meeting = session_of(of_call, people)
    decision = proposed(meeting, application, people[0])
    read = rules.mark_of(decision)
    for one in people:
        actions.vote(decision, Choice.FOR, by=one, seen=read)
    asked = db.session.query(Assignment).filter_by(application_id=application.id).first()
    actions.reopen_review(asked, "Look again.", by=coordinator())
    poor = scores(2, 1, "Because.")
    review_actions.save_review(
        asked, scores=poor, summary="Poor.", for_applicant="Sorry.", recommendation="do_not_fund", by=asked.reviewer
    )
    actions.submit_review(asked, by=asked.reviewer)
    assert refusal(actions.take, decision, by=people[0]) >= {"ranking_changed", "departs_from_ranking"}
    assert refusal(actions.vote, decision, Choice.FOR, by=people[0]) == {"ranking_changed"}
    assert "departs_from_ranking" in refusal(proposed, meeting, application, people[0])
    again = proposed(meeting, application, people[0], reason=WHY)
    assert (again.votes, again.score, again.rank, again.expected) == ([], "52", None, "decline")
    assert rules.mark_of(again) != read
    for one in people:
        actions.vote(again, Choice.FOR, by=one)
    actions.take(again, by=people[0])
    assert rules.standing_to_keep(rules.ranking(of_call, standing_of(of_call)), application.id) == (
        "52",
        None,
        "decline",
    )


def test_another_award_to_the_same_organization_is_explained_under_whichever_account() -> None:
    of_call, people = call(terms={"grant": {"max_awards_per_lead": 1}}), members(2)
    first, second = scored(of_call, 5, 5), scored(of_call)
    second.organization.duplicate_of_id = first.organization_id
    meeting = session_of(of_call, people)
    before = proposed(meeting, second, people[0])
    for one in people:
        actions.vote(before, Choice.FOR, by=one)
    decided(meeting, first, people)
    assert refusal(actions.take, before, by=people[0]) == {"leads_too_many"}, "it was proposed before the other"
    assert refusal(proposed, meeting, second, people[0]) == {"leads_too_many"}
    assert decided(meeting, second, people, reason=WHY).state == DecisionState.TAKEN


# ------------------------------------------------------------------ signatures


def test_the_letters_go_without_who_cannot_sign_and_say_why() -> None:
    of_call, people, by = call(), members(3), coordinator()
    meeting = session_of(of_call, people, by=by)
    decided(meeting, scored(of_call), people)
    chair, ill, third = people
    assert refusal(actions.excuse_signature, meeting, ill, "Ill.", by=by) == {"no_signature_missing"}
    actions.close_meeting(meeting, by=by, minutes="All agreed.")
    assert refusal(actions.excuse_signature, meeting, chair, "Ill.", by=by) == {"nobody_signed"}
    assert refusal(actions.excuse_signature, meeting, ill, " ", by=by) == {"reason_missing"}
    actions.excuse_signature(meeting, ill, "She is in hospital.", by=by)
    assert refusal(actions.release, meeting, by=by) == {"signatures_missing"}
    actions.sign(meeting, by=third)
    actions.excuse_signature(meeting, chair, "He left the network.", by=by)
    noted = db.session.query(HistoryEntry).filter_by(subject_kind="meeting", verb="excuse").order_by("id").all()
    assert [(one.reason, one.details["member"]) for one in noted] == [
        ("She is in hospital.", ill.reference),
        ("He left the network.", chair.reference),
    ]
    assert refusal(actions.excuse_signature, meeting, third, "Ill.", by=by) == {"no_signature_missing"}
    assert len(actions.release(meeting, by=by)) == 1


# ------------------------------------------------------------------ its hour


def test_a_meeting_is_moved_or_called_off_with_a_reason_and_its_members_hear_of_it() -> None:
    of_call, people, by = call(), members(2), coordinator()
    meeting = actions.call_meeting(of_call, starts_at=AT, members=people, quorum=2, by=by)
    later = AT + timedelta(days=7)
    assert refusal(actions.move_meeting, meeting, "", starts_at=later, ends_at=AT, by=by) == {
        "reason_missing",
        "ends_too_early",
    }
    for hour in (later, AT, later):
        actions.move_meeting(meeting, "The hall is taken.", starts_at=hour, by=by)
    assert meeting.starts_at == later
    assert db.session.query(OutboxMail).filter_by(kind="meeting_moved").count() == 6, (
        "each hears each time, also of an hour they heard of before"
    )
    assert refusal(actions.open_meeting, meeting, by=by) == {"too_early"}
    actions.open_meeting(meeting, early=True, by=by)
    assert refusal(actions.move_meeting, meeting, "Again.", starts_at=AT, by=by) == {"opened_already"}
    decision = proposed(meeting, scored(of_call), by)
    assert refusal(actions.cancel_meeting, meeting, "Nobody came.", by=by) == {"decided_in_it"}
    actions.leave(decision, WHY, by=by)
    assert refusal(actions.cancel_meeting, meeting, " ", by=by) == {"reason_missing"}
    actions.cancel_meeting(meeting, "Nobody came.", by=by)
    assert meeting.state == MeetingState.CANCELLED
    assert db.session.query(OutboxMail).filter_by(kind="meeting_cancelled").count() == 2
    assert refusal(actions.mark_present, meeting, people[0], by=by) == {"meeting_closed"}


# ------------------------------------------------------------------ two at the same moment


@contextmanager
def meanwhile(live: Flask, act: Callable[[], object]) -> Iterator[list[str]]:
    """Somebody else acts in a transaction of their own while we hold ours; says afterwards what they were refused."""
    refused: list[str] = []
    began = threading.Event()

    def other() -> None:
        with live.app_context(), clock.at(AT):
            began.set()
            try:
                with transaction():
                    act()
            except Refused as said:
                refused.extend(one.code for one in said.obstacles)
            except NoSuchMove as said:
                refused.append(said.verb)
            finally:
                db.session.remove()

    thread = threading.Thread(target=other)
    yield refused
    thread.start()
    began.wait()
    thread.join(0.5)
    assert thread.is_alive(), "whoever comes second waits for the first"
    db.session.commit()
    thread.join(10)
    assert not thread.is_alive()


def room(live: Flask) -> tuple[int, int, int, int]:
    """A meeting in session with one decision and one application that nobody has proposed yet; the keys, and the chair's."""
    with live.app_context(), clock.at(AT), transaction():
        of_call, people, by = call(), members(2), coordinator()
        done, open_ = scored(of_call), scored(of_call, 5, 5)
        meeting = session_of(of_call, people, by=by)
        decided(meeting, done, people)
        return meeting.id, done.id, open_.id, by.id


@pytest.mark.parametrize("act", ["propose", "reconsider"])
def test_nothing_is_opened_in_a_meeting_that_somebody_is_closing(live: Flask, act: str) -> None:
    meeting_id, done_id, open_id, chair_id = room(live)

    def late() -> None:
        by = db.session.get_one(Person, chair_id)
        meeting = db.session.get_one(Meeting, meeting_id)
        assert meeting.state == MeetingState.OPENED, "read before the other commits"
        if act == "propose":
            proposed(meeting, db.session.get_one(Application, open_id), by)
        else:
            actions.reconsider(queries.decision_on(done_id), WHY, by=by)

    with live.app_context(), clock.at(AT):
        meeting, by = db.session.get_one(Meeting, meeting_id), db.session.get_one(Person, chair_id)
        with meanwhile(live, late) as refused:
            actions.close_meeting(meeting, minutes="All agreed.", reason="There is no other.", by=by)
        assert refused == ["meeting_not_open"]
        db.session.expire_all()
        assert [one.state for one in queries.decisions_of(meeting)] == [DecisionState.TAKEN]
        sheet = queries.sheet_of(meeting_id)
        assert rules.fingerprint(actions.queried_sheet(meeting)) == sheet.fingerprint
        db.session.remove()


@pytest.mark.parametrize("act", ["propose", "reconsider"])
def test_whoever_closes_a_meeting_sees_what_is_opened_in_it_at_the_same_moment(live: Flask, act: str) -> None:
    meeting_id, done_id, open_id, chair_id = room(live)

    def closing() -> None:
        by, meeting = db.session.get_one(Person, chair_id), db.session.get_one(Meeting, meeting_id)
        actions.close_meeting(meeting, minutes="All agreed.", reason="There is no other.", by=by)

    with live.app_context(), clock.at(AT):
        meeting, by = db.session.get_one(Meeting, meeting_id), db.session.get_one(Person, chair_id)
        with meanwhile(live, closing) as refused:
            if act == "propose":
                proposed(meeting, db.session.get_one(Application, open_id), by)
            else:
                actions.reconsider(queries.decision_on(done_id), WHY, by=by)
        assert refused == ["undecided"]
        db.session.expire_all()
        assert meeting.state == MeetingState.OPENED
        db.session.remove()


def test_of_two_who_open_confirm_or_release_at_once_the_second_is_told(live: Flask) -> None:
    meeting_id, _, open_id, chair_id = room(live)

    def taking() -> None:
        actions.take(queries.decision_on(open_id), by=db.session.get_one(Person, chair_id))

    def releasing() -> None:
        actions.release(db.session.get_one(Meeting, meeting_id), by=db.session.get_one(Person, chair_id))

    with live.app_context(), clock.at(AT):
        meeting, by = db.session.get_one(Meeting, meeting_id), db.session.get_one(Person, chair_id)
        with transaction():
            decision = proposed(meeting, db.session.get_one(Application, open_id), by)
            for seat in meeting.seats:
                actions.vote(decision, Choice.FOR, by=seat.person)
        with meanwhile(live, taking) as refused:
            actions.take(decision, by=by)
        assert "decided_already" in refused
        with transaction():
            sealed(meeting, [seat.person for seat in meeting.seats], by, reason="There is no other.")
        with meanwhile(live, releasing) as refused:
            assert len(actions.release(meeting, by=by)) == 2
        assert refused == ["no_letters"]
        db.session.remove()


def test_who_withdraws_while_the_meeting_closes_without_them_is_left_undecided_once(live: Flask) -> None:
    meeting_id, _, open_id, chair_id = room(live)

    def closing() -> None:
        by, meeting = db.session.get_one(Person, chair_id), db.session.get_one(Meeting, meeting_id)
        reference = db.session.get_one(Application, open_id).reference
        actions.close_meeting(meeting, minutes="All.", reason="No other.", left={reference: WHY}, by=by)

    with live.app_context(), clock.at(AT):
        meeting, by = db.session.get_one(Meeting, meeting_id), db.session.get_one(Person, chair_id)
        application = db.session.get_one(Application, open_id)
        with transaction():
            proposed(meeting, application, by)
        with meanwhile(live, closing) as refused:
            actions.withdraw_application(application, "We closed.", by=by)
        assert refused == []
        db.session.expire_all()
        assert (application.state, meeting.state) == (ApplicationState.WITHDRAWN, MeetingState.CLOSED)
        assert queries.sheet_of(meeting_id).fingerprint == rules.fingerprint(actions.queried_sheet(meeting))
        assert db.session.query(HistoryEntry).filter_by(subject_kind="decision", verb="leave").count() == 1
        db.session.remove()
