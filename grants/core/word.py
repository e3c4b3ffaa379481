"""Word documents (.docx) made of paragraphs, tables and places to fill, and reading them again.

A place to fill is a content control with a tag. Other programs than Word may drop the controls and keep what stands in
them, so a document is read by its tables as well: :func:`read` gives every row with its cells, the lines of each cell,
and the tags that are still there. Nothing here knows what the document is about.

Sources: ECMA-376 (WordprocessingML; 17.5.2 structured document tags) and [MS-DOCX] 2.5 (check boxes).
"""

from __future__ import annotations

import io
import lzma
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, NoReturn

from lxml import etree

from grants.core.languages import direction

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
W14 = "http://schemas.microsoft.com/office/word/2010/wordml"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
KINDS = "application/vnd.openxmlformats-officedocument.wordprocessingml"

LONGEST_TAG = 64
"""What Word permits; it takes a file with a longer one for damaged."""

LONGEST_CHOICE = 250

TICKED, UNTICKED = "☒", "☐"
PROMPT = "✎"
"""The sign before what an empty place says, so that it is never taken for an answer."""

# ------------------------------------------------------------------ what a document is made of


@dataclass(frozen=True)
class Control:
    """A place to fill, inside a line. ``kind``: line, text (several lines), choice, date, box (to tick) or fixed.

    ``value`` is what stands in it; for a date as 2027-06-01. ``prompt`` is what it says while it is empty.
    """

    kind: str
    tag: str = ""
    title: str = ""
    value: str = ""
    choices: tuple[str, ...] = ()
    ticked: bool = False
    prompt: str = ""


@dataclass(frozen=True)
class Styled:
    """A piece of text in another style: ``mark`` is small and grey, ``strong`` is bold."""

    text: str
    style: str


Piece = str | Control | Styled


@dataclass(frozen=True)
class Line:
    """A paragraph. ``style``: Title, Subtitle, Heading1, Heading2, Question, Hint, Normal."""

    pieces: tuple[Piece, ...]
    style: str = "Normal"
    keep_with_next: bool = False

    @classmethod
    def of(cls, text: str, style: str = "Normal") -> Line:
        """A paragraph of plain text."""
        return cls((text,), style)


@dataclass(frozen=True)
class Cell:
    """A cell of a table, as wide as so many columns."""

    lines: tuple[Line, ...]
    span: int = 1
    shaded: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells. ``widths`` are the shares of the columns; a ``wide`` table stands on a page turned sideways.

    The first ``heads`` rows are repeated on every page that the table reaches.
    """

    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[int, ...] = (1,)
    heads: int = 0
    wide: bool = False


Block = Line | Table


@dataclass(frozen=True)
class Document:
    """What is written: its blocks, title, language and the line at the foot of every page."""

    blocks: tuple[Block, ...]
    title: str
    language: str = "en"
    foot: str = ""


# ------------------------------------------------------------------ writing

PORTRAIT = (11906, 16838)
MARGIN = 1134


def write(document: Document) -> bytes:
    """The document as a file that word processors open. The same document always gives the same bytes."""
    writer = _Writer(document)
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": CONTENT_TYPES,
        "_rels/.rels": RELATIONS,
        "word/document.xml": writer.body(),
        "word/_rels/document.xml.rels": PART_RELATIONS,
        "word/styles.xml": _styles(document.language),
        "word/settings.xml": SETTINGS,
        "word/footer1.xml": writer.footer(),
        "docProps/core.xml": _properties(document),
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return written.getvalue()


def storable(text: str) -> str:
    """The text without characters that no XML document can hold; every kind of line end as one."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        c for c in text if c in "\n\t" or (c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")
    )


def _w(name: str) -> str:
    return f"{{{W}}}{name}"


def _w14(name: str) -> str:
    return f"{{{W14}}}{name}"


def _add(parent: Any, name: str, said: object = None, /, **attributes: object) -> Any:
    """A child element; ``said`` is its w:val."""
    child = etree.SubElement(parent, _w(name))
    if said is not None:
        child.set(_w("val"), str(said))
    for key, given in attributes.items():
        child.set(_w(key), str(given))
    return child


def _xml(root: Any) -> bytes:
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return written


def _sideways(blocks: tuple[Block, ...]) -> list[bool]:
    """Whether each block stands on a page turned sideways; what leads to a table stands on the same page."""
    found: list[bool] = []
    wide = False
    for block in reversed(blocks):
        wide = block.wide if isinstance(block, Table) else wide
        found.append(wide)
    return found[::-1]


class _Writer:
    """Writes the blocks of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.turned = direction(document.language) == "rtl"
        self.ids = 0

    def body(self) -> bytes:
        root = etree.Element(_w("document"), nsmap={"w": W, "w14": W14, "r": OFFICE})
        body = _add(root, "body")
        blocks, wide = self.document.blocks, False
        sideways = _sideways(blocks)
        for block, is_wide in zip(blocks, sideways, strict=True):
            if is_wide != wide and block is not blocks[0]:
                self.page_ends(_add(_add(body, "p"), "pPr"), wide=wide)
            wide = is_wide
            if isinstance(block, Line):
                self.line(body, block)
            else:
                self.table(body, block)
        self.page_ends(body, wide=wide)
        return _xml(root)

    def page_ends(self, parent: Any, *, wide: bool) -> None:
        """The end of a run of pages that all stand upright, or all sideways."""
        section = _add(parent, "sectPr")
        reference = _add(section, "footerReference", type="default")
        reference.set(f"{{{OFFICE}}}id", "r3")
        width, height = PORTRAIT[::-1] if wide else PORTRAIT
        size = _add(section, "pgSz", w=width, h=height)
        if wide:
            size.set(_w("orient"), "landscape")
        sides = dict.fromkeys(("top", "right", "bottom", "left"), MARGIN)
        _add(section, "pgMar", **sides, header=567, footer=567, gutter=0)
        if self.turned:
            _add(section, "bidi")

    def footer(self) -> bytes:
        root = etree.Element(_w("ftr"), nsmap={"w": W})
        paragraph = self.paragraph(root, "Foot")
        if self.document.foot:
            self.run(paragraph, f"{self.document.foot} · ")
        page = _add(paragraph, "fldSimple", instr="PAGE")
        self.run(page, "1")
        return _xml(root)

    def paragraph(self, parent: Any, style: str, *, keep: bool = False) -> Any:
        paragraph = _add(parent, "p")
        looks = _add(paragraph, "pPr")
        if style != "Normal":
            _add(looks, "pStyle", style)
        if keep:
            _add(looks, "keepNext")
        if self.turned:
            _add(looks, "bidi")
        return paragraph

    def line(self, parent: Any, line: Line) -> None:
        paragraph = self.paragraph(parent, line.style, keep=line.keep_with_next)
        for piece in line.pieces:
            if isinstance(piece, Control):
                self.control(paragraph, piece)
            elif isinstance(piece, Styled):
                self.run(paragraph, piece.text, piece.style)
            else:
                self.run(paragraph, piece)

    def run(self, parent: Any, text: str, style: str = "") -> None:
        run = _add(parent, "r")
        looks = _add(run, "rPr")
        for name, attributes in LOOKS.get(style, ()):
            _add(looks, name, **attributes)
        if self.turned:
            _add(looks, "rtl")
        if not len(looks):
            run.remove(looks)
        for piece in re.split(r"([\n\t])", storable(text)):
            if piece in BREAKS:
                _add(run, BREAKS[piece])
            elif piece:
                written = _add(run, "t")
                written.text = piece
                written.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")

    def control(self, parent: Any, control: Control) -> None:
        self.ids += 1
        place = _add(parent, "sdt")
        about = _add(place, "sdtPr")
        if control.title:
            _add(about, "alias", storable(control.title)[:LONGEST_TAG])
        if control.tag:
            _add(about, "tag", control.tag)
        _add(about, "id", self.ids)
        if control.kind == "fixed":
            _add(about, "lock", "sdtContentLocked")
        is_empty = not control.value and control.kind not in ("box", "fixed")
        if is_empty:
            _add(about, "showingPlcHdr")
        self.kind_of(about, control)
        inside = _add(place, "sdtContent")
        if control.kind == "box":
            self.run(inside, TICKED if control.ticked else UNTICKED, "box")
        elif is_empty:
            self.run(inside, f"{PROMPT} {control.prompt or '…'}", "prompt")
        else:
            self.run(inside, control.value, "mark" if control.kind == "fixed" else "")

    @staticmethod
    def kind_of(about: Any, control: Control) -> None:
        """What sort of place it is, as the last thing said about it."""
        if control.kind == "line":
            _add(about, "text")
        elif control.kind == "text":
            _add(about, "text", multiLine=1)
        elif control.kind == "choice":
            offered = _add(about, "dropDownList")
            for choice in control.choices:
                _add(offered, "listItem", displayText=choice, value=choice)
        elif control.kind == "date":
            day = _add(about, "date")
            if re.fullmatch(r"\d{4}-\d\d-\d\d", control.value):
                day.set(_w("fullDate"), f"{control.value}T00:00:00Z")
            _add(day, "dateFormat", "yyyy-MM-dd")
            _add(day, "lid", "en-GB")
            _add(day, "storeMappedDataAs", "dateTime")
            _add(day, "calendar", "gregorian")
        elif control.kind == "box":
            box = etree.SubElement(about, _w14("checkbox"))
            signs = (("checked", None), ("checkedState", TICKED), ("uncheckedState", UNTICKED))
            for name, sign in signs:
                state = etree.SubElement(box, _w14(name))
                state.set(_w14("val"), f"{ord(sign):04X}" if sign else str(int(control.ticked)))
                if sign:
                    state.set(_w14("font"), "MS Gothic")

    def table(self, parent: Any, table: Table) -> None:
        element = _add(parent, "tbl")
        looks = _add(element, "tblPr")
        _add(looks, "tblStyle", "Asked")
        if self.turned:
            _add(looks, "bidiVisual")
        across = (PORTRAIT[1] if table.wide else PORTRAIT[0]) - 2 * MARGIN
        shares = [across * share // sum(table.widths) for share in table.widths]
        _add(looks, "tblW", w=sum(shares), type="dxa")
        _add(looks, "tblLayout", type="fixed")
        grid = _add(element, "tblGrid")
        for share in shares:
            _add(grid, "gridCol", w=share)
        for number, row in enumerate(table.rows):
            self.row(element, row, shares, is_head=number < table.heads)
        self.paragraph(parent, "Gap")

    def row(self, parent: Any, cells: Iterable[Cell], shares: list[int], *, is_head: bool) -> None:
        row = _add(parent, "tr")
        if is_head or len(shares) > 1:
            looks = _add(row, "trPr")
            _add(looks, "cantSplit")
            if is_head:
                _add(looks, "tblHeader")
        position = 0
        for cell in cells:
            element = _add(row, "tc")
            looks = _add(element, "tcPr")
            _add(looks, "tcW", w=sum(shares[position : position + cell.span]), type="dxa")
            if cell.span > 1:
                _add(looks, "gridSpan", cell.span)
            if cell.shaded:
                _add(looks, "shd", "clear", color="auto", fill="EEF3F2")
            for line in cell.lines or (Line(()),):
                self.line(element, line)
            position += cell.span


BREAKS = {"\n": "br", "\t": "tab"}

GOTHIC = dict.fromkeys(("ascii", "eastAsia", "hAnsi"), "MS Gothic")
LOOKS: dict[str, tuple[tuple[str, dict[str, str]], ...]] = {
    "mark": (("rStyle", {"val": "Mark"}),),
    "prompt": (("rStyle", {"val": "PlaceholderText"}),),
    "strong": (("b", {}), ("bCs", {})),
    "box": (("rFonts", GOTHIC | {"hint": "eastAsia"}),),
}
"""How a run of a style differs from the text around it."""

DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'

CONTENT_TYPES = f"""{DECLARED}
<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="{KINDS}.document.main+xml"/><Override PartName="/word/styles.xml" ContentType="{KINDS}.styles+xml"/><Override PartName="/word/settings.xml" ContentType="{KINDS}.settings+xml"/><Override PartName="/word/footer1.xml" ContentType="{KINDS}.footer+xml"/><Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>"""

RELATIONS = f"""{DECLARED}
<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/><Relationship Id="r2" Type="{PACKAGE}/relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>"""

PART_RELATIONS = f"""{DECLARED}
<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type="{OFFICE}/styles" Target="styles.xml"/><Relationship Id="r2" Type="{OFFICE}/settings" Target="settings.xml"/><Relationship Id="r3" Type="{OFFICE}/footer" Target="footer1.xml"/></Relationships>"""

SETTINGS = f"""{DECLARED}
<w:settings xmlns:w="{W}"><w:compat><w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat></w:settings>"""

STYLES = """<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:eastAsia="Calibri" w:cs="Arial"/><w:sz w:val="22"/><w:szCs w:val="22"/><w:lang w:val="{language}" w:bidi="{language}"/></w:rPr></w:rPrDefault><w:pPrDefault><w:pPr><w:spacing w:after="80" w:line="264" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>
<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>
<w:style w:type="character" w:default="1" w:styleId="DefaultParagraphFont"><w:name w:val="Default Paragraph Font"/></w:style>
<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/><w:tblPr><w:tblInd w:w="0" w:type="dxa"/><w:tblCellMar><w:left w:w="108" w:type="dxa"/><w:right w:w="108" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>
<w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/><w:basedOn w:val="Normal"/><w:pPr><w:spacing w:after="60"/></w:pPr><w:rPr><w:b/><w:bCs/><w:color w:val="0B4F57"/><w:sz w:val="40"/><w:szCs w:val="40"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Subtitle"><w:name w:val="Subtitle"/><w:basedOn w:val="Normal"/><w:pPr><w:spacing w:after="160"/></w:pPr><w:rPr><w:color w:val="4A5A5C"/><w:sz w:val="26"/><w:szCs w:val="26"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/><w:next w:val="Normal"/><w:pPr><w:keepNext/><w:spacing w:before="360" w:after="80"/><w:outlineLvl w:val="0"/></w:pPr><w:rPr><w:b/><w:bCs/><w:color w:val="0B4F57"/><w:sz w:val="30"/><w:szCs w:val="30"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Question"><w:name w:val="Question"/><w:basedOn w:val="Normal"/><w:pPr><w:keepNext/><w:spacing w:before="40" w:after="40"/></w:pPr><w:rPr><w:b/><w:bCs/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Hint"><w:name w:val="Hint"/><w:basedOn w:val="Normal"/><w:pPr><w:keepNext/><w:spacing w:after="40"/></w:pPr><w:rPr><w:color w:val="4A5A5C"/><w:sz w:val="19"/><w:szCs w:val="19"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Column"><w:name w:val="Column"/><w:basedOn w:val="Normal"/><w:pPr><w:keepNext/><w:spacing w:after="20"/></w:pPr><w:rPr><w:b/><w:bCs/><w:sz w:val="18"/><w:szCs w:val="18"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Entry"><w:name w:val="Entry"/><w:basedOn w:val="Normal"/><w:pPr><w:spacing w:before="20" w:after="20"/></w:pPr><w:rPr><w:sz w:val="20"/><w:szCs w:val="20"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Gap"><w:name w:val="Gap"/><w:basedOn w:val="Normal"/><w:pPr><w:spacing w:after="0" w:line="200" w:lineRule="exact"/></w:pPr><w:rPr><w:sz w:val="12"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Foot"><w:name w:val="footer"/><w:basedOn w:val="Normal"/><w:rPr><w:color w:val="4A5A5C"/><w:sz w:val="17"/><w:szCs w:val="17"/></w:rPr></w:style>
<w:style w:type="character" w:styleId="Mark"><w:name w:val="Mark"/><w:rPr><w:b w:val="0"/><w:bCs w:val="0"/><w:color w:val="5F6E70"/><w:sz w:val="16"/><w:szCs w:val="16"/></w:rPr></w:style>
<w:style w:type="character" w:styleId="PlaceholderText"><w:name w:val="Placeholder Text"/><w:rPr><w:color w:val="5F6E70"/></w:rPr></w:style>
<w:style w:type="table" w:styleId="Asked"><w:name w:val="Asked"/><w:basedOn w:val="TableNormal"/><w:tblPr><w:tblBorders><w:top w:val="single" w:sz="4" w:space="0" w:color="9FB3B5"/><w:left w:val="single" w:sz="4" w:space="0" w:color="9FB3B5"/><w:bottom w:val="single" w:sz="4" w:space="0" w:color="9FB3B5"/><w:right w:val="single" w:sz="4" w:space="0" w:color="9FB3B5"/><w:insideH w:val="single" w:sz="4" w:space="0" w:color="9FB3B5"/><w:insideV w:val="single" w:sz="4" w:space="0" w:color="9FB3B5"/></w:tblBorders><w:tblCellMar><w:top w:w="40" w:type="dxa"/><w:left w:w="108" w:type="dxa"/><w:bottom w:w="40" w:type="dxa"/><w:right w:w="108" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>"""


def _styles(language: str) -> str:
    return f'{DECLARED}\n<w:styles xmlns:w="{W}">{STYLES.replace("{language}", language)}</w:styles>'


def _properties(document: Document) -> bytes:
    dc, properties = "http://purl.org/dc/elements/1.1/", f"{PACKAGE}/metadata/core-properties"
    root = etree.Element(f"{{{properties}}}coreProperties", nsmap={"cp": properties, "dc": dc})
    for name, text in (("title", document.title), ("language", document.language)):
        etree.SubElement(root, f"{{{dc}}}{name}").text = storable(text)
    return _xml(root)


# ------------------------------------------------------------------ reading

LARGEST = 10 * 1024 * 1024
"""The largest file that is looked at, in bytes."""

LARGEST_PART = 24 * 1024 * 1024
"""The most that the text of a document may unpack to: a form of sixty pages has about 1 MB."""

MOST_MEMBERS = 5_000
MOST_TAGS = 1_500_000
"""How many pieces of markup a document may have: ten thousand rows of a table are still looked at."""


MOST_ROWS = 2_000
"""How many rows of a table are read; what comes after them is far beyond any form."""


class Unreadable(ValueError):
    """A file that cannot be read as a Word document. ``code`` says why.

    empty, too_large, encrypted, old_word, open_document, pdf, rich_text, web_page, macros, other_office, not_word,
    damaged or suspicious.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def _refuse(code: str) -> NoReturn:
    raise Unreadable(code)


@dataclass
class ReadLine:
    """A paragraph as it was read: its text, the boxes in it (the tag of each and whether it is ticked), and the key of its
    style.
    """

    text: str = ""
    boxes: list[tuple[str, bool]] = field(default_factory=list)
    style: str = ""


@dataclass
class ReadCell:
    """A cell as it was read. ``day`` is what a date control says about itself; ``pictures`` cannot be read."""

    lines: list[ReadLine] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    day: str = ""
    pictures: int = 0

    @property
    def text(self) -> str:
        """Its paragraphs, one on each line."""
        return "\n".join(line.text for line in self.lines)


ReadRow = list[ReadCell]


@dataclass
class ReadDocument:
    """A document as it was read: its paragraphs, and its tables row by row, as they follow each other."""

    blocks: list[ReadCell | list[ReadRow]]

    @property
    def tables(self) -> list[list[ReadRow]]:
        """Its tables alone."""
        return [block for block in self.blocks if isinstance(block, list)]

    @property
    def text(self) -> str:
        """What stands outside of its tables."""
        return "\n".join(block.text for block in self.blocks if isinstance(block, ReadCell))


def read(content: bytes) -> ReadDocument:
    """What a Word document says. Raises Unreadable.

    No entity is expanded, nothing is fetched, macros are refused, and what unpacks into something enormous is not
    unpacked. Text that was struck out under "track changes" is left out, text that was added is read.
    """
    _refuse_others(content)
    root = parsed(_main_part(content))
    body = next((child for child in root if name_of(child) == "body"), None)
    if name_of(root) != "document" or body is None:
        _refuse("damaged")
    blocks: list[ReadCell | list[ReadRow]] = []
    for block in _unwrapped(body):
        if name_of(block) == "tbl":
            rows = (row for row in _unwrapped(block) if name_of(row) == "tr")
            blocks.append([_row(row) for row in islice(rows, MOST_ROWS)])
        elif name_of(block) == "p":
            blocks.append(_cell_of([block]))
    return ReadDocument(blocks)


def _refuse_others(content: bytes) -> None:
    """Say what a file is that is no Word document."""
    if not content:
        _refuse("empty")
    if len(content) > LARGEST:
        _refuse("too_large")
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        # Office keeps a file with a password in the container of its old formats.
        _refuse("encrypted" if "EncryptedPackage".encode("utf-16-le") in content else "old_word")
    starts = {b"%PDF": "pdf", b"{\\rtf": "rich_text", b"<html": "web_page", b"<!doc": "web_page"}
    for start, code in starts.items():
        if content[:64].lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(start.lower()):
            _refuse(code)
    if not content.startswith(b"PK"):
        _refuse("not_word")


def _main_part(content: bytes) -> bytes:
    """The main text of the document, still as XML."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = {entry.filename: entry for entry in archive.infolist()[: MOST_MEMBERS + 1]}
            if len(names) > MOST_MEMBERS:
                _refuse("suspicious")
            _refuse_other_packages(archive, names)
            return member(archive, names["word/document.xml"])
    except Unreadable:
        raise
    except BROKEN as error:
        raise Unreadable("damaged") from error


BROKEN = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(ValueError, RuntimeError, NotImplementedError, IndexError, OverflowError),
)
"""What a package that was cut off or scribbled on makes its reader raise."""


def _refuse_other_packages(archive: zipfile.ZipFile, names: dict[str, zipfile.ZipInfo]) -> None:
    if any(entry.flag_bits & 1 for entry in names.values()):
        _refuse("encrypted")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        _refuse("macros")
    if "[Content_Types].xml" in names and b"macroEnabled" in member(archive, names["[Content_Types].xml"]):
        _refuse("macros")
    if "mimetype" in names and member(archive, names["mimetype"]).startswith(b"application/vnd.oasis"):
        _refuse("open_document")
    if "word/document.xml" not in names:
        _refuse("other_office" if names.keys() & {"xl/workbook.xml", "ppt/presentation.xml"} else "not_word")


def member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """One part of the package, never more than LARGEST_PART, whatever its header promises."""
    with archive.open(entry) as opened:
        content = opened.read(LARGEST_PART + 1)
    if len(content) > LARGEST_PART:
        _refuse("suspicious")
    return content


def parsed(content: bytes) -> Any:
    """The XML of a part of a package. No entity is expanded, nothing is fetched. Raises Unreadable."""
    if content.count(b"<") > MOST_TAGS:
        _refuse("too_large")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable("damaged") from error
    # No word processor writes one, and it is where entities are declared.
    if root.getroottree().docinfo.internalDTD is not None:
        _refuse("suspicious")
    return root


@lru_cache(maxsize=2000)
def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def name_of(element: Any) -> str:
    """The name of an element without its namespace: the strict form of the format has other ones."""
    tag = element.tag
    return _local(tag) if isinstance(tag, str) else ""


def attribute(element: Any, name: str = "val") -> str:
    """An attribute, in whichever namespace."""
    return next((value for key, value in element.attrib.items() if _local(key) == name), "")


WRAPPERS = {"sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "bdo", "dir", "hyperlink", "fldSimple"}
STRUCK = {
    "del",
    "moveFrom",
    "instrText",
    "delText",
    "Fallback",
    "sdtPr",
    "sdtEndPr",
    "rPr",
    "pPr",
    "tcPr",
    "trPr",
    "tblPr",
}


def _unwrapped(element: Any, tags: list[str] | None = None) -> Iterator[Any]:
    """The children of an element, those inside controls and marks of added text too; the tags of the controls."""
    for child in element:
        name = name_of(child)
        if name == "sdt" and tags is not None:
            tags += [
                attribute(part)
                for about in child
                if name_of(about) == "sdtPr"
                for part in about
                if name_of(part) == "tag"
            ]
        if name in WRAPPERS:
            yield from _unwrapped(child, tags)
        elif name and name not in STRUCK:
            yield child


def _row(element: Any) -> ReadRow:
    """The cells of a row; a cell that is as wide as several counts as many, the others being empty."""
    row: ReadRow = []
    tags: list[str] = []
    for cell in _unwrapped(element, tags):
        if name_of(cell) != "tc":
            continue
        read_cell = _cell_of(cell)
        read_cell.tags, tags[:] = [*tags, *read_cell.tags], []
        row.append(read_cell)
        row += [ReadCell() for _ in range(min(_span(cell), 64) - 1)]
    return row


def _span(cell: Any) -> int:
    said = next(
        (attribute(p) for looks in cell if name_of(looks) == "tcPr" for p in looks if name_of(p) == "gridSpan"), ""
    )
    return int(said) if said.isascii() and said.isdigit() and len(said) < 4 else 1


def _cell_of(elements: Iterable[Any]) -> ReadCell:
    reader = _CellReader()
    for element in elements:
        reader.take(element)
    return reader.cell


SIGNS = {TICKED: True, "☑": True, "✅": True, "✓": True, "✔": True, "✗": True, "✘": True, "🗹": True, "🗷": True}
SIGNS |= {UNTICKED: False, "□": False, "▢": False, "❏": False, "⬜": False, "◻": False}
SYMBOLS = {"F0FE": TICKED, "F0FD": TICKED, "F052": TICKED, "F053": TICKED, "F0FC": TICKED}
SYMBOLS |= {"F0A8": UNTICKED, "F06F": UNTICKED, "F0A3": UNTICKED}
"""Boxes in the fonts Wingdings and Wingdings 2."""


class _CellReader:
    """Collects what a cell says, control by control."""

    def __init__(self) -> None:
        self.cell = ReadCell()

    def take(self, element: Any) -> None:
        """Read one element and what stands in it."""
        name = name_of(element)
        special = getattr(self, READERS.get(name, ""), None)
        if special is not None:
            special(element)
        elif name in PIECES:
            self.say(PIECES[name])
        elif name and name not in STRUCK:
            self.inside(element)

    def text(self, element: Any) -> None:
        self.say(element.text or "")

    def symbol(self, element: Any) -> None:
        self.say(SYMBOLS.get(attribute(element, "char").upper(), ""))

    def picture(self, _element: Any) -> None:
        self.cell.pictures += 1

    def alternatives(self, element: Any) -> None:
        for choice in [child for child in element if name_of(child) == "Choice"][:1]:
            self.inside(choice)

    def inside(self, element: Any) -> None:
        for child in element:
            self.take(child)

    def paragraph(self, element: Any) -> None:
        """A new line; what Word numbers or dots by itself is a list."""
        looks = [part for about in element if name_of(about) == "pPr" for part in about]
        style = next((attribute(part) for part in looks if name_of(part) == "pStyle"), "")
        self.cell.lines.append(ReadLine(style=style))
        if any(name_of(part) == "numPr" for part in looks):
            self.say("- ")
        self.inside(element)

    def say(self, text: str) -> None:
        if not self.cell.lines:
            self.cell.lines.append(ReadLine())
        first, *more = text.split("\n")
        self.cell.lines[-1].text += first
        self.cell.lines += [ReadLine(part) for part in more]

    def control(self, element: Any) -> None:
        about = {name_of(part): part for child in element if name_of(child) == "sdtPr" for part in child}
        tag = attribute(about["tag"]) if "tag" in about else ""
        if tag:
            self.cell.tags.append(tag)
        if "date" in about:
            self.cell.day = attribute(about["date"], "fullDate")[:10] or self.cell.day
        if "showingPlcHdr" in about and attribute(about["showingPlcHdr"]) not in ("0", "false", "off"):
            if not self.cell.lines:
                self.cell.lines.append(ReadLine())
            return
        for content in [child for child in element if name_of(child) == "sdtContent"]:
            if "checkbox" in about:
                self.box(tag, about["checkbox"], content)
            else:
                self.inside(content)

    def box(self, tag: str, about: Any, content: Any) -> None:
        """A box to tick: its sign is what people see, what is noted beside it counts only without a known sign."""
        text = "".join(piece.text or "" for piece in content.iter() if name_of(piece) == "t").strip()
        noted = next((attribute(part) for part in about if name_of(part) == "checked"), "0") in ("1", "true", "on")
        ticked = SIGNS.get(text, noted)
        if any(name_of(child) == "p" for child in content):
            self.cell.lines.append(ReadLine())
        self.say(TICKED if ticked else UNTICKED)
        self.cell.lines[-1].boxes.append((tag, ticked))

    def table(self, element: Any) -> None:
        """A table inside a cell, as somebody pasted it: a line for each row."""
        for row in _unwrapped(element):
            if name_of(row) == "tr":
                cells = [_cell_of(cell).text.replace("\n", " ") for cell in _unwrapped(row) if name_of(cell) == "tc"]
                self.cell.lines.append(ReadLine("\t".join(cells)))


READERS = {
    "p": "paragraph",
    "sdt": "control",
    "tbl": "table",
    "t": "text",
    "sym": "symbol",
    "AlternateContent": "alternatives",
    "drawing": "picture",
    "pict": "picture",
    "object": "picture",
}
"""What reads an element that is more than what stands in it."""

PIECES = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}


def as_box(text: str) -> tuple[bool, str] | None:
    """Whether a line that began as a box to tick is ticked, and what stands beside it; None when it is no such line."""
    text = text.strip()
    for sign, ticked in SIGNS.items():
        if text.startswith(sign):
            return ticked, text[len(sign) :].lstrip("\ufe0f").strip()
    match = re.match(r"[\[(]\s*([xX✓✔v*]?)\s*[\])]\s*(.*)", text, re.DOTALL)
    return (bool(match[1]), match[2].strip()) if match else None


def plain(text: str) -> str:
    """A text as it is compared: one kind of space, no marks of direction, no difference of capitals."""
    kept = "".join(
        " " if c.isspace() else c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf"
    )
    return " ".join(kept.split()).casefold()
