"""The reports that are late, and the money that waits on each."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask

from grants.accounts.models import Confidentiality, Role
from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.core.db import db
from grants.core.money import Money
from grants.core.permissions import scope
from grants.payments import queries
from grants.payments.models import BankAccount, Disbursement, Tranche, Trigger
from grants.payments.workflow import DisbursementState
from grants.reports.models import ReportDue
from grants.reports.rules import REPORTING
from grants.reports.workflow import ReportState
from tests import factories as make
from tests.awards.test_pages import declare_conflict, statements
from tests.http import Browser
from tests.reports.test_life import by_key, running

TODAY = date(2027, 11, 1)
"""Sixteen days after the interim reports of these grants were due."""


def planned(award: Award, number: int, minor: int, due: ReportDue | None = None, **more: Any) -> Tranche:
    values = {"award_id": award.id, "number": number, "amount_minor": minor, "currency": award.currency}
    trigger = Trigger.INTERIM_REPORT_APPROVED if due else Trigger.AGREEMENT_SIGNED
    waits = {"trigger": trigger, "report_due_id": due.id if due else None, "due_on": award.start_on}
    tranche: Tranche = make.save(Tranche(**(values | waits | more)))
    return tranche


def paid(tranche: Tranche, state: str) -> None:
    officer, second = make.person(Role.FINANCE_OFFICER), make.person(Role.FINANCE_OFFICER)
    account = db.session.query(BankAccount).filter_by(organization_id=tranche.award.organization_id).first()
    if account is None:
        sealed = {"holder_sealed": b"x", "number_sealed": b"x", "last_four": "1234", "bic": "", "currency": "EUR"}
        account = make.save(
            BankAccount(organization_id=tranche.award.organization_id, entered_by_id=officer.id, **sealed)
        )
    make.save(
        Disbursement(
            reference=f"P-{tranche.id}",
            tranche_id=tranche.id,
            bank_account_id=account.id,
            amount_minor=tranche.amount_minor,
            currency=tranche.currency,
            state=state,
            prepared_by_id=officer.id,
            approved_by_id=second.id,
            approved_digest="x",
            paid_on=TODAY,
            proof_id=make.stored_file().id,
        )
    )


def listed(person: Any, today: date = TODAY, **asked: Any) -> tuple[list[tuple[str, int]], int, list[Money]]:
    late, number, waiting = queries.late_reports(scope(person, ReportDue), REPORTING, today, **asked)
    return [(one.award, one.waiting_minor) for one in late], number, waiting


def test_what_waits_for_a_late_report_is_what_was_not_sent_and_all_of_it_once_too_late(app: Flask) -> None:
    award, dues, _, coordinator = running()
    interim = by_key(dues, "interim_report")
    planned(award, 1, 500_000)
    planned(award, 2, 400_000, interim)
    planned(award, 3, 100_000, by_key(dues, "final_report"))
    planned(award, 4, 70_000, interim, cancelled_on=TODAY)
    assert listed(coordinator, date(2027, 10, 16)) == ([], 0, [])
    assert listed(coordinator) == ([(award.reference, 400_000)], 1, [Money(400_000, "EUR")])
    too_late = date(2027, 11, 16)
    assert listed(coordinator, too_late) == ([(award.reference, 1_000_000)], 1, [Money(1_000_000, "EUR")])


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        (DisbursementState.PREPARED, 400_000),
        (DisbursementState.RETURNED, 400_000),
        (DisbursementState.PAID, 0),
        (DisbursementState.CONFIRMED, 0),
    ],
)
def test_money_that_was_sent_waits_no_more(app: Flask, state: str, waits: int) -> None:
    award, dues, _, coordinator = running()
    paid(planned(award, 2, 400_000, by_key(dues, "interim_report")), state)
    other, others_dues, _, _ = running()
    planned(other, 2, 300_000, by_key(others_dues, "interim_report"))
    late, _number, waiting = listed(coordinator)
    assert late == [(award.reference, waits), (other.reference, 300_000)]
    assert waiting == [Money(300_000 + waits, "EUR")]


def test_each_instalment_counts_once_in_all_and_the_longest_missing_stands_first(app: Flask) -> None:
    award, dues, _, coordinator = running()
    final, interim = by_key(dues, "final_report"), by_key(dues, "interim_report")
    planned(award, 2, 400_000, interim)
    other, others_dues, _, _ = running()
    planned(other, 2, 300_000, by_key(others_dues, "interim_report"))
    by_key(others_dues, "interim_report").due_on = date(2027, 11, 20)
    final.due_on = date(2027, 11, 30)
    db.session.flush()
    today = date(2027, 12, 31)
    assert listed(coordinator, today) == (
        [(award.reference, 400_000), (other.reference, 300_000), (award.reference, 400_000)],
        3,
        [Money(700_000, "EUR")],
    )


@pytest.mark.parametrize("state", [ReportState.SUBMITTED, ReportState.ACCEPTED, ReportState.WAIVED])
def test_a_report_that_came_or_was_waived_is_not_late(app: Flask, state: str) -> None:
    _, dues, _, coordinator = running()
    by_key(dues, "interim_report").state = state
    db.session.flush()
    assert listed(coordinator)[1] == 0


@pytest.mark.parametrize("state", [AwardState.SENT, AwardState.CLOSED, AwardState.LAPSED])
def test_a_grant_that_does_not_run_owes_nothing_late(app: Flask, state: str) -> None:
    award, _, _, coordinator = running()
    award.state = state
    db.session.flush()
    assert listed(coordinator)[1] == 0


def test_regions_and_conflicts_bound_the_list(app: Flask) -> None:
    award, _, _, coordinator = running()
    elsewhere = make.person(Role.REGIONAL_COORDINATOR, regions=["LAC"])
    assert listed(elsewhere)[1] == 0
    assert listed(coordinator, region="LAC")[1] == 0
    assert listed(coordinator, region="AFR")[1] == 1
    declare_conflict(coordinator.id, award.organization_id)
    db.session.flush()
    assert listed(coordinator)[1] == 0


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.REGIONAL_COORDINATOR, 200),
        (Role.GLOBAL_COORDINATOR, 200),
        (Role.FINANCE_OFFICER, 200),
        (Role.AUDITOR, 200),
        (Role.REVIEWER, 403),
        (Role.COMMITTEE_MEMBER, 403),
        (Role.ADMINISTRATOR, 403),
    ],
)
def test_who_sees_the_late_reports(app: Flask, browser: Browser, role: Role, status: int) -> None:
    award, dues, owner, _ = running()
    award.confidentiality = Confidentiality.FULLY_CONFIDENTIAL
    interim = by_key(dues, "interim_report")
    interim.due_on = date(2020, 1, 1)
    planned(award, 2, 400_000, interim)
    person = make.person(role, **({"regions": ["AFR"]} if role == Role.REGIONAL_COORDINATOR else {}))
    reference = award.reference
    db.session.commit()
    browser.sign_in(person).get("/reports/late", status=status)
    if status == 200:
        assert reference in browser.text
        assert "€4,000 wait on them" in browser.text
        assert "Name withheld: do not share" in browser.text
        browser.get("/reports/late?region=LAC")
        assert "Nothing is late here" in browser.text
    Browser(app).sign_in(owner).get("/reports/late", status=403)


def test_the_late_list_reads_as_often_for_many(app: Flask, browser: Browser) -> None:
    def late() -> Any:
        award, dues, _, coordinator = running()
        interim = by_key(dues, "interim_report")
        interim.due_on = date(2020, 1, 1)
        planned(award, 2, 400_000, interim)
        return coordinator

    coordinator = late()
    db.session.commit()
    browser.sign_in(coordinator)
    few = statements(app, browser, "/reports/late")
    for _ in range(5):
        late()
    db.session.commit()
    assert statements(app, browser, "/reports/late") == few
