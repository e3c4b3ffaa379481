"""Mails that could not be delivered: administrators see to whom and why, and send them again or set them aside."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from config import ROOT
from grants.accounts.models import Role
from grants.core import clock
from grants.core.db import db
from grants.core.mail import Delivery, OutboxMail, deliver_due
from grants.core.rules import Refused
from grants.deliveries import actions, rules
from grants.history.models import HistoryEntry
from tests import factories
from tests.http import Browser
from tests.mailserver import smtp_server

REFUSED = "SMTPRecipientsRefused: {'lost@example.org': (550, b'no such person')}"


def failed(number: int = 1, **more: Any) -> OutboxMail:
    values = {
        "key": f"key {number}", "kind": "award_offered", "about": "CANARY-REFERENCE", "to_person_id": 0,
        "to_address": f"lost{number}@example.org", "language": "en", "subject": "CANARY subject",
        "body": "CANARY body", "state": Delivery.FAILED, "attempts": 7, "last_error": REFUSED,
    }  # fmt: skip
    return factories.save(OutboxMail(**(values | more)))


def visitor(app: Flask) -> Browser:
    return Browser(app).sign_in(factories.person(Role.ADMINISTRATOR))


def again(mail_id: int) -> OutboxMail:
    found = db.session.get(OutboxMail, mail_id, populate_existing=True)
    assert found is not None
    return found


def recorded() -> list[tuple[str, int, str]]:
    entries = db.session.scalars(select(HistoryEntry).order_by(HistoryEntry.id))
    return [(entry.subject_kind, entry.subject_id, entry.verb) for entry in entries]


def test_an_administrator_sees_to_whom_and_why_and_nothing_of_what_it_says(app: Flask) -> None:
    known = factories.person(name="Amina Fictional")
    next_at = clock.now()
    mail = failed(to_person_id=known.id, to_address=known.email, next_at=next_at)
    failed(2, state=Delivery.SENT)
    failed(3, state=Delivery.DUE)
    browser = visitor(app)
    browser.get("/mails")
    assert "Amina Fictional" in browser.text
    assert f'href="/people/{known.reference}"' in browser.text
    assert "The mail server does not know this address." in browser.text
    assert "no such person" in browser.text
    assert "1 mail" in browser.text
    assert "lost2" not in browser.text
    assert "lost3" not in browser.text
    for secret in ("CANARY", "award", "offered"):
        assert secret not in browser.page.content, secret
    assert rules.last_tried_at(next_at, mail.attempts) == next_at - timedelta(days=1)


def test_a_mail_is_sent_again_and_arrives(live: Flask) -> None:
    mail, admin = failed(), factories.person(Role.ADMINISTRATOR)
    db.session.commit()
    browser = Browser(live).sign_in(admin)
    with smtp_server() as (mailbox, address):
        live.config["MAIL_URL"] = address
        assert deliver_due() == 0
        browser.post(f"/mails/{mail.id}/try-again", page="/mails", status=302)
        assert deliver_due() == 1
        assert [sent["To"] for sent in mailbox.mails] == ["lost1@example.org"]
    assert (again(mail.id).state, again(mail.id).last_error) == (Delivery.SENT, None)
    assert recorded() == [("mail", mail.id, "try_again")]
    browser.get("/mails")
    assert "Every mail arrived" in browser.text
    browser.post(f"/mails/{mail.id}/try-again", page="/account", status=404)


def test_a_mail_that_is_sent_again_has_all_its_attempts_before_it(app: Flask) -> None:
    mail = failed()
    actions.try_again(mail, by=factories.person(Role.ADMINISTRATOR))
    db.session.flush()
    assert (again(mail.id).state, again(mail.id).attempts) == (Delivery.DUE, 0)


def test_after_a_wrong_password_everything_is_sent_again_but_links_that_are_over(app: Flask) -> None:
    browser = visitor(app)
    day = timedelta(days=1)
    mails = [failed(number) for number in range(1, 4)]
    over = failed(4, kind="account_reset", posted_at=clock.now() - day)
    good = failed(5, kind="account_opened", posted_at=clock.now() - day)
    aside = failed(6, state=Delivery.SET_ASIDE)
    ids = [mail.id for mail in (*mails, good)]
    number, other = over.id, aside.id
    browser.post("/mails/try-again", page="/mails", status=302)
    assert "4 mails are sent again." in browser.follow().get_data(as_text=True)
    assert {again(mail_id).state for mail_id in ids} == {Delivery.DUE}
    assert again(number).state == Delivery.FAILED
    assert again(other).state == Delivery.SET_ASIDE
    assert recorded() == [("mail", mail_id, "try_again") for mail_id in ids]
    assert "The link in it is no longer good." in browser.text
    browser.post(f"/mails/{number}/try-again", status=409)
    with pytest.raises(Refused) as refused:
        actions.try_again(again(number), by=factories.person(Role.ADMINISTRATOR))
    assert [obstacle.code for obstacle in refused.value.obstacles] == ["link_over"]


def test_a_mail_that_need_not_arrive_is_set_aside(app: Flask) -> None:
    browser, mail = visitor(app), failed()
    number = mail.id
    browser.post(f"/mails/{number}/set-aside", page="/mails", status=302)
    assert again(number).state == Delivery.SET_ASIDE
    assert recorded() == [("mail", number, "set_aside")]
    assert "Every mail arrived" in browser.follow().get_data(as_text=True)
    browser.post(f"/mails/{number}/set-aside", page="/account", status=404)


@pytest.mark.parametrize("role", [r for r in Role if r != Role.ADMINISTRATOR])
def test_nobody_but_administrators_looks_after_mails(app: Flask, role: Role) -> None:
    number = failed().id
    browser = Browser(app).sign_in(factories.person(role))
    browser.get("/mails", status=403)
    for address in ("/mails/try-again", f"/mails/{number}/try-again", f"/mails/{number}/set-aside"):
        browser.post(address, page="/account", status=403)
    assert again(number).state == Delivery.FAILED


def test_the_list_is_paged_and_costs_the_same_for_many(app: Flask, count_queries: Any) -> None:
    browser = visitor(app)
    failed(1)
    few = count_queries(lambda: browser.get("/mails"))
    for number in range(2, 62):
        failed(number)
    many = count_queries(lambda: browser.get("/mails"))
    assert few == many <= 3
    assert "61 mails" in browser.text
    browser.get("/mails?page=2")
    assert "lost1@example.org" in browser.text


def test_every_mail_has_a_sort_that_tells_nothing_of_what_it_says() -> None:
    kinds = {path.stem for path in (ROOT / "templates" / "mails").glob("*.txt")}
    without = {kind for kind in kinds if str(rules.sort_of(kind)) == "A message"}
    assert not without
    letters = {str(rules.sort_of(kind)) for kind in kinds if kind.startswith(("decision_", "award_", "agreement_"))}
    assert len(letters) == 1


def test_a_reason_that_nobody_knows_is_said_as_such() -> None:
    assert str(rules.cause_of(None)) == str(rules.cause_of("OddError: odd")) == "Something else went wrong."
    assert str(rules.cause_of("gaierror: [Errno -2] no name")) == "The mail server was not found."
    refused = "SMTPRecipientsRefused: {{'a@example.org': ({code}, b'no')}}"
    assert str(rules.cause_of(refused.format(code=552))) == "The mailbox is full."
    assert str(rules.cause_of(refused.format(code=550))) == "The mail server does not know this address."
