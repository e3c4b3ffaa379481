"""Tables as files that a spreadsheet opens, written row by row: CSV, and workbooks (XLSX)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import IO, Any
from zoneinfo import ZoneInfo

from xlsxwriter import Workbook

from grants.core.languages import decimal_mark, direction
from grants.core.listings import Kind
from grants.core.money import Money, minor_digits

BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet compute a cell of a CSV file instead of showing it (OWASP, CSV injection)."""

LONGEST_TEXT = 32_767
"""So many characters stand in a cell of a workbook; the rest of a longer text is left out (Microsoft, Excel limits)."""

MOST_ROWS = 1_048_575
"""So many rows stand below the heading of a sheet (Microsoft, Excel limits)."""

WIDTHS = {Kind.TEXT: 28, Kind.NUMBER: 11, Kind.AMOUNT: 14, Kind.DAY: 12, Kind.MOMENT: 18}
"""How wide columns are, in characters."""

_FIRST_DAY = date(1899, 12, 30).toordinal()
"""The day that workbooks count from."""

Heading = tuple[str, Kind]
Write = Callable[[IO[bytes], Sequence[Heading], Iterable[Sequence[Any]], str, str], int]


def write_csv(
    file: IO[bytes], headings: Sequence[Heading], rows: Iterable[Sequence[Any]], zone: str, language: str
) -> int:
    """Write a table as CSV, in UTF-8 with the mark by which spreadsheets know it; says how many rows there are.

    A spreadsheet opens it as those who speak the ``language`` have set theirs: where decimals stand after a comma, columns are
    parted by semicolons. Days stand as computers write them (2027-03-12), moments as the clocks of ``zone`` show them. Nothing
    that somebody wrote is computed.
    """
    at_home, number = ZoneInfo(zone), 0
    comma = decimal_mark(language) == ","
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    lines = csv.writer(text, delimiter=";" if comma else ",")
    lines.writerow([_plain(label, at_home, comma) for label, _kind in _named(headings, zone)])
    for row in rows:
        lines.writerow([_plain(value, at_home, comma) for value in row])
        number += 1
    text.detach()
    return number


def _plain(value: Any, zone: ZoneInfo, comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, Money | Decimal):
        digits = f"{value.amount if isinstance(value, Money) else value:f}"
        return digits.replace(".", ",") if comma else digits
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    if isinstance(value, date | int):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(BEGINS_A_FORMULA) else text


def write_xlsx(
    file: IO[bytes], headings: Sequence[Heading], rows: Iterable[Sequence[Any]], zone: str, language: str
) -> int:
    """Write a table as a workbook of one sheet, holding one row at a time; says how many rows there are.

    Amounts, numbers, days and moments are numbers with a format, so that they can be added up and sorted; what somebody
    wrote is text, whatever it begins with.
    """
    book = Workbook(file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet()
    if direction(language) == "rtl":
        sheet.right_to_left()
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    for at, (label, kind) in enumerate(_named(headings, zone)):
        sheet.set_column(at, at, WIDTHS[kind])
        sheet.write_string(0, at, label, head)
    sheet.freeze_panes(1, 0)
    writers, number = _writers(book, sheet, ZoneInfo(zone)), 0
    for number, row in enumerate(rows, 1):
        for at, value in enumerate(row):
            if value is not None and value != "":
                write = writers.get(type(value))
                if write is None:
                    writers[str](number, at, str(value))
                else:
                    write(number, at, value)
    sheet.autofilter(0, 0, number, len(headings) - 1)
    book.close()
    return number


def _writers(book: Any, sheet: Any, zone: ZoneInfo) -> dict[type, Callable[[int, int, Any], Any]]:
    """How a value is written into a cell, by its type."""
    day, moment = (book.add_format({"num_format": shape}) for shape in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm"))
    # The public doors first look for addresses such as "A1" in each cell; that costs a tenth of the whole.
    text, number = sheet._write_string, sheet._write_number

    @lru_cache(maxsize=200)
    def shape_of(currency: str) -> tuple[int, Any]:
        digits = minor_digits(currency)
        return 10**digits, book.add_format({"num_format": "#,##0" + "." * bool(digits) + "0" * digits})

    def write_amount(row: int, at: int, amount: Money) -> None:
        parts, shape = shape_of(amount.currency)
        number(row, at, amount.minor / parts, shape)

    def write_moment(row: int, at: int, value: datetime) -> None:
        local = value.astimezone(zone)
        number(row, at, local.toordinal() - _FIRST_DAY + (local.hour * 60 + local.minute) / 1440, moment)

    return {
        str: lambda row, at, value: text(row, at, value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT]),
        int: number,
        Decimal: number,
        Money: write_amount,
        datetime: write_moment,
        date: lambda row, at, value: number(row, at, value.toordinal() - _FIRST_DAY, day),
    }


def _named(headings: Sequence[Heading], zone: str) -> list[Heading]:
    """The headings; those of moments say in which time zone."""
    return [(f"{label} ({zone})" if kind == Kind.MOMENT else label, kind) for label, kind in headings]


WRITERS: dict[str, Write] = {"csv": write_csv, "xlsx": write_xlsx}
"""How a table is written, by the ending of its file."""
