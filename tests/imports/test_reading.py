"""What a table says: the real one, and one hostile table for each kind of mess."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask

from grants.core.money import Money
from grants.core.rules import Refused
from grants.core.tables import MOST_ROWS, rows_of
from grants.imports.rules import Layout, Reading, guessed, read, table_of

REAL = Path(__file__).parent / "tables" / "unbound_philanthropy_grants_to_2017_raw.csv"
TODAY = date(2027, 3, 1)
HEADER = "Grantee,Amount,Date,Months,City,Country"


def reading_of(content: bytes, **changed: object) -> Reading:
    table = table_of(rows_of(content))
    layout = Layout.from_json(guessed(table).as_json() | changed)
    return read(table, layout, TODAY)


def lines(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join((header, *rows, "")).encode()


def refused(*rows: str, **changed: object) -> list[tuple[int, str]]:
    return [(one.line, one.code) for one in reading_of(lines(*rows), **changed).refused]


def why_not(content: bytes) -> str:
    with pytest.raises(Refused) as caught:
        reading_of(content)
    return caught.value.obstacles[0].code


def counted_by_hand() -> tuple[int, dict[str, Decimal]]:
    """The real table as one would count it with a pencil: by its own rows, with nothing of ours."""
    number, sums = 0, Counter[str]()
    with REAL.open(encoding="utf-8", newline="") as opened:
        for row in csv.reader(opened):
            amount = row[1].strip()
            if amount[:1] in ("£", "$"):
                number += 1
                sums[{"£": "GBP", "$": "USD"}[amount[0]]] += Decimal(amount[1:].replace(",", ""))
    return number, dict(sums)


def test_the_real_table_is_read_whole() -> None:
    reading = reading_of(REAL.read_bytes())
    number, sums = counted_by_hand()
    found: dict[str, Decimal] = {}
    for award in reading.awards:
        found[award.amount.currency] = found.get(award.amount.currency, Decimal()) + award.amount.amount
    assert number == 468
    assert (len(reading.awards), reading.refused, found) == (number, [], sums)


def test_of_the_real_table_nothing_is_lost_between_the_rows() -> None:
    """Every row with something in it is an award, a heading or the header once more."""
    rows = rows_of(REAL.read_bytes())
    reading = reading_of(REAL.read_bytes())
    kinds = Counter(one.kind for one in reading.passed)
    assert kinds == {"heading": 22, "header_again": 1}
    assert len(rows) == 1 + len(reading.awards) + len(reading.passed)
    assert len({award.fingerprint for award in reading.awards}) == 468


def test_an_award_of_the_real_table_is_what_its_row_says() -> None:
    by_line = {award.line: award for award in reading_of(REAL.read_bytes()).awards}
    first = by_line[4]
    assert (first.grantee, first.amount, first.granted_on) == (
        "British Future",
        Money(16_000_000, "GBP"),
        date(2017, 2, 27),
    )
    assert (first.months, first.city, first.country, first.heading) == (24, "London", "GB", "2017 Grants")
    broken = next(
        award for award in by_line.values() if award.grantee.startswith("Trust for London Trustee (London Cit")
    )
    assert broken.grantee == "Trust for London Trustee (London Citizenship and Integration Initiative)"
    without = [award.grantee for award in by_line.values() if not award.country]
    assert len(without) == 3, "three rows do not say where the grantee is, and are awards all the same"


# ------------------------------------------------------------------ how people write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_table_is_read_in_the_encodings_of_spreadsheets(encoding: str) -> None:
    content = lines("Fédération des œuvres,£1 000,3/4/2015,12,Genève,Suisse").decode().encode(encoding)
    (award,) = reading_of(content).awards
    assert (award.grantee, award.amount, award.country) == ("Fédération des œuvres", Money(100_000, "GBP"), "CH")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_sign_that_parts_the_columns_is_found(separator: str) -> None:
    rows = [["Grantee", "Amount", "Date"], ["A, B; C", "EUR 1.234,50", "31/12/2015"], ["D", "EUR 2,00", "1/2/2015"]]
    written = io.StringIO()
    csv.writer(written, delimiter=separator).writerows(rows)
    reading = reading_of(written.getvalue().encode())
    assert [award.amount for award in reading.awards] == [Money(123_450, "EUR"), Money(200, "EUR")]


@pytest.mark.parametrize(
    ("said", "decimals", "amount"),
    [
        (" £160,000.00 ", "point", Money(16_000_000, "GBP")),
        ("$10", "point", Money(1_000, "CAD")),
        ("US$10", "point", Money(1_000, "USD")),
        ("EUR 1'234.5", "point", Money(123_450, "EUR")),
        ("1 234,50 €", "comma", Money(123_450, "EUR")),
        ("1\u202f234,50\u00a0€", "comma", Money(123_450, "EUR")),
        ("1.234.567 XOF", "comma", Money(1_234_567, "XOF")),
        ("12.345 TND", "point", Money(12_345, "TND")),
        ("999,999,999.99 EUR", "point", Money(99_999_999_999, "EUR")),
    ],
)
def test_an_amount_is_read_as_people_write_it(said: str, decimals: str, amount: Money) -> None:
    (award,) = reading_of(lines(f'A,"{said}"'), decimals=decimals, dollar="CAD").awards
    assert award.amount == amount


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("", "amount_missing"),
        ("1e9 EUR", "not_an_amount"),
        ("1.5e3", "not_an_amount"),
        ("EUR 1,50", "not_an_amount"),
        ("EUR 1,2345.00", "not_an_amount"),
        ("EUR 10.125", "decimals"),
        ("XOF 10.5", "decimals"),
        ("-5 EUR", "not_positive"),
        ("(5) EUR", "not_positive"),
        ("EUR −5", "not_positive"),
        ("0 EUR", "not_positive"),
        ("1,000,000,000 EUR", "too_large"),
        ("9" * 300 + " EUR", "too_large"),
        ("500", "no_currency"),
        ("500 XYZZY", "unknown_currency"),
        ("¤500", "unknown_currency"),
        ("=SUM(A1:A9)", "not_an_amount"),
        ("about EUR 500 or 600", "not_an_amount"),
        ("٥٠٠ EUR", "not_an_amount"),
    ],
)
def test_what_is_no_amount_is_refused_with_its_line(said: str, code: str) -> None:
    assert refused("Fine,EUR 5", f'A,"{said}",1/2/2015', decimals="point") == [(3, code)]


def test_a_row_that_names_two_currencies_is_refused() -> None:
    content = lines("A,$5,EUR", "B,€5,EUR", "C,5,EUR", "D,5,", header="Grantee,Amount,Currency")
    reading = reading_of(content, currency="KES")
    assert [(one.line, one.code) for one in reading.refused] == [(2, "two_currencies")]
    assert [award.amount.currency for award in reading.awards] == ["EUR", "EUR", "KES"]


@pytest.mark.parametrize(
    ("said", "order", "day"),
    [
        ("2/3/2015", "dmy", date(2015, 3, 2)),
        ("2/3/2015", "mdy", date(2015, 2, 3)),
        ("2.3.2015", "dmy", date(2015, 3, 2)),
        ("2015-02-03", "mdy", date(2015, 2, 3)),
        ("2015-02-03 00:00", "dmy", date(2015, 2, 3)),
        ("29/2/2016", "dmy", date(2016, 2, 29)),
    ],
)
def test_a_day_is_read_in_the_order_that_was_chosen(said: str, order: str, day: date) -> None:
    (award,) = reading_of(lines(f"A,EUR 5,{said}"), date_order=order).awards
    assert award.granted_on == day


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("31/02/2015", "not_a_date"),
        ("29/2/2015", "not_a_date"),
        ("2/27/2015", "not_a_date"),
        ("1/2/15", "not_a_date"),
        ("41234", "not_a_date"),
        ("soon", "not_a_date"),
        ("2/3/2027", "date_out_of_reach"),
        ("31/12/1899", "date_out_of_reach"),
    ],
)
def test_a_day_that_is_none_is_refused(said: str, code: str) -> None:
    assert refused(f"A,EUR 5,{said}", date_order="dmy") == [(2, code)]


def test_what_else_is_wrong_with_a_row_is_said() -> None:
    found = refused(
        ",EUR 5,1/2/2015",
        "…,EUR 5,1/2/2015",
        "A,EUR 5,1/2/2015,many",
        "A,EUR 5,1/2/2015,0",
        "A,EUR 5,1/2/2015,12,Town,Narnia",
        "A,EUR 5,1/2/2015,12,Town,Senegal,too,much",
        "A\x00B,EUR 5,1/2/2015",
        f"{'A' * 501},EUR 5,1/2/2015",
        "A,EUR 5,1/2/2015,12,Town,Senegal,,",
    )
    assert found == [
        (2, "grantee_missing"), (3, "grantee_missing"), (4, "not_months"), (5, "not_months"), (6, "unknown_country"),
        (7, "more_cells"), (8, "unstorable"), (9, "too_long"),
    ]  # fmt: skip


def test_every_reason_can_be_told(app: Flask) -> None:
    reading = reading_of(lines("100 %(x)s,100 %,1/2/2015", ",EUR 5,1/2/2015"))
    assert [one.reason for one in reading.refused] == [
        "“%” names no currency that we know.",
        "The name of the grantee is missing.",
    ]


@pytest.mark.parametrize(
    "said",
    ["Total", "TOTAL:", "Grand total", "Sub-total 2016", "Total général", "Sous-total", "Totaux", "Suma", "Total 2017"],
)
def test_a_row_that_adds_the_others_up_is_no_award(said: str) -> None:
    reading = reading_of(lines("Total Relief,EUR 5", "Summer School,EUR 6", f"{said},EUR 11"))
    assert [award.grantee for award in reading.awards] == ["Total Relief", "Summer School"]
    assert [(one.line, one.code, one.said) for one in reading.refused] == [(4, "a_sum", said)]


def test_an_amount_that_stands_alone_is_refused_and_not_taken_for_a_heading() -> None:
    reading = reading_of(lines("2016 Grants", "A,EUR 5", ",EUR 7", ",EUR 12,,,,"))
    assert [(one.line, one.code) for one in reading.refused] == [(4, "grantee_missing"), (5, "grantee_missing")]
    assert [one.said for one in reading.passed] == ["2016 Grants"]
    kept = reading_of(b"Amount,Grantee\n2016 Grants,\nEUR 5,A\n")
    assert [one.said for one in kept.passed] == ["2016 Grants"], "a heading may stand in any column"


def test_without_headings_a_row_with_one_cell_is_refused() -> None:
    assert refused("2015 Grants", "A,EUR 5") == []
    assert refused("2015 Grants", "A,EUR 5", headings=False) == [(2, "amount_missing")]


def test_the_header_may_come_again_and_in_other_words() -> None:
    reading = reading_of(lines("A,EUR 5", "GRANTEE ,Amount,Date of approval,Months,City,Country", "B,EUR 6"))
    assert [one.kind for one in reading.passed] == ["header_again"]
    assert len(reading.awards) == 2


def test_two_rows_that_are_the_same_are_two_awards() -> None:
    first, second, third = reading_of(lines("A,EUR 5,1/2/2015", "a ,EUR 5.00,1/2/2015", "A,EUR 5,2/2/2015")).awards
    assert len({first.fingerprint, second.fingerprint, third.fingerprint}) == 3
    again = reading_of(lines("A,EUR 5,2/2/2015", "A,EUR 5,1/2/2015,12,Town,Senegal")).awards
    assert {award.fingerprint for award in again} == {first.fingerprint, third.fingerprint}


# ------------------------------------------------------------------ tables that cannot be read


def test_a_table_that_cannot_be_read_says_why() -> None:
    assert why_not(b"") == "file_empty"
    assert why_not(b" \n\n ") == "file_empty"
    assert why_not(b",,\n,,\n") == "file_empty"
    assert why_not(b"just a line\nand another\n") == "no_header"
    assert why_not(b"A,500\nB,600\n") == "no_header"
    assert why_not(lines('"A,EUR 5', "B,EUR 6")) == "quotes"
    assert why_not(lines('"A"B,EUR 5')) == "quotes"
    assert why_not(b"%PDF-1.7\nGrantee,Amount\n") == "not_a_table"
    assert why_not(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x20" * 600) == "not_a_table"
    assert why_not(b"\xff\xfe\x00") == "not_a_table"
    assert why_not(",".join(f"C{n}" for n in range(61)).encode() + b"\n") == "too_many_columns"
    assert why_not(b"Grantee,Amount\n" + b"x" * (10 * 1024 * 1024)) == "file_too_large"


def test_twenty_thousand_rows_are_read_and_one_more_is_not() -> None:
    rows = [f"Grantee {number},EUR 5" for number in range(MOST_ROWS)]
    assert len(reading_of(lines(*rows)).awards) == MOST_ROWS
    assert why_not(lines(*rows, "One,EUR 5")) == "too_many_rows"


# ------------------------------------------------------------------ workbooks


STYLES = """<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts>
<numFmt numFmtId="164" formatCode="[$£-809]#,##0.00"/><numFmt numFmtId="165" formatCode="&quot;$&quot;#,##0"/>
<numFmt numFmtId="166" formatCode="[$-409]#,##0"/></numFmts><cellXfs>
<xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/></cellXfs></styleSheet>"""
BOOK = """<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>
<sheet name="Grants" sheetId="1" r:id="rId1"/></sheets></workbook>"""
RELATIONS = """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="x" Target="worksheets/sheet1.xml"/></Relationships>"""


def workbook(*rows: str, padding: bytes = b"") -> bytes:
    sheet = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    sheet += "".join(rows) + "</sheetData></worksheet>"
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        parts = {"[Content_Types].xml": "<x/>", "xl/workbook.xml": BOOK, "xl/_rels/workbook.xml.rels": RELATIONS}
        for name, text in (parts | {"xl/styles.xml": STYLES, "xl/worksheets/sheet1.xml": sheet}).items():
            archive.writestr(name, text)
        if padding:
            archive.writestr("xl/media/image1.bin", padding)
    return written.getvalue()


def cells(number: int, *values: str) -> str:
    return f'<row r="{number}">{"".join(values)}</row>'


def said(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


NAMED = cells(2, said("A2", "Grantee"), said("B2", "Amount"), said("C2", "Date"), said("D2", "Months"))


def test_a_workbook_is_read_by_its_values_with_the_currency_its_cells_show() -> None:
    content = workbook(
        cells(1, said("A1", "Our grants")),
        NAMED,
        cells(4, said("A4", "A"), '<c r="B4" s="2"><f>1+1</f><v>1234.5</v></c>', '<c r="C4" s="1"><v>42004</v></c>'),
        cells(7, said("A7", "B"), '<c r="B7" s="3"><v>10</v></c>', '<c r="D7"><v>12</v></c>'),
        cells(8, said("A8", "C"), '<c r="B8" s="4"><v>10</v></c>'),
        cells(9, said("A9", "D"), '<c r="B9" s="2"><f>SUM(B1:B3)</f></c>'),
    )
    reading = reading_of(content)
    first, second = reading.awards
    assert (first.line, first.amount, first.granted_on) == (4, Money(123_450, "GBP"), date(2014, 12, 31))
    assert (second.line, second.amount, second.granted_on, second.months) == (7, Money(1_000, "USD"), None, 12)
    assert [(one.line, one.code) for one in reading.refused] == [(8, "no_currency"), (9, "not_an_amount")]


def test_a_number_of_a_workbook_has_a_point_before_its_decimals_whatever_the_texts_beside_it_have() -> None:
    content = workbook(
        NAMED,
        cells(3, said("A3", "A"), said("B3", "EUR 1.234,50")),
        cells(4, said("A4", "B"), '<c r="B4"><v>1234.5</v></c>'),
        cells(5, said("A5", "C"), '<c r="B5" s="2"><v>123.45</v></c>'),
        cells(6, said("A6", "D"), '<c r="B6"><v>1.234</v></c>'),
        cells(7, said("A7", "E"), said("B7", "1.234")),
    )
    reading = reading_of(content, decimals="comma", currency="EUR")
    assert [(one.grantee, one.amount) for one in reading.awards] == [
        ("A", Money(123_450, "EUR")),
        ("B", Money(123_450, "EUR")),
        ("C", Money(12_345, "GBP")),
        ("E", Money(123_400, "EUR")),
    ]
    assert [(one.line, one.code) for one in reading.refused] == [(6, "decimals")]


def test_the_first_sheet_is_the_first_that_is_not_hidden() -> None:
    shown = workbook(NAMED, cells(3, said("A3", "A"), said("B3", "EUR 10")))
    hidden = workbook(NAMED, cells(3, said("A3", "Old"), said("B3", "EUR 20")))
    sheets = '<sheet name="Old" sheetId="2" state="{}" r:id="rId2"/><sheet name="Grants"'
    more = '<Relationship Id="rId2" Type="x" Target="worksheets/sheet2.xml"/></Relationships>'
    for state, found in (("hidden", "A"), ("veryHidden", "A"), ("visible", "Old")):
        written = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(shown)) as one, zipfile.ZipFile(io.BytesIO(hidden)) as other:
            parts = {name: one.read(name).decode() for name in one.namelist()}
            parts["xl/worksheets/sheet2.xml"] = other.read("xl/worksheets/sheet1.xml").decode()
        parts["xl/workbook.xml"] = BOOK.replace('<sheet name="Grants"', sheets.format(state))
        parts["xl/_rels/workbook.xml.rels"] = RELATIONS.replace("</Relationships>", more)
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in parts.items():
                archive.writestr(name, text)
        assert [award.grantee for award in reading_of(written.getvalue()).awards] == [found]


def test_a_workbook_that_unpacks_into_something_enormous_is_refused() -> None:
    assert why_not(workbook(NAMED, padding=b"0" * (210 * 1024 * 1024))) == "file_bomb"
    endless = cells(3, said("A3", "x" * (25 * 1024 * 1024)))
    assert why_not(workbook(NAMED, endless)) == "file_broken"


def test_a_workbook_with_too_many_rows_is_refused() -> None:
    row = '<row><c t="inlineStr"><is><t>A</t></is></c></row>'
    assert why_not(workbook(NAMED, row * (MOST_ROWS + 2))) == "too_many_rows"
    blank = "<row/>" * (MOST_ROWS + 1)
    last = cells(30_000, said("A30000", "A"), said("B30000", "EUR 5"))
    assert [award.line for award in reading_of(workbook(NAMED, blank, last)).awards] == [30_000]


def test_a_zip_that_is_no_workbook_is_refused() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert why_not(written.getvalue()) == "file_content"
    assert re.match("file_", why_not(workbook(NAMED)[:300]))
