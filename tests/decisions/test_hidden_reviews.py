"""A tie that reaches an application in any way closes what the person was reviewing of it, and their review counts no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from grants.accounts.models import Membership, Person, Role, RoleGrant
from grants.applications.models import Application
from grants.conflicts.models import Grade
from grants.core import clock
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.decisions import actions
from grants.decisions.tasks import close_hidden_now
from grants.history.models import HistoryEntry
from grants.reminders.queries import Window, deadlines
from grants.reviews import queries as reviews
from grants.reviews.models import Assignment
from grants.reviews.rules import results_of
from grants.reviews.workflow import AssignmentState
from tests.decisions.rows import coordinator, members, session_of
from tests.factories import call, db, organization, person, save
from tests.http import Browser
from tests.reviews.rows import AT, DUE, assignment, case, reviewed, reviewer

COUSIN = "A cousin leads it."


@pytest.fixture(autouse=True)
def _in_the_weeks_of_review(app: Flask) -> Iterator[None]:
    with clock.at(AT):
        yield


def joins(somebody: Person, application: Application) -> Membership:
    """Somebody becomes a member of the applicant."""
    return save(Membership(organization_id=application.organization_id, person_id=somebody.id, role="editor"))


def score_of(application: Application) -> object:
    return results_of(reviews.standing_of_application(application))[0].score


def test_a_conflict_with_the_sponsor_closes_the_reviews_of_whom_it_sponsors() -> None:
    of_call, hub, somebody, chair = call(), organization(person()), reviewer(), coordinator()
    begun, done = (case(of_call, applicant={"fiscal_sponsor_id": hub.id}) for _ in range(2))
    elsewhere = assignment(case(of_call), somebody)
    one, two = assignment(begun, somebody), reviewed(done, by=somebody)
    reviewed(done)
    actions.declare_interest(somebody, hub, grade=Grade.CONFLICT, reason=COUSIN, by=somebody)
    assert (one.state, two.state, elsewhere.state) == ("recused", "recused", "accepted")
    assert two.review.voided_at == AT
    assert score_of(done) is None, "one of two reviews is left"
    told = db.session.query(OutboxMail).filter_by(kind="conflict_declared_late").all()
    assert [(mail.about, mail.to_person_id) for mail in told] == [
        (begun.reference, chair.id),
        (done.reference, chair.id),
    ]
    assert actions.ask_reviewer(begun, reviewer(), due_on=DUE, round=1, by=chair).state == AssignmentState.ASKED


def test_who_joins_the_applicant_reviews_nothing_of_it_any_more(app: Flask, browser: Browser) -> None:
    of_call, somebody = call(), reviewer()
    begun, done = case(of_call, title="Canary song"), case(of_call, lot_key="L2")
    one, two = assignment(begun, somebody), reviewed(done, by=somebody)
    joins(somebody, begun)
    joins(somebody, done)
    window = Window(AT + timedelta(days=14), timedelta(days=1), timedelta(days=10))
    assert [found for found in deadlines(window) if found.kind == "review_due"] == []
    one_id = one.id
    db.session.commit()
    browser.sign_in(somebody).get("/")
    assert f"/reviews/{one_id}" not in browser.page.links
    assert close_hidden_now() == 2
    assert close_hidden_now() == 0
    entries = db.session.query(HistoryEntry).filter_by(subject_kind="assignment", verb="recuse").all()
    assert {(entry.subject_id, entry.actor_id) for entry in entries} == {(one.id, None), (two.id, None)}
    assert all("Belongs to the organization" in (entry.reason or "") for entry in entries)
    assert db.session.get_one(Assignment, two.id).review.voided_at is not None


def test_nothing_is_decided_on_the_review_of_who_joined_the_applicant_since() -> None:
    of_call, people = call(), members(2)
    application = case(of_call)
    late, _other = reviewed(application, 5, 5), reviewed(application)
    meeting = session_of(of_call, people)
    joins(late.reviewer, application)
    proposal = {"outcome": "award", "amount": application.requested, "by": people[0]}
    with pytest.raises(Refused) as refused, db.session.begin_nested():
        actions.propose(meeting, application, **proposal)
    assert "reviews_missing" in {one.code for one in refused.value.obstacles}
    reviewed(application)
    decision = actions.propose(meeting, application, **proposal)
    assert decision.score == "80", "without the 100 of who belongs to it"
    for one in people:
        actions.vote(decision, "for", by=one)
    third = db.session.query(Assignment).filter_by(application_id=application.id, state="completed").first()
    joins(third.reviewer, application)
    with pytest.raises(Refused) as refused, db.session.begin_nested():
        actions.take(decision, by=people[0])
    assert "reviews_missing" in {one.code for one in refused.value.obstacles}


def test_what_was_decided_goes_on_counting_and_what_is_open_is_closed() -> None:
    of_call, people = call(), members(2)
    application = case(of_call)
    late, _other = reviewed(application), reviewed(application)
    meeting = session_of(of_call, people)
    decision = actions.propose(meeting, application, outcome="award", amount=application.requested, by=people[0])
    for one in people:
        actions.vote(decision, "for", by=one)
    actions.take(decision, by=people[0])
    joins(late.reviewer, application)
    assert close_hidden_now() == 0
    assert (late.state, late.review.voided_at) == (AssignmentState.COMPLETED, None)
    actions.reconsider(decision, "New facts.", by=people[0])
    assert late.state == AssignmentState.RECUSED


def test_who_was_written_down_as_stepping_aside_is_not_asked_though_the_tie_has_ended() -> None:
    of_call, both, chair = call(), reviewer(), coordinator()
    save(RoleGrant(person_id=both.id, role=Role.COMMITTEE_MEMBER, regions=[]))
    db.session.refresh(both)
    application = case(of_call)
    tie = joins(both, application)
    session_of(of_call, [*members(2), both], by=chair)
    db.session.delete(tie)
    db.session.flush()
    with pytest.raises(Refused) as refused:
        actions.ask_reviewer(application, both, due_on=DUE, round=1, by=chair)
    assert [one.code for one in refused.value.obstacles] == ["conflict"]
