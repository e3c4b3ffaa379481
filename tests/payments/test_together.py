"""Twenty people press at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from flask import Flask
from sqlalchemy import func, select

from grants.accounts.models import Person, Role
from grants.awards.models import Award
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.payments import actions, queries
from grants.payments.models import AccountKind, BankAccount, Disbursement, Tranche, Transfer
from tests import factories as make
from tests.payments import rows
from tests.payments.rows import CALL_BACK, OTHER_IBAN, SIGNING_DAY, Scene

PEOPLE = 20


def arranged(live: Flask) -> tuple[Scene, list[int]]:
    with transaction():
        made = rows.scene()
        crowd = [make.person(Role.FINANCE_OFFICER).id for _ in range(PEOPLE)]
    return made, crowd


def at_once(live: Flask, people: list[int], act: Callable[[Person], object]) -> list[str]:
    """Everybody acts at the same moment, each in a transaction of their own; what became of each."""
    together = Barrier(len(people))

    def one(person_id: int) -> str:
        with live.app_context(), clock.at(SIGNING_DAY):
            try:
                with transaction():
                    person = db.session.get_one(Person, person_id)
                    together.wait(20)
                    act(person)
            except Refused as refusal:
                return refusal.obstacles[0].code
            except NoSuchMove:
                return "too late"
            finally:
                db.session.remove()
            return "done"

    # The pool of connections of one process is smaller than the crowd, so it comes in groups of ten.
    with ThreadPoolExecutor(len(people)) as pool:
        return sorted(pool.map(one, people))


def groups(people: list[int]) -> list[list[int]]:
    return [people[:10], people[10:]]


def test_twenty_officers_who_prepare_at_once_make_one_payment(live: Flask) -> None:
    made, crowd = arranged(live)
    tranche_id = made.first.id
    results = [
        result
        for people in groups(crowd)
        for result in at_once(live, people, lambda p: actions.prepare(db.session.get_one(Tranche, tranche_id), by=p))
    ]
    assert sorted(results) == ["done"] + ["under_way"] * 19
    assert db.session.scalar(select(func.count()).select_from(Disbursement)) == 1


def test_twenty_officers_who_approve_at_once_approve_once(live: Flask) -> None:
    made, crowd = arranged(live)
    with transaction():
        payment_id = rows.prepared(made).id

    def approve(person: Person) -> None:
        actions.approve(db.session.get_one(Disbursement, payment_id), by=person)

    results = [result for people in groups(crowd) for result in at_once(live, people, approve)]
    assert sorted(results) == ["done"] + ["too late"] * 19
    moves = list(db.session.scalars(select(Transfer.memo).order_by(Transfer.id)))
    assert moves == ["fund", "commit", "approve"]
    assert queries.wrong_totals() == []


def test_an_account_changed_while_its_payment_is_approved_stops_the_payment_or_comes_after_it(live: Flask) -> None:
    made, crowd = arranged(live)
    with transaction():
        payment_id = rows.prepared(made).id
    organization_id, changer = made.organization.id, crowd[0]

    def act(person: Person) -> None:
        if person.id == changer:
            organization = db.session.get_one(BankAccount, 1).organization
            typed = {"holder": "H", "number": OTHER_IBAN, "bic": "", "currency": "EUR"}
            actions.enter_bank_account(organization, by=person, **typed)
        else:
            actions.approve(db.session.get_one(Disbursement, payment_id), by=person)

    results = at_once(live, crowd[:6], act)
    assert results.count("done") in (1, 2)
    db.session.rollback()
    payment = db.session.get_one(Disbursement, payment_id, populate_existing=True)
    account = queries.bank_account_of(organization_id)
    assert account is not None
    assert account.last_four == "0189"
    if payment.state == "approved":
        with transaction():
            actions.verify_bank_account(account, CALL_BACK, by=db.session.get_one(Person, crowd[1]))
        outcome = at_once(
            live,
            crowd[2:3],
            lambda p: actions.pay(
                db.session.get_one(Disbursement, payment_id),
                paid_on=SIGNING_DAY.date(),
                bank_reference="B",
                proof_name="p.pdf",
                proof_content=rows.PDF,
                by=p,
            ),
        )
        assert outcome == ["account_changed"]


def test_twenty_agreements_signed_at_once_fill_the_envelope_once_and_never_overdraw_it(live: Flask) -> None:
    with transaction():
        call = make.call(envelope_minor=5_000_000)
        awards = {}
        for _ in range(10):
            made = rows.scene(call=call, signed=False, account=False)
            awards[made.owner.id] = made.award.id
        call_id = call.id

    def sign(person: Person) -> None:
        award = db.session.get_one(Award, awards[person.id])
        actions.sign_agreement(award, signature="Awa Diop", by=person)

    results = at_once(live, list(awards), sign)
    assert results == ["done"] * 5 + ["envelope_used_up"] * 5
    envelope = queries.pot(AccountKind.ENVELOPE, call_id)
    assert envelope is not None
    assert envelope.balance_minor == 0
    assert queries.wrong_totals() == []
