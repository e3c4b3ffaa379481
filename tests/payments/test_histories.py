"""Whatever order people do things in, and whatever goes wrong in the middle, the money adds up."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text

from grants.core import clock
from grants.core.db import db, transaction
from tests.payments import histories, rows


def test_thirty_random_histories_with_faults_break_nothing(live: Flask) -> None:
    lived = histories.run(30, 50, chance=1, app=live, lived=histories.Lived())
    assert (lived.histories, lived.steps) == (30, 1500)
    made = ("prepare", "approve", "pay", "order", "release", "statement", "confirm", "refund")
    for move in (*made, "return"):
        assert lived.done[move], (move, lived)
    rare = ("part", "unpay", "unrefund", "unline", "raise", "lower", "suspend")
    assert len([move for move in rare if lived.done[move]]) > len(rare) // 2, lived
    assert lived.killed > 5
    assert lived.refused > 100
    assert lived.forged_refused > 20


def whole(made: rows.Scene) -> None:
    histories.check(made)
    histories.check_whole(made)


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE account SET credits_minor = credits_minor + 1 WHERE kind = 'paid'",
        "DELETE FROM transfer WHERE memo = 'pay'",
        "UPDATE disbursement SET approved_by_id = prepared_by_id",
        "UPDATE disbursement SET amount_minor = amount_minor + 1",
        "UPDATE disbursement SET state = 'confirmed'",
        "UPDATE bank_account SET verified_by_id = entered_by_id",
    ],
)
def test_a_history_that_somebody_spoiled_is_noticed(app: Flask, spoil: str) -> None:
    made = rows.scene()
    rows.paid(made)
    whole(made)
    db.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    db.session.execute(text("ALTER TABLE disbursement DROP CONSTRAINT ck_disbursement_approved_by_a_second_person"))
    db.session.execute(text("ALTER TABLE bank_account DROP CONSTRAINT ck_bank_account_verified_by_a_second_person"))
    rows.past_all_triggers(spoil)
    db.session.expire_all()
    with pytest.raises(AssertionError):
        whole(made)


def test_a_step_that_is_killed_leaves_nothing_behind(live: Flask) -> None:
    with clock.at(rows.SIGNING_DAY), transaction():
        made = rows.scene()
        payment = rows.prepared(made)
        officer = made.officers[1]
    for statements in range(1, 30):
        with clock.at(rows.SIGNING_DAY):
            try:
                with histories.killed_after(statements), transaction():
                    histories.actions.approve(payment, by=officer)
            except histories.Killed:
                db.session.expire_all()
                assert payment.state == "prepared"
                histories.check(made)
            else:
                break
    assert payment.state == "approved"
    assert statements > 5
