"""Suspended, resumed, terminated: letters, and how a grant that ends before its time is settled."""

from __future__ import annotations

from datetime import date

from flask import Flask
from sqlalchemy import select

from grants.amendments import actions, rules
from grants.amendments.workflow import AmendmentState
from grants.awards import actions as awards
from grants.awards.queries import standing_letters
from grants.awards.workflow import AwardState
from grants.closeout import queries as closeout_queries
from grants.closeout import rules as closeout_rules
from grants.core import clock
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.money import Money
from grants.payments import actions as payments
from grants.payments import queries
from grants.payments.models import Trigger
from grants.reports.workflow import ReportState
from tests import factories as make
from tests.amendments.rows import asked, scene
from tests.awards.test_life import refused
from tests.payments import rows
from tests.payments.rows import SIGNING_DAY, Scene


def paid_scene() -> Scene:
    """A grant whose first tranche (EUR 8,000) is paid."""
    made = scene()
    with clock.at(SIGNING_DAY):
        rows.bank_account(made)
        rows.confirmed(made)
    return made


def standing(made: Scene, number: int = 2) -> queries.Standing:
    return next(one for one in queries.standings_of([made.award.id]) if one.number == number)


def test_a_letter_tells_of_each_standing_in_the_language_of_the_application(app: Flask) -> None:
    made = scene()
    made.award.application.language = "fr"
    made.award.call.languages = ["en", "fr"]
    db.session.flush()
    awards.suspend(made.award, "Accounts are frozen.", by=made.coordinator)
    awards.resume(made.award, "They are free again.", by=made.coordinator)
    actions.terminate(made.award, "The organization was dissolved.", by=made.coordinator)
    letters = standing_letters(made.award)
    assert [letter.kind for letter in letters] == ["termination", "resumption", "suspension"]
    assert "suspendu" in letters[2].outcome
    assert letters[2].details["reason"] == "Accounts are frozen."
    told = select(OutboxMail).where(OutboxMail.kind == "award_letter").order_by(OutboxMail.id)
    assert [mail.to_address for mail in db.session.scalars(told)] == [made.owner.email] * 3


def test_a_termination_leaves_the_final_report_cancels_what_is_not_due_and_ends_changes(app: Flask) -> None:
    made = scene()
    interim = make.report_due(made.award, "interim_report", due_on=date(2027, 11, 15))
    amendment = asked(made)
    actions.terminate(made.award, "The partner left.", by=made.coordinator)
    assert made.award.state == AwardState.TERMINATED
    assert interim.state == ReportState.WAIVED
    assert (made.final.state, made.final.due_on) == (ReportState.OWED, date(2027, 10, 31))
    assert amendment.state == AmendmentState.LAPSED
    assert [tranche.number for tranche in queries.cancelled_of(made.award)] == [1]
    (last,) = queries.tranches_of(made.award)
    assert (last.number, last.amount_minor, last.trigger) == (2, 1_000_000, Trigger.FINAL_REPORT_APPROVED)
    assert last.due_on == date(2027, 11, 15)
    assert sum(one.amount_minor for one in queries.tranches_of(made.award)) == made.award.amount_minor


def test_what_was_spent_in_good_faith_before_any_payment_is_paid(app: Flask) -> None:
    made = scene()
    with clock.at(SIGNING_DAY):
        rows.bank_account(made)
    actions.terminate(made.award, "The partner left.", by=made.coordinator)
    codes = [one.code for one in closeout_rules.obstacles_to_finishing(made.award, facts(made), None)]
    assert "report_open:final_report" in codes
    rows.spend(made, 123_456)
    last = queries.tranches_of(made.award)[0]
    payment = payments.prepare(last, by=made.officers[0])
    assert payment.amount == Money(123_456, "EUR")
    codes = [one.code for one in closeout_rules.obstacles_to_finishing(made.award, facts(made), None)]
    assert "payment_open" in codes
    payments.approve(payment, by=made.officers[1])
    assert queries.position(made.award).spent.minor == 123_456


def facts(made: Scene) -> closeout_queries.Facts:
    return closeout_queries.facts_of(made.award)


def test_what_was_paid_and_not_spent_is_to_be_paid_back(app: Flask) -> None:
    made = paid_scene()
    actions.terminate(made.award, "The partner left.", by=made.coordinator)
    rows.spend(made, 500_000)
    settled = rules.Settlement(queries.position(made.award), Money(0, "EUR"), 0)
    assert (settled.to_pay.minor, settled.to_refund.minor) == (0, 300_000)
    assert standing(made).is_settled
    codes = [one.code for one in closeout_rules.obstacles_to_finishing(made.award, facts(made), None)]
    assert codes == ["not_opened", "milestones_open", "refund_due"]


def test_the_rest_is_paid_when_more_was_spent_than_paid(app: Flask) -> None:
    made = paid_scene()
    actions.terminate(made.award, "The partner left.", by=made.coordinator)
    rows.spend(made, 850_000)
    at = clock.now()
    assert standing(made).to_pay_minor == 50_000
    (due,) = queries.unpaid_tranches(due_between=(date(2027, 1, 1), date(2028, 12, 31)))
    assert due.number == 2
    payment = payments.prepare(made.last, by=made.officers[0])
    payments.approve(payment, by=made.officers[1])
    payments.take_on(payment, by=made.officers[0])
    payments.pay(
        payment,
        paid_on=at.date(),
        bank_reference="LAST",
        proof_name="proof.pdf",
        proof_content=rows.PDF,
        by=made.officers[0],
    )
    assert queries.position(made.award).paid.minor == 850_000
    assert queries.wrong_totals() == []


def test_only_the_last_instalment_is_paid_after_a_termination(app: Flask) -> None:
    made = scene()
    with clock.at(SIGNING_DAY):
        rows.bank_account(made)
    awards.terminate(made.award, "As it was done before grants were settled.", by=made.coordinator)
    with refused("ended"):
        payments.prepare(made.first, by=made.officers[0])


def test_a_payment_under_way_is_sent_or_cancelled_first(app: Flask) -> None:
    made = scene()
    with clock.at(SIGNING_DAY):
        rows.bank_account(made)
        payment = rows.prepared(made)
    with refused("payment_under_way"):
        actions.terminate(made.award, "The partner left.", by=made.coordinator)
    payments.cancel(payment, "It ends.", by=made.officers[0])
    actions.terminate(made.award, "The partner left.", by=made.coordinator)
    assert made.award.state == AwardState.TERMINATED
