"""The pages of a meeting: leaving a proposal undecided, a signature that cannot be had, another hour."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from grants.core import clock
from grants.core.db import db
from grants.decisions import actions, queries
from grants.decisions.models import Meeting
from grants.decisions.workflow import DecisionState, MeetingState
from tests.decisions.rows import AT, coordinator, decided, declare_for, members, scored, session_of
from tests.factories import call
from tests.http import Browser

WHY = "We hear the applicant first."


def test_a_proposal_is_left_undecided_and_the_letters_go_without_who_cannot_sign(app: Flask, browser: Browser) -> None:
    with clock.at(AT):
        of_call, people, by = call(), members(2), coordinator()
        meeting = session_of(of_call, people, by=by)
        decided(meeting, scored(of_call, 5, 5), people)
        open_, another = scored(of_call), scored(of_call)
        for one in (open_, another):
            actions.propose(meeting, one, outcome="award", amount=one.requested, by=by)
        declare_for(of_call, people[:1])
        first, second = open_.reference, another.reference
        room, number, ids = f"/meetings/{meeting.reference}", meeting.id, (open_.id, another.id)
        ill, mail = people[1].reference, people[0].email
        browser.sign_in(by)
        browser.post(f"{room}/{first}/leave", {"reason": " "}, page=room, status=409)
        browser.post(f"{room}/{first}/leave", {"reason": WHY}, page=room)
        assert WHY in browser.get(f"{room}/{first}").get_data(as_text=True)
        browser.get(room)
        assert f"Leave {second} undecided, because" in browser.text
        assert f"Leave {first} undecided, because" not in browser.text
        browser.post(f"{room}/close", {"minutes": "Short.", "reason": "No other."}, page=room, status=409)
        browser.post(
            f"{room}/close", {"minutes": "Short.", "reason": "No other.", f"left-{second}": "Later."}, page=room
        )
        meeting = db.session.get_one(Meeting, number)
        assert meeting.state == MeetingState.CLOSED
        assert {one.state for one in queries.decisions_of(meeting) if one.application_id in ids} == {DecisionState.LEFT}
        browser.post(f"{room}/excuse", {"person": ill, "reason": "In hospital."}, page=room)
        sheet = browser.get(f"{room}/sheet").get_data(as_text=True)
        for words in ("Left undecided: Later.", f"Left undecided: {WHY}", "Did not sign: In hospital."):
            assert words in sheet
        browser.get(f"{room}/minutes.pdf")
        browser.get(f"{room}/sheet.pdf")
        other = Browser(app).sign_in(mail)
        other.post(f"{room}/excuse", {"person": ill, "reason": "In hospital."}, page=room, status=403)


def test_a_meeting_is_moved_opened_early_on_purpose_and_called_off(app: Flask, browser: Browser) -> None:
    with clock.at(AT):
        by = coordinator()
        meeting = actions.call_meeting(call(), starts_at=AT + timedelta(days=1), members=members(2), quorum=2, by=by)
        room, number = f"/meetings/{meeting.reference}", meeting.id
        browser.sign_in(by)
        browser.post(f"{room}/open", {}, page=room, status=409)
        browser.post(f"{room}/move", {"starts_at": "2027-04-20T10:00"}, page=room, status=422)
        browser.post(f"{room}/move", {"starts_at": "2027-04-20T10:00", "reason": "The hall is taken."}, page=room)
        assert "Open it before its hour" in browser.get(room).get_data(as_text=True)
        browser.post(f"{room}/open", {"early": "yes"}, page=room)
        assert db.session.get_one(Meeting, number).state == MeetingState.OPENED
        browser.post(f"{room}/cancel", {"reason": "Nobody came."}, page=room)
        assert "Meeting cancelled" in browser.get(room).get_data(as_text=True)
        assert "Close the meeting" not in browser.text
