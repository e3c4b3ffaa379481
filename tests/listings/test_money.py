"""The lists of finance as they are taken out: payments where they stand, the ledger to the cent, orders, statements."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from flask import Flask

from grants.accounts.models import Confidentiality, Role
from grants.awards.models import Milestone
from grants.banking import actions
from grants.core import clock
from grants.core.db import db
from grants.payments import queries
from tests import factories as make
from tests.banking.files import camt, line
from tests.banking.test_orders import OWN, grant, released
from tests.http import Browser
from tests.listings.test_files import table
from tests.payments.rows import IBAN, SIGNING_DAY, scene
from tests.payments.test_pages import visitor


@pytest.fixture(autouse=True)
def _after_the_signature(app: Flask):
    with clock.at(SIGNING_DAY):
        yield


def test_a_payment_is_told_where_it_stands_with_its_people_and_without_its_account(browser: Browser) -> None:
    made = grant(IBAN)
    officer, name = made.officers[0], made.organization.name
    reference = made.award.reference
    db.session.commit()
    browser = visitor(browser, officer)
    (row,) = table(browser, "/payments?show=approved")
    assert (row["Grant"], row["Grantee"], row["Payment"]) == (reference, name, f"{reference}-P1")
    assert (Decimal(row["Amount"]), row["Currency"]) == (Decimal(8000), "EUR")
    assert row["Prepared by"] != row["Approved by"]
    assert IBAN[-4:] not in str(row)
    assert table(browser, "/payments?show=due") == []


def test_of_a_payment_to_a_grantee_at_risk_there_is_only_the_reference(browser: Browser) -> None:
    made = grant(IBAN, confidentiality=Confidentiality.NAME_WITHHELD)
    officer, name, reference = made.officers[0], made.organization.name, made.award.reference
    call = made.award.call.reference
    db.session.commit()
    browser = visitor(browser, officer)
    for address in ("/payments?show=approved", f"/ledger/grants?call={call}", f"/grants/{reference}/ledger", "/ledger"):
        rows = table(browser, address)
        assert reference in str(rows)
        assert name not in str(rows)


def test_what_a_payment_waits_for_may_tell_who_is_at_risk(browser: Browser) -> None:
    shown, hidden = scene(), scene(confidentiality="name_withheld")
    for made in (shown, hidden):
        step = make.save(Milestone(award_id=made.award.id, title="Canary house opens", due_on=date(2027, 9, 1)))
        made.first.milestone_id = step.id
    references = (shown.award.reference, hidden.award.reference)
    db.session.commit()
    browser.sign_in(make.person(Role.FINANCE_OFFICER))
    for address in ("/payments?show=waiting", "/owed?kind=instalment"):
        rows = table(browser, address)
        told = [(row["Grant"], row["What stands in the way"]) for row in rows]
        assert any("Canary house opens" in why for reference, why in told if reference == references[0])
        assert all(why == "" for reference, why in told if reference == references[1])
        assert references[1] in str(rows), address


def test_the_moves_of_the_ledger_add_up_to_its_pots_and_end_where_the_day_ends(browser: Browser) -> None:
    made = grant(IBAN)
    held = {str(kind): money.amount for kind, money in queries.balances_of(made.award).items()}
    officer, reference, call = made.officers[0], made.award.reference, made.award.call.reference
    db.session.commit()
    browser = visitor(browser, officer)
    moves = table(browser, f"/grants/{reference}/ledger")
    pot = "Approved, to be sent"
    into = sum(Decimal(row["Amount"]) for row in moves if row["Into"] == pot)
    assert into - sum(Decimal(row["Amount"]) for row in moves if row["Out of"] == pot) == held["payable"] > 0
    (told,) = table(browser, f"/ledger/grants?call={call}")
    assert {Decimal(told[pot]), Decimal(told["Committed by agreements"])} == {held["payable"], held["committed"]}
    assert table(browser, "/ledger?at=2020-01-01") == []
    assert len(table(browser, f"/ledger?call={call}")) >= len(moves)


def test_an_order_and_a_statement_are_taken_out_without_what_the_bank_wrote(browser: Browser) -> None:
    made = grant(IBAN)
    released(made)
    name = f"{made.award.reference}-P1"
    lines = [line("8000.00", name), line("5.00", text="Canary House", reference="2")]
    statement = actions.bring(camt(*lines), own=OWN, by=made.officers[0])
    officer, number = made.officers[0], statement.id
    db.session.commit()
    browser = visitor(browser, officer)
    (order,) = table(browser, "/payments/orders")
    assert (order["Payments"], Decimal(order["Amount"]), order["Currency"]) == ("1", Decimal(8000), "EUR")
    assert len(table(browser, "/payments/statements")) == 1
    told = table(browser, f"/payments/statements/{number}")
    assert [(row["Payment"], row["What it means"]) for row in told] == [(name, "Payment sent"), ("", "Left")]
    assert "Canary" not in str(told)
