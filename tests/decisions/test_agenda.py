"""The agenda of a meeting, who chairs it, and the decision sheet that is signed and can be computed again."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import text

from grants import cli
from grants.accounts.models import Person
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.mail import OutboxMail
from grants.core.money import Money
from grants.core.rules import Refused
from grants.decisions import actions, queries, rules
from grants.decisions.models import Choice, Meeting
from grants.history.models import HistoryEntry
from grants.reviews import actions as review_actions
from tests.decisions.rows import AT, coordinator, decided, declare_for, members, scored, session_of
from tests.factories import call, db
from tests.http import Browser

ROLL = "Approval of the minutes of the last meeting"


@pytest.fixture(autouse=True)
def _on_the_day_of_the_meeting(app: Flask):
    with clock.at(AT):
        yield


def refusal(act, *args, **more) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return {obstacle.code for obstacle in refused.value.obstacles}


def said(meeting: Meeting) -> list[str]:
    return [rules.worded_point(point, titled=False) for point in queries.points_of(meeting.id)]


def own_words(meeting: Meeting) -> list[str]:
    """The agenda without the points that every agenda has."""
    return [point.reference or point.title for point in queries.points_of(meeting.id) if point.reference or point.title]


def mail_to(somebody: Person, kind: str) -> str:
    mails = db.session.query(OutboxMail).filter_by(kind=kind, to_person_id=somebody.id).order_by(OutboxMail.id).all()
    return mails[-1].body or ""


# ------------------------------------------------------------------ the agenda


def test_an_agenda_names_what_was_written_and_the_applications_next_to_the_money_line() -> None:
    of_call = call(envelope_minor=5_000_000)
    ranked = [scored(of_call, 5 - n // 5, 5 - n % 5) for n in range(10)]
    in_order = [place.application.reference for place in rules.ranking(of_call, _standing(of_call)).ranked]
    assert len(ranked) == 10
    above, below = in_order[:5], in_order[5:]
    meeting = actions.call_meeting(
        of_call, starts_at=AT, members=members(), quorum=2, points=[ROLL, "  "], by=coordinator()
    )
    assert said(meeting) == [
        "Opening: who is here, the quorum, conflicts of interest",
        ROLL,
        *above[-3:],
        *below[:3],
        "The other applications, in the order of the ranked list",
        "What goes into the minutes, and what comes next",
    ]


def _standing(of_call):
    return actions.reviews.standing_of(of_call)


def test_each_member_reads_times_in_their_own_zone_and_nothing_they_have_a_conflict_with() -> None:
    of_call, people, by = call(), members(3), coordinator()
    for one, zone in zip(people, ("Asia/Manila", "America/Bogota", "Africa/Dakar"), strict=True):
        one.timezone = zone
    hidden, open_ = scored(of_call, 5, 5), scored(of_call)
    review_actions.declare_interest(
        people[1], hidden.organization, grade=Grade.CONFLICT, reason="A cousin works there.", call=of_call, by=people[1]
    )
    declare_for(of_call, people[2:])
    naming = f"What about {hidden.organization.name}?"
    meeting = actions.call_meeting(
        of_call, starts_at=AT, ends_at=AT + timedelta(days=3), members=people, quorum=2, points=[naming], by=by
    )
    manila, bogota, dakar = (mail_to(one, "meeting_called") for one in people)
    assert "20:00 (Manila" in manila
    assert "07:00 (Bogot" in bogota
    assert "12:00 (Dakar" in dakar
    assert hidden.reference in manila
    assert hidden.reference in dakar
    assert naming in dakar
    assert hidden.organization.name not in manila, "nobody is named before the declaration"
    assert f"/calls/{of_call.reference}/declaration" in manila
    assert hidden.reference not in bogota
    assert hidden.organization.name not in bogota
    assert "2. " + open_.reference in bogota, "numbered without a gap"
    actions.add_point(meeting, ROLL, by=by)
    for _ in range(2):
        actions.send_agenda(meeting, by=by)
    sent = db.session.query(OutboxMail).filter_by(kind="meeting_agenda")
    assert sent.count() == 3, "the same agenda is sent once"
    assert ROLL in mail_to(people[1], "meeting_agenda")
    assert naming not in mail_to(people[0], "meeting_agenda")
    declare_for(of_call, people[:1])
    actions.send_agenda(meeting, by=by)
    assert naming in mail_to(people[0], "meeting_agenda")
    assert hidden.reference not in mail_to(people[1], "meeting_agenda")


def test_points_are_added_moved_and_taken_off_until_the_meeting_is_closed() -> None:
    of_call, people, by = call(), members(), coordinator()
    first, second = scored(of_call, 5, 5), scored(of_call)
    meeting = session_of(of_call, people, by=by)
    assert own_words(meeting) == [first.reference, second.reference]
    point = actions.add_point(meeting, f" {ROLL} ", by=by)
    assert own_words(meeting) == [first.reference, second.reference, ROLL]
    assert said(meeting)[-1] == "What goes into the minutes, and what comes next", "new points stand before the end"
    ids = {point.reference: point.id for point in queries.points_of(meeting.id)}
    actions.move_point(meeting, point.id, ids[first.reference], by=by)
    assert own_words(meeting) == [ROLL, first.reference, second.reference]
    actions.move_point(meeting, point.id, ids[second.reference], by=by)
    assert own_words(meeting) == [first.reference, second.reference, ROLL]
    assert refusal(actions.add_application, meeting, first, by=by) == {"on_the_agenda"}
    actions.drop_point(meeting, ids[first.reference], by=by)
    assert own_words(meeting) == [second.reference, ROLL]
    actions.add_application(meeting, first, by=by)
    assert own_words(meeting) == [second.reference, ROLL, first.reference]
    assert refusal(actions.add_application, meeting, scored(call()), by=by) == {"not_eligible"}
    assert refusal(actions.add_point, meeting, " ", by=by) == {"point_empty"}
    actions.note_point(meeting, point.id, "Approved.", by=by)
    actions.close_meeting(meeting, by=by, minutes="Short.")
    late = {"by": by}
    assert refusal(actions.add_point, meeting, ROLL, **late) == {"meeting_closed"}
    assert refusal(actions.move_point, meeting, point.id, point.id, **late) == {"meeting_closed"}
    assert refusal(actions.drop_point, meeting, point.id, **late) == {"meeting_closed"}
    assert refusal(actions.note_point, meeting, point.id, "Not approved.", **late) == {"meeting_closed"}
    assert refusal(actions.send_agenda, meeting, **late) == {"meeting_closed"}


def test_the_page_of_the_agenda_is_changed_by_coordinators_and_hides_what_is_hidden(
    app: Flask, browser: Browser
) -> None:
    of_call, people, by = call(), members(), coordinator()
    hidden, open_ = scored(of_call, 5, 5), scored(of_call)
    review_actions.declare_interest(
        people[0], hidden.organization, grade=Grade.CONFLICT, reason="A cousin works there.", call=of_call, by=people[0]
    )
    meeting = session_of(of_call, people, by=by)
    room, member = f"/meetings/{meeting.reference}", people[0].email
    in_order, secret = [hidden.reference, open_.reference], {hidden.reference, hidden.title}

    def rows() -> list[str]:
        return [one.text for one in browser.page.root.all("ol", class_="agenda")]

    browser.sign_in(by).open(f"{room}/agenda")
    (before,) = rows()
    assert before.index(in_order[0]) < before.index(in_order[1])
    browser.press("Add this point", {"title": ROLL})
    point = next(one for one in queries.points_of(meeting_id(room)) if one.title == ROLL)
    for _ in range(2):
        browser.press(f"Up {ROLL}")
    (after,) = rows()
    assert after.index(in_order[0]) < after.index(ROLL) < after.index(in_order[1])
    browser.press("Write it down", {"noted": "Approved."}, at=f"/{point.id}")
    other = Browser(app).sign_in(member)
    for page in (f"{room}/agenda", room):
        other.open(page)
        assert ROLL in other.page.content
        assert "Approved." in other.page.content
        assert not [words for words in secret if words in other.text]
    assert "Add this point" not in other.text
    other.post(f"{room}/agenda", {"title": "Mine"}, status=403)


def meeting_id(room: str) -> int:
    return db.session.query(Meeting.id).filter_by(reference=room.rsplit("/", 1)[1]).scalar()


# ------------------------------------------------------------------ the chair


def test_the_chair_is_invited_present_at_the_end_and_signs() -> None:
    of_call, people, by = call(), members(), coordinator()
    asked = {"starts_at": AT, "members": people, "quorum": 2, "by": by}
    assert refusal(actions.call_meeting, of_call, chair=members(1)[0], **asked) == {"chair_not_invited"}
    scored(of_call)
    meeting = session_of(of_call, people, by=by)
    assert meeting.chair_id == people[0].id, "the first who was invited, when nobody is named"
    actions.mark_present(meeting, people[0], present=False, by=by)
    assert refusal(actions.close_meeting, meeting, by=by, minutes="Short.") == {"chair_absent"}
    assert refusal(actions.choose_chair, meeting, members(1)[0], by=by) == {"no_seat"}
    meeting.chair_id = None  # called before there were chairs
    assert refusal(actions.close_meeting, meeting, by=by, minutes="Short.") == {"no_chair"}
    actions.choose_chair(meeting, people[1], by=by)
    actions.close_meeting(meeting, by=by, minutes="Short.")
    assert "signatures_missing" in {o.code for o in rules.obstacles_to_releasing(meeting, [])}
    actions.sign(meeting, by=people[1])
    entry = db.session.query(HistoryEntry).filter_by(subject_kind="meeting", verb="sign").one()
    assert (entry.actor_id, entry.details) == (people[1].id, {"fingerprint": queries.fingerprint_of(meeting.id)})
    assert refusal(actions.choose_chair, meeting, people[2], by=by) == {"meeting_closed"}


# ------------------------------------------------------------------ the sheet


def closed(people: list[Person], by: Person) -> Meeting:
    of_call = call()
    good, poor = scored(of_call, 5, 5), scored(of_call, 3, 2)
    meeting = session_of(of_call, people, by=by)
    actions.recuse(meeting, good, people[2], "A cousin works there.", by=people[2])
    decided(meeting, good, people[:2], conditions=["A policy on safety."])
    decided(meeting, poor, people, "decline")
    actions.close_meeting(meeting, by=by, minutes="All went well.")
    return meeting


def test_the_sheet_is_kept_as_it_is_signed_and_computes_to_the_same_later() -> None:
    people, by = members(), coordinator()
    meeting = closed(people, by)
    sheet = queries.sheet_of(meeting.id)
    assert sheet is not None
    assert sheet.content == actions.queried_sheet(meeting)
    assert sheet.fingerprint == rules.fingerprint(sheet.content)
    good, poor = sheet.content["decisions"]
    assert (good["outcome"], good["votes"], good["left_the_room"]) == ("award", [2, 0, 0, 0], [people[2].reference])
    assert (poor["outcome"], poor["votes"], poor["left_the_room"]) == ("decline", [3, 0, 0, 0], [])
    assert good["conditions"] == ["A policy on safety."]
    for one in people:
        actions.sign(meeting, by=one)
    actions.release(meeting, by=by)
    review_actions.declare_interest(
        people[1], queries.decisions_of(meeting)[0].application.organization,
        grade=Grade.CONFLICT, reason="Since yesterday.", by=people[1],
    )  # fmt: skip
    assert rules.fingerprint(actions.queried_sheet(meeting)) == sheet.fingerprint, "what comes later changes nothing"
    db.session.execute(
        text("UPDATE decision SET amount_minor = amount_minor - 1 WHERE meeting_id = :m AND outcome = 'award'"),
        {"m": meeting.id},
    )
    db.session.expire_all()
    assert rules.fingerprint(actions.queried_sheet(meeting)) != sheet.fingerprint, "a cent less is seen"


def test_the_command_computes_the_sheet_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    people, by = members(), coordinator()
    meeting = closed(people, by)
    actions.sign(meeting, by=people[0])
    reference, chair, key = meeting.reference, people[0].reference, meeting.id
    monkeypatch.setattr(cli, "_application", app.app_context)
    asked = ["decisions", "sheet", reference, "--json"]
    first = CliRunner().invoke(cli.grants, asked, catch_exceptions=False)
    told = json.loads(first.output)
    assert (first.exit_code, told["same"], told["fingerprint"]) == (0, True, queries.fingerprint_of(key))
    assert told["signed"] == [{"person": chair, "chair": True, "at": AT.isoformat()}]
    assert told["fingerprint"] == rules.fingerprint(told["sheet"]), "whoever has the sheet can compute it"
    db.session.execute(text("UPDATE decision SET reason = 'Another.' WHERE meeting_id = :m"), {"m": key})
    db.session.expire_all()
    second = CliRunner().invoke(cli.grants, asked, catch_exceptions=False)
    assert (second.exit_code, json.loads(second.output)["same"]) == (2, False)
    with pytest.raises(cli.CannotRun, match="no meeting"):
        CliRunner().invoke(cli.grants, ["decisions", "sheet", "M-NONE"], catch_exceptions=False)


def test_the_page_of_the_sheet_says_whether_it_still_computes_to_the_same(browser: Browser) -> None:
    people, by = members(), coordinator()
    meeting = closed(people, by)
    page, left, key = f"/meetings/{meeting.reference}/sheet", people[2].name, meeting.id
    browser.sign_in(people[0]).get(page)
    assert "it is the same" in browser.text
    assert f"Left the room: {left}" in browser.text
    db.session.execute(text("UPDATE meeting SET minutes = 'Otherwise.' WHERE id = :m"), {"m": key})
    browser.get(page)
    assert "it is not the same" in browser.text


# ------------------------------------------------------------------ a proposal that changes while it is read


def test_who_votes_on_or_confirms_a_proposal_that_was_changed_meanwhile_reads_it_again() -> None:
    of_call, people, by = call(), members(), coordinator()
    application, meeting = scored(of_call), session_of(of_call, people, by=by)
    award = {"outcome": "award", "by": by}
    decision = actions.propose(meeting, application, amount=application.requested, **award)
    seen = rules.mark_of(decision)
    actions.vote(decision, Choice.FOR, by=people[0], seen=seen)
    actions.propose(meeting, application, amount=Money(900_000, "EUR"), reason="The travel is too dear.", **award)
    assert refusal(actions.vote, decision, Choice.FOR, by=people[0], seen=seen) == {"changed_meanwhile"}
    for one in people:
        actions.vote(decision, Choice.FOR, by=one, seen=rules.mark_of(decision))
    assert refusal(actions.take, decision, by=by, seen=seen) == {"changed_meanwhile"}
    actions.take(decision, by=by, seen=rules.mark_of(decision))
    assert refusal(actions.take, decision, by=coordinator(), seen=rules.mark_of(decision)) == {"decided_already"}
