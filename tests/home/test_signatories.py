"""What waits for those who may sign: an application to be certified, as soon as it can be or a colleague asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, update

from grants.accounts.models import MemberRole, Membership, Person
from grants.applications import actions
from grants.applications.models import Application
from grants.checks.models import Clarification
from grants.core import clock
from grants.core.db import db
from grants.home import queries
from grants.questionnaires.models import SectionAnswers
from tests import factories as make
from tests.applications.sample import send_in
from tests.applications.test_certification import certified, member
from tests.applications.test_submission import IN_TIME, ready_application
from tests.http import Browser

LATER = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _then(app: Flask) -> Iterator[None]:
    """Everything happens while the call is open."""
    with clock.at(IN_TIME):
        yield


def kinds(person: Person) -> list[str]:
    return [work.kind for work in queries.work_of(person, IN_TIME)]


def unfinished(application: Application) -> None:
    """One section lacks something."""
    of_it = SectionAnswers.answer_sheet_id == application.answer_sheet_id
    db.session.execute(update(SectionAnswers).where(of_it, SectionAnswers.section_key == "S1").values(complete=False))


def test_a_complete_draft_waits_for_the_signatory_alone(app: Flask) -> None:
    application, signatory = ready_application()
    assert kinds(signatory) == ["certify"]
    assert kinds(member(application, MemberRole.OWNER)) == ["submit_draft"]
    assert queries.work_of(signatory, IN_TIME)[0].note == application.call.title
    unfinished(application)
    assert kinds(signatory) == ["submit_draft"]


def test_what_is_certified_waits_to_be_sent_in_until_it_is_changed(app: Flask) -> None:
    application, signatory = ready_application()
    certified(application, signatory)
    assert kinds(signatory) == ["submit_draft"]
    of_it = SectionAnswers.answer_sheet_id == application.answer_sheet_id
    db.session.execute(update(SectionAnswers).where(of_it).values(saved_at=IN_TIME + LATER))
    assert kinds(signatory) == ["certify"]


def test_a_signatory_who_was_asked_sees_it_until_they_certified(app: Flask) -> None:
    application, signatory = ready_application()
    owner = member(application, MemberRole.OWNER)
    actions.ask_to_certify(application, by=owner)
    unfinished(application)
    assert (kinds(signatory), kinds(owner)) == (["certify_asked"], ["submit_draft"])
    db.session.execute(update(SectionAnswers).values(complete=True))
    with clock.at(IN_TIME + LATER):
        certified(application, signatory)
    assert kinds(signatory) == ["submit_draft"]


def test_what_was_opened_again_waits_for_the_signatory_when_a_colleague_asks(app: Flask) -> None:
    application, signatory = ready_application()
    receipt = send_in(application, by=signatory)
    question = {"number": 1, "parts": ["S1"], "reason": "Which route?", "due_on": IN_TIME.date(), "asked_at": IN_TIME}
    make.save(
        Clarification(application_id=application.id, before_id=receipt.id, asked_by_id=make.person().id, **question)
    )
    assert kinds(signatory) == ["answer_question"]
    application.certification_asked_at = IN_TIME + LATER
    db.session.flush()
    assert kinds(signatory) == ["certify_asked"]


def test_what_the_fund_typed_is_not_certified(app: Flask) -> None:
    application, signatory = ready_application()
    application.entered_by_id = make.person().id
    db.session.flush()
    assert kinds(signatory) == ["submit_draft"]


def test_ten_drafts_to_certify_cost_the_same_queries_as_one(app: Flask, browser: Browser) -> None:
    application, signatory = ready_application()
    browser.sign_in(signatory).get("/")
    seen: list[str] = []
    event.listen(db.session.connection(), "before_cursor_execute", lambda *heard: seen.append(heard[2]))
    counts = []
    for more in (0, 9):
        for _ in range(more):
            another, _owner = ready_application(application.call)
            make.save(
                Membership(
                    organization_id=another.organization_id, person_id=signatory.id, role="editor", may_sign=True
                )
            )
        db.session.commit()
        browser.get("/")
        seen.clear()
        browser.get("/")
        counts.append(len(seen))
        assert browser.text.count("/certify") == more + 1
    assert counts[0] == counts[1]
    assert f'href="/applications/{application.reference}/certify"' in browser.text
