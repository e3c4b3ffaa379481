from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from grants.accounts.models import Organization, Person
from grants.applications import actions, queries, rules
from grants.applications.models import Application, Receipt
from grants.applications.workflow import ApplicationState
from grants.calls.models import Call
from grants.core import clock, files, pdf
from grants.core.db import db, transaction
from grants.core.files import StoredFile
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.history import queries as history
from grants.history.actions import record
from tests import factories as make
from tests.applications.documents import real_pdf
from tests.applications.sample import send_in

IN_TIME = datetime(2027, 2, 1, 12, tzinfo=UTC)
CLOSING = datetime(2027, 2, 28, 23, tzinfo=UTC)


def ready_application(call: Call | None = None) -> tuple[Application, Person]:
    """An application with everything that the call asks for, and the owner who may send it in."""
    call = call or make.call()
    owner = make.person()
    founded: Organization = make.organization(owner)
    with clock.at(IN_TIME):
        application = actions.start(call, founded, language="en", by=owner)
        actions.save_section(application, "S1", {"title": "Safe passage"}, by=owner, version=0)
        actions.attach(application, call.documents[0], "statutes.pdf", real_pdf(), by=owner)
    return application, owner


def test_a_submission_gives_a_receipt_with_the_hash_of_what_was_received(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(IN_TIME):
        receipt = send_in(application, by=owner)
    assert application.state == ApplicationState.SUBMITTED
    assert application.submitted_at == receipt.submitted_at == IN_TIME
    assert receipt.number == f"R-{application.reference}-1"
    kept = queries.receipt_with_content(application)
    assert kept is not None
    assert rules.fingerprint(kept.content) == receipt.content_hash == application.content_hash
    assert kept.content["answers"] == {"title": "Safe passage"}
    assert kept.content["attachments"][0]["sha256"]


def test_a_form_that_does_not_ask_leaves_an_application_as_confidential_as_its_organization(app: Flask) -> None:
    owner = make.person()
    founded = make.organization(owner, confidentiality_default="name_withheld")
    with clock.at(IN_TIME):
        application = actions.start(make.call(), founded, language="en", by=owner)
        actions.save_section(application, "S1", {"title": "Safe passage"}, by=owner, version=0)
    assert application.confidentiality == "name_withheld"
    assert rules.facts_in({"confidentiality": "public"}, "EUR", "name_withheld")["confidentiality"] == "name_withheld"
    assert rules.facts_in({"confidentiality": "fully_confidential"}, "EUR")["confidentiality"] == "fully_confidential"


def test_sending_in_again_gives_the_same_receipt_even_after_the_deadline(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(IN_TIME):
        first = send_in(application, by=owner)
    with clock.at(CLOSING + timedelta(days=1)):
        assert send_in(application, by=owner).number == first.number
    assert db.session.scalar(select(func.count(Receipt.id))) == 1
    verbs = [entry.verb for entry in history.entries_about([("application", application.id)])]
    assert verbs.count("submit") == 1


def test_after_the_deadline_it_is_refused_with_both_times(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(CLOSING), pytest.raises(Refused) as refusal:
        send_in(application, by=owner)
    (obstacle,) = refusal.value.obstacles
    assert obstacle.code == "call_closed"
    assert "23:00" not in str(obstacle.message)
    assert "00:00:00 (Brussels)" in str(obstacle.message)
    assert application.state == ApplicationState.DRAFT


def test_the_last_moment_before_the_deadline_is_in_time(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(CLOSING - timedelta(microseconds=1)):
        assert send_in(application, by=owner).number


def test_the_clock_of_the_web_server_does_not_judge(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    call = make.call(opens_at=datetime.now(UTC) - timedelta(days=1), closes_at=datetime.now(UTC) + timedelta(hours=1))
    application, owner = ready_application_now(call)
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(days=3))
    assert send_in(application, by=owner).number


def ready_application_now(call: Call) -> tuple[Application, Person]:
    """As ready_application, at the real present."""
    owner = make.person()
    application = actions.start(call, make.organization(owner), language="en", by=owner)
    actions.save_section(application, "S1", {"title": "Safe passage"}, by=owner, version=0)
    actions.attach(application, call.documents[0], "statutes.pdf", real_pdf(), by=owner)
    return application, owner


def test_what_is_missing_is_named_with_the_place_to_mend_it(app: Flask) -> None:
    owner = make.person()
    call = make.call()
    with clock.at(IN_TIME):
        application = actions.start(call, make.organization(owner), language="en", by=owner)
        with pytest.raises(Refused) as refusal:
            send_in(application, by=owner)
    codes = {obstacle.code: obstacle.where for obstacle in refusal.value.obstacles}
    assert set(codes) == {"title.missing", "document.statutes"}
    assert all(codes.values())


def test_members_and_submitter_are_told_once_without_the_title(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(IN_TIME):
        send_in(application, by=owner)
        send_in(application, by=owner)
    sent = list(db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "application_submitted")))
    assert [mail.to_person_id for mail in sent] == [owner.id]
    assert application.reference in sent[0].subject
    assert application.content_hash in (sent[0].body or "")
    assert "Safe passage" not in sent[0].subject + (sent[0].body or "")


def test_nothing_can_be_written_after_submission(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(IN_TIME):
        send_in(application, by=owner)
        document = application.call.documents[0]
        attachment = queries.attachments_of(application)[0]
        for attempt in (
            lambda: actions.save_section(application, "S1", {"title": "Other"}, by=owner, version=1),
            lambda: actions.attach(application, document, "more.pdf", real_pdf("More"), by=owner),
            lambda: actions.withhold(application, document, "Danger", by=owner),
            lambda: actions.detach(attachment, by=owner),
        ):
            with pytest.raises(Refused) as refusal:
                attempt()
            assert "not_draft" in [o.code for o in refusal.value.obstacles]


def test_a_withdrawn_application_makes_room_for_another(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(IN_TIME):
        with pytest.raises(Refused) as refusal:
            actions.start(application.call, application.organization, language="en", by=owner)
        assert refusal.value.obstacles[0].code == "one_application"
        actions.withdraw(application, "We found other money", by=owner)
        again = actions.start(application.call, application.organization, language="en", by=owner)
    assert again.reference != application.reference


def resumed_with(application: Application, by: Person, at: datetime = IN_TIME) -> list[str]:
    """The codes that keep an application from being taken up again; none when it was."""
    try:
        with clock.at(at):
            actions.resume(application, by=by)
    except Refused as refusal:
        return [o.code for o in refusal.obstacles]
    return []


def test_a_withdrawn_application_is_taken_up_again_with_all_that_was_written(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(IN_TIME):
        first = send_in(application, by=owner)
        actions.withdraw(application, "We forgot a partner", by=owner)
    assert resumed_with(application, owner) == []
    assert (application.state, application.submitted_at, application.content_hash) == ("draft", None, None)
    (attachment,) = queries.attachments_of(application)
    assert attachment.file is not None
    sent = files.read(attachment.file)
    with clock.at(IN_TIME + timedelta(days=1)):
        actions.detach(attachment, by=owner)
        actions.attach(application, application.call.documents[0], "new.pdf", real_pdf("New"), by=owner)
        actions.save_section(application, "S1", {"title": "Safe passage together"}, by=owner, version=None)
        second = send_in(application, by=owner)
    assert (second.number, second.submitted_at) == (f"R-{application.reference}-2", IN_TIME + timedelta(days=1))
    assert application.content_hash == second.content_hash != first.content_hash
    assert [r.number for r in queries.receipts_of(application)] == [second.number, first.number]
    kept = queries.receipt_with_content(application, first.number)
    assert kept is not None
    assert kept.content["answers"] == {"title": "Safe passage"}
    paper = db.session.get_one(StoredFile, kept.content["attachments"][0]["file"])
    assert paper.erased_at is None
    assert files.read(paper) == sent
    assert rules.fingerprint(kept.content) == first.content_hash
    latest = queries.receipt_with_content(application)
    assert latest is not None
    assert latest.content["answers"] == {"title": "Safe passage together"}
    told = db.session.scalars(select(OutboxMail.kind).where(OutboxMail.about == application.reference).order_by("id"))
    kinds = [kind for kind in told if kind != "application_withdrawn"]
    assert kinds == ["application_submitted", "application_resumed", "application_submitted"]


def test_taking_up_again_ends_with_the_deadline(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(IN_TIME):
        assert resumed_with(application, owner) == ["not_withdrawn"]
        send_in(application, by=owner)
        actions.withdraw(application, "We forgot a partner", by=owner)
    assert resumed_with(application, owner, CLOSING) == ["call_closed"]
    assert application.submitted_at == IN_TIME
    assert resumed_with(application, owner, CLOSING - timedelta(microseconds=1)) == []
    with clock.at(CLOSING), pytest.raises(Refused):
        send_in(application, by=owner)


def test_what_another_application_took_the_place_of_stays_withdrawn(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(IN_TIME):
        actions.withdraw(application, "Another idea", by=owner)
        other = actions.start(application.call, application.organization, language="en", by=owner)
        assert resumed_with(application, owner) == ["one_application"]
        actions.withdraw(other, "The first was better", by=owner)
        assert resumed_with(application, owner) == []
        assert resumed_with(other, owner) == ["one_application"]


def test_what_reviewers_were_given_is_not_taken_up_again(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(IN_TIME):
        send_in(application, by=owner)
        record(application, "find_eligible", by=owner)
        actions.withdraw(application, "We found other money", by=owner)
    assert resumed_with(application, owner) == ["was_reviewed"]


def test_an_application_cannot_be_begun_in_another_language_or_out_of_time(app: Flask) -> None:
    owner = make.person()
    call = make.call()
    founded = make.organization(owner)
    for at, language, code in (
        (IN_TIME, "fr", "language"),
        (CLOSING, "en", "call_closed"),
        (call.opens_at - timedelta(seconds=1), "en", "call_not_yet_open"),
    ):
        with clock.at(at), pytest.raises(Refused) as refusal:
            actions.start(call, founded, language=language, by=owner)
        assert [o.code for o in refusal.value.obstacles] == [code]


def test_the_receipt_as_a_document_holds_every_fingerprint_within_its_page(app: Flask) -> None:
    application, owner = ready_application()
    with clock.at(IN_TIME):
        send_in(application, by=owner)
        proof = queries.receipt_with_content(application)
        assert proof is not None
        attached = [a | {"label": {"en": "Statutes"}} for a in proof.content["attachments"]]
        values = rules.receipt_in_words(proof, application, attached)
    table = next(part for part in values["parts"] if part["kind"] == "table")
    assert table["rows"][0][2].replace(" ", "") == attached[0]["sha256"]
    assert max(len(word) for word in table["rows"][0][2].split()) == 8
    shown = dict(values["parts"][0]["pairs"])
    assert shown["Receipt"] == proof.number
    assert "13:00:00 (Brussels)" in shown["Received, by the server’s clock"]
    assert pdf.render("document", language="en", **values).startswith(b"%PDF")


# ------------------------------------------------------------------ races, with real commits


def in_threads(app: Flask, number: int, work: Any) -> list[Any]:
    """Run ``work(n)`` in threads that start together, each in its own transaction; what each returned, or how it was refused."""
    gate = threading.Barrier(number)
    answers: list[Any] = [None] * number

    def run(n: int) -> None:
        with app.app_context():
            gate.wait()
            try:
                with transaction():
                    answers[n] = work(n)
            except Refused as error:
                answers[n] = error
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_twenty_clicks_at_once_make_one_submission_and_one_receipt(live: Flask) -> None:
    now = datetime.now(UTC)
    with transaction():
        call = make.call(opens_at=now - timedelta(days=1), closes_at=now + timedelta(days=1))
        application, owner = ready_application_now(call)
        key, owner_id = application.id, owner.id

    def send(_n: int) -> str:
        return send_in(db.session.get_one(Application, key), by=db.session.get_one(Person, owner_id)).number

    answers = in_threads(live, 20, send)
    assert set(answers) == {f"R-{application.reference}-1"}
    assert db.session.scalar(select(func.count(Receipt.id))) == 1
    assert [e.verb for e in history.entries_about([("application", key)])].count("submit") == 1
    assert db.session.scalar(select(func.count(OutboxMail.id)).where(OutboxMail.kind == "application_submitted")) == 1
    assert history.broken_seals() == []


def test_of_submissions_racing_around_the_deadline_none_is_late(live: Flask) -> None:
    number = 24
    now = datetime.now(UTC)
    with transaction():
        call = make.call(opens_at=now - timedelta(days=1), closes_at=now + timedelta(days=1))
        pairs = [ready_application_now(call) for _ in range(number)]
        for application, owner in pairs:
            actions.certify(application, actions.fingerprint_now(application), by=owner)
        keys = [(application.id, owner.id) for application, owner in pairs]
    closes_at = datetime.now(UTC) + timedelta(seconds=1.5)
    with transaction():
        db.session.execute(update(Call).where(Call.id == call.id).values(closes_at=closes_at))

    def send(n: int) -> datetime:
        threading.Event().wait(max(0.0, (closes_at - datetime.now(UTC)).total_seconds() - 0.8 + n * 0.05))
        application = db.session.get_one(Application, keys[n][0])
        return actions.submit(application, by=db.session.get_one(Person, keys[n][1])).submitted_at

    answers = in_threads(live, number, send)
    in_time = [a for a in answers if isinstance(a, datetime)]
    refused = [a for a in answers if isinstance(a, Refused)]
    assert len(in_time) + len(refused) == number, answers
    assert all(moment < closes_at for moment in in_time)
    assert in_time
    assert refused
    assert {o.code for r in refused for o in r.obstacles} == {"call_closed"}
    db.session.rollback()
    stored = list(db.session.scalars(select(Application.submitted_at).where(Application.submitted_at.is_not(None))))
    assert sorted(stored) == sorted(in_time)
    numbers = set(db.session.scalars(select(Receipt.number)))
    assert len(numbers) == len(in_time)


def test_a_submission_waits_for_a_deadline_that_is_being_moved(live: Flask) -> None:
    now = datetime.now(UTC)
    with transaction():
        call = make.call(opens_at=now - timedelta(days=2), closes_at=now + timedelta(days=1))
        application, owner = ready_application_now(call)
        key, owner_id, call_id = application.id, owner.id, call.id
    moved = threading.Event()

    def work(n: int) -> Any:
        if n == 0:
            db.session.execute(update(Call).where(Call.id == call_id).values(closes_at=now - timedelta(minutes=1)))
            moved.set()
            threading.Event().wait(0.4)
            return "moved"
        moved.wait()
        return send_in(db.session.get_one(Application, key), by=db.session.get_one(Person, owner_id))

    moved_answer, submission = in_threads(live, 2, work)
    assert moved_answer == "moved"
    assert isinstance(submission, Refused)
    assert submission.obstacles[0].code == "call_closed"
    db.session.rollback()
    assert db.session.get_one(Application, key, populate_existing=True).state == ApplicationState.DRAFT


def test_what_is_written_while_sending_in_is_either_in_the_receipt_or_refused(live: Flask) -> None:
    now = datetime.now(UTC)
    with transaction():
        call = make.call(opens_at=now - timedelta(days=1), closes_at=now + timedelta(days=1))
        application, owner = ready_application_now(call)
        key, owner_id = application.id, owner.id

    def read_until_it_stands(mine: Application, person: Person) -> Receipt | None:
        for _attempt in range(2):  # refused once at most: from then on the others wait
            with suppress(Refused):
                return send_in(mine, by=person)
        return None

    def work(n: int) -> Any:
        mine, person = db.session.get_one(Application, key), db.session.get_one(Person, owner_id)
        if n == 0:
            return read_until_it_stands(mine, person)
        return actions.save_section(mine, "S1", {"title": f"Title {n}"}, by=person, version=None)

    in_threads(live, 6, work)
    db.session.rollback()
    sent = db.session.get_one(Application, key, populate_existing=True)
    receipt = queries.receipt_with_content(sent)
    assert receipt is not None
    assert receipt.content["answers"] == actions.answers_in(sent)
    assert sent.title == receipt.content["answers"]["title"]
