"""How long the addresses of visitors are kept who asked about a call, and the sensitive papers of a closed grant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from grants.accounts.models import Person, Role
from grants.applications.models import Application
from grants.awards import actions as awards
from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.calls.models import Call
from grants.closeout import actions, queries, rules
from grants.closeout.actions import forget_enquirers
from grants.closeout.models import Erasure
from grants.closeout.rules import ENQUIRER_KEPT, ENQUIRER_OF_UNDECIDED_KEPT
from grants.core import clock, files
from grants.core.db import db
from grants.core.mail import Delivery, OutboxMail
from grants.core.rules import Refused
from grants.decisions.workflow import DecisionState
from grants.diligence.models import AskedOf, Point, Source, Tab
from grants.dossiers.actions import gather
from grants.dossiers.queries import award_to_tell, disbursements_of
from grants.dossiers.rules import WHOLE_SIGHT
from grants.enquiries import actions as enquiries
from grants.enquiries.models import Enquiry
from grants.enquiries.rules import CONFIRM_WITHIN
from grants.enquiries.workflow import EnquiryState
from grants.history.models import HistoryEntry
from grants.payments.queries import trial_balance, wrong_totals
from tests import factories as make
from tests.http import Browser
from tests.payments import rows
from tests.payments.rows import Scene

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


# ------------------------------------------------------------------ closed grants


OVER = datetime(2035, 1, 1, 9, tzinfo=UTC)
"""The day after the record of a grant is kept that was paid last in 2027."""


def closed() -> Scene:
    """A grant that was closed in 2027, with a paper of its due diligence and a mail."""
    made = rows.scene()
    checked = make.diligence(made.award, made.coordinator)
    paper = {"diligence_id": checked.id, "position": 1, "tab": Tab.DOCUMENTS, "asked_of": AskedOf.GRANTEE}
    file_id = files.keep_own("passport.pdf", rows.PDF).id
    make.save(Point(key="identity", label={"en": "Identity"}, file_id=file_id, source=Source.SENT, **paper))
    rows.confirmed(made)
    rows.spend(made, 1_000_000)
    rows.confirmed(made, made.last)
    actions.finish(actions.open_closeout(made.award, by=made.coordinator), by=made.coordinator)
    db.session.execute(update(OutboxMail).values(state=Delivery.SENT))
    return made


def another(made: Scene) -> Person:
    return make.person(Role.REGIONAL_COORDINATOR, regions=[made.award.region], name="Second")


def codes(act: Any, *args: Any, **more: Any) -> list[str]:
    with pytest.raises(Refused) as refused:
        act(*args, **more)
    return [obstacle.code for obstacle in refused.value.obstacles]


def test_what_is_kept_says_until_when_and_why(app: Flask) -> None:
    made = closed()
    closeout = queries.closeout_of(made.award)
    assert closeout is not None
    kept = rules.kept_of(closeout.keep_until, 10, None)
    assert [one.until for one in kept] == [closeout.keep_until, None, closeout.keep_until, closeout.keep_until]
    assert "terms of the call: 10 years" in str(kept[0].why)
    assert "our own rule: 7 years" in str(rules.kept_of(closeout.keep_until, None, None)[0].why)


def test_nothing_is_proposed_before_the_time_is_over(app: Flask) -> None:
    made = closed()
    assert codes(actions.propose_erasure, made.award, by=made.coordinator) == ["still_kept"]
    with clock.at(OVER - timedelta(days=1)):
        assert codes(actions.propose_erasure, made.award, by=made.coordinator) == ["still_kept"]
    with clock.at(OVER):
        actions.propose_erasure(made.award, by=made.coordinator)
        assert codes(actions.propose_erasure, made.award, by=made.coordinator) == ["proposed_already"]
    assert codes(actions.propose_erasure, rows.scene().award, by=made.coordinator) == ["not_closed"]


def test_the_papers_of_a_grant_that_was_refused_have_their_time_too(app: Flask, browser: Browser) -> None:
    owner, second = make.person(), make.person(Role.GLOBAL_COORDINATOR)
    coordinator = make.person(Role.GLOBAL_COORDINATOR)
    award = make.award(
        make.application(make.call(), make.organization(owner), owner), coordinator, state=AwardState.ACCEPTED
    )
    checked = make.diligence(award, coordinator)
    asked = {"diligence_id": checked.id, "position": 1, "tab": Tab.DOCUMENTS, "asked_of": AskedOf.GRANTEE}
    make.save(
        Point(key="identity", label={"en": "Identity"}, source=Source.SENT, file_id=make.stored_file().id, **asked)
    )
    assert codes(actions.propose_erasure, award, by=coordinator) == ["not_closed"]
    with clock.at(datetime(2027, 5, 3, 9, tzinfo=UTC)):
        awards.lapse(award, "No answer came.", by=coordinator)
    assert queries.kept_until(award) == date(2034, 12, 31)
    reference = award.reference
    db.session.commit()
    page = browser.sign_in(coordinator).open(f"/grants/{reference}/retention").content
    assert "in which the grant was refused or lapsed" in page
    assert reference in browser.open("/retention?show=kept").content
    assert reference not in browser.open("/retention").content
    assert codes(actions.propose_erasure, award, by=coordinator) == ["still_kept"]
    with clock.at(datetime(2035, 1, 2, 9, tzinfo=UTC)):
        assert reference in browser.open("/retention").content
        erasure = actions.propose_erasure(award, by=coordinator)
        assert codes(actions.erase, erasure, by=coordinator) == ["second_person"]
        award = db.session.get_one(Award, erasure.award_id)
        award.state = AwardState.OFFERED
        db.session.flush()
        assert codes(actions.erase, erasure, by=second) == ["not_closed"], "it was offered again"
        award.state = AwardState.LAPSED
        db.session.flush()
        actions.erase(erasure, by=second)
    assert erasure.files == 1
    assert queries.papers_about_people(award) == []


def test_a_second_person_erases_papers_and_words_and_nothing_of_the_money(app: Flask) -> None:
    made = closed()
    second = another(made)
    proofs = [one.proof for one in disbursements_of(made.award)]
    mails = queries.mails_about(made.award)
    before = trial_balance()
    with clock.at(OVER):
        erasure = actions.propose_erasure(made.award, by=made.coordinator)
        assert codes(actions.erase, erasure, by=made.coordinator) == ["second_person"]
        [paper] = queries.papers_about_people(made.award)
        actions.erase(erasure, by=second)
        db.session.commit()
        assert paper.erased_at is not None
        assert codes(files.send, paper) == ["file_erased"]
        assert codes(actions.erase, erasure, by=second) == ["not_proposed"]
    assert (erasure.files, erasure.mails) == (1, len(mails))
    assert mails
    words = select(OutboxMail.body, OutboxMail.to_address).where(OutboxMail.id.in_(mails))
    assert {(row[0], row[1]) for row in db.session.execute(words)} == {(None, "")}
    assert all(proof is not None and proof.erased_at is None and files.read(proof) for proof in proofs)
    assert trial_balance() == before
    assert wrong_totals() == []
    verbs = select(HistoryEntry.verb).where(HistoryEntry.subject_kind == "erasure").order_by(HistoryEntry.id)
    assert db.session.scalars(verbs).all() == ["propose", "carry_out"]


def test_the_database_itself_wants_a_second_person(app: Flask) -> None:
    made = closed()
    with clock.at(OVER):
        erasure = actions.propose_erasure(made.award, by=made.coordinator)
        alone = {"state": "carried_out", "ended_at": clock.now(), "ended_by_id": made.coordinator.id}
        with pytest.raises(IntegrityError, match="carried_out_by_a_second_person"), db.session.begin_nested():
            db.session.execute(update(Erasure).where(Erasure.id == erasure.id).values(**alone))


def test_what_its_organization_keeps_and_what_another_grant_needs_stays(app: Flask) -> None:
    made = closed()
    [paper] = queries.papers_about_people(made.award)
    other = rows.scene()
    checked = make.diligence(other.award, other.coordinator)
    same = {"diligence_id": checked.id, "position": 1, "tab": Tab.DOCUMENTS, "asked_of": AskedOf.GRANTEE}
    shared = make.save(Point(key="identity", label={"en": "Identity"}, file_id=paper.id, source=Source.KEPT, **same))
    assert queries.papers_about_people(made.award) == []
    shared.file_id = None
    db.session.flush()
    assert queries.papers_about_people(made.award) == [paper]


def test_it_may_be_kept_after_all_with_a_reason_and_proposed_again(app: Flask) -> None:
    made = closed()
    with clock.at(OVER):
        erasure = actions.propose_erasure(made.award, by=made.coordinator)
        assert codes(actions.keep_after_all, erasure, " ", by=made.coordinator) == ["reason_missing"]
        actions.keep_after_all(erasure, "A court asked for it.", by=made.coordinator)
        assert len(queries.papers_about_people(made.award)) == 1
        actions.propose_erasure(made.award, by=made.coordinator)


def test_a_dossier_made_afterwards_says_that_a_paper_is_no_longer_kept(app: Flask) -> None:
    made = closed()
    with clock.at(OVER):
        actions.erase(actions.propose_erasure(made.award, by=made.coordinator), by=another(made))
        whole = award_to_tell(select(Award), made.award.id)
        assert whole is not None
        making = gather(whole, WHOLE_SIGHT)
    assert [paper.closed for paper in making.contents.papers if "identity" in paper.path] == [
        "It is no longer kept, since 1 January 2035."
    ]
    history = making.contents.texts["history.jsonl"].decode()
    assert '"subject": "erasure", "to": "carried_out", "verb": "carry_out"' in history


def test_the_list_and_the_page_of_what_is_kept(browser: Browser) -> None:
    made = closed()
    page, reference = f"/grants/{made.award.reference}/retention", made.award.reference
    second = another(made)
    db.session.commit()
    coordinator = Browser(browser.app).sign_in(made.coordinator)
    coordinator.get("/retention")
    assert reference not in coordinator.text
    coordinator.get("/retention?show=kept")
    assert reference in coordinator.text
    coordinator.post(f"{page}/propose", page=page, status=409)
    with clock.at(OVER):
        first, other = (Browser(browser.app).sign_in(one) for one in (made.coordinator, second))
        first.get("/retention")
        assert reference in first.text
        first.post(f"{page}/propose", page=page, status=302)
        first.post(f"{page}/erase", page=page, status=409)
        other.post(f"{page}/keep", {"reason": ""}, page=page, status=422)
        other.post(f"{page}/keep", {"reason": "Not yet."}, page=page, status=302)
        other.post(f"{page}/propose", page=page, status=302)
        first.post(f"{page}/erase", page=page, status=302)
        first.follow()
        assert "Erased on 1 January 2035: 1 files" in first.text


@pytest.mark.parametrize(
    ("who", "sees"), [("owner", 403), ("stranger", 403), ("officer", 200), ("auditor", 200), ("elsewhere", 404)]
)
def test_who_sees_what_is_kept_and_who_may_not_erase(browser: Browser, who: str, sees: int) -> None:
    made = closed()
    people = {
        "owner": made.owner,
        "stranger": make.person(),
        "officer": made.officers[0],
        "auditor": made.auditor,
        "elsewhere": make.person(Role.REGIONAL_COORDINATOR, regions=["LAC"]),
    }
    db.session.commit()
    page = f"/grants/{made.award.reference}/retention"
    with clock.at(OVER):
        actions.propose_erasure(made.award, by=made.coordinator)
        db.session.commit()
        somebody = Browser(browser.app).sign_in(people[who])
        assert somebody.get(page, 0).status_code == sees
        for verb in ("propose", "erase", "keep"):
            somebody.get("/change-password")
            assert somebody.post(f"{page}/{verb}", {"reason": "x"}).status_code in {403, 404}
    assert db.session.scalars(select(Erasure.state)).one() == "proposed"
