"""The receipt travels by mail: made when the mail leaves, in the language of its reader, and never instead of the mail."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from grants.accounts.models import Membership, Organization
from grants.applications import actions, queries
from grants.applications.models import Application, Receipt
from grants.core import clock, pdf
from grants.core.db import db, transaction
from grants.core.mail import MOST_ENCLOSED, PATIENCE, Delivery, OutboxMail, deliver_due
from tests import factories as make
from tests.applications.documents import real_pdf, words_in
from tests.applications.sample import send_in
from tests.applications.test_submission import IN_TIME
from tests.mailserver import Mailbox, smtp_server


@pytest.fixture
def mailbox(live: Flask) -> Iterator[Mailbox]:
    with smtp_server() as (opened, address):
        live.config["MAIL_URL"] = address
        yield opened


def sent_in(**asked: str) -> Receipt:
    """An application that was just sent in; ``asked`` is the confidentiality of its organization."""
    with transaction(), clock.at(IN_TIME):
        owner = make.person(name="Awa Diop")
        organization: Organization = make.organization(owner, make.person(language="fr"), **asked)
        application = actions.start(make.call(), organization, language="en", by=owner)
        actions.save_section(application, "S1", {"title": "Safe passage"}, by=owner, version=0)
        actions.attach(application, application.call.documents[0], "statutes.pdf", real_pdf(), by=owner)
        return send_in(application, by=owner)


def enclosed(mail: Message) -> dict[str, str]:
    """The words of what a mail encloses, by the names of the files."""
    parts = [part for part in mail.walk() if part.get_content_disposition() == "attachment"]
    assert {part.get_content_type() for part in parts} <= {"application/pdf"}
    return {str(part.get_filename()): words_in(part.get_payload(decode=True)) for part in parts}  # type: ignore[arg-type]


def text_of(mail: Message) -> str:
    """The plain text of a mail; its twin says the same."""
    told = {
        part.get_content_type(): part.get_payload(decode=True).decode()  # type: ignore[union-attr]
        for part in mail.walk()
        if part.get_content_maintype() == "text"
    }
    for line in told["text/plain"].split():
        assert line in told["text/html"].replace("&#39;", "'")
    return told["text/plain"]


def test_each_member_gets_the_receipt_and_the_copy_in_their_language(mailbox: Mailbox) -> None:
    receipt = sent_in()
    number, reference = receipt.number, receipt.application.reference
    assert deliver_due() == 2
    english, french = sorted(mailbox.mails, key=lambda mail: str(mail["Content-Language"]))
    assert (english["Content-Language"], french["Content-Language"]) == ("en", "fr")
    papers = enclosed(english)
    assert list(papers) == [f"{number}.pdf", f"{reference}.pdf"]
    proof, copy = papers.values()
    for word in (number, receipt.content_hash, "13:00:00(Brussels)", "AwaDiop", "statutes.pdf", "Receiptofyourapp"):
        assert word in proof, word
    assert "Safepassage" in copy
    assert f"Enclosed: {number}.pdf, {reference}.pdf" in text_of(english)
    in_french = list(enclosed(french).values())
    assert "Receiptofyourapp" not in in_french[0]
    assert receipt.content_hash in in_french[0]
    assert "Safepassage" in in_french[1]


def test_where_confidentiality_was_asked_for_nothing_is_enclosed_and_the_mail_says_so(mailbox: Mailbox) -> None:
    sent_in(confidentiality_default="name_withheld")
    assert deliver_due() == 2
    for mail in mailbox.mails:
        assert not enclosed(mail)
        assert "/receipt" in text_of(mail)
    told = next(text_of(mail) for mail in mailbox.mails if mail["Content-Language"] == "en")
    assert "because your organization asked for confidentiality" in told
    assert "Enclosed" not in told


def test_a_reader_who_left_and_an_application_that_became_confidential_get_the_words_alone(mailbox: Mailbox) -> None:
    receipt = sent_in()
    with transaction():
        leaving = receipt.submitted_by
        left = update(Membership).where(Membership.person_id == leaving.id)
        db.session.execute(left.values(ended_at=IN_TIME))
    assert deliver_due() == 2
    with_papers = {mail["To"]: len(enclosed(mail)) for mail in mailbox.mails}
    assert with_papers.pop(leaving.email) == 0
    assert list(with_papers.values()) == [2]
    with transaction():
        db.session.execute(update(Application).values(confidentiality="fully_confidential"))
        db.session.execute(update(OutboxMail).values(state=Delivery.DUE))
    assert deliver_due() == 2
    assert not any(enclosed(mail) for mail in mailbox.mails[2:])


def broken(*_: object, **__: object) -> bytes:
    """A fault of the database, after which its transaction takes nothing more."""
    return bytes(db.session.execute(text("SELECT 1 / 0")).one())


def huge(*_: object, **__: object) -> bytes:
    return b"%PDF" + b" " * MOST_ENCLOSED


@pytest.mark.parametrize("render", [broken, huge])
def test_what_cannot_be_made_or_carried_stays_behind_and_the_mail_goes(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, render: object
) -> None:
    sent_in()
    monkeypatch.setattr(pdf, "render", render)
    assert deliver_due() == 2
    assert not any(enclosed(mail) for mail in mailbox.mails)
    assert not any("Enclosed" in text_of(mail) for mail in mailbox.mails)
    assert set(db.session.scalars(select(OutboxMail.state))) == {Delivery.SENT}


def test_the_last_attempt_goes_without_what_may_have_ended_the_worker(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent_in()
    with transaction():
        db.session.execute(update(OutboxMail).values(attempts=len(PATIENCE) - 2))

    def end(*_: object, **__: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(pdf, "render", end)
    with pytest.raises(KeyboardInterrupt):
        deliver_due(limit=1)
    assert (deliver_due(limit=1), len(mailbox.mails)) == (1, 1)
    assert not enclosed(mailbox.mails[0])


def test_a_second_copy_is_known_by_its_id_and_encloses_what_that_receipt_was_given_for(mailbox: Mailbox) -> None:
    first = sent_in()
    deliver_due()
    ids = set(mailbox.copies)
    with transaction(), clock.at(IN_TIME):
        application, owner = first.application, first.submitted_by
        actions.withdraw(application, "We forgot a partner", by=owner)
        actions.resume(application, by=owner)
        (paper,) = queries.attachments_of(application)
        actions.detach(paper, by=owner)
        actions.attach(application, application.call.documents[0], "renewed.pdf", real_pdf("New"), by=owner)
        actions.save_section(application, "S1", {"title": "Safe passage together"}, by=owner, version=None)
        second = send_in(application, by=owner)
        db.session.execute(update(OutboxMail).values(state=Delivery.DUE))
    mailbox.mails.clear()
    deliver_due()
    assert ids <= set(mailbox.copies)
    papers: dict[str, list[list[str]]] = {}
    for mail in mailbox.mails:
        for name, words in enclosed(mail).items():
            papers.setdefault(name, []).append([w for w in FIRST + SECOND if w in words])
    assert papers == {
        f"{first.number}.pdf": [[FIRST[0]]] * 2,
        f"{second.number}.pdf": [[SECOND[0]]] * 2,
        f"{application.reference}.pdf": [[FIRST[1]], [FIRST[1]], [FIRST[1], SECOND[1]], [FIRST[1], SECOND[1]]],
    }


FIRST, SECOND = ["statutes.pdf", "Safepassage"], ["renewed.pdf", "Safepassagetogether"]
