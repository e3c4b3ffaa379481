"""What stands in text documents and workbooks, without how it looks: headings, paragraphs, tables; sheet by sheet.

To be read in place, beside a form, by people who may have no program that opens the file. Pictures, notes, comments,
headers and footers are left out. What was struck out is not read, what was added is; formulas are read as what they came to.

Sources: ECMA-376 (18.3 worksheets, 18.8.30 number formats) and OpenDocument 1.3 (5 text, 9 tables).
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from string import ascii_uppercase
from typing import Any

from grants.core.word import BROKEN, ReadCell, Unreadable, attribute, member, name_of, parsed
from grants.core.word import read as read_word

KINDS = ("docx", "odt", "xlsx", "ods")

MOST_TEXTS = 10_000
"""How many paragraphs and filled cells of a file are read: two hundred pages, or a budget of five hundred rows."""
MOST_COLUMNS = 60
DEEPEST_HEADING = 6


@dataclass(frozen=True)
class Piece:
    """A paragraph; with a ``level`` from 1 a heading; with ``rows`` a table."""

    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Part:
    """A sheet of a workbook under its name, or a whole document without one."""

    name: str
    pieces: list[Piece]


@dataclass(frozen=True)
class Written:
    """What stands in a file; ``whole`` unless it holds more than is read."""

    parts: list[Part]
    whole: bool


def read(content: bytes, kind: str) -> Written:
    """What stands in a file of one of :data:`KINDS`. Raises Unreadable."""
    room = _Room()
    try:
        if kind == "docx":
            parts = [Part("", _levelled(_in_word(content, room)))]
        else:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                parts = _IN_PACKAGE[kind](archive, room)
    except Unreadable:
        raise
    except (*BROKEN, KeyError) as error:
        raise Unreadable("damaged") from error
    return Written(parts, room.whole)


class _Room:
    """How many more texts are read of a file, and whether none was left out yet."""

    def __init__(self) -> None:
        self.left = MOST_TEXTS
        self.whole = True

    def takes(self, texts: int) -> bool:
        """Whether there is room for so many more; from the first that has none on nothing is taken any more."""
        fits = texts <= self.left
        self.left = self.left - texts if fits else 0
        self.whole = self.whole and fits
        return fits

    def rows(self, rows: Iterable[list[str]]) -> Piece:
        """A table as far as there is room, without empty rows and without the empty columns at its end."""
        taken: list[list[str]] = []
        for row in rows:
            if not self.takes(sum(map(bool, row))):
                break
            self.whole = self.whole and not any(row[MOST_COLUMNS:])
            taken += [row[:MOST_COLUMNS]] if any(row) else []
        width = max((last for row in taken for last, text in enumerate(row, 1) if text), default=0)
        return Piece(rows=tuple(tuple((row + [""] * width)[:width]) for row in taken))

    def text(self, text: str, level: int = 0) -> Iterator[Piece]:
        """A paragraph or a heading, where there is room and something in it."""
        if text.strip() and self.takes(1):
            yield Piece(text.strip("\n"), level)


def _levelled(pieces: Iterable[Piece]) -> list[Piece]:
    """No heading stands two levels below the one before, whatever it looked like."""
    found, before = [], 0
    for piece in pieces:
        if piece.level:
            before = min(piece.level, before + 1, DEEPEST_HEADING)
            found.append(Piece(piece.text, before))
        elif piece.text or piece.rows:
            found.append(piece)
    return found


def _root(archive: zipfile.ZipFile, name: str) -> Any:
    """A part of a package, parsed. Raises Unreadable; KeyError when there is none."""
    return parsed(member(archive, archive.getinfo(name)))


def _below(element: Any, *names: str) -> Iterator[Any]:
    """The elements of these names anywhere below another, in their order."""
    return (one for one in element.iter() if name_of(one) in names)


# ------------------------------------------------------------------ Word


def _in_word(content: bytes, room: _Room) -> Iterator[Piece]:
    document = read_word(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        levels = _levels(_root(archive, "word/styles.xml")) if "word/styles.xml" in archive.namelist() else {}
    for block in document.blocks:
        if isinstance(block, ReadCell):
            yield from room.text(block.text, max((levels.get(line.style, 0) for line in block.lines), default=0))
        else:
            yield room.rows([cell.text for cell in row] for row in block)


_HEADING = re.compile(r"(?i)heading ([1-9])$")


def _levels(styles: Any) -> dict[str, int]:
    """Which styles are headings, by their key: their names are English in every language (17.7.4.9)."""
    levels = {}
    for style in _below(styles, "style"):
        name = next((attribute(one) for one in style if name_of(one) == "name"), "")
        if heading := _HEADING.match(name):
            levels[attribute(style, "styleId")] = int(heading[1])
        elif name.lower() == "title":
            levels[attribute(style, "styleId")] = 1
    return levels


# ------------------------------------------------------------------ OpenDocument


_NOT_READ = {"note", "annotation", "tracked-changes", "ruby-text", "frame", "custom-shape"}

_GROUPS = {"table-header-rows", "table-rows", "table-row-group"}


def _letter(archive: zipfile.ZipFile, room: _Room) -> list[Part]:
    body = next(_below(_root(archive, "content.xml"), "text"), ())
    return [Part("", _levelled(_in_text(body, room)))]


def _in_text(element: Any, room: _Room, before: str = "") -> Iterator[Piece]:
    for child in element:
        name = name_of(child)
        if name == "h":
            yield from room.text(_spoken(child), int(attribute(child, "outline-level") or 1))
        elif name == "p":
            yield from room.text(before + _spoken(child) if _spoken(child).strip() else "")
        elif name == "table":
            yield room.rows(_rows(child))
        elif name and name not in _NOT_READ:
            yield from _in_text(child, room, "- " if name == "list-item" else before)


def _spoken(element: Any) -> str:
    """The text of a paragraph; a run of spaces is written as one sign with their number."""
    said = [element.text or ""]
    for child in element:
        name = name_of(child)
        if name == "s":
            said.append(" " * min(int(attribute(child, "c") or 1), 100))
        elif name in ("tab", "line-break"):
            said.append("\t" if name == "tab" else "\n")
        elif name and name not in _NOT_READ:
            said.append(_spoken(child))
        said.append(child.tail or "")
    return "".join(said)


def _sheets(archive: zipfile.ZipFile, room: _Room) -> list[Part]:
    body = next(_below(_root(archive, "content.xml"), "spreadsheet"), ())
    tables = (child for child in body if name_of(child) == "table")
    return [Part(attribute(table, "name"), _levelled([room.rows(_rows(table))])) for table in tables]


def _rows(table: Any) -> Iterator[list[str]]:
    """The rows of a table. Cells that are the same are written once with their number: empty ones by the thousand."""
    for row in _rows_of(table):
        cells: list[str] = []
        for cell in row:
            if name_of(cell) in ("table-cell", "covered-table-cell"):
                text = "\n".join(filter(None, _paragraphs(cell)))
                again = int(attribute(cell, "number-columns-repeated") or 1)
                cells += [text] * (min(again, MOST_COLUMNS + 1) if text else min(again, MOST_COLUMNS - len(cells)))
        again = int(attribute(row, "number-rows-repeated") or 1)
        yield from [cells] * (min(again, MOST_TEXTS) if any(cells) else 1)


def _rows_of(element: Any) -> Iterator[Any]:
    for child in element:
        if name_of(child) == "table-row":
            yield child
        elif name_of(child) in _GROUPS:
            yield from _rows_of(child)


def _paragraphs(element: Any) -> Iterator[str]:
    for child in element:
        name = name_of(child)
        if name in ("p", "h"):
            yield _spoken(child)
        elif name and name not in _NOT_READ:
            yield from _paragraphs(child)


# ------------------------------------------------------------------ Excel


_FIRST_DAY, _FIRST_DAY_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001  days on a sheet are in no zone
_DATES = {*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)}
_PERCENTAGES = {9, 10}
_LASTS = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_NOT_A_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.')
_CURRENCY = re.compile(r'\[\$([^\]-]+)[^\]]*\]|"\s*([€£$]|[A-Z]{3})\s*"|(?<!\[)\\?([€£$])')


@dataclass(frozen=True)
class _Workbook:
    """What the cells of all sheets refer to: texts, and by the number of a style what it shows: days, percentages, or
    amounts beside the sign of their currency.
    """

    texts: list[str]
    shown: list[str]
    first_day: datetime


class NumberShown(str):
    """What a cell shows that holds a number: its decimals stand after a point, whatever the country of its writer."""

    __slots__ = ()


def first_sheet(content: bytes, most: int) -> list[tuple[int, list[str]]]:
    """The first filled rows of the first sheet of a workbook that is not hidden, with their numbers. Raises Unreadable."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sheets, common = _sheets_of(archive, hidden=False)
            rows = _below(_root(archive, sheets[0][1]), "row") if sheets else ()
            numbered = ((int(row.get("r") or at), _row(row, common)) for at, row in enumerate(rows, 1))
            return list(islice(((number, cells) for number, cells in numbered if any(cells)), most))
    except Unreadable:
        raise
    except (*BROKEN, KeyError) as error:
        raise Unreadable("damaged") from error


def _workbook(archive: zipfile.ZipFile, room: _Room) -> list[Part]:
    sheets, common = _sheets_of(archive)
    parts = []
    for name, target in sheets:
        rows = _below(_root(archive, target), "row") if room.left else iter(())
        parts.append(Part(name, _levelled([room.rows(_row(row, common) for row in rows)])))
    return parts


def _sheets_of(archive: zipfile.ZipFile, *, hidden: bool = True) -> tuple[list[tuple[str, str]], _Workbook]:
    """The sheets of a workbook, each with the part that holds it, and what their cells refer to."""
    book, names = _root(archive, "xl/workbook.xml"), archive.namelist()
    relations = _root(archive, "xl/_rels/workbook.xml.rels")
    targets = {one.get("Id"): posixpath.normpath(posixpath.join("/xl", one.get("Target", ""))) for one in relations}
    since_1904 = any(attribute(one, "date1904") in ("1", "true") for one in _below(book, "workbookPr"))
    common = _Workbook(
        [_text_of(one) for one in _root(archive, "xl/sharedStrings.xml")] if "xl/sharedStrings.xml" in names else [],
        _ways_shown(_root(archive, "xl/styles.xml")) if "xl/styles.xml" in names else [],
        _FIRST_DAY_1904 if since_1904 else _FIRST_DAY,
    )
    sheets = (one for one in _below(book, "sheet") if hidden or attribute(one, "state") in ("", "visible"))
    return [(attribute(one, "name"), targets[attribute(one, "id")].lstrip("/")) for one in sheets], common


def _ways_shown(styles: Any) -> list[str]:
    formats = {attribute(one, "numFmtId"): attribute(one, "formatCode") for one in _below(styles, "numFmt")}
    cells = next(_below(styles, "cellXfs"), ())
    return [_way_shown(int(attribute(one, "numFmtId") or 0), formats) for one in cells]


def _way_shown(number: int, formats: Mapping[str, str]) -> str:
    """What a number format shows: a day, a percentage, an amount beside a currency, which is given as it is written there,
    or the number itself, as it does for hours that were worked.
    """
    code = formats.get(str(number), "")
    signs = _NOT_A_FORMAT.sub("", code).lower().replace("general", "")
    if number in _DATES or (set("dmyhs") & set(signs) and not _LASTS.search(code)):
        return "day"
    if number in _PERCENTAGES or "%" in signs:
        return "percentage"
    found = _CURRENCY.search(code)
    return next(filter(None, found.groups())).strip() if found else ""


def _text_of(element: Any) -> str:
    """A text with its runs put together, without how it is pronounced."""
    texts = _below(element, "t")
    return "".join(one.text or "" for one in texts if name_of(one.getparent()) != "rPh")


def _row(row: Any, common: _Workbook) -> list[str]:
    cells: list[str] = []
    for cell in (one for one in row if name_of(one) == "c"):
        text = _cell(cell, common)
        column = min(_column(cell.get("r") or "") or len(cells) + 1, MOST_COLUMNS + 1)
        if text:
            cells += [""] * (column - 1 - len(cells))
            cells.append(text)
        elif not cell.get("r"):
            cells.append("")
    return cells


def _column(place: str) -> int:
    """The number of a column, from 1, by the letters of a place such as AB12; 0 without any."""
    number = 0
    for letter in takewhile(ascii_uppercase.__contains__, place):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _cell(cell: Any, common: _Workbook) -> str:
    """What a cell shows: what a formula came to, or the formula where no program has worked it out."""
    kind = cell.get("t", "n")
    value, formula = (next((one.text or "" for one in cell if name_of(one) == name), "") for name in ("v", "f"))
    if kind == "inlineStr":
        return _text_of(cell)
    if not value:
        return f"={formula}" if formula else ""
    if kind == "s":
        return common.texts[int(value)]
    if kind != "n":
        return {"0": "FALSE", "1": "TRUE"}[value] if kind == "b" else value
    style = int(cell.get("s", 0))
    return _number(float(value), common.shown[style] if style < len(common.shown) else "", common.first_day)


def _number(value: float, way: str, first_day: datetime) -> str:
    """A number as it is shown: fifteen digits as the program computes with, 2027-03-31 for a day, 12.5% for a part, £ 500."""
    if way == "day" and 0 <= value < 2_958_466:
        at = first_day + timedelta(seconds=round(value * 86_400))
        clock = at.strftime("%H:%M")
        return clock if value < 1 else f"{at:%Y-%m-%d}" + (f" {clock}" if at.hour or at.minute else "")
    if way == "percentage":
        return f"{value * 100:.15g}%"
    return NumberShown(f"{way} {value:.15g}" if way not in ("", "day") else f"{value:.15g}")


_IN_PACKAGE: dict[str, Callable[[zipfile.ZipFile, _Room], list[Part]]] = {
    "odt": _letter,
    "ods": _sheets,
    "xlsx": _workbook,
}
