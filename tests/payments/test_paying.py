from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from grants.accounts.models import Role
from grants.awards import actions as awards
from grants.awards import rules as award_rules
from grants.awards.models import Award, Condition, Milestone
from grants.awards.workflow import AwardState
from grants.conflicts.models import ConflictDeclaration, Grade
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.money import Money
from grants.core.permissions import scope
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.history.models import HistoryEntry
from grants.payments import actions, permissions, queries, rules
from grants.payments.models import Account, AccountKind, BankAccount, Disbursement, Tranche, Transfer, Trigger
from grants.payments.workflow import DisbursementState
from grants.reports import actions as reports
from grants.reports.workflow import ReportState
from tests import factories as make
from tests.payments import rows
from tests.payments.rows import OTHER_IBAN, PDF, SIGNING_DAY, Scene


def refused(act: Callable[[], object]) -> list[str]:
    with pytest.raises(Refused) as refusal, db.session.begin_nested():
        act()
    return [obstacle.code for obstacle in refusal.value.obstacles]


def pots(made: Scene) -> dict[str, int]:
    found = select(Account.kind, Account.balance_minor).where(Account.call_id == made.award.call_id)
    return dict(db.session.execute(found).all())


def mails(kind: str) -> set[int]:
    return set(db.session.scalars(select(OutboxMail.to_person_id).where(OutboxMail.kind == kind)))


def pay(made: Scene, disbursement: Disbursement, **more: Any) -> Disbursement:
    values = {"paid_on": date(2027, 5, 10), "bank_reference": "B1", "proof_name": "p.pdf", "proof_content": PDF}
    return actions.pay(disbursement, **(values | {"by": made.officers[0]} | more))


# ------------------------------------------------------------------ the whole way


def test_a_signature_commits_the_award_and_dates_the_first_tranche(app: Flask) -> None:
    made = rows.scene()
    assert pots(made) == {"donor": -12_000_000, "envelope": 11_000_000, "committed": 1_000_000}
    assert made.first.due_on == date(2027, 5, 20)
    assert made.last.due_on == date(2028, 4, 15)


def test_a_second_agreement_of_a_call_does_not_fill_its_envelope_again(app: Flask) -> None:
    one = rows.scene()
    two = rows.scene(call=one.award.call)
    assert pots(two)["donor"] == -12_000_000
    assert pots(two)["envelope"] == 10_000_000


def test_an_award_that_the_envelope_does_not_hold_cannot_be_signed(app: Flask) -> None:
    call = make.call(envelope_minor=1_500_000)
    rows.scene(call=call)
    late = rows.scene(call=call, signed=False)
    codes = refused(lambda: actions.sign_agreement(late.award, signature="Awa Diop", by=late.owner))
    assert codes == ["envelope_used_up"]


def test_a_tranche_is_prepared_approved_paid_and_confirmed_by_different_people(app: Flask) -> None:
    made = rows.scene()
    disbursement = rows.prepared(made)
    assert disbursement.amount == Money(800_000, "EUR")
    assert disbursement.reference == f"{made.award.reference}-P1"
    assert mails("disbursement_prepared") >= {made.officers[1].id, made.officers[2].id}
    assert made.officers[0].id not in mails("disbursement_prepared")
    actions.approve(disbursement, by=made.officers[1])
    assert (pots(made)["committed"], pots(made)["payable"]) == (200_000, 800_000)
    assert refused(lambda: pay(made, disbursement)) == ["not_taken_on"]
    actions.take_on(disbursement, by=made.officers[0])
    pay(made, disbursement)
    assert (pots(made)["payable"], pots(made)["paid"]) == (0, 800_000)
    assert mails("disbursement_paid") == {made.owner.id}
    actions.confirm(
        disbursement,
        received_on=date(2027, 5, 10),
        received=Money(5_247_656, "XOF"),
        rate=Decimal("655.957"),
        by=made.owner,
    )
    assert disbursement.state == DisbursementState.CONFIRMED
    assert queries.position(made.award).paid == Money(800_000, "EUR")
    told = select(HistoryEntry.verb, HistoryEntry.actor_id).where(HistoryEntry.subject_kind == "disbursement")
    people = [made.officers[0].id, made.officers[1].id, made.officers[0].id, made.officers[0].id, made.owner.id]
    told = db.session.execute(told.order_by(HistoryEntry.id)).all()
    verbs = ["prepare", "approve", "take_on", "pay", "confirm"]
    assert [tuple(row) for row in told] == list(zip(verbs, people, strict=True))


def test_one_person_alone_sends_a_payment_by_hand(app: Flask) -> None:
    made = rows.scene()
    payment = rows.approved(made)
    assert refused(lambda: actions.let_go(payment, "Nobody", by=made.officers[0])) == ["nobody_sends"]
    actions.take_on(payment, by=made.officers[0])
    assert refused(lambda: actions.take_on(payment, by=made.officers[1])) == ["being_sent"]
    assert refused(lambda: actions.cancel(payment, "Twice", by=made.officers[1])) == ["being_sent"]
    assert refused(lambda: actions.let_go(payment, " ", by=made.officers[1])) == ["reason_missing"]
    actions.let_go(payment, "The bank was closed", by=made.officers[1])
    actions.take_on(payment, by=made.officers[1])
    # What has left is recorded, whatever the grantee enters afterwards.
    rows.bank_account(made, OTHER_IBAN)
    pay(made, payment)
    assert (payment.state, payment.sending_by_id) == ("paid", made.officers[1].id)
    assert queries.wrong_totals() == []


def test_money_that_the_bank_sends_back_can_be_prepared_again_as_a_new_payment(app: Flask) -> None:
    made = rows.scene()
    first = rows.paid(made)
    assert refused(lambda: actions.return_(first, " ", by=made.officers[0])) == ["reason_missing"]
    actions.return_(first, "Account closed", by=made.officers[0])
    assert (pots(made)["committed"], pots(made)["paid"]) == (1_000_000, 0)
    assert mails("disbursement_returned") == {made.owner.id}
    again = rows.prepared(made)
    assert again.reference == f"{made.award.reference}-P2"
    with pytest.raises(NoSuchMove):
        actions.confirm(first, received_on=date(2027, 5, 11), received=first.amount, rate=Decimal(1), by=made.owner)


@pytest.mark.parametrize("stage", [rows.prepared, rows.approved])
def test_a_payment_that_was_not_sent_can_be_given_up_with_a_reason(app: Flask, stage: Any) -> None:
    made = rows.scene()
    disbursement = stage(made)
    assert refused(lambda: actions.cancel(disbursement, "", by=made.officers[0])) == ["reason_missing"]
    actions.cancel(disbursement, "Typed twice", by=made.officers[0])
    assert pots(made)["committed"] == 1_000_000
    assert pots(made).get("payable", 0) == 0
    rows.prepared(made)


def test_what_was_sent_cannot_be_cancelled(app: Flask) -> None:
    made = rows.scene()
    disbursement = rows.paid(made)
    with pytest.raises(NoSuchMove):
        actions.cancel(disbursement, "Too late", by=made.officers[0])


def test_the_last_tranche_pays_what_was_spent_and_no_more(app: Flask) -> None:
    made = rows.scene()
    rows.confirmed(made)
    rows.spend(made, 950_000)
    assert rows.prepared(made, made.last).amount == Money(150_000, "EUR")


# ------------------------------------------------------------------ what stands in the way


def second_tranche(made: Scene, **more: Any) -> None:
    """Turn the last tranche into one that waits for an interim report."""
    due = make.report_due(made.award, "interim_report", due_on=date(2027, 8, 1))
    made.last.trigger, made.last.report_due = Trigger.INTERIM_REPORT_APPROVED, due
    for name, value in more.items():
        setattr(made.last, name, value)
    db.session.flush()


def _suspend(made: Scene) -> Tranche:
    made.award.state = AwardState.SUSPENDED
    return made.first


def _terminate(made: Scene) -> Tranche:
    made.award.state = AwardState.TERMINATED
    return made.first


def _new_account(made: Scene) -> Tranche:
    rows.bank_account(made, OTHER_IBAN, verified=False)
    return made.first


def _blocked_account(made: Scene) -> Tranche:
    account = queries.bank_account_of(made.organization.id)
    actions.block_bank_account(account, "Nobody knew of it", by=made.officers[0])
    return made.first


def _changed_account(made: Scene) -> Tranche:
    rows.bank_account(made, OTHER_IBAN)
    return made.first


def _condition(made: Scene) -> Tranche:
    make.save(Condition(award_id=made.award.id, text="Send the statutes", blocks_payment=True))
    return made.first


def _late_report(made: Scene) -> Tranche:
    made.final.due_on = SIGNING_DAY.date() - timedelta(days=31)
    return made.first


def _under_way(made: Scene) -> Tranche:
    rows.prepared(made)
    return made.first


def _earlier_unpaid(made: Scene) -> Tranche:
    rows.spend(made, 1_000_000)
    return made.last


def _report_missing(made: Scene) -> Tranche:
    rows.paid(made)
    return made.last


def _report_not_read(made: Scene) -> Tranche:
    rows.paid(made)
    made.final.state = ReportState.SUBMITTED
    return made.last


def _report_returned(made: Scene) -> Tranche:
    rows.paid(made)
    made.final.state = ReportState.RETURNED
    return made.last


def _too_little_spent(made: Scene) -> Tranche:
    rows.paid(made)
    second_tranche(made, min_spent_percent=70)
    rows.spend(made, 559_999, made.last.report_due)
    return made.last


def _nothing_to_pay(made: Scene) -> Tranche:
    rows.paid(made)
    rows.spend(made, 700_000)
    return made.last


def _above_the_award(made: Scene) -> Tranche:
    rows.paid(made)
    second_tranche(made, amount_minor=200_001)
    rows.spend(made, 800_000, made.last.report_due)
    return made.last


def _report_waived(made: Scene) -> Tranche:
    rows.paid(made)
    second_tranche(made, min_spent_percent=70)
    _waive(made.last)
    return made.last


def _milestone_open(made: Scene) -> Tranche:
    made.first.milestone = make.save(Milestone(award_id=made.award.id, title="Training", due_on=date(2027, 10, 31)))
    db.session.flush()
    awards.reach_milestone(made.first.milestone, "A list of participants.", by=made.owner)
    return made.first


def _too_early(made: Scene) -> Tranche:
    made.first.not_before = clock.today(made.award.call.timezone) + timedelta(days=1)
    return made.first


def _no_account(made: Scene) -> Tranche:
    db.session.execute(text(f"DELETE FROM bank_account WHERE organization_id = {made.organization.id}"))
    return made.first


STANDS_IN_THE_WAY = {
    "suspended": _suspend,
    "ended": _terminate,
    "no_account": _no_account,
    "account_unverified": _new_account,
    "account_rests": _changed_account,
    "conditions_open": _condition,
    "report_late": _late_report,
    "under_way": _under_way,
    "report_missing": _report_missing,
    "report_waived": _report_waived,
    "milestone_open": _milestone_open,
    "too_early": _too_early,
    "report_not_read": _report_not_read,
    "too_little_spent": _too_little_spent,
    "nothing_to_pay": _nothing_to_pay,
    "above_the_award": _above_the_award,
}


@pytest.mark.parametrize("code", STANDS_IN_THE_WAY)
def test_a_tranche_is_not_prepared_while_something_stands_in_its_way(app: Flask, code: str) -> None:
    made = rows.scene()
    tranche = STANDS_IN_THE_WAY[code](made)
    db.session.flush()
    assert refused(lambda: actions.prepare(tranche, by=made.officers[0])) == [code]


def test_no_second_tranche_before_the_first_is_paid(app: Flask) -> None:
    made = rows.scene()
    _earlier_unpaid(made)
    assert refused(lambda: actions.prepare(made.last, by=made.officers[0])) == ["earlier_unpaid"]
    rows.approved(made)
    assert refused(lambda: actions.prepare(made.last, by=made.officers[0])) == ["earlier_unpaid"]


def test_no_tranche_before_the_signature(app: Flask) -> None:
    made = rows.scene(signed=False)
    assert refused(lambda: actions.prepare(made.first, by=made.officers[0])) == ["not_signed"]


@pytest.mark.parametrize(
    "mend",
    [
        lambda made: second_tranche(made, min_spent_percent=70) or rows.spend(made, 560_000, made.last.report_due),
        lambda made: second_tranche(made, min_spent_percent=70) or _freed(made),
        lambda made: second_tranche(made) or _waive(made.last) or _next_accepted(made),
        lambda made: rows.spend(made, 1_000_000),
    ],
)
def test_a_tranche_is_free_once_its_report_is_accepted_or_waived_and_enough_is_spent(app: Flask, mend: Any) -> None:
    made = rows.scene()
    rows.paid(made)
    mend(made)
    assert rows.prepared(made, made.last).tranche_id == made.last.id


def _freed(made: Scene) -> None:
    assert refused(lambda: _free(made)) == ["not_waived"]
    _waive(made.last)
    assert refused(lambda: _free(made, " ")) == ["reason_missing"]
    _free(made)
    assert (made.last.freed_by_id, made.last.freed_reason) == (made.coordinator.id, "The visit showed the accounts.")
    assert refused(lambda: _free(made)) == ["not_waived"]


def test_who_waived_a_report_does_not_set_its_instalment_free(app: Flask) -> None:
    made = rows.scene()
    rows.paid(made)
    second_tranche(made)
    reports.waive(made.last.report_due, "The partner left.", by=made.coordinator)
    assert refused(lambda: _free(made)) == ["waived_by_you"]
    other = make.person(Role.GLOBAL_COORDINATOR, regions=[])
    actions.free_instalment(made.award, made.last.number, "The visit showed the accounts.", by=other)
    assert made.last.freed_by_id == other.id


def _free(made: Scene, reason: str = "The visit showed the accounts.") -> None:
    actions.free_instalment(made.award, made.last.number, reason, by=made.coordinator)


def _next_accepted(made: Scene) -> None:
    later = made.last.report_due.due_on + timedelta(days=30)
    rows.spend(made, 1, make.report_due(made.award, key="end_note", due_on=later))


def test_what_the_grantee_says_it_reached_frees_money_once_the_fund_confirms_it(app: Flask) -> None:
    made = rows.scene()
    milestone = _milestone_open(made).milestone
    assert refused(lambda: actions.prepare(made.first, by=made.officers[0])) == ["milestone_open"]
    read = award_rules.mark_of_milestone(milestone)
    assert refused(lambda: awards.confirm_milestone(milestone, by=made.coordinator, read="other")) == [
        "changed_meanwhile"
    ]
    awards.confirm_milestone(milestone, by=made.coordinator, read=read)
    assert refused(lambda: awards.confirm_milestone(milestone, by=made.coordinator)) == ["confirmed_already"]
    assert rows.prepared(made).tranche_id == made.first.id


def _waive(tranche: Tranche) -> None:
    tranche.report_due.state = ReportState.WAIVED
    db.session.flush()


def test_a_report_that_is_thirty_days_late_does_not_hold_payments_yet(app: Flask) -> None:
    made = rows.scene()
    made.final.due_on = SIGNING_DAY.date() - timedelta(days=30)
    rows.prepared(made)


def test_a_late_report_that_was_only_invited_never_holds_payments(app: Flask) -> None:
    made = rows.scene()
    make.report_due(made.award, "inception_note", due_on=date(2026, 1, 1), required=False)
    rows.prepared(made)


# ------------------------------------------------------------------ two people, one account


def test_whoever_prepared_a_payment_does_not_approve_it(app: Flask) -> None:
    made = rows.scene()
    disbursement = rows.prepared(made)
    assert refused(lambda: actions.approve(disbursement, by=made.officers[0])) == ["prepared_by_you"]
    assert disbursement.state == DisbursementState.PREPARED
    assert pots(made)["committed"] == 1_000_000


def test_a_payment_is_neither_approved_nor_sent_to_an_account_that_changed_since(app: Flask) -> None:
    made = rows.scene()
    disbursement = rows.prepared(made)
    rows.bank_account(made, OTHER_IBAN)
    assert refused(lambda: actions.approve(disbursement, by=made.officers[1])) == ["account_changed"]
    other = rows.scene()
    disbursement = rows.approved(other)
    _blocked_account(other)
    assert refused(lambda: pay(other, disbursement)) == ["account_changed"]


SINCE = {
    "not_running": _suspend,
    "conditions_open": _condition,
    "report_late": _late_report,
    "account_changed": _changed_account,
}
"""What may come between the preparation of a payment and its way to the bank."""


@pytest.mark.parametrize("code", SINCE)
def test_everything_is_looked_at_again_when_a_payment_is_approved_and_when_it_is_sent(app: Flask, code: str) -> None:
    made, other = rows.scene(), rows.scene()
    waiting, approved = rows.prepared(made), rows.approved(other)
    SINCE[code](made)
    SINCE[code](other)
    db.session.flush()
    assert refused(lambda: actions.approve(waiting, by=made.officers[1])) == [code]
    assert refused(lambda: pay(other, approved)) == [code]
    assert refused(lambda: actions.release(approved, "PO", by=other.officers[1])) == [code]
    assert (pots(made)["committed"], pots(other)["payable"]) == (1_000_000, 800_000)
    assert queries.wrong_totals() == queries.grants_told_otherwise() == []


def test_a_payment_is_refused_with_all_that_stands_in_its_way(app: Flask) -> None:
    made = rows.scene()
    disbursement = rows.prepared(made)
    for come_between in SINCE.values():
        come_between(made)
    db.session.flush()
    assert set(refused(lambda: actions.approve(disbursement, by=made.officers[0]))) == {*SINCE, "prepared_by_you"}


def test_a_payment_is_not_approved_for_another_amount_than_is_due_now(app: Flask) -> None:
    made = rows.scene()
    rows.confirmed(made)
    rows.spend(made, 950_000)
    disbursement = rows.prepared(made, made.last)
    rows.refund(made, 10_000)
    assert refused(lambda: actions.approve(disbursement, by=made.officers[1])) == ["amount_changed"]
    overtaken = f"UPDATE tranche SET cancelled_on = '2027-05-10' WHERE id = {made.last.id}"
    assert "cancelled_without_payment" in sql(overtaken)
    actions.cancel(disbursement, "Cancelled", by=made.officers[0])
    db.session.execute(text(overtaken))
    db.session.refresh(made.last)
    assert refused(lambda: actions.prepare(made.last, by=made.officers[0])) == ["cancelled"]


def test_nothing_is_sent_once_the_grant_is_suspended(app: Flask) -> None:
    made = rows.scene()
    disbursement = rows.approved(made)
    _suspend(made)
    assert refused(lambda: pay(made, disbursement)) == ["not_running"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"paid_on": date(2027, 5, 11)}, "paid_in_future"),
        ({"paid_on": date(2027, 5, 8)}, "paid_before_approval"),
        ({"bank_reference": " "}, "no_bank_reference"),
        ({"proof_name": "proof.exe"}, "file_kind"),
        ({"proof_content": b""}, "file_empty"),
        ({"proof_content": b"MZ"}, "file_content"),
    ],
)
def test_a_payment_is_recorded_with_a_day_a_reference_and_a_real_proof(
    app: Flask, values: dict[str, Any], code: str
) -> None:
    made = rows.scene()
    disbursement = actions.take_on(rows.approved(made), by=made.officers[0])
    assert refused(lambda: pay(made, disbursement, **values)) == [code]
    assert pots(made)["payable"] == 800_000


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"received_on": date(2027, 5, 9)}, "received_before_paid"),
        ({"received_on": date(2027, 5, 12)}, "received_in_future"),
        ({"received": Money(0, "XOF")}, "nothing_received"),
        ({"received": Money(5, "ZZZ")}, "currency"),
        ({"received": Money(5_300_000, "XOF")}, "more_than_sent"),
        ({"rate": Decimal(0)}, "rate"),
        ({"rate": Decimal("NaN")}, "rate"),
    ],
)
def test_a_receipt_tells_a_day_an_amount_and_a_rate_that_can_be(app: Flask, values: dict[str, Any], code: str) -> None:
    made = rows.scene()
    disbursement = rows.paid(made)
    typed = {"received_on": date(2027, 5, 10), "received": Money(5_240_000, "XOF"), "rate": Decimal(656)} | values
    assert refused(lambda: actions.confirm(disbursement, by=made.owner, **typed)) == [code]


def test_a_refund_is_at_most_what_the_grantee_holds(app: Flask) -> None:
    made = rows.scene()
    assert refused(lambda: rows.refund(made, 1)) == ["nothing_paid"]
    rows.confirmed(made)
    assert refused(lambda: rows.refund(made, 800_001)) == ["refund_amount"]
    assert refused(lambda: rows.refund(made, 0)) == ["refund_amount"]
    assert refused(lambda: rows.refund(made, 5, received_on=date(2027, 5, 11))) == ["refund_in_future"]
    assert rows.refund(made, 300_000).reference == f"{made.award.reference}-R1"
    assert refused(lambda: rows.refund(made, 500_001)) == ["refund_amount"]
    rows.refund(made, 500_000)
    assert (pots(made)["paid"], pots(made)["refunded"]) == (0, 800_000)
    assert queries.position(made.award).refunded == Money(800_000, "EUR")


# ------------------------------------------------------------------ the database holds it, whoever writes


def sql(statement: str) -> str:
    """What the database says to a statement that it must refuse."""
    with pytest.raises(DBAPIError) as error, db.session.begin_nested():
        db.session.execute(text(statement))
    return str(error.value.orig)


def test_the_database_refuses_a_self_approval(app: Flask) -> None:
    disbursement = rows.prepared(rows.scene())
    one = f"WHERE id = {disbursement.id}"
    by_oneself = f"UPDATE disbursement SET state = 'approved', approved_by_id = prepared_by_id {one}"
    assert "approved_by_a_second_person" in sql(by_oneself)
    assert "approved_by_someone" in sql(f"UPDATE disbursement SET state = 'approved' {one}")
    assert "is not what was approved" in sql(
        f"UPDATE disbursement SET state = 'paid', approved_by_id = prepared_by_id + 1 {one}"
    )
    db.session.execute(text(f"UPDATE disbursement SET state = 'approved', approved_by_id = prepared_by_id + 1 {one}"))
    assert "paid_with_a_proof" in sql(f"UPDATE disbursement SET state = 'paid' {one}")


@pytest.mark.parametrize("change", ["amount_minor = 900000", "bank_account_id = :other", "prepared_by_id = :person"])
def test_the_database_refuses_another_amount_account_or_person_after_preparation(app: Flask, change: str) -> None:
    made = rows.scene()
    disbursement = rows.approved(made)
    other = rows.bank_account(made, OTHER_IBAN)
    values = change.replace(":other", str(other.id)).replace(":person", str(made.officers[2].id))
    assert "stay what was prepared" in sql(f"UPDATE disbursement SET {values} WHERE id = {disbursement.id}")
    replaced = f"UPDATE disbursement SET approved_by_id = {made.officers[2].id} WHERE id = {disbursement.id}"
    assert "stay what was prepared" in sql(replaced)


CHANGED = {
    "amount": "UPDATE disbursement SET amount_minor = 799999",
    "currency": "UPDATE disbursement SET currency = 'XOF'",
    "account": "UPDATE disbursement SET bank_account_id = (SELECT max(id) FROM bank_account)",
    "ciphertext": "UPDATE bank_account SET number_sealed = 'another'",
    "holder": "UPDATE bank_account SET holder_sealed = 'another'",
    "bank": "UPDATE bank_account SET bic = 'OTHERXXX'",
    "tranche": "UPDATE disbursement SET tranche_id = (SELECT max(id) FROM tranche)",
    "award": "UPDATE tranche SET number = 9, award_id = (SELECT max(id) FROM award) WHERE id = (SELECT max(tranche_id) FROM disbursement)",
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_payment_that_is_not_what_was_approved_is_refused_by_the_rule_and_by_the_database(
    app: Flask, what: str
) -> None:
    made = rows.scene()
    disbursement = rows.approved(made)
    assert len(disbursement.approved_digest or "") == 64 or db.session.refresh(disbursement) is None
    rows.scene()
    rows.past_all_triggers(CHANGED[what])
    db.session.expire_all()
    paid = f"UPDATE disbursement SET state = 'paid', paid_on = '2027-05-10', proof_id = 1 WHERE id = {disbursement.id}"
    assert "is not what was approved" in sql(paid)
    assert "is not what was approved" in sql(f"UPDATE disbursement SET state = state WHERE id = {disbursement.id}")
    again = f"UPDATE disbursement SET approved_digest = disbursement_digest(disbursement) WHERE id = {disbursement.id}"
    assert "never written anew" in sql(again)
    assert "not_as_approved" in refused(lambda: pay(made, disbursement))


def test_the_digest_is_written_by_the_database_whoever_approves(app: Flask) -> None:
    disbursement = rows.prepared(rows.scene())
    forged = "approved_digest = repeat('0', 64)"
    approved = f"UPDATE disbursement SET state = 'approved', approved_by_id = prepared_by_id + 1, {forged}"
    db.session.execute(text(f"{approved} WHERE id = {disbursement.id}"))
    assert queries.is_as_approved(disbursement)
    assert db.session.scalar(text("SELECT approved_digest FROM disbursement")) != "0" * 64


def test_the_database_refuses_a_second_live_payment_of_a_tranche(app: Flask) -> None:
    disbursement = rows.prepared(rows.scene())
    twice = (
        "INSERT INTO disbursement (reference, tranche_id, bank_account_id, amount_minor, currency, state, prepared_by_id,"
        " bank_reference, short_reason, order_reference)"
        " SELECT reference || 'x', tranche_id, bank_account_id, amount_minor, currency, state, prepared_by_id, '', '', ''"
        f" FROM disbursement WHERE id = {disbursement.id}"
    )
    assert "uq_disbursement_one_live_per_tranche" in sql(twice)


@pytest.mark.parametrize("table", ["transfer", "history_entry", "history_seal"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nothing_of_the_ledger_or_the_history_is_edited_or_removed(app: Flask, table: str, change: str) -> None:
    rows.paid(rows.scene())
    change = change.replace("id = id", "sealed_at = sealed_at") if table == "history_seal" else change
    db.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    assert "is a record" in sql(change.format(table))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfer SET amount_minor = amount_minor + 1",
        "DELETE FROM transfer",
        "TRUNCATE transfer",
        "UPDATE refund SET amount_minor = 1",
        "DELETE FROM refund",
        "UPDATE account SET credits_minor = credits_minor + 1",
        "DELETE FROM account WHERE kind = 'refunded'",
    ],
)
def test_the_database_refuses_every_change_of_the_ledger(app: Flask, statement: str) -> None:
    made = rows.scene()
    rows.confirmed(made)
    rows.refund(made, 100)
    assert "is a record" in sql(statement)


def transfer(made: Scene, debit: AccountKind, credit: AccountKind, minor: int, currency: str = "EUR") -> str:
    pot = "(SELECT id FROM account WHERE kind = '{}' AND award_id = {})"
    return (
        "INSERT INTO transfer (key, debit_account_id, credit_account_id, amount_minor, currency, memo) VALUES"
        f" ('forged', {pot.format(debit, made.award.id)}, {pot.format(credit, made.award.id)}, {minor}, '{currency}', '')"
    )


def test_the_database_refuses_to_overdraw_a_pot_or_to_mix_currencies(app: Flask) -> None:
    made = rows.scene()
    rows.approved(made)
    assert "never_overdrawn" in sql(transfer(made, AccountKind.COMMITTED, AccountKind.PAYABLE, 200_001))
    assert "one currency" in sql(transfer(made, AccountKind.COMMITTED, AccountKind.PAYABLE, 1, "XOF"))
    assert "amount_positive" in sql(transfer(made, AccountKind.COMMITTED, AccountKind.PAYABLE, -5))
    assert "amount_positive" in sql(transfer(made, AccountKind.COMMITTED, AccountKind.PAYABLE, 0))
    filled = (
        "INSERT INTO account (kind, currency, call_id, award_id, debits_minor, credits_minor)"
        f" VALUES ('refunded', 'EUR', {made.award.call_id}, {made.award.id}, 0, 500)"
    )
    assert "is a record" in sql(filled)


def test_a_move_is_made_once_whoever_repeats_it(app: Flask) -> None:
    made = rows.scene()
    disbursement = rows.approved(made)
    before = db.session.scalar(select(func.count()).select_from(Transfer))
    actions._move_for(disbursement, "approve", AccountKind.COMMITTED, AccountKind.PAYABLE, made.officers[1])
    assert db.session.scalar(select(func.count()).select_from(Transfer)) == before
    assert pots(made)["payable"] == 800_000


# ------------------------------------------------------------------ the queue says what the rule says


def test_the_queue_and_the_rule_agree_on_what_is_due(app: Flask) -> None:
    scenes = {"due": rows.scene()}
    for code, arrange in STANDS_IN_THE_WAY.items():
        scenes[code] = rows.scene()
        arrange(scenes[code])
    scenes["earlier_unpaid"] = rows.scene()
    _earlier_unpaid(scenes["earlier_unpaid"])
    second = rows.scene()
    rows.paid(second)
    rows.spend(second, 1_000_000)
    scenes["second due"] = second
    db.session.flush()
    at = clock.now()
    everything = select(Award)
    figures, due = queries.queue(everything, at, show="due")
    waiting = queries.queue(everything, at, show="waiting")[1]
    for standing in due:
        assert rules.obstacles_to_preparing(standing, at) == [], standing
    for standing in waiting:
        assert rules.obstacles_to_preparing(standing, at), standing
    names = {made.award.reference: name for name, made in scenes.items()}
    for made in scenes.values():
        alone = select(Award).where(Award.id == made.award.id)
        is_due = made.award.reference in {standing.award_reference for standing in due}
        assert queries.something_is_due(alone, at) == is_due, names[made.award.reference]
    assert {names[s.award_reference] for s in due} == {"due", "second due", "earlier_unpaid"}
    assert {names[s.award_reference] for s in waiting} == set(STANDS_IN_THE_WAY) - {
        "ended",
        "under_way",
        "nothing_to_pay",
    }
    assert (figures["due"].number, figures["waiting"].number) == (len(due), len(waiting))
    assert figures["due"].amounts == (Money(sum(s.to_pay_minor for s in due), "EUR"),)
    assert figures["prepared"].number == 1


def test_an_officer_with_a_conflict_sees_nothing_of_the_grant(app: Flask) -> None:
    made = rows.scene()
    rows.prepared(made)
    officer = made.officers[1]
    assert queries.disbursement_by_reference(scope(officer, Disbursement), f"{made.award.reference}-P1")
    declare(officer, made)
    assert queries.disbursement_by_reference(scope(officer, Disbursement), f"{made.award.reference}-P1") is None
    assert queries.payments_in("prepared", scope(officer, Disbursement)) == []
    assert queries.payments_in("prepared", select(Disbursement)) != []
    in_sight, _ = queries.queue(scope(officer, Award), clock.now())
    everything, _ = queries.queue(select(Award), clock.now())
    assert [figure.number for figure in in_sight.values()] == [0, 0, 0, 0, 0]
    assert [figure.number for figure in everything.values()] == [0, 0, 1, 0, 0]


def test_a_conflict_hides_the_payments_of_a_terminated_grant_too(app: Flask) -> None:
    made = rows.scene()
    rows.prepared(made)
    made.award.state = AwardState.TERMINATED
    officer = made.officers[1]
    declare(officer, made)
    figures, _ = queries.queue(scope(officer, Award), clock.now(), show="prepared")
    assert figures["prepared"].number == 0
    assert queries.payments_in("prepared", scope(officer, Disbursement)) == []


def accounts_seen_by(person: Any) -> list[BankAccount]:
    return list(db.session.scalars(scope(person, BankAccount)))


def test_a_conflict_hides_the_bank_account_until_a_later_declaration_takes_it_back(app: Flask) -> None:
    made = rows.scene()
    officer, other = made.officers[:2]
    assert len(accounts_seen_by(officer)) == 1
    declare(officer, made)
    assert accounts_seen_by(officer) == []
    assert not permissions.can_see_bank_account(officer, made.organization)
    assert len(accounts_seen_by(other)) == 1
    declare(officer, made, Grade.NONE)
    assert len(accounts_seen_by(officer)) == 1
    assert permissions.can_see_bank_account(officer, made.organization)


def test_a_conflict_in_one_call_is_not_taken_back_by_a_word_about_another(app: Flask) -> None:
    made = rows.scene()
    officer = made.officers[0]
    declare(officer, made, call_id=made.award.call_id)
    declare(officer, made, Grade.NONE, call_id=make.call().id)
    assert accounts_seen_by(officer) == []
    assert not permissions.can_verify_bank_account(officer, made.organization)
    declare(officer, made, Grade.NONE, call_id=made.award.call_id)
    assert len(accounts_seen_by(officer)) == 1


def test_the_ledger_hides_the_moves_of_a_grant_to_which_the_reader_has_a_tie(app: Flask) -> None:
    made, other = rows.scene(), rows.scene()
    for one in (made, other):
        rows.confirmed(one)
    auditor = made.auditor
    everything, number = queries.transfers(scope(auditor, Transfer))
    declare(auditor, made)
    lines, fewer = queries.transfers(scope(auditor, Transfer))
    hidden = [line for line in everything if line.award_reference == made.award.reference]
    assert hidden
    assert lines == [line for line in everything if line not in hidden]
    assert fewer == number - len(hidden)
    seen_by_others, _ = queries.transfers(scope(other.auditor, Transfer))
    assert seen_by_others == everything


def declare(person: Any, made: Scene, grade: Grade = Grade.CONFLICT, **more: Any) -> None:
    values = {"person_id": person.id, "organization_id": made.organization.id, "grade": grade}
    make.save(ConflictDeclaration(reason="My brother works there", **values, **more))
