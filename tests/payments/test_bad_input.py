"""What people may type or try by mistake or on purpose: each is refused in words, and nothing is half done."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, select

from grants.awards.workflow import AwardState
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.history.models import HistoryEntry
from grants.payments.models import Cofinancing, Disbursement, Refund, RefundRequest, Transfer
from tests.banking.files import camt, line
from tests.http import Browser
from tests.payments import rows
from tests.payments.rows import OTHER_IBAN, PDF
from tests.payments.test_pages import visitor
from tests.payments.test_paying import second_tranche

KEPT = (Transfer, Disbursement, Refund, RefundRequest, Cofinancing, HistoryEntry, OutboxMail)


def everything() -> list[Any]:
    db.session.expire_all()
    counted = [db.session.scalar(select(func.count()).select_from(table)) for table in KEPT]
    return [*counted, *db.session.scalars(select(Disbursement.state).order_by(Disbursement.id))]


@contextmanager
def nothing_is_done() -> Iterator[None]:
    db.session.commit()
    before = everything()
    yield
    assert everything() == before


def test_a_tranche_above_the_award(browser: Browser) -> None:
    made = rows.scene()
    rows.paid(made)
    second_tranche(made, amount_minor=200_001)
    rows.spend(made, 800_000, made.last.report_due)
    officer, place = visitor(browser, made.officers[0]), f"/grants/{made.award.reference}"
    with nothing_is_done():
        officer.post(f"{place}/tranches/2/prepare", page=f"{place}/payments", status=409)
    assert "bring the total above the award" in officer.text


def test_a_payment_to_a_changed_account(browser: Browser) -> None:
    made = rows.scene()
    rows.approved(made)
    rows.bank_account(made, OTHER_IBAN)
    officer, payment = visitor(browser, made.officers[0]), f"/payments/{made.award.reference}-P1"
    sent = {"paid_on": "2027-05-10", "bank_reference": "S", "proof": (io.BytesIO(PDF), "p.pdf")}
    with nothing_is_done():
        officer.post(f"{payment}/pay", sent, page=payment, status=422, content_type="multipart/form-data")
    assert "The bank account was changed or blocked after this payment was prepared" in officer.text


def test_approving_ones_own(browser: Browser) -> None:
    made = rows.scene()
    rows.prepared(made)
    officer, payment = visitor(browser, made.officers[0]), f"/payments/{made.award.reference}-P1"
    with nothing_is_done():
        officer.post(f"{payment}/approve", page=payment, status=409)
    assert "Another finance officer approves it" in officer.text


def test_three_decimals_and_another_currency(browser: Browser) -> None:
    made = rows.scene()
    rows.paid(made)
    officer, owner = visitor(browser, made.officers[0]), visitor(browser, made.owner)
    grant, payment = f"/grants/{made.award.reference}", f"/payments/{made.award.reference}-P1"
    typed = {"amount": "1.005", "received_on": "2027-05-10", "bank_reference": "B", "proof": (io.BytesIO(PDF), "p.pdf")}
    with nothing_is_done():
        officer.post(f"{grant}/refund", typed, page=f"{grant}/refund", status=422, content_type="multipart/form-data")
        assert "EUR has 2 decimals" in officer.text
        asked = {"amount": "1.005", "due_on": "2027-06-10", "reason": "Unspent"}
        officer.post(f"{grant}/refund-request", asked, page=f"{grant}/refund-request", status=422)
        assert "EUR has 2 decimals" in officer.text
        told = {"source": "Other fund", "promised": "10.001"}
        owner.post(f"{grant}/cofinancing", told, page=f"{grant}/cofinancing", status=422)
        assert "EUR has 2 decimals" in owner.text
        received = {"received_on": "2027-05-10", "received": "8000", "currency": "QQQ", "rate": ""}
        owner.post(f"{payment}/confirm", received, page=payment, status=422)
        assert "three letters of a currency" in owner.text
        other = received | {"received": "5247656.5", "currency": "XOF"}
        owner.post(f"{payment}/confirm", other, page=payment, status=422)
        assert "XOF has 0 decimals" in owner.text


def test_a_rate_of_zero(browser: Browser) -> None:
    made = rows.scene()
    rows.paid(made)
    owner, payment = visitor(browser, made.owner), f"/payments/{made.award.reference}-P1"
    received = {"received_on": "2027-05-10", "received": "5247656", "currency": "XOF"}
    with nothing_is_done():
        for rate in ("0", "0.0", "-1", "1e999"):
            owner.post(f"{payment}/confirm", received | {"rate": rate}, page=payment, status=422)
            assert "above zero" in owner.text or "Please write an amount" in owner.text, rate
        owner.post(
            f"{payment}/confirm",
            received | {"received": "8000", "currency": "EUR", "rate": "2"},
            page=payment,
            status=422,
        )
        assert "In the same currency the exchange rate is 1" in owner.text


def test_less_than_was_sent_needs_a_reason_and_more_cannot_be(browser: Browser) -> None:
    made = rows.scene()
    rows.paid(made)
    owner, payment = visitor(browser, made.owner), f"/payments/{made.award.reference}-P1"
    received = {"received_on": "2027-05-10", "received": "7975", "currency": "EUR", "rate": ""}
    with nothing_is_done():
        owner.post(f"{payment}/confirm", received, page=payment, status=422)
        assert "Please say why" in owner.text
        owner.post(f"{payment}/confirm", received | {"received": "8000.01"}, page=payment, status=422)
        assert "More cannot have arrived" in owner.text
    typed = received | {"short_reason": "A bank on the way took 25."}
    owner.post(f"{payment}/confirm", typed, page=payment, status=302)
    owner.get(payment)
    assert "A bank on the way took 25." in owner.text
    stored = db.session.scalars(select(Disbursement)).one()
    assert (stored.received_minor, str(stored.received_rate)) == (797_500, "1.000000")


def test_money_is_asked_back_counted_and_met(browser: Browser) -> None:
    made = rows.scene()
    grant = f"/grants/{made.award.reference}"
    officer = visitor(browser, made.officers[0])
    asked = {"amount": "500", "due_on": "2027-06-10", "reason": "The workshop did not take place."}
    with nothing_is_done():
        officer.post(f"{grant}/refund-request", asked, page=f"{grant}/refund-request", status=422)
        assert "holds no money" in officer.text
    rows.confirmed(made)
    with nothing_is_done():
        for wrong in ({"amount": "8000.01"}, {"amount": "0"}, {"due_on": "2027-05-09"}, {"reason": " "}):
            officer.post(f"{grant}/refund-request", asked | wrong, page=f"{grant}/refund-request", status=422)
    officer.post(f"{grant}/refund-request", asked, page=f"{grant}/refund-request", status=302)
    owner = visitor(browser, made.owner)
    owner.get(f"{grant}/payments")
    assert "The workshop did not take place." in owner.text
    assert db.session.scalars(select(OutboxMail.to_person_id).where(OutboxMail.kind == "refund_asked")).all() == [
        made.owner.id
    ]
    with nothing_is_done():
        officer.post(f"{grant}/refund-request", asked, page=f"{grant}/refund-request", status=422)
        officer.post(f"{grant}/refund-request/withdraw", {"reason": " "}, page=f"{grant}/refund-request", status=422)
    rows.refund(made, 20_000)
    request = db.session.scalars(select(RefundRequest)).one()
    assert (request.state, request.missing.minor) == ("asked", 30_000)
    rows.refund(made, 30_000)
    assert request.state == "met"


def test_a_request_is_withdrawn_with_a_reason_and_the_grantee_is_told(browser: Browser) -> None:
    made = rows.scene()
    rows.confirmed(made)
    grant, officer = f"/grants/{made.award.reference}", visitor(browser, made.officers[0])
    asked = {"amount": "500", "due_on": "2027-06-10", "reason": "Unspent."}
    officer.post(f"{grant}/refund-request", asked, page=f"{grant}/refund-request", status=302)
    officer.post(
        f"{grant}/refund-request/withdraw", {"reason": "Spent after all."}, page=f"{grant}/refund-request", status=302
    )
    assert db.session.scalars(select(RefundRequest.state)).all() == ["withdrawn"]
    assert db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "refund_not_asked")).one()


def test_other_sources_are_told_with_evidence_and_shown_but_never_in_the_ledger(browser: Browser) -> None:
    made = rows.scene()
    grant, owner = f"/grants/{made.award.reference}", visitor(browser, made.owner)
    page = {"page": f"{grant}/cofinancing"}
    told = {"source": "City of Dakar", "promised": "2000", "received": "500"}
    with nothing_is_done():
        owner.post(f"{grant}/cofinancing", told, status=422, **page)
        assert "Please add the evidence" in owner.text
        owner.post(f"{grant}/cofinancing", told | {"promised": "0", "received": "0"}, status=422, **page)
        owner.post(f"{grant}/cofinancing", told | {"source": " "}, status=422, **page)
    moves = db.session.scalar(select(func.count()).select_from(Transfer))
    with_file = told | {"proof": (io.BytesIO(PDF), "letter.pdf")}
    owner.post(f"{grant}/cofinancing", with_file, status=302, content_type="multipart/form-data", **page)
    owner.post(f"{grant}/cofinancing", told | {"received": "700"}, status=302, **page)
    row = db.session.scalars(select(Cofinancing)).one()
    assert (row.promised_minor, row.received_minor) == (200_000, 70_000)
    assert db.session.scalar(select(func.count()).select_from(Transfer)) == moves
    officer = visitor(browser, made.officers[0])
    officer.get(f"{grant}/payments")
    assert "City of Dakar" in officer.text
    assert officer.get(f"{grant}/cofinancing/{row.id}/evidence").data == PDF
    visitor(browser, made.coordinator).get(f"{grant}/cofinancing", 403)


def test_money_that_came_back_is_paid_again_as_a_new_payment_from_the_page_of_the_old(browser: Browser) -> None:
    made = rows.scene()
    rows.paid(made)
    officer, payment = visitor(browser, made.officers[0]), f"/payments/{made.award.reference}-P1"
    officer.post(f"{payment}/return", {"reason": "Account closed"}, page=payment, status=302)
    officer.get(payment)
    assert "Prepare a new payment" in officer.text
    officer.post(f"/grants/{made.award.reference}/tranches/1/prepare", page=payment, status=302)
    officer.get(payment)
    assert "Open the new payment" in officer.text
    assert f"{made.award.reference}-P2" in officer.text
    states = db.session.scalars(select(Disbursement.state).order_by(Disbursement.id)).all()
    assert states == ["returned", "prepared"]


def test_a_report_on_a_closed_grant(browser: Browser) -> None:
    made = rows.scene()
    made.award.state = AwardState.CLOSED
    owner, report = visitor(browser, made.owner), f"/reports/{made.final.id}"
    with nothing_is_done():
        owner.get("/change-password")
        owner.post(f"{report}/submit", status=409)
    assert "until the grant is closed" in owner.text


def test_a_statement_with_an_unknown_reference(browser: Browser) -> None:
    made = rows.scene()
    rows.approved(made)
    officer, place = visitor(browser, made.officers[0]), "/payments/statements"
    with nothing_is_paid():
        sent = {"file": (io.BytesIO(camt(line("8000.00", "NOBODY-P1"))), "statement.xml")}
        officer.post(place, sent, page=place, status=302, content_type="multipart/form-data")
        officer.follow()
        assert "No payment has this reference" in officer.text
        here = officer.last.request.path
        officer.post(f"{here}/apply", {"note": ""}, page=here, status=422)
        officer.post(f"{here}/apply", {"note": "Asked the bank"}, page=here, status=302)


@contextmanager
def nothing_is_paid() -> Iterator[None]:
    db.session.commit()
    before = everything()[:-1]
    history = before.pop(5)
    yield
    after = everything()[:-1]
    assert after.pop(5) > history
    assert after == before
