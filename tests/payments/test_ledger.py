"""Where the money stood at any past moment, from the transfers alone."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from grants.conflicts.models import ConflictDeclaration, Grade
from grants.core import clock
from grants.core.money import Money
from grants.payments import actions, queries
from grants.payments.models import AccountKind, Disbursement
from tests import command
from tests import factories as make
from tests.http import Browser
from tests.payments import rows
from tests.payments.rows import PDF, SIGNING_DAY, Scene
from tests.payments.test_pages import visitor

DAY = timedelta(days=1)


def lived() -> Scene:
    """Signed on the first day, approved on the second, paid on the third, refunded on the fourth."""
    made = rows.scene()
    with clock.at(SIGNING_DAY + DAY):
        payment = rows.approved(made)
    with clock.at(SIGNING_DAY + 2 * DAY):
        paid = {"paid_on": date(2027, 5, 12), "bank_reference": "B", "proof_name": "p.pdf", "proof_content": PDF}
        actions.take_on(payment, by=made.officers[0])
        actions.pay(payment, fee=Money(250, "EUR"), by=made.officers[0], **paid)
    with clock.at(SIGNING_DAY + 3 * DAY):
        rows.refund(made, 50_000)
    return made


POSITIONS = [
    (-timedelta(minutes=1), {}),
    (timedelta(0), {"committed": 1_000_000}),
    (DAY, {"committed": 200_000, "payable": 800_000}),
    (2 * DAY, {"committed": 200_000, "payable": 0, "paid": 800_000}),
    (3 * DAY, {"committed": 200_000, "payable": 0, "paid": 750_000, "refunded": 50_000}),
]


def test_the_position_of_a_grant_and_the_trial_balance_at_any_past_moment(app: Flask) -> None:
    made = lived()
    other = rows.scene(call=make.call())
    for later, held in POSITIONS:
        at = SIGNING_DAY + later
        assert {kind: money.minor for kind, money in queries.balances_of(made.award, at).items()} == held
        for call in ("", made.award.call.reference):
            trials = queries.trial_balance(at, call=call)
            assert all(trial.balances and sum(trial.minor.values()) == 0 for trial in trials)
            assert bool(trials) == bool(held)
    now = SIGNING_DAY + 3 * DAY
    assert queries.balances_of(made.award) == queries.balances_of(made.award, now)
    (alone,) = queries.trial_balance(now, call=made.award.call.reference)
    assert alone.minor["fees"] == 250
    assert alone.minor["donor"] == -12_000_250
    assert alone.minor["envelope"] == 11_000_000
    assert queries.trial_balance(call=made.award.call.reference) == [alone]
    (together,) = queries.trial_balance()
    assert together.moved_minor == alone.moved_minor + 13_000_000
    assert queries.balances_of(other.award, SIGNING_DAY - DAY) == {}


def test_a_fee_of_the_funds_bank_touches_neither_grant_nor_envelope(app: Flask) -> None:
    made = lived()
    assert queries.position(made.award).paid.minor == 800_000
    assert queries.fee_of(payment_of(made)) == Money(250, "EUR")
    envelope = queries.pot(AccountKind.ENVELOPE, made.award.call_id)
    assert envelope is not None
    assert envelope.balance_minor == 11_000_000


def payment_of(made: Scene) -> Disbursement:
    found = queries.disbursement_by_reference(select(Disbursement), f"{made.award.reference}-P1")
    assert found is not None
    return found


def test_verification_finds_a_pot_or_a_grant_that_says_something_else(app: Flask) -> None:
    made = lived()
    assert queries.wrong_totals() == []
    assert queries.grants_told_otherwise() == []
    paid = queries.pot(AccountKind.PAID, made.award.call_id, made.award.id)
    assert paid is not None
    rows.past_all_triggers(f"UPDATE account SET credits_minor = credits_minor + 1 WHERE id = {paid.id}")
    assert queries.wrong_totals() == [paid.id]
    assert queries.grants_told_otherwise() == [made.award.reference]


@pytest.mark.parametrize("change", ["DELETE FROM transfer WHERE memo = 'pay'", "UPDATE transfer SET amount_minor = 1"])
def test_verification_finds_a_transfer_that_was_edited_or_removed(app: Flask, change: str) -> None:
    lived()
    rows.past_all_triggers(change)
    assert queries.wrong_totals() != []


def test_the_ledger_as_of_a_day_and_down_to_one_grant_on_the_screens(browser: Browser) -> None:
    made = lived()
    call, grant = made.award.call.reference, made.award.reference
    with clock.at(SIGNING_DAY + 3 * DAY):
        auditor = visitor(browser, made.auditor)
        auditor.get("/ledger")
        assert "Balanced" in auditor.text
        assert "Fees of our bank" in auditor.text
        auditor.get("/ledger?at=2027-05-11")
        assert "Balanced" in auditor.text
        assert "3 moves" in auditor.text
        auditor.get("/ledger?at=1999-01-01")
        assert "No money has moved yet" in auditor.text
        auditor.get(f"/ledger?call={call}&at=2027-05-11")
        assert f"/ledger/grants?call={call}&amp;at=2027-05-11" in auditor.text
        auditor.get(f"/ledger/grants?call={call}&at=2027-05-11")
        assert grant in auditor.text
        assert "8,000" in auditor.text
        auditor.get(f"/grants/{grant}/ledger?at=2027-05-11")
        assert "2 moves" in auditor.text
        auditor.get(f"/grants/{grant}/ledger?at=yesterday")
        assert "error-summary" in auditor.text
        visitor(browser, made.owner).get(f"/grants/{grant}/ledger", 403)
        visitor(browser, made.officers[0]).get("/ledger/grants?call=NONE")


def test_what_is_hidden_from_a_reader_is_not_listed_below_its_call(browser: Browser) -> None:
    made = lived()
    tie = {"person_id": made.auditor.id, "organization_id": made.organization.id, "grade": Grade.CONFLICT}
    make.save(ConflictDeclaration(reason="My brother works there", **tie))
    auditor = visitor(browser, made.auditor)
    auditor.get(f"/ledger/grants?call={made.award.call.reference}")
    assert made.award.reference not in auditor.text
    auditor.get(f"/grants/{made.award.reference}/ledger", 404)


def test_the_command_prints_debits_and_credits_and_says_when_something_is_wrong(
    app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = lived()
    told = command.run(app, monkeypatch, capsys, "payments", "balance", "--at", "2027-05-11", "--json")
    (trial,) = json.loads(told.out)
    assert trial["balanced"]
    assert trial["debits"] == trial["credits"] == trial["moved"] == "138000.00"
    assert trial["pots"]["payable"] == {"debits": "0.00", "credits": "8000.00", "balance": "8000.00"}
    with clock.at(SIGNING_DAY + 3 * DAY):
        told = command.run(app, monkeypatch, capsys, "payments", "balance", "--call", made.award.call.reference)
    assert "balanced" in told.out
    assert "8000.00" in told.out
    assert command.run(app, monkeypatch, capsys, "payments", "balance", "--at", "soon").code == 2
    assert command.run(app, monkeypatch, capsys, "payments", "verify").code == 0
    rows.past_all_triggers("UPDATE account SET debits_minor = debits_minor + 1 WHERE kind = 'committed'")
    told = command.run(app, monkeypatch, capsys, "payments", "verify")
    assert told.code == 2
    assert made.award.reference not in told.out
    assert "totals of these pots" in told.err
