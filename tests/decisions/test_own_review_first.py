"""Nobody reads another review of an application, or what follows from one, before their own is handed in: in no role."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from grants.accounts.models import Person, Role, RoleGrant
from grants.applications.models import Application
from grants.core import clock
from grants.core.permissions import scope
from grants.decisions import actions
from grants.reviews.actions import save_review
from grants.reviews.models import Assignment
from grants.reviews.queries import gate_of
from tests.decisions.rows import coordinator, members, scored, session_of
from tests.factories import call, db, person, save
from tests.http import Browser
from tests.packs.test_packs import made
from tests.reviews.canaries import CANARY, blind_call, told, walk
from tests.reviews.rows import AT, assignment, case, reviewed, reviewer, scores

OTHERS = "Written by somebody else."


@pytest.fixture(autouse=True)
def _in_the_weeks_of_review(app: Flask) -> Iterator[None]:
    with clock.at(AT):
        yield


def also(somebody: Person, role: Role) -> Person:
    """Somebody who holds another role besides."""
    save(RoleGrant(person_id=somebody.id, role=role, regions=["AFR", "ASI", "LAC"]))
    db.session.refresh(somebody)
    return somebody


def hand_in(one: Assignment) -> None:
    words = {"summary": "Mine.", "for_applicant": "Thanks.", "recommendation": "fund"}
    save_review(one, scores=scores(3, 3), by=one.reviewer, **words)
    actions.submit_review(one, by=one.reviewer)


def waiting(application: Application, somebody: Person) -> tuple[Assignment, Assignment]:
    """A review still to be written, and two others that are in; the key of the first of these."""
    mine, other = assignment(application, somebody, round=2), reviewed(application, 2, 3, summary=OTHERS)
    reviewed(application, 5, 5)
    return mine, other


def test_a_member_of_the_committee_reads_the_others_when_their_own_is_in(app: Flask, browser: Browser) -> None:
    of_call, somebody = call(), also(reviewer(), Role.COMMITTEE_MEMBER)
    application, others = case(of_call, title="Canary song"), [scored(of_call), scored(of_call, 3, 3)]
    mine, _other = waiting(application, somebody)
    meeting = session_of(of_call, [*members(2), somebody])
    room = f"/meetings/{meeting.reference}"
    mine_id, other = mine.id, others[0].reference
    page, reference = f"{room}/{application.reference}", application.reference
    _pack, _content, seen = made(meeting, somebody)
    assert reference not in seen
    browser.sign_in(somebody)
    browser.get(page, 404)
    for place in (room, f"{room}/sheet", f"{room}/agenda", f"/calls/{of_call.reference}/scenarios"):
        assert reference not in browser.get(place).get_data(as_text=True), place
    assert other in browser.get(room).get_data(as_text=True)
    hand_in(db.session.get_one(Assignment, mine_id))
    db.session.commit()
    browser.get(page)
    assert OTHERS in browser.text
    assert reference in browser.get(room).get_data(as_text=True)


@pytest.mark.parametrize("role", [Role.REGIONAL_COORDINATOR, Role.GLOBAL_COORDINATOR, Role.AUDITOR])
def test_who_follows_the_reviews_reads_the_others_when_their_own_is_in(
    app: Flask, browser: Browser, role: Role
) -> None:
    of_call, somebody = call(), also(reviewer(), role)
    application, another = case(of_call, title="Canary song"), scored(of_call)
    mine, other = waiting(application, somebody)
    reviews = f"/calls/{of_call.reference}/reviews"
    pages, reference = (f"/reviews/{other.id}", f"{reviews}/{application.reference}"), application.reference
    mine_id, seen_anyway, of_list = mine.id, another.reference, f"/calls/{of_call.reference}/decisions"
    browser.sign_in(somebody)
    for page in pages:
        browser.get(page, 404)
    for page in (reviews, of_list, f"{reviews}/agreement"):
        content = browser.get(page).get_data(as_text=True)
        assert reference not in content, page
        assert seen_anyway in content, page
    hand_in(db.session.get_one(Assignment, mine_id))
    db.session.commit()
    for page in pages:
        assert OTHERS in browser.get(page).get_data(as_text=True) or page == pages[1]
    for page in (reviews, of_list, f"{reviews}/agreement"):
        assert reference in browser.get(page).get_data(as_text=True), page


def test_in_a_blind_call_nothing_tells_whose_application_somebody_reviews(app: Flask, browser: Browser) -> None:
    application, somebody = told(blind_call()), reviewer()
    for role in (Role.COMMITTEE_MEMBER, Role.REGIONAL_COORDINATOR, Role.AUDITOR):
        also(somebody, role)
    mine, other = waiting(application, somebody)
    meeting = session_of(application.call, [*members(2), somebody], by=coordinator())
    db.session.expire(somebody, ["role_grants"])  # as they come in with the next request
    assert db.session.scalars(scope(somebody, Application)).all() == []
    reference, of_call = application.reference, application.call.reference
    tried = (
        *(f"/applications/{reference}", f"/meetings/{meeting.reference}/{reference}", f"/reviews/{other.id}"),
        *(f"/calls/{of_call}/reviews/{reference}", f"/checks/{reference}"),
    )
    browser.sign_in(somebody)
    for page in tried:
        browser.get(page, 404)
    begin = ("/", "/reviews", f"/reviews/{mine.id}", f"/meetings/{meeting.reference}", f"/calls/{of_call}/reviews")
    answers = walk(browser, *begin, f"/calls/{of_call}/decisions", f"/calls/{of_call}/conflicts")
    assert len(answers) > 12
    for path, answer in answers.items():
        words = answer.get_data().lower()
        if path.startswith("/organizations"):  # where everybody stands who has an account
            assert reference.lower().encode() not in words, path
        else:
            assert CANARY not in words, path


def test_what_waits_for_ones_own_review_is_hidden_in_the_record_of_all_calls_too() -> None:
    somebody = also(reviewer(), Role.GLOBAL_COORDINATOR)
    application, other = case(), case()
    mine, _other = waiting(application, somebody)
    for of_call, hidden in ((None, {application.id}), (application.call_id, {application.id}), (other.call_id, set())):
        assert gate_of(somebody, of_call).ids == hidden
    hand_in(mine)
    assert gate_of(somebody).ids == set()


def test_whoever_has_handed_in_or_given_back_reads_on() -> None:
    of_call, somebody = call(), also(reviewer(), Role.AUDITOR)
    application = case(of_call)
    mine, _other = waiting(application, somebody)
    assert gate_of(somebody, of_call.id).ids == {application.id}
    actions.decline_review(mine, "Too much.", kind="too_many", by=somebody)
    assert gate_of(somebody, of_call.id).ids == frozenset()
    assert gate_of(person(Role.AUDITOR), of_call.id).ids == frozenset()
