"""The minutes and the decision sheet as documents: who left the room, what was said and decided, who signed what."""

from __future__ import annotations

import pytest
from flask import Flask

from grants.conflicts.models import Grade
from grants.core import clock
from grants.decisions import actions, queries
from grants.decisions.models import Choice, Meeting
from grants.reviews import actions as review_actions
from tests.applications.documents import words_in
from tests.decisions.rows import AT, coordinator, decided, members, scored, session_of
from tests.factories import call, db
from tests.http import Browser
from tests.packs.test_packs import squeezed

COUSIN = "A cousin works there."


@pytest.fixture(autouse=True)
def _on_the_day_of_the_meeting(app: Flask):
    with clock.at(AT):
        yield


def paper(browser: Browser, path: str) -> str:
    browser.get(path)
    assert browser.last is not None
    assert browser.last.mimetype == "application/pdf"
    return words_in(browser.last.data)


def test_minutes_tell_point_by_point_what_was_said_who_left_the_room_and_how_it_was_decided(
    app: Flask, browser: Browser
) -> None:
    of_call, people, by = call(envelope_minor=1_500_000), members(4), coordinator()
    secret, open_ = scored(of_call, 5, 5, title="Canarytitle"), scored(of_call)
    meeting = session_of(of_call, people, by=by)
    actions.mark_present(meeting, people[3], present=False, by=by)
    point = actions.add_point(meeting, "The minutes of last time", by=by)
    actions.note_point(meeting, point.id, "Approved.", by=by)
    actions.recuse(meeting, secret, people[2], COUSIN, by=people[2])
    actions.remark(meeting, secret, "canaryremark", by=people[0])
    actions.remark(meeting, open_, "A lean budget.", by=people[2])
    decided(meeting, secret, people[:2], conditions=["A policy on safety."])
    reserve = actions.propose(meeting, open_, outcome="reserve", by=by)
    for one, choice in zip(people, (Choice.FOR, Choice.AGAINST, Choice.FOR), strict=False):
        actions.vote(reserve, choice, by=one)
    actions.take(reserve, by=by)
    room, emails, names = f"/meetings/{meeting.reference}", [one.email for one in people], [one.name for one in people]
    browser.sign_in(emails[0])
    assert squeezed("A draft: the meeting has not been closed.") in paper(browser, f"{room}/minutes.pdf")
    meeting = db.session.query(Meeting).filter_by(id=meeting.id).one()
    actions.close_meeting(meeting, by=db.session.merge(by), minutes="All went well.")
    whole = paper(browser, f"{room}/minutes.pdf")
    for words in (
        f"Present {', '.join(names[:3])}",
        f"Absent {names[3]}",
        "Quorum 2 votes on each application",
        f"Chair {names[0]}",
        "The minutes of last time",
        "Approved.",
        f"{names[2]} left the room.",
        "canaryremark",
        "A lean budget.",
        "2 for, 0 against, 0 abstained",
        "Reserve list. 2 for, 1 against, 0 abstained; a quorum of 2.",
        "Condition: A policy on safety.",
        "All went well.",
    ):
        assert squeezed(words) in whole, words
    assert "Adraft" not in whole
    stepped = Browser(app).sign_in(emails[2])
    for name in ("minutes", "sheet"):
        seen = paper(stepped, f"{room}/{name}.pdf").lower()
        assert "canary" not in seen, name
        assert squeezed("Whoever has a conflict of interest with an applicant reads nothing of it").lower() in seen
        assert open_.reference.lower() in seen


def test_what_stands_on_the_agenda_and_was_not_decided_is_hidden_too(browser: Browser) -> None:
    of_call, people, by = call(), members(3), coordinator()
    secret, open_ = scored(of_call, 5, 5, title="Canarytitle"), scored(of_call)
    review_actions.declare_interest(
        people[0], secret.organization, grade=Grade.CONFLICT, reason=COUSIN, call=of_call, by=people[0]
    )
    meeting = session_of(of_call, people, by=by)
    secret.state = "submitted"  # the check was taken up again
    db.session.flush()
    room, shown = f"/meetings/{meeting.reference}", open_.reference
    browser.sign_in(people[0])
    seen = paper(browser, f"{room}/minutes.pdf")
    assert shown in seen
    assert "Canary" not in seen
    for page in (room, f"{room}/agenda"):
        browser.open(page)
        assert "Canary" not in browser.text


def test_the_sheet_names_its_fingerprint_and_who_signed_it_the_chair_first(browser: Browser) -> None:
    of_call, people, by = call(), members(3), coordinator()
    application = scored(of_call)
    meeting = session_of(of_call, people, by=by)
    decided(meeting, application, people)
    actions.choose_chair(meeting, people[1], by=by)
    room, reader = f"/meetings/{meeting.reference}", people[0].email
    browser.sign_in(reader)
    assert squeezed("The sheet is signed when the meeting has been closed.") in paper(browser, f"{room}/sheet.pdf")
    meeting = db.session.merge(meeting)
    chair = db.session.merge(people[1])
    actions.close_meeting(meeting, by=db.session.merge(by), minutes="Short.")
    actions.sign(meeting, by=chair)
    print_ = queries.fingerprint_of(meeting.id)
    name, other = chair.name, people[0].name
    seen = paper(browser, f"{room}/sheet.pdf")
    assert print_ is not None
    assert print_ in seen
    assert squeezed(f"{name}, chair") in seen
    assert "2027-04-0812:00:00UTC" in seen
    after = seen[seen.index("Signatures") :]
    assert after.index(squeezed(name)) < after.index(squeezed(other)), "the chair signs first"
    assert squeezed("not signed yet") in after


def test_minutes_and_sheet_say_why_a_limit_of_the_call_is_not_kept_and_only_then(app: Flask) -> None:
    why, sentence = "Nobody in the region reached the threshold.", "Why promises of the call are not kept:"
    rooms = {}
    for floor in (2_000_000, 0):
        of_call, people, by = call(), members(2), coordinator()
        of_call.regions[0].floor_minor = floor
        meeting = session_of(of_call, people, by=by)
        actions.choose_chair(meeting, people[0], by=by)
        actions.close_meeting(meeting, by=by, minutes="Short.", reason=why if floor else "")
        rooms[f"/meetings/{meeting.reference}"] = (people[0].email, bool(floor))
    for room, (email, is_lifted) in rooms.items():
        browser = Browser(app).sign_in(email)
        for name in ("minutes", "sheet"):
            seen = paper(browser, f"{room}/{name}.pdf")
            assert (squeezed(f"{sentence} {why}") in seen) is is_lifted, name
            assert (squeezed(sentence) in seen) is is_lifted, name
        for page in (room, f"{room}/sheet"):
            assert (f"{sentence} {why}" in browser.open(page).content) is is_lifted, page


def test_who_left_the_room_and_who_had_not_voted_stands_with_the_decision_it_is_about(app: Flask) -> None:
    of_call, people, by = call(), members(4), coordinator()
    first, second = scored(of_call, 5, 5), scored(of_call, 3, 2)
    meeting = session_of(of_call, people, by=by)
    actions.recuse(meeting, first, people[3], COUSIN, by=people[3])
    decided(meeting, first, people[:2])
    decided(meeting, second, people, "decline")
    room, names, email = f"/meetings/{meeting.reference}", [one.name for one in people], people[0].email
    browser = Browser(app).sign_in(email)
    minutes, sheet = (paper(browser, f"{room}/{name}.pdf") for name in ("minutes", "sheet"))
    left, silent = squeezed(f"{names[3]} left the room."), squeezed(f"did not vote: {names[2]}")
    about = [minutes.index(one) for one in (first.reference, left, silent, second.reference)]
    assert about == sorted(about), "with the first application, before what was decided about it"
    assert minutes.count(squeezed("left the room")) == minutes.count(squeezed("did not vote")) == 1
    for told in (sheet, squeezed(browser.open(f"{room}/sheet").content)):
        about = [told.index(one) for one in (first.reference, silent, squeezed(f"Left the room: {names[3]}"))]
        assert about == sorted(about)
        assert told.count(squeezed("Left the room:")) == told.count(squeezed("did not vote")) == 1
