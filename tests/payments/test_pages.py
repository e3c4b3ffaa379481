from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event, select

from grants.accounts.models import MemberRole, Membership, Person, Role
from grants.awards.workflow import AwardState
from grants.core.db import db
from grants.history.models import HistoryEntry
from grants.payments import actions, rules
from grants.payments.models import BankAccount, Disbursement, Refund, Transfer
from grants.payments.workflow import DisbursementState
from tests import factories as make
from tests.http import Browser
from tests.payments import rows
from tests.payments.rows import CALL_BACK, IBAN, OTHER_IBAN, PDF, Scene


def visitor(browser: Browser, person: Person) -> Browser:
    db.session.commit()
    return Browser(browser.app).sign_in(person)


def proof() -> tuple[io.BytesIO, str]:
    return io.BytesIO(PDF), "transfer.pdf"


def reload(made: Scene) -> Disbursement:
    return db.session.scalars(select(Disbursement).order_by(Disbursement.id.desc())).first()


# ------------------------------------------------------------------ bank accounts


def test_a_grantee_enters_the_account_and_finance_verifies_it_by_call_back(browser: Browser) -> None:
    made = rows.scene(account=False)
    path = f"/organizations/{made.organization.reference}/bank-account"
    owner, officer = visitor(browser, made.owner), visitor(browser, made.officers[0])
    typed = {"holder": "Organization", "number": IBAN[:-1] + "1", "bic": "ECOCSNDA", "currency": "eur"}
    owner.post(path, typed, page=path, status=422)
    assert "check digits" in owner.text
    assert "ECOCSNDA" in owner.text
    owner.post(path, typed | {"number": IBAN}, page=path, status=302)
    owner.follow()
    assert IBAN not in owner.text
    assert "•••• 3000" in owner.text
    assert "Not verified" in owner.text
    owner.get(f"{path}/verification", 403)
    officer.get(f"{path}/verification")
    assert IBAN not in officer.text
    officer.post(f"{path}/look", page=f"{path}/verification", status=200)
    assert IBAN in officer.text
    looks = db.session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "look")).all()
    assert [(entry.actor_id, entry.details) for entry in looks] == [(made.officers[0].id, {"purpose": "verification"})]
    about = {"account": rules.print_of(db.session.scalars(select(BankAccount)).one())}
    officer.post(f"{path}/verification", about | {"reason": "ok"}, page=f"{path}/verification", status=422)
    officer.post(f"{path}/verification", about | {"reason": CALL_BACK}, page=f"{path}/verification", status=302)
    officer.follow()
    assert "Verified by a second person" in officer.text
    officer.post(f"{path}/block", {"block_reason": "Wrong"}, page=f"{path}/verification", status=409)
    officer.post(f"{path}/block", about | {"block_reason": "Wrong"}, page=f"{path}/verification", status=302)
    assert db.session.scalars(select(BankAccount.state)).all() == ["blocked"]


@pytest.mark.parametrize("number", [IBAN, OTHER_IBAN])
def test_a_call_back_about_one_account_says_nothing_of_another(browser: Browser, number: str) -> None:
    made = rows.scene(account=False)
    rows.bank_account(made, verified=False)
    path = f"/organizations/{made.organization.reference}/bank-account"
    officer, owner = visitor(browser, made.officers[0]), visitor(browser, made.owner)
    officer.get(f"{path}/verification")
    about = rules.print_of(db.session.scalars(select(BankAccount)).one())
    assert f'name="account" value="{about}"' in officer.text
    owner.post(path, {"holder": "H", "number": number, "bic": "", "currency": "EUR"}, page=path, status=302)
    sent = {"account": about, "reason": CALL_BACK}
    officer.post(f"{path}/verification", sent, page=f"{path}/verification", status=422)
    assert "Another account was entered" in officer.text
    assert CALL_BACK not in officer.text
    db.session.expire_all()
    assert db.session.scalars(select(BankAccount.state).order_by(BankAccount.id)).all() == ["blocked", "unverified"]
    officer.post(f"{path}/block", sent | {"block_reason": "Wrong"}, page=f"{path}/verification", status=409)
    assert db.session.scalars(select(BankAccount.state).order_by(BankAccount.id)).all() == ["blocked", "unverified"]


@pytest.mark.parametrize("who", ["editor", "stranger", "reviewer", "coordinator"])
def test_who_may_not_say_where_an_organization_is_paid(browser: Browser, who: str) -> None:
    made = rows.scene()
    path = f"/organizations/{made.organization.reference}/bank-account"
    people = {
        "editor": make.person(),
        "stranger": make.person(),
        "reviewer": make.person(Role.REVIEWER),
        "coordinator": made.coordinator,
    }
    person = people[who]
    if who == "editor":
        make.save(Membership(organization_id=made.organization.id, person_id=person.id, role=MemberRole.EDITOR))
    if who == "stranger":
        make.organization(person)
    somebody = visitor(browser, person)
    answer = somebody.get(path, 0)
    assert answer.status_code == {"editor": 200, "coordinator": 403}.get(who, 404)
    assert (b"3000" in answer.data) == (who == "editor")
    typed = {"holder": "H", "number": OTHER_IBAN, "bic": "", "currency": "EUR"}
    somebody.get("/change-password")
    somebody.post(path, typed)
    assert somebody.last.status_code in {403, 404}
    assert db.session.scalars(select(BankAccount.state)).all() == ["verified"]


# ------------------------------------------------------------------ a payment over HTTP


def test_a_tranche_is_paid_on_the_screens(browser: Browser) -> None:
    made = rows.scene()
    grant = f"/grants/{made.award.reference}"
    one, two = visitor(browser, made.officers[0]), visitor(browser, made.officers[1])
    owner = visitor(browser, made.owner)
    one.get("/payments")
    assert made.award.reference in one.text
    one.post(f"{grant}/tranches/1/prepare", page=f"{grant}/payments", status=302)
    payment = f"/payments/{made.award.reference}-P1"
    one.follow()
    assert "You prepared this payment" in one.text
    one.post(f"{payment}/approve", status=409)
    assert "Another finance officer approves it" in one.text
    two.get("/payments?show=prepared")
    assert payment in two.text
    two.post(f"{payment}/look", page=payment, status=200)
    assert IBAN in two.text
    two.get(payment)
    assert IBAN not in two.text
    two.post(f"{payment}/approve", status=302)
    two.post(f"{payment}/approve", page=payment, status=409)
    one.get(payment)
    sent = {"paid_on": "2027-05-10", "bank_reference": "SEPA 7"}
    one.post(f"{payment}/pay", sent, page=payment, status=422)
    assert "so that nobody else does" in one.text
    one.post(f"{payment}/take-on", page=payment, status=302)
    two.get(payment)
    assert f"{made.officers[0].name} sends it by hand since" in two.text
    two.post(f"{payment}/take-on", page=payment, status=409)
    two.get("/payments?show=approved")
    assert f"sent by hand by {made.officers[0].name}" in two.text
    one.post(f"{payment}/let-go", {"reason": ""}, page=payment, status=422)
    one.post(f"{payment}/let-go", {"reason": "The bank was closed"}, page=payment, status=302)
    one.post(f"{payment}/take-on", page=payment, status=302)
    one.post(f"{payment}/pay", sent, page=payment, status=422)
    assert "SEPA 7" in one.text
    bad = sent | {"proof": (io.BytesIO(b"MZ"), "x.pdf")}
    one.post(f"{payment}/pay", bad, page=payment, status=422, content_type="multipart/form-data")
    assert "not what its name says" in one.text
    good = sent | {"proof": proof()}
    one.post(f"{payment}/pay", good, page=payment, status=302, content_type="multipart/form-data")
    owner.get(f"{grant}/payments")
    assert "Confirm that" in owner.text
    owner.get(payment)
    assert made.officers[0].name not in owner.text
    assert owner.get(f"{payment}/proof").data == PDF
    received = {"received_on": "2027-05-10", "received": "5247656", "currency": "xof", "rate": ""}
    owner.post(f"{payment}/confirm", received | {"received": "5247656.5"}, page=payment, status=422)
    assert "XOF has 0 decimals" in owner.text
    owner.post(f"{payment}/confirm", received, page=payment, status=302)
    stored = reload(made)
    assert stored.state == DisbursementState.CONFIRMED
    assert (stored.received_minor, str(stored.received_rate)) == (5_247_656, "655.957000")
    owner.get(payment)
    assert "Received by the grantee" in owner.text


def test_a_payment_is_cancelled_or_returned_with_a_reason_on_its_page(browser: Browser) -> None:
    made = rows.scene()
    rows.approved(made)
    officer = visitor(browser, made.officers[0])
    payment = f"/payments/{made.award.reference}-P1"
    officer.post(f"{payment}/cancel", {"reason": ""}, page=payment, status=422)
    officer.post(f"{payment}/cancel", {"reason": "Typed twice"}, page=payment, status=302)
    officer.follow()
    assert "Typed twice" in officer.text


def test_a_payment_that_came_back_is_returned_on_its_page(browser: Browser) -> None:
    made = rows.scene()
    rows.paid(made)
    officer = visitor(browser, made.officers[0])
    payment = f"/payments/{made.award.reference}-P1"
    officer.post(f"{payment}/return", {"reason": "Account closed"}, page=payment, status=302)
    assert reload(made).state == DisbursementState.RETURNED


WRITES = [
    "/payments/{p}/approve",
    "/payments/{p}/pay",
    "/payments/{p}/cancel",
    "/payments/{p}/return",
    "/payments/{p}/look",
    "/grants/{g}/tranches/2/prepare",
    "/grants/{g}/refund",
    "/grants/{g}/plan",
    "/organizations/{o}/bank-account/verification",
    "/organizations/{o}/bank-account/look",
    "/organizations/{o}/bank-account/block",
]


@pytest.mark.parametrize("who", ["owner", "auditor", "stranger", "reviewer", "committee", "elsewhere"])
def test_nobody_but_finance_moves_money(browser: Browser, who: str) -> None:
    made = rows.scene()
    rows.prepared(made)
    people = {
        "owner": made.owner,
        "auditor": made.auditor,
        "stranger": make.person(),
        "reviewer": make.person(Role.REVIEWER),
        "committee": make.person(Role.COMMITTEE_MEMBER),
        "elsewhere": make.person(Role.REGIONAL_COORDINATOR, regions=["LAC"]),
    }
    names = {"p": f"{made.award.reference}-P1", "g": made.award.reference, "o": made.organization.reference}
    before = db.session.scalars(select(Transfer.key)).all()
    somebody = visitor(browser, people[who])
    for path in WRITES:
        somebody.get("/change-password")
        somebody.post(path.format(**names), {"reason": "because", "block_reason": "because"})
        assert somebody.last.status_code in {403, 404}, path
    assert reload(made).state == DisbursementState.PREPARED
    assert db.session.scalars(select(Transfer.key)).all() == before


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/payments", {"officer", "auditor"}),
        ("/payments?show=waiting", {"officer", "auditor"}),
        ("/ledger", {"officer", "auditor", "global"}),
        ("/grants/{g}/payments", {"officer", "auditor", "coordinator", "global", "owner"}),
        ("/payments/{p}", {"officer", "auditor", "coordinator", "global", "owner"}),
        ("/payments/{p}/proof", {"officer", "auditor", "owner"}),
        ("/grants/{g}/refund", {"officer"}),
        ("/grants/{g}/plan", {"coordinator", "global"}),
        ("/grants/{g}/sign", {"owner"}),
        ("/organizations/{o}/bank-account", {"officer", "auditor", "owner"}),
        ("/organizations/{o}/bank-account/verification", {"officer"}),
    ],
)
def test_who_opens_which_page(browser: Browser, path: str, allowed: set[str]) -> None:
    made = rows.scene()
    rows.paid(made)
    people = {
        "officer": made.officers[0],
        "auditor": made.auditor,
        "coordinator": made.coordinator,
        "global": make.person(Role.GLOBAL_COORDINATOR),
        "owner": made.owner,
        "stranger": make.person(),
        "elsewhere": make.person(Role.REGIONAL_COORDINATOR, regions=["LAC"]),
        "reviewer": make.person(Role.REVIEWER),
    }
    address = path.format(g=made.award.reference, p=f"{made.award.reference}-P1", o=made.organization.reference)
    opened = set()
    for who, person in people.items():
        somebody = visitor(browser, person)
        answer = somebody.get(address, 0)
        if answer.status_code == 200:
            opened.add(who)
        else:
            assert answer.status_code in {403, 404}, (who, answer.status_code)
            assert made.organization.name.encode() not in answer.data
        assert IBAN.encode() not in answer.data
    assert opened == allowed
    assert Browser(browser.app).get(address, 0).status_code in {302, 401}


def test_an_unknown_grant_payment_or_list_is_not_there(browser: Browser) -> None:
    officer = visitor(browser, make.person(Role.FINANCE_OFFICER))
    for path in ("/payments/NONE-P1", "/grants/NONE/payments", "/payments?show=everything", "/grants/N/refund"):
        officer.get(path, 404)


# ------------------------------------------------------------------ signing, refunds, the ledger


def test_the_signatory_reads_ticks_and_types_a_name(browser: Browser) -> None:
    made = rows.scene(signed=False, account=False)
    path = f"/grants/{made.award.reference}/sign"
    owner = visitor(browser, made.owner)
    owner.get(path)
    assert "8,000" in owner.text
    owner.post(path, {"signature": "Awa Diop"}, status=422)
    owner.post(path, {"agreed": "y", "signature": " "}, page=path, status=422)
    owner.post(path, {"agreed": "y", "signature": "Awa Diop"}, page=path, status=302)
    owner.follow()
    assert "Your grant is running" in owner.text
    db.session.expire_all()
    assert db.session.get(type(made.award), made.award.id).state == AwardState.ACTIVE
    owner.get(path)
    assert "stands elsewhere now" in owner.text


def test_a_refund_is_recorded_with_its_proof_and_shown(browser: Browser) -> None:
    made = rows.scene()
    rows.confirmed(made)
    officer = visitor(browser, made.officers[0])
    path = f"/grants/{made.award.reference}/refund"
    typed: dict[str, Any] = {"amount": "9000", "received_on": "2027-05-10", "bank_reference": "BACK"}
    with_proof = {"page": path, "content_type": "multipart/form-data"}
    officer.post(path, typed | {"proof": proof()}, status=422, **with_proof)
    assert "at most what was paid" in officer.text
    officer.post(path, typed | {"amount": "500.50", "proof": proof()}, status=302, **with_proof)
    officer.follow()
    assert "500.50" in officer.text
    assert officer.get(f"/grants/{made.award.reference}/refunds/{made.award.reference}-R1/proof").data == PDF


@pytest.mark.parametrize(
    ("language", "typed", "minor"),
    [("en", "1,250.50", 125_050), ("fr", "1 250,50", 125_050), ("es", "1.250,50", 125_050), ("fr", "300", 30_000)],
)
def test_an_amount_is_typed_as_the_reader_writes_it(browser: Browser, language: str, typed: str, minor: int) -> None:
    made = rows.scene()
    rows.paid(made)
    made.officers[0].language = language
    officer = visitor(browser, made.officers[0])
    page = f"/grants/{made.award.reference}/refund"
    values = {"amount": typed, "received_on": "2027-05-10", "bank_reference": "BACK 7"}
    officer.post(page, values, status=422, page=page)
    assert f'value="{typed}"' in officer.text
    officer.post(page, values | {"proof": proof()}, status=302, page=page, content_type="multipart/form-data")
    assert db.session.scalars(select(Refund)).one().amount_minor == minor


def test_an_amount_that_is_none_stays_as_it_was_typed(browser: Browser) -> None:
    made = rows.scene()
    rows.paid(made)
    officer = visitor(browser, made.officers[0])
    page = f"/grants/{made.award.reference}/refund"
    officer.post(page, {"amount": "about 300"}, status=422, page=page)
    assert 'value="about 300"' in officer.text
    assert "Please write an amount" in officer.text


def test_the_ledger_shows_every_move_and_that_it_balances(browser: Browser) -> None:
    made = rows.scene()
    rows.confirmed(made)
    other = rows.scene(account=False)
    auditor = visitor(browser, made.auditor)
    auditor.get("/ledger")
    assert "Balanced" in auditor.text
    assert "6 moves" in auditor.text
    auditor.get(f"/ledger?call={made.award.call.reference}")
    assert "4 moves" in auditor.text
    assert other.award.reference not in auditor.text
    auditor.get("/ledger?page=99")
    auditor.get("/ledger?page=x&call=none")


def test_the_pages_ask_the_database_as_often_for_many_grants_as_for_one(browser: Browser) -> None:
    made = rows.scene()
    rows.prepared(made)
    officer = visitor(browser, made.officers[0])

    def asked(path: str) -> int:
        number = 0

        def count(*_: Any) -> None:
            nonlocal number
            number += 1

        event.listen(db.engine, "before_cursor_execute", count)
        try:
            officer.get(path)
        finally:
            event.remove(db.engine, "before_cursor_execute", count)
        return number

    paths = ["/payments", "/payments?show=waiting", "/payments?show=prepared", "/ledger"]
    few = {path: asked(path) for path in paths}
    for n in range(6):
        more = rows.scene(account=n % 2 == 0)
        if n % 4 == 0:
            rows.prepared(more)
    db.session.commit()
    assert {path: asked(path) for path in paths} == few
    # Of these, the session, the clock of the test and its savepoint are three.
    assert max(few.values()) <= 9, few


def test_pages_speak_french_and_spanish(browser: Browser) -> None:
    made = rows.scene()
    rows.confirmed(made)
    for language in ("fr", "es"):
        officer = visitor(browser, make.person(Role.FINANCE_OFFICER, language=language))
        for path in ("/payments", "/ledger", f"/grants/{made.award.reference}/payments"):
            officer.get(path)
            assert f'lang="{language}"' in officer.text


def test_a_payment_day_must_be_a_day(browser: Browser) -> None:
    made = rows.scene()
    actions.take_on(rows.approved(made), by=made.officers[0])
    officer = visitor(browser, made.officers[0])
    payment = f"/payments/{made.award.reference}-P1"
    sent = {"paid_on": "yesterday", "bank_reference": "SEPA 7", "proof": proof()}
    officer.post(f"{payment}/pay", sent, page=payment, status=422, content_type="multipart/form-data")
    assert reload(made).paid_on is None
    assert date(2027, 5, 10) == rows.SIGNING_DAY.date()
