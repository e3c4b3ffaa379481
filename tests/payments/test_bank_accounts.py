from __future__ import annotations

import string
from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from grants.accounts.models import MemberRole, Membership
from grants.core import clock
from grants.core.db import db
from grants.core.encryption import CannotOpen
from grants.core.mail import OutboxMail
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.history.models import HistoryEntry
from grants.payments import actions, rules
from grants.payments.models import BankAccount
from grants.payments.workflow import BankAccountState
from tests import factories as make
from tests.payments import rows
from tests.payments.rows import CALL_BACK, IBAN, OTHER_IBAN, SIGNING_DAY


def codes(refusal: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [obstacle.code for obstacle in refusal.value.obstacles]


@pytest.mark.parametrize(
    "number",
    [IBAN, OTHER_IBAN, "DE89 3704 0044 0532 0130 00", "gb82west12345698765432", "SN08SN0100152000048500003035"],
)
def test_right_ibans_are_taken(number: str) -> None:
    assert rules.obstacles_to_entering("Holder", number, "", "EUR") == []


@given(st.integers(4, len(IBAN) - 1), st.sampled_from(string.digits))
def test_one_wrong_digit_in_an_iban_is_noticed(position: int, digit: str) -> None:
    wrong = IBAN[:position] + digit + IBAN[position + 1 :]
    found = [obstacle.code for obstacle in rules.obstacles_to_entering("Holder", wrong, "", "EUR")]
    assert found == ([] if wrong == IBAN else ["iban_checksum"])


@given(st.text(max_size=40), st.text(max_size=12), st.text(max_size=4))
def test_any_typed_text_gets_an_answer(number: str, bic: str, currency: str) -> None:
    rules.obstacles_to_entering(number, number, bic, currency)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"holder": " "}, "no_holder"),
        ({"number": "12"}, "account_number"),
        ({"number": "<script>"}, "account_number"),
        ({"bic": "ABC"}, "bic"),
        ({"currency": "EURO"}, "currency"),
    ],
)
def test_what_cannot_be_an_account_is_refused(values: dict[str, str], code: str) -> None:
    typed = {"holder": "Holder", "number": "00123/456", "bic": "ECOCSNDA", "currency": "XOF"} | values
    assert [obstacle.code for obstacle in rules.obstacles_to_entering(**typed)] == [code]


def test_a_change_blocks_the_old_account_and_tells_the_organization_and_finance(app: Flask) -> None:
    made = rows.scene()
    before = db.session.scalars(select(BankAccount)).one()
    db.session.execute(text("DELETE FROM outbox"))
    after = rows.bank_account(made, OTHER_IBAN, verified=False)
    assert (before.state, after.state) == (BankAccountState.BLOCKED, BankAccountState.UNVERIFIED)
    assert after.last_four == "0189"
    told = {(m.kind, m.to_person_id) for m in db.session.scalars(select(OutboxMail))}
    assert told == {("bank_account_changed", made.owner.id)} | {
        ("bank_account_to_verify", officer.id) for officer in made.officers
    }
    assert not any(IBAN in (m.body or "") or "0189" in (m.body or "") for m in db.session.scalars(select(OutboxMail)))


def test_the_first_account_of_an_organization_is_not_told_as_a_change(app: Flask) -> None:
    made = rows.scene()
    told = db.session.scalars(select(OutboxMail).where(OutboxMail.kind.startswith("bank_account_")))
    kinds = {mail.kind for mail in told if mail.to_person_id == made.owner.id}
    assert kinds == {"bank_account_entered", "bank_account_verified"}


def test_an_account_that_follows_a_blocked_one_is_told_as_a_change(app: Flask) -> None:
    made = rows.scene()
    account = db.session.scalars(select(BankAccount)).one()
    actions.block_bank_account(account, "The bank has closed it.", by=made.officers[0])
    rows.bank_account(made, OTHER_IBAN, verified=False)
    assert db.session.scalars(select(OutboxMail).where(OutboxMail.kind == "bank_account_changed")).one()


def test_whoever_entered_an_account_does_not_verify_it(app: Flask) -> None:
    made = rows.scene(account=False)
    entered = {"holder": "H", "number": IBAN, "bic": "", "currency": "EUR"}
    account = actions.enter_bank_account(made.organization, by=made.officers[0], **entered)
    with pytest.raises(Refused) as refusal:
        actions.verify_bank_account(account, CALL_BACK, by=made.officers[0])
    assert codes(refusal) == ["entered_by_you"]
    with pytest.raises(Refused) as refusal:
        actions.verify_bank_account(account, "called", by=made.officers[1])
    assert codes(refusal) == ["no_call_back"]
    actions.verify_bank_account(account, CALL_BACK, by=made.officers[1])
    assert account.state == BankAccountState.VERIFIED
    with pytest.raises(NoSuchMove):
        actions.verify_bank_account(account, CALL_BACK, by=made.officers[2])


def test_the_database_too_wants_a_second_person(app: Flask) -> None:
    account = rows.bank_account(rows.scene(account=False), verified=False)
    for change in ("state = 'verified', verified_by_id = entered_by_id", "state = 'verified'"):
        with pytest.raises(IntegrityError), db.session.begin_nested():
            db.session.execute(text(f"UPDATE bank_account SET {change} WHERE id = {account.id}"))


def test_every_look_at_a_full_number_is_written_down(app: Flask) -> None:
    made = rows.scene()
    account = db.session.scalars(select(BankAccount)).one()
    shown = actions.look_at_number(account, purpose="verification", by=made.officers[1])
    assert shown == (made.organization.name, IBAN)
    entry = db.session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "look")).one()
    assert (entry.actor_id, entry.subject_id) == (made.officers[1].id, account.id)
    assert entry.details == {"purpose": "verification"}


def everything_stored() -> str:
    """Every row of every table as text; bytes as they are, so that a number hidden in them shows too."""
    parts = []
    for table in inspect(db.engine).get_table_names():
        parts += [row for (row,) in db.session.execute(text(f'SELECT t::text FROM "{table}" t'))]
    return "\n".join(parts)


def test_an_account_number_stands_in_the_clear_in_no_table(app: Flask) -> None:
    made = rows.scene()
    rows.confirmed(made)
    rows.bank_account(made, OTHER_IBAN)
    actions.look_at_number(db.session.scalars(select(BankAccount)).all()[-1], purpose="x", by=made.officers[0])
    stored = everything_stored()
    assert made.organization.reference in stored
    assert stored.count("3000") >= 1  # the last four are meant to be there
    for number in (IBAN, OTHER_IBAN):
        assert number not in stored
        assert number.encode().hex() not in stored
        assert number[4:-4] not in stored


def test_sealed_numbers_swapped_between_two_organizations_do_not_open(app: Flask) -> None:
    mine, theirs = rows.scene(account=False), rows.scene(account=False)
    good, bad = rows.bank_account(mine), rows.bank_account(theirs, OTHER_IBAN)
    rows.past_all_triggers(
        (
            "UPDATE bank_account a SET number_sealed = b.number_sealed FROM bank_account b"
            " WHERE a.id <> b.id AND a.id IN (:one, :two) AND b.id IN (:one, :two)"
        ),
        {"one": good.id, "two": bad.id},
    )
    db.session.refresh(good)
    with pytest.raises(CannotOpen):
        actions.look_at_number(good, purpose="payment", by=mine.officers[0])


def test_what_was_entered_of_an_account_is_never_written_over(app: Flask) -> None:
    account = rows.bank_account(rows.scene(account=False))
    for change in ("number_sealed = 'x'", "bic = 'OTHERXXX'", "entered_by_id = verified_by_id", "currency = 'XOF'"):
        with pytest.raises(IntegrityError, match="stays what was entered"), db.session.begin_nested():
            db.session.execute(text(f"UPDATE bank_account SET {change} WHERE id = {account.id}"))


def test_an_account_without_an_iban_names_its_bank(app: Flask) -> None:
    typed = {"holder": "Holder", "number": "00123/456", "bic": "", "currency": "XOF"}
    assert [one.code for one in rules.obstacles_to_entering(**typed)] == ["no_bank"]
    assert rules.obstacles_to_entering(**typed, bank_code="SN100 01520") == []
    assert [one.code for one in rules.obstacles_to_entering(**typed, bank_code="?")] == ["bank_code"]


def test_nothing_is_paid_to_a_changed_account_for_as_many_days_as_the_call_says(app: Flask) -> None:
    for terms, days in (
        ({}, 3),
        ({"award": {"account_change_days": 7}}, 7),
        ({"award": {"account_change_days": 0}}, 0),
    ):
        made = rows.scene(call=make.call(terms=terms))
        rows.bank_account(made, OTHER_IBAN)
        for later in range(days):
            with clock.at(SIGNING_DAY + timedelta(days=later)), pytest.raises(Refused) as refusal:
                rows.prepared(made)
            assert codes(refusal) == ["account_rests"]
        with clock.at(SIGNING_DAY + timedelta(days=days)):
            assert rows.prepared(made).bank_account.last_four == "0189"


def test_all_owners_and_signatories_are_told_of_a_change(app: Flask) -> None:
    made = rows.scene()
    second, editor = make.person(), make.person()
    make.save(Membership(organization_id=made.organization.id, person_id=second.id, role=MemberRole.OWNER))
    make.save(Membership(organization_id=made.organization.id, person_id=editor.id, role=MemberRole.EDITOR))
    rows.bank_account(made, OTHER_IBAN, verified=False)
    told = select(OutboxMail.to_person_id).where(OutboxMail.kind == "bank_account_changed")
    assert set(db.session.scalars(told)) == {made.owner.id, second.id}
