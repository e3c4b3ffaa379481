"""What the bank says is taken into the books: matched by reference, amount and currency, and never guessed."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from grants.banking import actions, queries, rules
from grants.banking.models import BankStatement, StatementEntry
from grants.conflicts.models import ConflictDeclaration, Grade
from grants.core import bankfiles
from grants.core.bankfiles import BadStatement, Columns
from grants.core.db import db
from grants.core.permissions import scope
from grants.core.workflow import NoSuchMove
from grants.history.models import HistoryEntry
from grants.payments import actions as payments
from grants.payments import queries as payment_queries
from grants.payments.models import Disbursement, Transfer
from tests import factories as make
from tests.banking.files import camt, line
from tests.banking.test_orders import OWN, approved_of, codes, grant, released
from tests.http import Browser
from tests.payments import rows
from tests.payments.rows import IBAN, OTHER_IBAN, Scene
from tests.payments.test_pages import visitor

EVERYTHING = select(Disbursement)


def name(made: Scene) -> str:
    return f"{made.award.reference}-P1"


def payment(made: Scene) -> Disbursement:
    return queries.named(EVERYTHING, [name(made)])[0]


def brought(made: Scene, *lines: str, **more: Any) -> BankStatement:
    return actions.bring(camt(*lines, **more), own=OWN, by=made.officers[0])


def applied(statement: BankStatement, made: Scene, note: str = "No grant.", by: Any = None) -> list[str]:
    officer = by or made.officers[0]
    actions.apply(statement, note, seen=scope(officer, Disbursement), everything=EVERYTHING, by=officer)
    return [f"{one.verdict} {one.why}".strip() for one in queries.entries_of(statement)]


def meaning(statement: BankStatement) -> list[str]:
    return [f"{one.verdict} {one.why}".strip() for one in actions.judged(statement, EVERYTHING, EVERYTHING)]


@pytest.mark.parametrize("version", ["02", "08"])
def test_what_the_bank_sent_is_paid_with_its_line_as_the_proof_and_its_fee(app: Flask, version: str) -> None:
    made, other = grant(IBAN), grant(OTHER_IBAN)
    released(made, other)
    lines = [
        line("8000.00", name(made), fee="2.50", version=version),
        line("8000.00", text=f"X {name(other)} Y", reference="2", version=version),
    ]
    statement = brought(made, *lines, version=version)
    before = db.session.scalar(select(func.count()).select_from(Transfer))
    assert meaning(statement) == ["paid", "paid"]
    assert payment(made).state == "approved"
    assert db.session.scalar(select(func.count()).select_from(Transfer)) == before
    assert applied(statement, made, "") == ["paid", "paid"]
    one = payment(made)
    assert (one.state, one.paid_on, one.bank_reference) == ("paid", date(2027, 5, 10), "BANK-1")
    assert one.proof is not None
    assert one.proof.name == f"{name(made)}-statement.pdf"
    assert payment_queries.fee_of(one) == payments.Money(250, "EUR")
    assert payment_queries.fee_of(payment(other)) is None
    assert payment_queries.wrong_totals() == []
    assert payment_queries.grants_told_otherwise() == []


def test_what_came_back_is_returned_with_the_reason_in_words(app: Flask) -> None:
    made = grant(IBAN)
    released(made)
    sent, back = line("8000.00", name(made)), line("8000.00", name(made), credit=True, returned="AC04", reference="R")
    assert applied(brought(made, sent), made, "") == ["paid"]
    assert applied(brought(made, back, reference="ST-2"), made, "") == ["returned AC04"]
    entry = db.session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "return")).one()
    assert entry.reason == "AC04 The account is closed."
    again = rows.prepared(made)
    assert again.reference.endswith("-P2")
    assert payment_queries.wrong_totals() == []


def test_sent_and_returned_in_one_statement(app: Flask) -> None:
    made = grant(IBAN)
    released(made)
    back = line("8000.00", name(made), credit=True, returned="ZZ99", reference="R")
    statement = brought(made, line("8000.00", name(made)), back)
    assert meaning(statement) == ["paid", "returned ZZ99"]
    assert applied(statement, made, "") == ["paid", "returned ZZ99"]
    assert payment(made).state == "returned"


LEFT = {
    "unknown_reference": lambda _: line("8000.00", "NOBODY-P1"),
    "amount_differs": lambda made: line("7999.99", name(made)),
    "currency_differs": lambda made: line("8000.00", name(made), currency="USD"),
    "not_sent": lambda made: line("8000.00", name(made), credit=True, returned="AC04"),
    "unclear": lambda made: line("8000.00", credit=True, text=name(made)),
    "fee_unknown": lambda _: line("3.00", code="CHRG"),
    "refused": lambda made: line("8000.00", name(made), on="2027-05-11"),
    "of_an_order": lambda made: (
        '<Ntry><Amt Ccy="EUR">8000.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2027-05-10</Dt>'
        f"</BookgDt><NtryDtls><Btch><PmtInfId>{payment(made).order_reference}-1</PmtInfId></Btch></NtryDtls></Ntry>"
    ),
}


@pytest.mark.parametrize("why", LEFT)
def test_a_line_that_means_nothing_certain_is_left_with_its_reason(app: Flask, why: str) -> None:
    made = grant(IBAN)
    released(made)
    statement = brought(made, LEFT[why](made))
    assert meaning(statement) == [f"left {why}"]
    moves = db.session.scalar(select(func.count()).select_from(Transfer))
    assert codes(lambda: applied(statement, made, " ")) == ["left_unexplained"]
    assert applied(statement, made, "Asked the bank.") == [f"left {why}"]
    assert queries.entries_of(statement)[0].note == "Asked the bank."
    assert payment(made).state == "approved"
    assert db.session.scalar(select(func.count()).select_from(Transfer)) == moves
    assert str(rules.WHY[why])


def test_several_references_pending_lines_and_payments_that_stand_elsewhere(app: Flask) -> None:
    one, two, cancelled, confirmed = grant(IBAN), grant(OTHER_IBAN), grant(IBAN), rows.scene()
    payments.cancel(payment(cancelled), "Typed twice", by=one.officers[0])
    rows.confirmed(confirmed)
    fresh = rows.scene()
    rows.prepared(fresh)
    statement = brought(
        one,
        line("8000.00", text=f"{name(one)} {name(two)}", reference="1"),
        line("8000.00", name(one), status="PDNG", reference="2"),
        line("8000.00", name(cancelled), reference="3"),
        line("8000.00", name(fresh), reference="4"),
        line("8000.00", name(confirmed), reference="5"),
        line("8000.00", name(confirmed), reference="6"),
        line("8000.00", name(confirmed), reference="7", credit=True, returned="AC01"),
        line("1.20", name(confirmed), reference="8", code="CHRG"),
    )
    said = ["left several", "left given_up", "left not_approved", "known", "left stated_twice", "returned AC01", "fee"]
    assert meaning(statement) == said
    assert applied(statement, one) == said
    assert payment_queries.fee_of(payment(confirmed)) == payments.Money(120, "EUR")


def test_a_statement_and_its_lines_are_taken_once(app: Flask) -> None:
    made = grant(IBAN)
    released(made)
    statement = brought(made, line("8000.00", name(made), fee="2.50"))
    assert codes(lambda: brought(made, line("8000.00", name(made)))) == ["taken_before"]
    applied(statement, made, "")
    assert codes(lambda: applied(statement, made, "")) == ["nothing_new"]
    assert codes(lambda: brought(made, line("8000.00", name(made)))) == ["taken_before"]
    assert db.session.scalar(select(func.count()).select_from(Transfer).where(Transfer.memo == "fee")) == 1
    # Two equal lines of one statement are two; a statement that overlaps another brings only what is new.
    twice = line("1.00", "A", reference="same")
    assert len(queries.entries_of(brought(made, twice, twice, reference="ST-9"))) == 2
    fee = line("2.00", name(made), reference="fee", code="CHRG")
    longer = brought(made, line("8000.00", name(made), fee="2.50"), twice, twice, fee, reference="ST-10")
    assert applied(longer, made, "") == ["fee"]
    assert queries.entries_of(brought(made, fee, twice, reference="ST-11")) == []


def test_a_statement_put_aside_can_be_brought_again_but_not_one_in_the_books(app: Flask) -> None:
    made = grant(IBAN)
    released(made)
    statement = brought(made, line("8000.00", name(made)))
    actions.discard(statement, "Wrong day", by=made.officers[0])
    again = brought(made, line("8000.00", name(made)))
    applied(again, made, "")
    with pytest.raises(NoSuchMove):
        actions.discard(again, "Wrong", by=made.officers[0])


def test_a_payment_that_is_not_what_was_approved_is_left_and_the_others_are_taken(app: Flask) -> None:
    made, spoiled = grant(IBAN), grant(OTHER_IBAN)
    released(made, spoiled)
    rows.past_all_triggers(
        f"UPDATE bank_account SET number_sealed = 'x' WHERE organization_id = {spoiled.organization.id}"
    )
    statement = brought(made, line("8000.00", name(spoiled), reference="1"), line("8000.00", name(made), reference="2"))
    assert applied(statement, made, "Told the administrators.") == ["left not_as_approved", "paid"]
    assert payment(spoiled).state == "approved"


def test_what_the_bank_has_sent_is_in_the_books_also_when_the_account_changed_meanwhile(app: Flask) -> None:
    made = grant(IBAN)
    officer, place = made.officers[0], payment(made)
    rows.bank_account(made, OTHER_IBAN)
    statement = brought(made, line("8000.00", name(made)))
    assert meaning(statement) == ["paid sent_anyway"]
    assert applied(statement, made, "") == ["paid sent_anyway"]
    assert place.state == "paid"
    assert codes(lambda: payments.prepare(made.first, by=officer)) == ["under_way"]
    assert payment_queries.wrong_totals() == []


def test_a_left_line_is_settled_later_when_its_payment_is_approved(app: Flask) -> None:
    made = rows.scene()
    rows.prepared(made)
    statement = brought(made, line("8000.00", name(made)))
    assert applied(statement, made) == ["left not_approved"]
    payments.approve(payment(made), by=made.officers[1])
    assert meaning(statement) == ["paid"]
    assert applied(statement, made, "") == ["paid"]


def test_a_line_about_a_grant_to_which_the_officer_has_a_tie_waits_for_another(app: Flask) -> None:
    made, tied = grant(IBAN), grant(OTHER_IBAN)
    released(made, tied)
    officer, other = made.officers[0], made.officers[1]
    about = {"person_id": officer.id, "organization_id": tied.organization.id, "grade": Grade.CONFLICT}
    make.save(ConflictDeclaration(reason="My brother", **about))
    statement = brought(made, line("8000.00", name(made), reference="1"), line("8000.00", name(tied), reference="2"))
    assert applied(statement, made, "", by=officer) == ["paid", "None"]
    assert payment(tied).state == "approved"
    assert applied(statement, made, "", by=other) == ["paid", "paid"]
    settled = actions.judged(statement, scope(officer, Disbursement), EVERYTHING)
    assert [(one.payment.reference, one.hidden) for one in settled] == [(name(made), False), (name(tied), True)]


# ------------------------------------------------------------------ tables

TABLE = "Date;Betrag;Währung;Referenz;Text;Nr\r\n10.05.2027;-8.000,00;EUR;{};Grant;77\r\n10.05.2027;12,50;EUR;;Interest;78\r\n"
CHOSEN = Columns(
    {
        "booked_on": "Date",
        "amount": "Betrag",
        "currency": "Währung",
        "reference": "Referenz",
        "text": "Text",
        "identifier": "Nr",
    },
    "d.m.y",
    "comma",
)


def test_a_table_asks_for_its_columns_once_and_overlaps_are_read_once(app: Flask) -> None:
    made = grant(IBAN)
    released(made)
    content = TABLE.format(name(made)).encode("cp1252")
    statement = actions.bring(content, own=OWN, by=made.officers[0])
    assert statement.state == "unread"
    assert actions.header_of(statement)[1] == "Betrag"
    wrong = Columns(dict(CHOSEN.named) | {"amount": "Text"}, "d.m.y", "comma")
    assert codes(lambda: actions.choose_columns(statement, wrong, own=OWN, by=made.officers[0])) == ["unreadable"]
    missing = Columns({"booked_on": "Date"}, "d.m.y", "comma")
    assert codes(lambda: actions.choose_columns(statement, missing, own=OWN, by=made.officers[0])) == ["columns"]
    actions.choose_columns(statement, CHOSEN, own=OWN, by=made.officers[0])
    assert meaning(statement) == ["paid", "left unknown_reference"]
    applied(statement, made)
    longer = TABLE.format(name(made)) + "11.05.2027;-1,00;EUR;;Post;79\r\n"
    second = actions.bring(longer.encode(), own=OWN, by=made.officers[0])
    assert second.state == "read"
    assert [one.amount_minor for one in queries.entries_of(second)] == [100]
    assert codes(lambda: actions.bring(content, own=OWN, by=made.officers[0])) == ["taken_before"]


def test_two_equal_lines_of_a_table_are_two(app: Flask) -> None:
    rows_ = [["d", "a", "c", "r"], *[["2027-05-10", "-1.00", "EUR", "X"]] * 2]
    columns = Columns({"booked_on": "d", "amount": "a", "currency": "c", "reference": "r"}, "ymd", "point")
    read = bankfiles.read_table(rows_, columns, "A")
    assert len({one.key for one in read.booked}) == 2
    assert read.booked == bankfiles.read_table(rows_, columns, "A").booked


HEAD = "Konto;BE71096123456769\r\nZeitraum;Mai 2027\r\n\r\n"
WRITTEN = {
    "brackets": ('Date,Amount,Ccy,Ref\n2027-05-10,"(8,000.00)",EUR,{}\n', {}, "ymd", "point"),
    "minus behind": ("Date;Amount;Ccy;Ref\n10.05.2027;8.000,00-;EUR;{}\n", {}, "d.m.y", "comma"),
    "Dr behind": ("Date;Amount;Ccy;Ref\n10.05.2027;8.000,00 Dr;EUR;{}\n", {}, "d.m.y", "comma"),
    "Soll and Haben": (
        HEAD + "Date;Amount;Ccy;Ref;SH\n10.05.2027;8.000,00;EUR;{};S\n",
        {"direction": "SH"},
        "d.m.y",
        "comma",
    ),
    "two columns": ("Date;Amount;In;Ccy;Ref\n10.05.2027;8000,00;;EUR;{}\n", {"incoming": "In"}, "d.m.y", "comma"),
}


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("kind", WRITTEN)
def test_tables_are_read_as_banks_write_them(kind: str, charset: str) -> None:
    content, more, days, mark = WRITTEN[kind]
    table = bankfiles.table_of(content.format("G-P1").encode(charset))
    assert not bankfiles.is_xml(content.encode(charset))
    named = {"booked_on": "Date", "amount": "Amount", "currency": "Ccy", "reference": "Ref"} | more
    (one,) = bankfiles.read_table(table, Columns(named, days, mark), "A").booked
    assert (one.amount.minor, one.is_credit, one.booked_on, one.end_to_end) == (
        800_000,
        False,
        date(2027, 5, 10),
        "G-P1",
    )


@pytest.mark.parametrize("row", ["x;8,00;EUR;R;X", "10.05.2027;8,00;EUR;R;", "10.05.2027;8,005;EUR;R;S"])
def test_a_row_that_does_not_say_which_way_money_went_is_refused(row: str) -> None:
    table = bankfiles.table_of(f"Date;Amount;Ccy;Ref;SH\n{row}\n".encode())
    named = {"booked_on": "Date", "amount": "Amount", "currency": "Ccy", "reference": "Ref", "direction": "SH"}
    with pytest.raises(BadStatement):
        bankfiles.read_table(table, Columns(named, "d.m.y", "comma"), "A")


def test_one_booking_of_many_payments_and_a_file_of_several_days(app: Flask) -> None:
    one, two = grant(IBAN), grant(OTHER_IBAN)
    released(one, two)
    parts = "".join(
        f'<TxDtls><Refs><AcctSvcrRef>{n}</AcctSvcrRef>{named}</Refs><Amt Ccy="EUR">8000.00</Amt></TxDtls>'
        for n, named in enumerate((f"<InstrId>{name(one)}</InstrId>", f"<EndToEndId>{name(two)}</EndToEndId>"))
    )
    batch = (
        '<Ntry><Amt Ccy="EUR">16000.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>2027-05-10</Dt></BookgDt><NtryDtls>{parts}</NtryDtls></Ntry>"
    )
    reversal = line("8000.00", name(one), reference="9", returned="AC04")
    first, second = camt(batch, reference="D1"), camt(reversal, reference="D2")
    between = first.index(b"</BkToCstmrStmt>")
    content = first[:between] + second[second.index(b"<Stmt>") : second.index(b"</BkToCstmrStmt>")] + first[between:]
    statement = actions.bring(content, own=OWN, by=one.officers[0])
    assert statement.reference == "D1 + D2"
    assert applied(statement, one) == ["paid", "paid", "left reversed"]
    assert payment_queries.wrong_totals() == []


def test_a_line_that_knows_the_payment_by_the_name_of_the_bank_alone(app: Flask) -> None:
    made = rows.scene()
    paid = rows.paid(made)
    statement = brought(made, line("8000.00", reference=paid.bank_reference))
    assert meaning(statement) == ["known"]


# ------------------------------------------------------------------ hostile files

LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>&b;</Id></Stmt></BkToCstmrStmt></Document>'
)
READS_A_FILE = LAUGHS.replace(b'<!ENTITY a "ha">', b'<!ENTITY a SYSTEM "file:///etc/passwd">')
HOSTILE = {
    "entities": LAUGHS,
    "a file of ours": READS_A_FILE,
    "deep": b"<a>" * 100_000,
    "another schema": camt(line("1.00", "A")).replace(b"camt.053.001.08", b"camt.054.001.08"),
    "another root": b"<html/>",
    "broken": camt(line("1.00", "A"))[:-30],
    "not an amount": camt(line("one", "A")),
    "three decimals": camt(line("1.005", "A")),
    "not a day": camt(line("1.00", "A", on="2027-13-45")),
    "no lines at all": b"",
    "binary": bytes(range(256)) * 40,
    "two statements": camt(line("1.00", "A")).replace(b"</Stmt>", b"</Stmt><Stmt><Id>2</Id></Stmt>"),
    "too many lines": camt(*[line("1.00", "A", reference=str(n)) for n in range(5_001)]),
    "utf-16 entities": LAUGHS.decode().replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_in_words_and_nothing_is_kept(app: Flask, kind: str) -> None:
    officer = rows.scene(account=False).officers[0]
    assert codes(lambda: actions.bring(HOSTILE[kind], own=OWN, by=officer)) == ["unreadable"]
    assert db.session.scalar(select(func.count()).select_from(BankStatement)) == 0


def test_a_statement_of_another_account_is_refused(app: Flask) -> None:
    officer = rows.scene(account=False).officers[0]
    content = camt(line("1.00", "A"), account=OTHER_IBAN)
    assert codes(lambda: actions.bring(content, own=OWN, by=officer)) == ["other_account"]
    assert codes(lambda: actions.bring(camt(), own=None, by=officer)) == ["other_account"]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for read in (bankfiles.read_camt, bankfiles.table_of):
        try:
            read(content)
        except BadStatement:
            continue


@given(st.text(max_size=300))
def test_any_text_of_a_line_can_be_shown_and_looked_through(text: str) -> None:
    entry = StatementEntry(end_to_end="")
    assert all(len(one) >= 2 for one in rules.names_in(entry, text))
    rules.masked(text)


def test_whole_numbers_are_masked_wherever_the_bank_writes_them() -> None:
    assert IBAN not in rules.masked(f"From {IBAN} thanks")
    assert "1234567890123" not in rules.masked("Account 1234567890123 closed")
    assert rules.masked("Grant MPF-2026-02-G05-P1") == "Grant MPF-2026-02-G05-P1"


def test_no_number_or_name_of_a_statement_stands_in_the_clear_in_the_database(app: Flask) -> None:
    made = grant(IBAN)
    secret = f"Paid to Zanzibar Refuge {OTHER_IBAN}"
    statement = brought(made, line("8000.00", name(made), text=secret))
    stored = [
        *db.session.execute(select(BankStatement.__table__)),
        *db.session.execute(select(StatementEntry.__table__)),
    ]
    assert "Zanzibar" not in str(stored)
    assert actions.text_of(queries.entries_of(statement)[0], statement) == secret


# ------------------------------------------------------------------ on the screens


def test_a_statement_on_the_screens(browser: Browser) -> None:
    made = grant(IBAN)
    released(made)
    officer, place = visitor(browser, made.officers[0]), "/payments/statements"
    content = camt(
        line("8000.00", name(made), reference="1", text=f"to {OTHER_IBAN}"), line("5.00", "WHO-KNOWS", reference="2")
    )

    def upload(file: bytes, status: int) -> None:
        given_ = {"file": (io.BytesIO(file), "statement.xml")}
        officer.post(place, given_, page=place, status=status, content_type="multipart/form-data")

    upload(LAUGHS, 422)
    assert "declares entities" in officer.text
    upload(b"x" * (10 * 1024 * 1024 + 1), 422)
    assert "larger than 10 MB" in officer.text
    upload(content, 302)
    officer.follow()
    assert "Payment sent" in officer.text
    assert "No payment has this reference" in officer.text
    assert OTHER_IBAN not in officer.text
    number = db.session.scalars(select(BankStatement.id)).one()
    officer.post(f"{place}/{number}/apply", {"note": ""}, page=f"{place}/{number}", status=422)
    assert "Please say what is done" in officer.text
    assert payment(made).state == "approved"
    officer.post(f"{place}/{number}/apply", {"note": "Asked the bank"}, page=f"{place}/{number}", status=302)
    db.session.expire_all()
    assert payment(made).state == "paid"
    officer.get(f"{place}/{number}")
    assert "Asked the bank" in officer.text
    upload(content, 422)
    assert "brought before" in officer.text
    auditor = visitor(browser, made.auditor)
    auditor.get(f"{place}/{number}")
    assert "•••• 0189" not in auditor.text
    visitor(browser, made.owner).get(f"{place}/{number}", 403)
    owner = visitor(browser, made.owner)
    assert owner.get(f"/payments/{name(made)}/proof").data.startswith(b"%PDF")


def test_a_table_on_the_screens(browser: Browser) -> None:
    made = grant(IBAN)
    released(made)
    officer, place = visitor(browser, made.officers[0]), "/payments/statements"
    given_ = {"file": (io.BytesIO(TABLE.format(name(made)).encode()), "statement.csv")}
    officer.post(place, given_, page=place, status=302, content_type="multipart/form-data")
    officer.follow()
    number = db.session.scalars(select(BankStatement.id)).one()
    chosen = dict(CHOSEN.named) | {"days": "d.m.y", "mark": "comma"}
    here = f"{place}/{number}"
    officer.post(f"{here}/columns", chosen | {"amount": ""}, page=here, status=422)
    officer.post(f"{here}/columns", chosen, page=here, status=302)
    officer.post(f"{here}/columns", chosen, page=here, status=409)
    officer.get(here)
    assert "Payment sent" in officer.text
    officer.post(f"{here}/discard", {"reason": ""}, page=here, status=422)
    officer.post(f"{here}/discard", {"reason": "Wrong"}, page=here, status=302)
    assert approved_of(made)[0].state == "approved"
