"""What stands in text documents and workbooks, read without their layout."""

from __future__ import annotations

import io
import zipfile

import pytest

from grants.core import written
from grants.core.word import Unreadable
from grants.core.written import Part, Piece

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SHEETS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LINKS = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
ODF = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"'
    for short in ("office", "text", "table", "drawing")
)


def package(**parts: str) -> bytes:
    """A zip of parts, whose names are written with __ for / and _dot_ for a full stop."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name.replace("_dot_", ".").replace("__", "/"), part)
    return made.getvalue()


def letter(body: str, styles: str = "") -> bytes:
    return package(
        word__document_dot_xml=f"<w:document {WORD}><w:body>{body}</w:body></w:document>",
        word__styles_dot_xml=f"<w:styles {WORD}>{styles}</w:styles>",
    )


def paragraph(text: str, style: str = "") -> str:
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{look}<w:r><w:t>{text}</w:t></w:r></w:p>"


def budget(rows: str, *, book: str = "") -> bytes:
    """A workbook with a budget in its second sheet, as programs write it."""
    formats = '<numFmt numFmtId="164" formatCode="dd/mm/yyyy"/><numFmt numFmtId="165" formatCode="[h]:mm"/>'
    styles = "".join(f'<xf numFmtId="{number}"/>' for number in (0, 164, 10, 165))
    sheet = "application/worksheet"
    return package(
        xl__workbook_dot_xml=f'<workbook {SHEETS} {LINKS}>{book}<sheets><sheet name="Notes" sheetId="1" r:id="r2"/>'
        '<sheet name="Budget" sheetId="2" r:id="r1"/></sheets></workbook>',
        xl___rels__workbook_dot_xml_dot_rels="<Relationships>"
        f'<Relationship Id="r1" Type="{sheet}" Target="worksheets/sheet7.xml"/>'
        f'<Relationship Id="r2" Type="{sheet}" Target="/xl/worksheets/sheet1.xml"/></Relationships>',
        xl__sharedStrings_dot_xml=f"<sst {SHEETS}><si><t>Wells</t></si>"
        "<si><r><t>Pumps </t></r><r><t>and pipes</t></r><rPh><t>ignored</t></rPh></si></sst>",
        xl__styles_dot_xml=f"<styleSheet {SHEETS}><numFmts>{formats}</numFmts><cellXfs>{styles}</cellXfs></styleSheet>",
        xl__worksheets__sheet1_dot_xml=f"<worksheet {SHEETS}><sheetData/></worksheet>",
        xl__worksheets__sheet7_dot_xml=f"<worksheet {SHEETS}><sheetData>{rows}</sheetData></worksheet>",
    )


def open_document(kind: str, body: str) -> bytes:
    content = f"<office:document-content {ODF}><office:body><office:{kind}>{body}</office:{kind}></office:body>"
    return package(content_dot_xml=f"{content}</office:document-content>")


def test_a_letter_is_read_in_its_order_with_its_headings_and_tables() -> None:
    styles = '<w:style w:styleId="Titre1"><w:name w:val="heading 1"/></w:style>'
    styles += '<w:style w:styleId="Titre3"><w:name w:val="heading 3"/></w:style>'
    cells = "".join(f"<w:tc>{paragraph(text)}</w:tc>" for text in ("Wells", "40"))
    gone = f'<w:del w:author="x"><w:r><w:delText>struck out</w:delText></w:r></w:del>{paragraph("")}'
    body = paragraph("The plan", "Titre1") + paragraph("We dig.") + f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>"
    body += paragraph("Costs", "Titre3") + gone + paragraph("Enough.", "Normal")
    assert written.read(letter(body, styles), "docx") == written.Written(
        [
            Part(
                "",
                [
                    *(Piece("The plan", 1), Piece("We dig."), Piece(rows=(("Wells", "40"),))),
                    *(Piece("Costs", 2), Piece("Enough.")),
                ],
            )
        ],
        whole=True,
    )


def test_a_workbook_is_read_sheet_by_sheet_as_it_shows_its_cells() -> None:
    rows = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row><row r="2"/>'
        '<row r="3"><c r="A3"><v>0.30000000000000004</v></c><c r="B3" s="1"><v>46477</v></c><c r="C3" s="2"><v>0.125</v></c>'
        '<c r="D3" s="3"><v>1.5</v></c></row>'
        '<row r="4"><c r="A4"><f>SUM(A1:A3)</f></c><c r="B4"><f>1+1</f><v>2</v></c><c r="C4" t="b"><v>1</v></c>'
        '<c r="D4" t="inlineStr"><is><t>Said</t></is></c><c r="Z4" s="1"/></row>'
    )
    notes, sheet = written.read(budget(rows), "xlsx").parts
    assert notes == Part("Notes", [])
    assert sheet.name == "Budget"
    assert sheet.pieces[0].rows == (
        ("Wells", "", "Pumps and pipes", ""),
        ("0.3", "2027-03-31", "12.5%", "1.5"),
        ("=SUM(A1:A3)", "2", "TRUE", "Said"),
    )
    since_1904 = budget('<row><c s="1"><v>1.5</v></c></row>', book='<workbookPr date1904="1"/>')
    assert written.read(since_1904, "xlsx").parts[1].pieces[0].rows == (("1904-01-02 12:00",),)


def test_an_open_letter_is_read_without_its_comments() -> None:
    body = (
        '<text:h text:outline-level="1">The plan</text:h><text:tracked-changes><text:p>old</text:p></text:tracked-changes>'
        '<text:p>We<text:s text:c="2"/>dig<text:span> deep</text:span><office:annotation><text:p>hush</text:p>'
        "</office:annotation>.</text:p><text:list><text:list-item><text:p>Wells</text:p></text:list-item></text:list>"
        "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Wells</text:p></table:table-cell>"
        '<table:table-cell table:number-columns-repeated="2"/></table:table-row></table:table-header-rows></table:table>'
    )
    (part,) = written.read(open_document("text", body), "odt").parts
    assert part.pieces == [Piece("The plan", 1), Piece("We  dig deep."), Piece("- Wells"), Piece(rows=(("Wells",),))]


def test_an_open_workbook_of_endless_empty_cells_is_read_as_far_as_it_is_filled() -> None:
    cell = '<table:table-cell table:number-columns-repeated="2"><text:p>7</text:p></table:table-cell>'
    body = (
        f'<table:table table:name="Budget"><table:table-row>{cell}<table:table-cell table:number-columns-repeated="16382"/>'
        '</table:table-row><table:table-row table:number-rows-repeated="1048575"><table:table-cell/></table:table-row>'
        "</table:table>"
    )
    found = written.read(open_document("spreadsheet", body), "ods")
    assert found == written.Written([Part("Budget", [Piece(rows=(("7", "7"),))])], whole=True)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (letter(paragraph("Once more. ") * 10_001), "docx"),
        (budget('<row><c t="inlineStr"><is><t>7</t></is></c></row>' * 10_001), "xlsx"),
        (budget('<row><c r="BZ1"><v>7</v></c></row>'), "xlsx"),
        (open_document("text", "<text:p>Once more.</text:p>" * 10_001), "odt"),
        (
            open_document(
                "spreadsheet",
                '<table:table table:name="x"><table:table-row table:number-rows-repeated="1000000"><table:table-cell '
                'table:number-columns-repeated="9999"><text:p>7</text:p></table:table-cell></table:table-row></table:table>',
            ),
            "ods",
        ),
    ],
)
def test_what_is_endless_is_read_in_part_and_that_is_said(content: bytes, kind: str) -> None:
    found = written.read(content, kind)
    assert not found.whole
    texts = sum(max(len(piece.rows) * len((piece.rows or [""])[0]), 1) for part in found.parts for piece in part.pieces)
    assert texts <= written.MOST_TEXTS


@pytest.mark.parametrize("kind", written.KINDS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 cut off",
        package(nothing="here"),
        package(content_dot_xml="<a", word__document_dot_xml="<a", xl__workbook_dot_xml="<a"),
        package(
            **dict.fromkeys(
                ("content_dot_xml", "word__document_dot_xml", "xl__workbook_dot_xml"),
                '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
            )
        ),
    ],
)
def test_what_is_no_such_file_breaks_nothing(content: bytes, kind: str) -> None:
    with pytest.raises(Unreadable):
        written.read(content, kind)
