"""What an applicant can see or do is the same until the letter, whatever the committee has done meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.applications.workflow import ApplicationState
from grants.awards import actions as awards
from grants.core import clock
from grants.core.rules import Refused
from grants.decisions import actions, queries, rules
from grants.decisions.models import Choice, Meeting
from tests.decisions.rows import AT, coordinator, decided, members, scored, session_of
from tests.factories import call, db
from tests.http import Browser
from tests.reviews.rows import case

PAGES = ("", "/withdraw", "/read", "/letter", "/complaint", "/receipt")
ONCE = re.compile(r'(nonce|name="csrf_token" value|value|content)="[\w.=+/-]{16,}"')
"""Tokens against forged forms."""
STAGES = ("opened", "proposed", "voted", "taken", "closed", "signed")


@pytest.fixture(autouse=True)
def _on_the_day_of_the_meeting(app: Flask):
    with clock.at(AT):
        yield


def stages(meeting: Meeting, application: Application, people: list[Person], outcome: str) -> Iterator[str]:
    """The meeting goes on until all has been signed, one stage after the other."""
    meeting_id, application_id, ids = meeting.id, application.id, [one.id for one in people]

    def now() -> tuple[Meeting, Application, list[Person]]:
        return (
            db.session.get_one(Meeting, meeting_id),
            db.session.get_one(Application, application_id),
            [db.session.get_one(Person, one) for one in ids],
        )

    yield "opened"
    meeting, application, people = now()
    amount = application.requested if outcome == "award" else None
    actions.propose(meeting, application, outcome=outcome, amount=amount, reason="Because.", by=people[0])
    yield "proposed"
    for one in now()[2]:
        actions.vote(queries.decision_on(application_id), Choice.FOR, by=one)
    yield "voted"
    actions.take(queries.decision_on(application_id), by=now()[2][0])
    yield "taken"
    actions.close_meeting(now()[0], minutes="Short.", reason="All good.", by=now()[2][0])
    yield "closed"
    meeting, _application, people = now()
    for one in people:
        actions.sign(meeting, by=one)
    yield "signed"


def served(browser: Browser, reference: str) -> dict[str, str]:
    """Every page of the applicant, without what differs each time."""
    found = {}
    for page in ("/", "/applications", *(f"/applications/{reference}{one}" for one in PAGES)):
        answer = browser.get(page, 0)
        found[page] = f"{answer.status_code} " + ONCE.sub("", answer.get_data(as_text=True))
    return found


def owner_of(application: Application) -> str:
    return db.session.get_one(Person, application.started_by_id).email


@pytest.mark.parametrize("outcome", ["award", "reserve", "decline"])
def test_no_byte_of_an_applicants_pages_changes_before_the_letter(app: Flask, outcome: str) -> None:
    of_call, people = call(), members()
    application = scored(of_call, 5, 5)
    meeting, reference, boss = session_of(of_call, people), application.reference, coordinator()
    meeting_id, boss_id = meeting.id, boss.id
    browser = Browser(app).sign_in(owner_of(application))
    first = None
    for stage in stages(meeting, application, people, outcome):
        pages = served(browser, reference)
        first = first or pages
        assert [page for page in pages if pages[page] != first[page]] == [], stage
    awards.release_decisions(db.session.get_one(Meeting, meeting_id), by=db.session.get_one(Person, boss_id))
    told = served(browser, reference)
    assert told[f"/applications/{reference}/letter"] != first[f"/applications/{reference}/letter"]


@pytest.mark.parametrize("outcome", ["award", "decline"])
def test_nor_when_another_meeting_takes_it_up_from_the_reserve_list(app: Flask, outcome: str) -> None:
    of_call, people, by = call(), members(), coordinator()
    application = scored(of_call, 5, 5)
    case(of_call)
    meeting = session_of(of_call, people, by=by)
    decided(meeting, application, people, "reserve", reason="Later.")
    actions.close_meeting(meeting, minutes="Short.", reason="All good.", by=by)
    for one in people:
        actions.sign(meeting, by=one)
    awards.release_decisions(meeting, by=by)
    reference, browser = application.reference, Browser(app).sign_in(owner_of(application))
    ids, application_id, by_id = [one.id for one in people], application.id, by.id
    first = served(browser, reference)
    assert "decided about this application already" in first[f"/applications/{reference}"]
    people = [db.session.get_one(Person, one) for one in ids]
    application = db.session.get_one(Application, application_id)
    again = session_of(application.call, people, by=db.session.get_one(Person, by_id))
    for stage in stages(again, application, people, outcome):
        pages = served(browser, reference)
        assert [page for page in pages if pages[page] != first[page]] == [], stage
        page = f"/applications/{reference}/withdraw"
        browser.post(page, {"reason": "We closed."}, page=page, status=409)


@pytest.mark.parametrize("until", STAGES)
def test_an_application_can_be_withdrawn_until_its_letter_and_what_was_signed_stays(app: Flask, until: str) -> None:
    of_call, people, by = call(), members(), coordinator()
    application, other = scored(of_call, 5, 5), scored(of_call)
    meeting = session_of(of_call, people, by=by)
    decided(meeting, other, people)
    reference, browser = application.reference, Browser(app).sign_in(owner_of(application))
    page, application_id, meeting_id = f"/applications/{reference}/withdraw", application.id, meeting.id
    for stage in stages(meeting, application, people, "award"):
        if stage == until:
            browser.post(page, {"reason": "We closed."}, page=page, status=302)
            break
    application, meeting = db.session.get_one(Application, application_id), db.session.get_one(Meeting, meeting_id)
    assert application.state == ApplicationState.WITHDRAWN
    assert queries.decision_on(application_id) is None
    assert application_id not in {one.application_id for one in queries.awarded_in(meeting.call_id)}, (
        "the money is free"
    )
    by, people = db.session.merge(by), [db.session.get_one(Person, one.id) for one in people]
    if STAGES.index(until) < STAGES.index("closed"):
        actions.close_meeting(meeting, minutes="Short.", reason="All good.", by=by)
    kept = queries.sheet_of(meeting_id)
    assert kept.fingerprint == rules.fingerprint(actions.queried_sheet(meeting))
    on_sheet = {one["application"] for one in kept.content["decisions"]}
    assert (reference in on_sheet) == (STAGES.index(until) >= STAGES.index("closed")), "as it was when it was signed"
    for one in people:
        if not any(seat.person_id == one.id and seat.signed_at for seat in meeting.seats):
            actions.sign(meeting, by=one)
    released = awards.release_decisions(meeting, by=by)
    assert [one.application_id for one in released] == [other.id]
    with pytest.raises(Refused):
        actions.withdraw_application(db.session.merge(other), "We closed.", by=by)
