"""The pack of each member: what they may read, nothing of what is hidden from them, and nobody's but their own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from grants.accounts.models import Person
from grants.conflicts.models import Grade
from grants.core import clock, files
from grants.core.rules import Refused
from grants.decisions import actions as decisions
from grants.decisions.models import Meeting
from grants.history.models import HistoryEntry
from grants.packs import actions, queries, rules, tasks
from grants.packs.models import Pack, PackState
from grants.reviews import actions as review_actions
from grants.scenarios import actions as scenarios
from grants.scenarios import rules as scenario_rules
from tests.applications.documents import words_in
from tests.decisions.rows import AT, coordinator, declare_for, members, scored
from tests.factories import call, db
from tests.http import Browser
from tests.reviews.canaries import NAME, blind_call, told
from tests.reviews.rows import case, reviewed

COUSIN = "A cousin works there."


@pytest.fixture(autouse=True)
def _on_the_day_of_the_meeting(app: Flask):
    with clock.at(AT):
        yield


def refusal(act, *args, **more) -> set[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return {obstacle.code for obstacle in refused.value.obstacles}


def made(meeting: Meeting, somebody: Person) -> tuple[Pack, bytes, str]:
    """A pack made as the worker does it: its row, its bytes, and what a reader sees without the spaces."""
    actions.ask_for(meeting, by=somebody)
    db.session.commit()
    tasks.make_waiting()
    pack = queries.pack_to_change(meeting.id, somebody.id)
    assert pack is not None
    assert pack.state == PackState.READY
    assert pack.file is not None
    content = files.read(pack.file)
    return pack, content, words_in(content)


def squeezed(words: str) -> str:
    return "".join(words.split())


def call_with_three(people: list[Person]) -> tuple[Meeting, list]:
    of_call = call(envelope_minor=1_500_000)
    found = [scored(of_call, 5, 5), scored(of_call), scored(of_call, 4, 5)]
    meeting = decisions.call_meeting(
        of_call, starts_at=AT, members=people, quorum=2, points=["The minutes of the last meeting"], by=coordinator()
    )
    return meeting, found


def test_a_pack_holds_agenda_ranking_checks_reviews_and_answers_in_the_time_of_its_reader() -> None:
    people = members()
    people[0].timezone = "Asia/Manila"
    meeting, found = call_with_three(people)
    pack, content, seen = made(meeting, people[0])
    assert content.startswith(b"%PDF")
    assert b"/StructTreeRoot" in content, "it is tagged"
    assert "20:00(Manila" in seen
    assert squeezed(f"Made for {people[0].name}") in seen
    for words in ("Theminutesofthelastmeeting", "Rankedlist", "Themoneyline:", "Sound.", "Because.", "Wellprepared."):
        assert words in seen, words
    for application in found:
        assert squeezed(f"{application.reference} · {application.title}") in seen
        assert squeezed(application.organization.name) in seen
    assert sorted(pack.application_ids) == sorted(one.id for one in found)
    assert (pack.done, pack.total) == (3, 3)


def test_a_pack_holds_the_discussion_and_the_scenario_that_lies_before_the_meeting_each_as_its_reader_may_read_it() -> (
    None
):
    people, by = members(), coordinator()
    meeting, found = call_with_three(people)
    limits = scenario_rules.Limits(meeting.call.envelope)
    names = {one.reference for one in found[:1]}
    kept = scenarios.save(meeting.call, "The cautious one", names, limits, reasons={}, by=by)
    scenarios.lay_before(kept, meeting, by=by)
    decisions.remark(meeting, found[1], "A lean budget.", by=people[0])
    decisions.remark(meeting, found[1], f"Less sound than {found[0].title} ({found[0].reference}).", by=people[0])
    decisions.recuse(meeting, found[0], people[1], COUSIN, by=people[1])
    _, _, whole = made(meeting, people[0])
    for words in ("A lean budget.", "Less sound than", "The cautious one", "1 award,", f"In: {found[0].reference}"):
        assert squeezed(words) in whole, words
    _, _, seen = made(meeting, people[1])
    assert squeezed("A lean budget.") in seen
    for words in (found[0].reference, "Less sound than", "The cautious one"):
        assert squeezed(words) not in seen, words
    assert squeezed("0 awards,") in seen


def test_nothing_of_an_application_that_is_hidden_stands_in_any_byte_of_a_pack() -> None:
    people = members()
    of_call = call()
    secret = case(of_call, title="Canarytitle of wells", applicant={"name": "Canaryname Union"})
    kept = [case(of_call), scored(of_call, 3, 4)]
    for one, value, words in ((secret, 5, "canaryreview"), (kept[0], 4, "openreview")):
        for _ in range(2):
            reviewed(one, value, value, summary=words, reason=f"{words}reason")
    review_actions.declare_interest(
        people[0], secret.organization, grade=Grade.CONFLICT, reason=COUSIN, call=of_call, by=people[0]
    )
    meeting = decisions.call_meeting(
        of_call,
        starts_at=AT,
        members=people,
        quorum=2,
        points=["What about Canaryname Union?", "The minutes"],
        by=coordinator(),
    )
    pack, content, seen = made(meeting, people[0])
    everything = content.decode("latin-1").lower() + seen.lower()
    for canary in ("canary", secret.reference.lower()):
        assert canary not in everything, canary
    assert "openreview" in seen
    assert squeezed("1 " + kept[0].reference) in seen, "the ranking is numbered without a gap"
    assert secret.id not in pack.application_ids
    _, _, whole = made(meeting, people[1])
    for canary in ("Canarytitle", "Canaryname", "canaryreview", "canaryreviewreason", secret.reference):
        assert canary in whole, "a canary that nobody sees proves nothing"


def test_a_pack_names_the_applicants_as_the_screens_of_the_committee_do_in_a_blind_call_too() -> None:
    of_call, people, by = blind_call(), members(), coordinator()
    application = told(of_call)
    for _ in range(2):
        reviewed(application)
    meeting = decisions.call_meeting(of_call, starts_at=AT, members=people, quorum=2, by=by)
    for reader in (people[0], by):
        _, _, seen = made(meeting, reader)
        assert squeezed(NAME) in seen
        assert "Fortywellswillbedug" in seen


def test_a_pack_is_not_given_once_it_holds_what_its_reader_stepped_aside_from() -> None:
    people = members()
    meeting, found = call_with_three(people)
    pack, _, _ = made(meeting, people[0])
    file = actions.give(meeting, by=people[0])
    assert file.id == pack.file_id
    decisions.recuse(meeting, found[0], people[0], COUSIN, by=people[0])
    assert refusal(actions.give, meeting, by=people[0]) == {"holds_too_much"}
    again, _, seen = made(meeting, people[0])
    assert found[0].reference not in seen
    assert file.erased_at is not None, "the former goes"
    assert actions.give(meeting, by=people[0]).id == again.file_id
    assert refusal(actions.give, meeting, by=people[1]) == {"not_ready"}


def test_who_steps_aside_while_the_pack_is_made_has_it_made_without_that() -> None:
    people = members()
    meeting, found = call_with_three(people)
    pack = actions.ask_for(meeting, by=people[0])
    assert refusal(actions.ask_for, meeting, by=people[0]) == {"being_made"}
    making = actions.begin(pack.id)
    assert making is not None
    for application_id in making.readable:
        actions.add_case(making, application_id)
    decisions.recuse(meeting, found[0], people[0], COUSIN, by=people[0])
    assert not actions.finish(making)
    assert pack.state == PackState.ASKED
    db.session.commit()
    assert tasks.make_waiting() == 1
    assert found[0].id not in pack.application_ids


def test_a_pack_that_cannot_be_made_says_so_and_another_one_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    people = members()
    meeting, _ = call_with_three(people)
    actions.ask_for(meeting, by=people[0])
    db.session.commit()
    with monkeypatch.context() as broken:
        broken.setattr(rules, "case_in_words", lambda *_: 1 / 0)
        assert tasks.make_waiting() == 0
    pack = queries.pack_to_change(meeting.id, people[0].id)
    assert pack is not None
    assert pack.state == PackState.FAILED
    assert made(meeting, people[0])[0].state == PackState.READY


def test_packs_are_forgotten_after_a_month() -> None:
    people = members()
    meeting, _ = call_with_three(people)
    pack, _, _ = made(meeting, people[0])
    file = pack.file
    assert file is not None
    assert actions.forget_old(AT + timedelta(days=29)) == 0
    assert actions.forget_old(AT + timedelta(days=31)) == 1
    assert file.erased_at is not None
    assert queries.pack_to_change(meeting.id, people[0].id) is None


def test_a_member_asks_for_the_pack_sees_how_far_it_is_and_takes_it(app: Flask, browser: Browser) -> None:
    people = members()
    meeting, found = call_with_three(people)
    declare_for(meeting.call, people)
    room, key, reader = f"/meetings/{meeting.reference}", meeting.id, people[0].email
    other = people[1].email
    browser.sign_in(reader).open(room)
    browser.click("My pack: everything to read in one PDF")
    browser.press("Make my pack")
    assert "Your pack is waiting to be made." in browser.page.content
    assert "Make it again" not in browser.page.content
    tasks.make_waiting()
    browser.click("Look again")
    browser.post(f"{room}/pack/download", page=f"{room}/pack", status=200)
    assert browser.last is not None
    assert browser.last.mimetype == "application/pdf"
    assert "attachment" in browser.last.headers["Content-Disposition"]
    entries = db.session.query(HistoryEntry).filter_by(subject_kind="meeting", subject_id=key, verb="take_pack")
    assert entries.count() == 1
    stranger = Browser(app).sign_in(other)
    stranger.open(f"{room}/pack")
    assert "No pack has been made for you yet." in stranger.page.content
    stranger.post(f"{room}/pack/download", page=f"{room}/pack", status=409)
    assert len(found) == 3
