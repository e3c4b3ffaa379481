"""Refunds as the bank shows them, each once; returns in every shape; and lines that were taken for something else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from flask import Flask
from sqlalchemy import select

from grants.banking import actions, queries
from grants.banking.models import StatementEntry
from grants.core.db import db
from grants.payments import actions as payments
from grants.payments import queries as payment_queries
from grants.payments.models import Refund
from tests.banking.files import line
from tests.banking.test_orders import codes, grant, released
from tests.banking.test_statements import applied, brought, meaning, name, payment
from tests.http import Browser
from tests.payments import rows
from tests.payments.rows import IBAN, Scene
from tests.payments.test_pages import visitor
from tests.payments.test_put_right import pots, whole


def received() -> Scene:
    made = grant(IBAN)
    released(made)
    applied(brought(made, line("8000.00", name(made)), reference="SENT"), made, "")
    paid = payment(made)
    payments.confirm(paid, received_on=date(2027, 5, 10), received=paid.amount, rate=Decimal(1), by=made.owner)
    return made


def back(made: Scene, amount: str, reference: str, **more: str) -> str:
    return line(amount, credit=True, text=f"Refund {made.award.reference} thanks", reference=reference, **more)


def entry(statement: object) -> StatementEntry:
    (only,) = queries.entries_of(statement)  # type: ignore[arg-type]
    return only


def test_money_that_names_a_grant_is_a_refund_with_its_line_as_the_proof(app: Flask) -> None:
    made = received()
    statement = brought(made, back(made, "12.34", "B1"), back(made, "9000.00", "B2"), reference="ST-2")
    assert meaning(statement) == ["refunded", "left refund_amount"]
    assert applied(statement, made) == ["refunded", "left refund_amount"]
    recorded = db.session.scalars(select(Refund)).one()
    assert (recorded.amount_minor, recorded.bank_reference, pots(made)["refunded"]) == (1234, "B1", 1234)
    whole(made)


def test_a_refund_of_a_statement_and_one_that_was_typed_are_one(app: Flask) -> None:
    made = received()
    rows.refund(made, 1234, bank_reference="Typed")
    statement = brought(made, back(made, "12.34", "B1"), back(made, "12.34", "B2"), reference="ST-2")
    assert applied(statement, made) == ["known", "refunded"]
    assert pots(made)["refunded"] == 2468
    assert codes(lambda: rows.refund(made, 55, bank_reference="b2")) == ["refund_known"]
    assert codes(lambda: rows.refund(made, 1234, bank_reference="B3")) == ["refund_alike"]
    whole(made)


def test_what_returns_after_the_receipt_and_less_what_banks_kept_is_returned(app: Flask) -> None:
    made = received()
    returned = line("7990.00", name(made), credit=True, returned="AC04", fee="10.00", reference="R1")
    assert applied(brought(made, returned, reference="ST-2"), made, "") == ["returned AC04"]
    assert (payment(made).state, pots(made)["committed"], pots(made)["fees"]) == ("returned", 1_000_000, 1_000)
    again = line("7990.00", name(made), credit=True, returned="AC04", reference="R2")
    assert meaning(brought(made, again, reference="ST-3")) == ["known"]
    whole(made)


def test_a_return_in_part_or_of_what_is_a_refund_already_waits_for_a_person(app: Flask) -> None:
    made = received()
    part = line("3000.00", name(made), credit=True, returned="AC04", reference="R1")
    assert applied(brought(made, part, reference="ST-2"), made) == ["left came_in_part"]
    recorded = rows.refund(made, 800_000)
    all_of_it = line("8000.00", name(made), credit=True, returned="AC04", reference="R2")
    statement = brought(made, all_of_it, reference="ST-3")
    assert applied(statement, made) == ["left refunded_already"]
    payments.take_back_refund(made.award, recorded, "It was the return", by=made.officers[0])
    assert applied(statement, made) == ["returned AC04"]
    whole(made)


def test_a_line_that_was_taken_for_something_else_is_taken_back(app: Flask) -> None:
    made = grant(IBAN)
    released(made)
    officer = made.officers[0]
    sent = brought(made, line("8000.00", name(made), fee="2.50"), reference="S1")
    applied(sent, made, "")
    assert codes(lambda: actions.take_line_back(sent, entry(sent).id, " ", by=officer)) == ["reason_missing"]
    assert codes(lambda: actions.take_line_back(sent, 0, "Why", by=officer)) == ["no_line"]
    actions.take_line_back(sent, entry(sent).id, "Another payment", by=officer)
    assert (payment(made).state, pots(made)["payable"], pots(made)["fees"]) == ("approved", 800_000, 0)
    assert codes(lambda: actions.take_line_back(sent, entry(sent).id, "Twice", by=officer)) == ["nothing_moved"]
    whole(made)
    again = brought(made, line("8000.00", name(made), reference="2"), reference="S2")
    assert applied(again, made, "") == ["paid"]
    returned = brought(made, line("8000.00", name(made), credit=True, returned="AC04", reference="3"), reference="S3")
    applied(returned, made, "")
    actions.take_line_back(returned, entry(returned).id, "Another payment", by=officer)
    assert (payment(made).state, pots(made)["paid"]) == ("paid", 800_000)
    fee = brought(made, line("1.20", name(made), reference="4", code="CHRG"), reference="S4")
    applied(fee, made, "")
    actions.take_line_back(fee, entry(fee).id, "Another payment", by=officer)
    assert pots(made)["fees"] == 0
    given = brought(made, back(made, "5.00", "5"), reference="S5")
    applied(given, made, "")
    actions.take_line_back(given, entry(given).id, "Another grant", by=officer)
    assert (pots(made)["paid"], pots(made)["refunded"]) == (800_000, 0)
    assert [entry(one).verdict for one in (sent, returned, fee, given)] == ["taken_back"] * 4
    whole(made)
    assert payment_queries.grants_told_otherwise() == []


def test_a_line_is_taken_back_on_the_screens(browser: Browser) -> None:
    made = grant(IBAN)
    released(made)
    statement = brought(made, line("8000.00", name(made)), reference="S1")
    applied(statement, made, "")
    officer, here = visitor(browser, made.officers[0]), f"/payments/statements/{statement.id}"
    place = f"{here}/lines/{entry(statement).id}/take-back"
    officer.get(here)
    assert place in officer.text
    officer.post(place, {"reason": ""}, page=place, status=422)
    assert "€8,000" in officer.text
    assert name(made) in officer.text
    officer.post(place, {"reason": "Another"}, page=place, status=302)
    officer.follow()
    assert "Taken back" in officer.text
    assert place not in officer.text
    visitor(browser, made.auditor).get(place, 403)
    db.session.expire_all()
    assert payment(made).state == "approved"
