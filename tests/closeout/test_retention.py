"""How long the addresses of visitors are kept who asked about a call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from grants.applications.models import Application
from grants.calls.models import Call
from grants.closeout.actions import forget_enquirers
from grants.closeout.rules import ENQUIRER_KEPT, ENQUIRER_OF_UNDECIDED_KEPT
from grants.core import clock
from grants.core.db import db
from grants.core.mail import Delivery, OutboxMail
from grants.core.rules import Refused
from grants.decisions.workflow import DecisionState
from grants.enquiries import actions as enquiries
from grants.enquiries.models import Enquiry
from grants.enquiries.rules import CONFIRM_WITHIN
from grants.enquiries.workflow import EnquiryState
from grants.history.models import HistoryEntry
from tests import factories as make

A_MINUTE = timedelta(minutes=1)
VISITOR = "visitor@example.org"


@pytest.fixture
def call(app: Flask) -> Call:
    return make.call()


def asked(call: Call, **more: Any) -> Enquiry:
    """A question that a visitor confirmed, with the mail that has its answer."""
    values = {"state": EnquiryState.ANSWERED, "email": VISITOR, "language": "en", "origin": "-", "text": "May we?"}
    enquiry: Enquiry = make.save(Enquiry(call_id=call.id, answer={"en": "Yes."}, **(values | more)))
    make.save(
        OutboxMail(
            key=f"answer {enquiry.reference}",
            kind="call_question_answered",
            about=enquiry.reference,
            to_person_id=0,
            to_address=VISITOR,
            language="en",
            subject="Your question is answered",
            state=Delivery.SENT,
        )
    )
    return enquiry


def application(call: Call) -> Application:
    owner = make.person()
    return make.application(call, make.organization(owner), owner)


def addresses() -> list[str | None]:
    db.session.expire_all()
    outbox = db.session.scalars(select(OutboxMail.to_address).where(OutboxMail.to_person_id == 0))
    return [*db.session.scalars(select(Enquiry.email)), *outbox]


def test_the_address_goes_half_a_year_after_the_last_letters_and_the_answer_stays(call: Call) -> None:
    enquiry, staff = asked(call), make.person()
    first, last = call.closes_at + timedelta(days=60), call.closes_at + timedelta(days=90)
    for at in (first, last):
        make.decision(application(call), staff, state=DecisionState.RELEASED, released_at=at)
    assert forget_enquirers(last + ENQUIRER_KEPT - A_MINUTE) == 0
    assert addresses() == [VISITOR, VISITOR]
    assert forget_enquirers(last + ENQUIRER_KEPT + A_MINUTE) == 1
    assert addresses() == [None, ""]
    assert (enquiry.state, enquiry.answer) == (EnquiryState.ANSWERED, {"en": "Yes."})
    assert enquiry.forgotten_at is not None
    entry = db.session.scalars(select(HistoryEntry).where(HistoryEntry.subject_id == enquiry.id)).all()[-1]
    assert (entry.verb, entry.actor_id) == ("forget", None)
    assert forget_enquirers(last + 2 * ENQUIRER_KEPT) == 0


def test_where_no_letters_ever_went_out_it_goes_two_years_after_the_closing(call: Call) -> None:
    asked(call)
    make.decision(application(call), make.person(), state=DecisionState.TAKEN, released_at=None)
    assert forget_enquirers(call.closes_at + ENQUIRER_OF_UNDECIDED_KEPT - A_MINUTE) == 0
    assert forget_enquirers(call.closes_at + ENQUIRER_OF_UNDECIDED_KEPT + A_MINUTE) == 1
    assert addresses() == [None, ""]


def test_people_with_an_account_and_other_calls_are_left_alone(call: Call) -> None:
    asked(call, email=None, asker_id=make.person().id)
    asked(make.call(closes_at=call.closes_at + timedelta(days=400)))
    assert forget_enquirers(call.closes_at + ENQUIRER_OF_UNDECIDED_KEPT + A_MINUTE) == 0


def test_whose_address_is_gone_is_not_answered_and_may_still_be_published(call: Call) -> None:
    enquiry, staff = asked(call, state=EnquiryState.ASKED), make.person()
    enquiries.forget_addresses([enquiry])
    with pytest.raises(Refused) as refused:
        enquiries.answer(enquiry, by=staff)
    assert [o.code for o in refused.value.obstacles] == ["forgotten"]
    every = dict.fromkeys(call.languages, "Words")
    enquiries.word(enquiry, question=every, answer=every, verdict=None, by=staff)
    enquiries.prepare(enquiry, by=staff)
    assert enquiries.publish(call, by=staff) == [enquiry]
    assert addresses() == [None, ""], "and nobody is written to"


def test_a_question_that_nobody_confirmed_goes_with_its_address(call: Call) -> None:
    asked(call, state=EnquiryState.UNCONFIRMED, token_hash="0" * 64)
    soon = clock.now() + 2 * CONFIRM_WITHIN
    assert enquiries.forget_unconfirmed(soon - timedelta(hours=1)) == 0
    assert enquiries.forget_unconfirmed(soon + timedelta(hours=1)) == 1
    assert addresses() == [""]
