"""Approved payments go to the bank in one file, which two people made and nobody can read in passing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from config import SAMPLE_ACCOUNT, BadConfiguration, Config
from grants.accounts.models import Confidentiality, Person
from grants.awards.workflow import AwardState
from grants.banking import actions, queries, rules
from grants.banking.models import PaymentOrder
from grants.banking.workflow import OrderState
from grants.conflicts.models import ConflictDeclaration, Grade
from grants.core import clock
from grants.core.bankfiles import PAIN, Ordered, Party, bank_text, is_readable, payment_file
from grants.core.db import db
from grants.core.money import Money
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.history.models import HistoryEntry
from grants.payments import actions as payments
from grants.payments.models import Disbursement
from grants.payments.queries import wrong_totals
from tests import factories as make
from tests.banking.files import schema
from tests.http import Browser
from tests.payments import rows
from tests.payments.rows import CALL_BACK, IBAN, OTHER_IBAN, SIGNING_DAY, Scene
from tests.payments.test_pages import visitor

DAY = SIGNING_DAY.date()
OWN = rules.fund_account(SAMPLE_ACCOUNT)
NS = {"p": PAIN}


def grant(number: str, *, holder: str = "", bic: str = "", bank_code: str = "", **of_award: Any) -> Scene:
    """A grant that is paid to this account, its first tranche approved."""
    made = rows.scene(account=False, **of_award)
    typed = {"number": number, "bic": bic, "bank_code": bank_code, "currency": "EUR"}
    holder = holder or made.organization.name
    account = payments.enter_bank_account(made.organization, holder=holder, by=made.owner, **typed)
    payments.verify_bank_account(account, CALL_BACK, by=made.officers[2])
    rows.approved(made)
    return made


def approved_of(*scenes: Scene) -> list[Disbursement]:
    return queries.named(select(Disbursement), [f"{made.award.reference}-P1" for made in scenes])


def assembled(*scenes: Scene, by: Any = None) -> PaymentOrder:
    return actions.assemble(approved_of(*scenes), payer=OWN, execute_on=DAY, by=by or scenes[0].officers[0])


def released(*scenes: Scene) -> PaymentOrder:
    return actions.release(assembled(*scenes), payer=OWN, by=scenes[0].officers[1])


def codes(act: Any) -> list[str]:
    with pytest.raises(Refused) as refusal, db.session.begin_nested():
        act()
    return [obstacle.code for obstacle in refusal.value.obstacles]


def read(order: PaymentOrder, by: Any) -> Any:
    content = actions.download(order, by=by)
    document = etree.fromstring(content)
    schema().assertValid(document)
    return document


def values(document: Any, path: str) -> list[str]:
    return [one.text for one in document.iterfind(f".//{path}", NS)]


def test_an_order_with_and_without_ibans_in_two_currencies_is_valid_against_the_schema(app: Flask) -> None:
    dakar = grant("SN08SN0100152000048500003035", holder="Association Jëf-Jël «Sénégal» & Fils", bic="ECOCSNDA")
    other = grant("00123/456-78", bank_code="021000021", call=make.call(currency="USD"), currency="USD")
    plain = grant(IBAN)
    order = released(dakar, other, plain)
    document = read(order, dakar.officers[1])
    assert values(document, "p:GrpHdr/p:NbOfTxs") == ["3"]
    assert values(document, "p:GrpHdr/p:CtrlSum") == ["24000.00"]
    assert values(document, "p:PmtInf/p:CtrlSum") == ["16000.00", "8000.00"]
    for block in document.iterfind(".//p:PmtInf", NS):
        assert len({one.get("Ccy") for one in block.iterfind(".//p:InstdAmt", NS)}) == 1
    assert values(document, "p:CdtrAcct/p:Id/p:IBAN") == ["SN08SN0100152000048500003035", IBAN]
    assert values(document, "p:CdtrAcct/p:Id/p:Othr/p:Id") == ["00123/456-78"]
    assert values(document, "p:CdtrAgt//p:BICFI") == ["ECOCSNDA"]
    assert values(document, "p:CdtrAgt//p:MmbId") == ["021000021"]
    assert "Association Jef-Jel .Senegal. + Fils" in values(document, "p:Cdtr/p:Nm")
    assert values(document, "p:DbtrAcct/p:Id/p:IBAN") == ["BE71096123456769"] * 2
    assert {one.released_at is not None for one in approved_of(dakar, other, plain)} == {True}


def test_no_name_of_a_confidential_grantee_stands_where_banks_and_programs_list_files(app: Flask) -> None:
    made = grant(IBAN, holder="Holder of the account", confidentiality=Confidentiality.FULLY_CONFIDENTIAL)
    made.organization.name = "Zanzibar Refuge"
    order = released(made)
    document = read(order, made.officers[1])
    assert made.organization.name not in etree.tostring(document, encoding="unicode")
    assert values(document, "p:RmtInf/p:Ustrd") == [f"{made.award.reference} {made.award.reference}-P1"]
    assert values(document, "p:GrpHdr/p:MsgId") == [order.reference]
    assert order.reference.startswith("PO-20270510-")


def test_the_file_is_kept_sealed_and_every_look_at_it_is_written_down(app: Flask) -> None:
    made = grant(IBAN)
    order = assembled(made)
    assert codes(lambda: actions.download(order, by=made.officers[1])) == ["not_released"]
    actions.release(order, payer=OWN, by=made.officers[1])
    sealed = queries.file_of(order)
    assert sealed is not None
    assert IBAN.encode() not in sealed
    assert IBAN.encode() in actions.download(order, by=made.officers[2])
    look = db.session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "download")).one()
    assert (look.actor_id, look.details) == (made.officers[2].id, {"sha256": order.file_sha256})


def test_one_person_assembles_and_another_releases_also_for_the_database(app: Flask) -> None:
    made = grant(IBAN)
    order = assembled(made)
    assert codes(lambda: actions.release(order, payer=OWN, by=made.officers[0])) == ["assembled_by_you"]
    alone = "state = 'released', released_by_id = assembled_by_id, file_sealed = 'x'"
    with pytest.raises(IntegrityError, match="released_by_a_second_person"), db.session.begin_nested():
        db.session.execute(text(f"UPDATE payment_order SET {alone}"))
    with pytest.raises(IntegrityError, match="released_with_a_file"), db.session.begin_nested():
        db.session.execute(text("UPDATE payment_order SET state = 'released'"))
    actions.release(order, payer=OWN, by=made.officers[1])
    with pytest.raises(NoSuchMove):
        actions.release(order, payer=OWN, by=made.officers[2])


def test_what_cannot_be_put_into_an_order(app: Flask) -> None:
    made, paid = grant(IBAN), rows.scene()
    rows.paid(paid)

    def tried(**more: Any) -> list[str]:
        given = {"payer": OWN, "execute_on": DAY, "by": made.officers[0]} | more
        return codes(lambda: actions.assemble(given.pop("chosen", approved_of(made)), **given))

    assert tried(payer=None) == ["no_fund_account"]
    assert tried(chosen=[]) == ["nothing_chosen"]
    assert tried(chosen=approved_of(paid)) == ["not_free"]
    assert tried(execute_on=DAY - timedelta(days=1)) == ["execute_on"]
    assert tried(execute_on=DAY + timedelta(days=31)) == ["execute_on"]
    assembled(made)
    assert tried() == ["not_free"]
    letters = grant(OTHER_IBAN, holder="جمعية النور")
    assert tried(chosen=approved_of(letters)) == ["holder_letters"]


def test_an_account_that_changed_between_assembly_and_release_stops_the_whole_order(app: Flask) -> None:
    good, changed = grant(IBAN), grant(OTHER_IBAN)
    order = assembled(good, changed)
    rows.bank_account(changed, "GB82WEST12345698765432")
    assert codes(lambda: actions.release(order, payer=OWN, by=good.officers[1])) == ["account_changed"]
    db.session.expire_all()
    assert order.state == OrderState.ASSEMBLED
    assert [one.released_at for one in approved_of(good, changed)] == [None, None]


def test_a_payment_goes_one_way(app: Flask) -> None:
    made = grant(IBAN)
    order = assembled(made)
    (payment,) = approved_of(made)
    paid = {"paid_on": DAY, "bank_reference": "B", "proof_name": "p.pdf", "proof_content": rows.PDF}
    assert codes(lambda: payments.pay(payment, by=made.officers[2], **paid)) == ["in_an_order"]
    assert codes(lambda: payments.cancel(payment, "Twice", by=made.officers[2])) == ["in_an_order"]
    actions.dissolve(order, "By hand", by=made.officers[0])
    payments.take_on(payment, by=made.officers[2])
    assert queries.to_order(select(Disbursement)) == []
    assert codes(lambda: assembled(made)) == ["not_free"]
    payments.pay(payment, by=made.officers[2], **paid)
    assert codes(lambda: assembled(made)) == ["not_free"]


def test_an_order_is_not_released_with_all_that_stands_in_the_way_of_its_payments(app: Flask) -> None:
    good, late, suspended = grant(IBAN), grant(OTHER_IBAN), grant(IBAN)
    order = assembled(good, late, suspended)
    late.final.due_on = DAY - timedelta(days=31)
    suspended.award.state = AwardState.SUSPENDED
    db.session.flush()
    assert codes(lambda: actions.release(order, payer=OWN, by=good.officers[1])) == ["report_late", "not_running"]
    db.session.expire_all()
    assert [one.released_at for one in approved_of(good, late, suspended)] == [None, None, None]
    assert wrong_totals() == []


def test_the_page_of_a_payment_names_the_one_way_it_goes(browser: Browser) -> None:
    made = grant(IBAN)
    officer, page = visitor(browser, made.officers[0]), f"/payments/{made.award.reference}-P1"
    releaser = made.officers[1].id
    officer.get(page)
    assert "or send it by hand" in officer.text
    assembled(made)
    officer.get(page)
    assert "Do not send it by hand" in officer.text
    assert 'name="bank_reference"' not in officer.text
    (order,) = db.session.scalars(select(PaymentOrder))
    actions.release(order, payer=OWN, by=db.session.get_one(Person, releaser))
    officer.get(page)
    assert "Do not send it again" in officer.text
    assert "or send it by hand" not in officer.text


def test_what_was_released_is_paid_to_the_account_as_it_was_approved(app: Flask) -> None:
    made = grant(IBAN)
    released(made)
    rows.bank_account(made, OTHER_IBAN)
    (payment,) = approved_of(made)
    assert codes(lambda: payments.cancel(payment, "Changed", by=made.officers[0])) == ["on_its_way"]
    paid = {"paid_on": DAY, "bank_reference": "B", "proof_name": "p.pdf", "proof_content": rows.PDF}
    payments.pay(payment, by=made.officers[0], **paid)
    assert payment.bank_account.last_four == IBAN[-4:]


def test_a_payment_that_the_bank_refused_is_taken_out_and_ordered_again(app: Flask) -> None:
    made = grant(IBAN)
    order, reference = released(made), f"{made.award.reference}-P1"
    assert codes(lambda: actions.take_out(order, reference, " ", by=made.officers[0])) == ["reason_missing"]
    assert codes(lambda: actions.take_out(order, "OTHER", "AC04", by=made.officers[0])) == ["not_in_order"]
    actions.take_out(order, reference, "AC04", by=made.officers[0])
    assert codes(lambda: actions.take_out(order, reference, "AC04", by=made.officers[0])) == ["not_in_order"]
    assert approved_of(made)[0].order_reference == ""
    assert assembled(made).reference != order.reference


def test_an_order_that_is_not_sent_frees_its_payments(app: Flask) -> None:
    made = grant(IBAN)
    order = assembled(made)
    assert codes(lambda: actions.dissolve(order, "", by=made.officers[0])) == ["reason_missing"]
    actions.dissolve(order, "Wrong day", by=made.officers[0])
    with pytest.raises(NoSuchMove):
        actions.release(order, payer=OWN, by=made.officers[1])
    assembled(made)


def test_the_fund_has_no_account_in_production_until_it_is_set() -> None:
    produced = {"SECRET_KEY": "s", "FIELD_KEYS": "k", "BASE_URL": "https://x", "TRUSTED_HOSTS": "x"}
    produced |= {"GRANTS_ENV": "production"}
    assert rules.fund_account(Config.from_environment(produced).fund_account) is None
    assert rules.fund_account(Config.from_environment({}).fund_account) == OWN
    with pytest.raises(BadConfiguration):
        Config.from_environment({"FUND_ACCOUNT": "only a name"})


@given(st.text(max_size=200))
def test_any_name_becomes_what_banks_take(name: str) -> None:
    written = bank_text(name, 70)
    assert len(written) <= 70
    assert not set(written) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-?:().,'+ ")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Fundación Ñandú “Águila”", "Fundacion Nandu 'Aguila'"),
        ("Straße & Łódź", "Strasse + Lodz"),
        ("O’Brien–Smith", "O'Brien-Smith"),
    ],
)
def test_names_stay_readable(name: str, written: str) -> None:
    assert bank_text(name, 70) == written
    assert is_readable(name)


NAMES = st.text(min_size=1, max_size=80).filter(is_readable)
PARTIES = st.builds(
    Party,
    name=NAMES,
    number=st.from_regex(r"[A-Z0-9][A-Z0-9/.\-]{3,33}", fullmatch=True),
    is_iban=st.just(False),
    bic=st.sampled_from(["", "ECOCSNDA", "DEUTDEFF500"]),
    bank_code=st.sampled_from(["", "021000021", "SN10001520"]),
)
ORDERED = st.builds(
    Ordered,
    end_to_end=st.from_regex(r"[A-Z0-9][A-Z0-9.\-]{0,33}[A-Z0-9]", fullmatch=True),
    amount=st.builds(Money, st.integers(1, 10**12), st.sampled_from(["EUR", "USD", "XOF", "TND"])),
    payee=PARTIES,
    text=st.text(min_size=1, max_size=200).filter(lambda text: bank_text(text, 140) != ""),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ORDERED, min_size=1, max_size=8), PARTIES)
def test_every_file_is_valid_and_its_sums_are_right(ordered: list[Ordered], payer: Party) -> None:
    content = payment_file("PO-1", payer, ordered, made_at=clock.now(), execute_on=date(2027, 5, 10))
    document = etree.fromstring(content)
    schema().assertValid(document)
    amounts = {one.end_to_end: one.amount for one in ordered}
    assert len(values(document, "p:EndToEndId")) == len(ordered)
    assert set(values(document, "p:EndToEndId")) == set(amounts)


# ------------------------------------------------------------------ on the screens


def test_an_order_on_the_screens(browser: Browser) -> None:
    made = grant(IBAN)
    one, two = visitor(browser, made.officers[0]), visitor(browser, made.officers[1])
    reference = f"{made.award.reference}-P1"
    one.get("/payments/orders")
    assert reference in one.text
    one.post("/payments/orders", {"execute_on": "2027-05-10"}, page="/payments/orders", status=422)
    typed = {"payments": [reference], "execute_on": "2027-05-10"}
    one.post("/payments/orders", typed | {"payments": ["NONE"]}, page="/payments/orders", status=422)
    one.post("/payments/orders", typed, page="/payments/orders", status=302)
    one.follow()
    assert "You put this order together" in one.text
    place = f"/payments/orders/{db.session.scalars(select(PaymentOrder.reference)).one()}"
    one.post(f"{place}/release", page="/payments/orders", status=409)
    two.get(place)
    two.post(f"{place}/release", page=place, status=302)
    two.get(place)
    assert IBAN not in two.text
    answer = two.post(f"{place}/file", page=place, status=200)
    assert IBAN.encode() in answer.data
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{place.rsplit("/", 1)[1]}.xml"'
    auditor = visitor(browser, made.auditor)
    auditor.get(place)
    auditor.get("/change-password")
    auditor.post(f"{place}/file", status=403)
    visitor(browser, made.owner).get(place, 403)
    two.post(f"{place}/take-out/{reference}", {"reason": "AC04"}, page=place, status=302)


def test_who_has_a_tie_to_one_grant_of_an_order_sees_nothing_of_the_order(browser: Browser) -> None:
    made = grant(IBAN)
    order = released(made)
    tied = made.officers[2]
    make.save(
        ConflictDeclaration(
            reason="My brother", person_id=tied.id, organization_id=made.organization.id, grade=Grade.CONFLICT
        )
    )
    officer = visitor(browser, tied)
    officer.get(f"/payments/orders/{order.reference}", 404)
    officer.get("/payments/orders")
    assert order.reference not in officer.text
