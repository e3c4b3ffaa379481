"""The rows of a table that somebody brings: CSV as programs of any country write it, or the first sheet of a workbook."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from grants.core.contents import LARGEST, obstacles_to_storing, too_large
from grants.core.languages import _l
from grants.core.rules import Obstacle, Refused, refuse
from grants.core.word import Unreadable
from grants.core.written import MOST_COLUMNS, first_sheet

MOST_ROWS = 20_000
"""So many rows are read of one table below its header; what is longer is brought in parts."""

SEPARATORS = ",;\t|"
LOOKED_AT = 50
"""So many rows tell which sign parts the columns."""

_ZIP = b"PK\x03\x04"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Row:
    """A row of a table: the line on which it begins (of a workbook its number), and what stands in its cells."""

    line: int
    cells: tuple[str, ...]

    @property
    def filled(self) -> list[str]:
        """What stands in the cells that are not empty."""
        return [cell.strip() for cell in self.cells if cell.strip()]


def kind_of_table(content: bytes) -> str:
    """What a file with a table is kept as: ``xlsx`` or ``csv``."""
    return "xlsx" if content.startswith(_ZIP) else "csv"


def rows_of(content: bytes) -> list[Row]:
    """The rows of a table with something in them. Raises Refused when it cannot be read as a whole."""
    if not content.strip():
        raise Refused(Obstacle("file_empty", _l("The file is empty.")))
    if len(content) > LARGEST:
        raise Refused(too_large())
    rows = _of_workbook(content) if kind_of_table(content) == "xlsx" else _of_text(content)
    if not rows:
        raise Refused(Obstacle("file_empty", _l("The file is empty.")))
    if max(len(row.cells) for row in rows) > MOST_COLUMNS:
        text = _l("The table has more than %(n)s columns. Leave out those that are not needed.", n=MOST_COLUMNS)
        raise Refused(Obstacle("too_many_columns", text))
    return rows


def _too_many_rows() -> Refused:
    text = _l("The table has more than %(n)s rows. Please bring it in parts.", n=MOST_ROWS)
    return Refused(Obstacle("too_many_rows", text))


# ------------------------------------------------------------------ workbooks


def _of_workbook(content: bytes) -> list[Row]:
    refuse(obstacles_to_storing("table.xlsx", content, ["xlsx"]))
    try:
        numbered = first_sheet(content, MOST_ROWS + 2)
    except Unreadable as problem:
        text = _l("The workbook cannot be read. Please save it again, or save its sheet as CSV.")
        raise Refused(Obstacle("file_broken", text)) from problem
    rows = [Row(number, tuple(cells)) for number, cells in numbered if any(cell.strip() for cell in cells)]
    if len(rows) > MOST_ROWS + 1:
        raise _too_many_rows()
    return rows


# ------------------------------------------------------------------ text


def _of_text(content: bytes) -> list[Row]:
    text = _decoded(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    rows: list[Row] = []
    begins = 1
    try:
        for cells in reader:
            row = Row(begins, tuple(cells))
            begins = reader.line_num + 1
            rows += [row] if row.filled else []
            if len(rows) > MOST_ROWS + 1:
                raise _too_many_rows()
    except csv.Error as problem:
        text = _l("The table cannot be read from line %(line)s on: a quotation mark is not closed there.", line=begins)
        raise Refused(Obstacle("quotes", text)) from problem
    return rows


def _decoded(content: bytes) -> str:
    """The text, in the encoding it says or in the first that fits. Raises Refused for what is no text."""
    told = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    for encoding in [told] if told else _guessed(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not content.startswith((b"%PDF", b"\xd0\xcf\x11\xe0")):
            return text
    text = _l("This is no table that can be read. Please save it as CSV, or as a workbook (.xlsx).")
    raise Refused(Obstacle("not_a_table", text))


def _guessed(content: bytes) -> list[str]:
    """Encodings to try: text in UTF-16 has nothing in every other byte."""
    start = content[:400]
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        every_other = start[first::2]
        if len(start) >= 4 and every_other.count(0) * 2 > len(every_other):
            return [encoding]
    return ["utf-8", "cp1252"]


def _separator(text: str) -> str:
    """The sign that parts the columns: the one by which most rows have the same number of them, and the most."""

    def found(separator: str) -> tuple[int, int]:
        try:
            rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), LOOKED_AT))
        except csv.Error:
            return (0, 0)
        widths = Counter(len(row) for row in rows if len(row) > 1)
        return max(((number, width) for width, number in widths.items()), default=(0, 0))

    return max(SEPARATORS, key=found)
