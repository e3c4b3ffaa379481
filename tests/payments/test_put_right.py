"""Returns in every shape, refunds that are recorded once, what was recorded by mistake, and an envelope that changes."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from grants.amendments import actions as amendments
from grants.awards.workflow import AwardState
from grants.core.db import db
from grants.core.money import Money
from grants.core.workflow import NoSuchMove
from grants.history.models import HistoryEntry
from grants.payments import actions, queries
from grants.payments.models import Disbursement, Refund, RefundRequest
from tests import factories as make
from tests.http import Browser
from tests.payments import rows
from tests.payments.histories import check, check_whole
from tests.payments.rows import Scene
from tests.payments.test_pages import visitor
from tests.payments.test_paying import mails, pay, pots, refused, sql


def whole(made: Scene) -> None:
    """The ledger balances, says what the tables say, and every constraint that waits for the end holds."""
    db.session.flush()
    db.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    db.session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    check(made)
    check_whole(made)
    assert queries.wrong_totals() == queries.grants_told_otherwise() == []


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


# ------------------------------------------------------------------ returns


def test_a_payment_returns_after_the_grantee_confirmed_it_and_is_made_anew(app: Flask) -> None:
    made = rows.scene()
    first = rows.confirmed(made)
    actions.return_(first, "Sent back a week later", by=made.officers[0])
    assert pots(made)["committed"] == 1_000_000
    again = rows.confirmed(made)
    assert (again.reference, pots(made)["paid"]) == (f"{made.award.reference}-P2", 800_000)
    whole(made)


def test_what_banks_keep_of_a_return_is_a_fee_of_the_fund(app: Flask) -> None:
    made = rows.scene()
    first = rows.paid(made)
    assert refused(lambda: actions.return_(first, "Closed", came=euros(0), by=made.officers[0])) == ["came_back"]
    assert refused(lambda: actions.return_(first, "Closed", came=euros(800_001), by=made.officers[0])) == ["came_back"]
    actions.return_(first, "Closed", came=euros(798_500), by=made.officers[0])
    assert (pots(made)["committed"], pots(made)["fees"]) == (1_000_000, 1_500)
    assert queries.fee_of(first) == euros(1_500)
    assert rows.prepared(made).amount == euros(800_000)
    whole(made)


def test_a_return_in_part_leaves_a_payment_of_the_rest_and_an_instalment_to_pay_again(app: Flask) -> None:
    made = rows.scene()
    first = rows.confirmed(made)
    actions.return_(first, "A part", came=euros(300_000), rest_stayed=True, by=made.officers[0])
    assert (pots(made)["committed"], pots(made)["paid"]) == (500_000, 500_000)
    kept = db.session.scalars(select(Disbursement).where(Disbursement.state == "paid")).one()
    assert (kept.amount_minor, kept.tranche.number, kept.bank_account_id) == (500_000, 3, first.bank_account_id)
    assert [t.amount_minor for t in queries.tranches_of(made.award)] == [300_000, 200_000, 500_000]
    assert queries.position(made.award).paid == euros(500_000)
    whole(made)
    again = rows.confirmed(made)
    assert again.amount == euros(300_000)
    rows.spend(made, 1_000_000)
    assert rows.paid(made, made.last).amount == euros(200_000)
    assert pots(made)["paid"] == 1_000_000
    whole(made)


def test_the_rest_that_stayed_of_a_payment_in_an_order_can_be_taken_back_and_go_another_way(app: Flask) -> None:
    made = rows.scene()
    payment, (officer, other) = rows.approved(made), made.officers[:2]
    actions.release(payment, "PO-20270510-ABCDEF", by=officer)
    pay(made, payment)
    actions.return_(payment, "A part", came=euros(300_000), rest_stayed=True, by=officer)
    kept = db.session.scalars(select(Disbursement).where(Disbursement.state == "paid")).one()
    assert (kept.order_reference, kept.released_at) == ("", None), "the order holds the payment that it is a part of"
    actions.take_back(kept, "Nothing stayed", by=other)
    whole(made)
    actions.cancel(kept, "Nothing stayed", by=other)
    assert pots(made)["committed"] == 1_000_000
    whole(made)


@pytest.mark.parametrize("state", [AwardState.CLOSED, AwardState.TERMINATED])
def test_what_returns_after_the_end_of_a_grant_goes_back_to_the_envelope(app: Flask, state: AwardState) -> None:
    made = rows.scene()
    first = rows.confirmed(made)
    actions.release_rest(made.award, by=made.coordinator)
    made.award.state = state
    db.session.flush()
    actions.return_(first, "The account was closed", by=made.officers[0])
    kept = 0 if state == AwardState.CLOSED else 800_000
    assert (pots(made)["committed"], pots(made)["envelope"]) == (kept, 12_000_000 - kept)
    actions.release_rest(made.award, by=made.coordinator)
    assert (pots(made)["committed"], pots(made)["envelope"]) == (0, 12_000_000)
    assert queries.wrong_totals() == []
    check_whole(made)


def test_what_returns_answers_what_was_asked_back_and_is_no_refund_too(app: Flask) -> None:
    made = rows.scene()
    first = rows.confirmed(made)
    asked = actions.ask_for_refund(
        made.award, amount=euros(100), due_on=date(2027, 6, 1), reason="Unspent", by=made.coordinator
    )
    recorded = rows.refund(made, 100)
    assert asked.state == "met"
    assert refused(lambda: actions.return_(first, "Back", by=made.officers[0])) == ["refunded_already"]
    actions.take_back_refund(made.award, recorded, "It was the return", by=made.officers[1])
    assert (asked.state, asked.received_minor) == ("asked", 0)
    actions.return_(first, "Back", by=made.officers[0])
    assert asked.state == "met"
    whole(made)


# ------------------------------------------------------------------ refunds, once


def test_a_refund_is_recorded_once(app: Flask) -> None:
    made = rows.scene()
    rows.confirmed(made)
    first = rows.refund(made, 100, bank_reference="R-77")
    assert refused(lambda: rows.refund(made, 200, bank_reference=" r-77 ")) == ["refund_known"]
    assert refused(lambda: rows.refund(made, 100, bank_reference="R-78")) == ["refund_alike"]
    rows.refund(made, 100, bank_reference="R-78", another=True)
    copied = (
        "INSERT INTO refund (reference, award_id, amount_minor, currency, received_on, bank_reference, proof_id,"
        " recorded_by_id) SELECT 'X', award_id, 5, currency, received_on, upper(bank_reference), proof_id, recorded_by_id"
        f" FROM refund WHERE id = {first.id}"
    )
    assert "recorded already" in sql(copied)
    whole(made)


def test_a_refund_is_taken_back_whole_and_once_and_can_be_recorded_anew(app: Flask) -> None:
    made = rows.scene()
    rows.confirmed(made)
    first = rows.refund(made, 300, bank_reference="R-77")
    assert refused(lambda: actions.take_back_refund(made.award, first, " ", by=made.officers[1])) == ["reason_missing"]
    correction = actions.take_back_refund(made.award, first, "Another grant", by=made.officers[1])
    assert (correction.amount_minor, pots(made)["paid"], pots(made)["refunded"]) == (-300, 800_000, 0)
    assert queries.position(made.award).refunded == euros(0)
    assert mails("refund_taken_back") == {made.owner.id}
    for one in (first, correction):
        again = refused(lambda one=one: actions.take_back_refund(made.award, one, "Twice", by=made.officers[1]))
        assert again == ["taken_back"]
    rows.refund(made, 300, bank_reference="R-77")
    assert pots(made)["refunded"] == 300
    part = (
        "INSERT INTO refund (reference, award_id, amount_minor, currency, received_on, bank_reference, proof_id,"
        " recorded_by_id, corrects_id) SELECT 'X', award_id, -5, currency, received_on, '', proof_id, recorded_by_id, id"
        " FROM refund ORDER BY id DESC LIMIT 1"
    )
    assert "taken back whole" in sql(part)
    assert "amount_positive" in sql(part.replace("-5", "5").replace(", id FROM", ", NULL FROM").replace("5,", "-5,"))
    whole(made)


# ------------------------------------------------------------------ payments that were recorded by mistake


def test_a_payment_that_was_not_sent_after_all_is_to_be_sent_again(app: Flask) -> None:
    made = rows.scene()
    payment = actions.take_on(rows.approved(made), by=made.officers[0])
    for _ in range(2):
        pay(made, payment, fee=euros(250))
        assert (pots(made)["paid"], pots(made)["fees"]) == (800_000, 250)
        assert refused(lambda: actions.take_back(payment, " ", by=made.officers[1])) == ["reason_missing"]
        actions.take_back(payment, "It was another line", by=made.officers[1])
        assert (pots(made)["paid"], pots(made)["payable"], pots(made)["fees"]) == (0, 800_000, 0)
        assert (payment.state, payment.paid_on, queries.fee_of(payment)) == ("approved", None, None)
        assert mails("disbursement_taken_back") == {made.owner.id}
        whole(made)
    pay(made, payment)
    actions.confirm(payment, received_on=date(2027, 5, 10), received=payment.amount, rate=Decimal(1), by=made.owner)
    with pytest.raises(NoSuchMove):
        actions.take_back(payment, "Too late", by=made.officers[1])
    whole(made)


def test_a_return_that_was_none_is_taken_back_unless_it_is_paid_again(app: Flask) -> None:
    made = rows.scene()
    payment = rows.paid(made)
    actions.return_(payment, "Came back", came=euros(799_000), by=made.officers[0])
    again = rows.prepared(made)
    back: Callable[[], Any] = lambda: actions.take_back_return(payment, "Another line", by=made.officers[1])  # noqa: E731
    assert refused(back) == ["paid_again"]
    actions.cancel(again, "It did not come back", by=made.officers[0])
    back()
    assert (payment.state, pots(made)["paid"], pots(made)["fees"]) == ("paid", 800_000, 0)
    whole(made)
    actions.return_(payment, "Now it did", by=made.officers[0])
    assert pots(made)["committed"] == 1_000_000
    whole(made)


def returned_and_ended() -> tuple[Scene, Disbursement]:
    """A payment that came back, of an agreement that was ended then."""
    made = rows.scene()
    payment = rows.paid(made)
    actions.return_(payment, "Came back", by=made.officers[0])
    amendments.terminate(made.award, "The partner left.", by=made.coordinator)
    return made, payment


def test_a_return_that_was_none_is_taken_back_after_the_agreement_was_ended(app: Flask) -> None:
    made, payment = returned_and_ended()
    assert [one.number for one in queries.cancelled_of(made.award)] == [1]
    assert made.last.amount_minor == 1_000_000
    whole(made)
    actions.take_back_return(payment, "Another line", by=made.officers[1])
    assert (payment.state, pots(made)["paid"], queries.cancelled_of(made.award)) == ("paid", 800_000, [])
    assert [one.amount_minor for one in queries.tranches_of(made.award)] == [800_000, 200_000]
    told = select(HistoryEntry.details).where(
        HistoryEntry.verb == "let_stand", HistoryEntry.subject_id == made.award.id
    )
    assert db.session.scalars(told).all() == [{"tranche": 1}]
    whole(made)


def test_a_return_is_not_taken_back_when_another_instalment_has_paid_its_money(app: Flask) -> None:
    made, payment = returned_and_ended()
    rows.spend(made, 100_000)
    last = rows.prepared(made, made.last)
    back: Callable[[], Any] = lambda: actions.take_back_return(payment, "Another line", by=made.officers[1])  # noqa: E731
    assert refused(back) == ["not_committed"]
    assert "cancelled_without_payment" in sql(f"UPDATE disbursement SET state = 'paid' WHERE id = {payment.id}")
    actions.cancel(last, "It did not come back", by=made.officers[0])
    back()
    assert [one.amount_minor for one in queries.tranches_of(made.award)] == [800_000, 200_000]
    whole(made)


def test_where_nothing_more_is_reported_what_was_cancelled_stands_again_by_itself(app: Flask) -> None:
    made = rows.scene()
    payment = rows.paid(made)
    actions.return_(payment, "Came back", by=made.officers[0])
    actions.settle(made.award, None, by=made.coordinator)
    assert queries.tranches_of(made.award) == []
    actions.take_back_return(payment, "Another line", by=made.officers[1])
    assert [one.number for one in queries.cancelled_of(made.award)] == [2]
    assert (payment.state, made.first.amount_minor, made.last.amount_minor) == ("paid", 800_000, 200_000)


# ------------------------------------------------------------------ an envelope that changes


def test_an_envelope_that_is_raised_or_lowered_reaches_the_ledger_by_its_own_transfers(app: Flask) -> None:
    call = make.call(envelope_minor=1_500_000)
    one = rows.scene(call=call)
    late = rows.scene(call=call, signed=False)
    signing = lambda: actions.sign_agreement(late.award, signature="Awa Diop", by=late.owner)  # noqa: E731
    assert refused(signing) == ["envelope_used_up"]
    assert "never_overdrawn" in sql(f"UPDATE call SET envelope_minor = 999999 WHERE id = {call.id}")
    call.envelope_minor = 1_999_999
    db.session.flush()
    assert refused(signing) == ["envelope_used_up"]
    call.envelope_minor = 2_500_000
    db.session.flush()
    assert pots(one)["envelope"] == 1_500_000
    signing()
    call.envelope_minor = 2_000_000
    db.session.flush()
    assert (pots(one)["envelope"], pots(one)["donor"]) == (0, -2_000_000)
    assert "never_overdrawn" in sql(f"UPDATE call SET envelope_minor = 1999999 WHERE id = {call.id}")
    whole(one)


# ------------------------------------------------------------------ what the database refuses, whoever writes


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE tranche SET amount_minor = amount_minor + 1 WHERE number = 2", "above the award"),
        ("UPDATE tranche SET currency = 'USD' WHERE number = 2", "above the award"),
        ("UPDATE tranche SET amount_minor = amount_minor - 1 WHERE number = 1", "above its instalment"),
        (
            (
                "INSERT INTO tranche (award_id, number, amount_minor, currency, trigger, due_on, hold_after_days)"
                " SELECT award_id, 9, 1, currency, trigger, due_on, 30 FROM tranche WHERE number = 1"
            ),
            "above the award",
        ),
        (
            (
                "INSERT INTO disbursement (reference, tranche_id, bank_account_id, amount_minor, currency, state,"
                " prepared_by_id, bank_reference, short_reason, order_reference) SELECT 'X', t.id, d.bank_account_id,"
                " t.amount_minor + 1, d.currency, 'prepared', d.prepared_by_id, '', '', '' FROM disbursement d, tranche t"
                " WHERE t.number = 2"
            ),
            "above its instalment",
        ),
    ],
)
def test_the_database_refuses_plans_above_the_award_and_payments_above_their_instalment(
    app: Flask, statement: str, said: str
) -> None:
    rows.paid(rows.scene())
    db.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    assert said in sql(statement)


# ------------------------------------------------------------------ on the screens


def test_what_was_recorded_by_mistake_is_taken_back_on_the_screens(browser: Browser) -> None:
    made = rows.scene()
    payment = rows.paid(made)
    officer, page = visitor(browser, made.officers[0]), f"/payments/{payment.reference}"
    grant, owner_of = f"/grants/{made.award.reference}", made.owner
    reference = made.award.reference
    part = {"reason": "A part", "came": "3000", "rest_stayed": "y"}
    officer.get(page)
    officer.post(f"{page}/take-back", {"reason": ""}, page=f"{page}/take-back", status=422)
    for said in (payment.amount.shown("en"), payment.bank_reference, f"•••• {payment.bank_account.last_four}"):
        assert said in officer.text
    officer.post(f"{page}/take-back", {"reason": "Another"}, page=f"{page}/take-back", status=302)
    officer.get(page)
    assert "the payment was not sent" in officer.text
    officer.get(f"{page}/take-back", 409)
    sent = {"paid_on": "2027-05-10", "bank_reference": "S", "proof": (io.BytesIO(rows.PDF), "p.pdf")}
    officer.post(f"{page}/pay", sent, page=page, status=302, content_type="multipart/form-data")
    officer.post(f"{page}/return", part | {"came": "9000"}, page=page, status=422)
    assert "at most what was sent" in officer.text
    officer.post(f"{page}/return", part, page=page, status=302)
    officer.get(f"{grant}/payments")
    assert "Tranche 3" in officer.text
    told = {"amount": "1", "received_on": "2027-05-10", "bank_reference": "B", "proof": (io.BytesIO(rows.PDF), "p.pdf")}
    officer.post(f"{grant}/refund", told, page=f"{grant}/refund", status=302, content_type="multipart/form-data")
    place = f"{grant}/refunds/{reference}-R1/take-back"
    officer.get(f"{grant}/payments")
    assert place in officer.text
    officer.get(place)
    assert "€1" in officer.text
    officer.post(place, {"reason": "Another grant"}, page=place, status=302)
    officer.follow()
    assert "taken back" in officer.text
    assert place not in officer.text
    owner = visitor(browser, owner_of)
    owner.get(place, 403)
    owner.get(f"{page}/take-back", 403)
    db.session.expire_all()
    assert db.session.scalars(select(Refund.amount_minor)).all() == [100, -100]
    assert db.session.scalars(select(RefundRequest)).all() == []
