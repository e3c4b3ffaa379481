"""Real small files of each kind, made here, so that nothing binary has to be kept beside the tests."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib

import pikepdf

from grants.core import pdf


def real_pdf(words: str = "A document") -> bytes:
    """A tagged PDF of one page."""
    return pdf.render("document", language="en", title=words, reference="", footer="", parts=[])


def real_png() -> bytes:
    """A picture of one dot."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00" * 4)) + chunk(b"IEND", b"")
    )


def office(member: str, *others: str) -> bytes:
    """A zip with the part that makes it an office file, and whatever else."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("[Content_Types].xml", member, *others):
            archive.writestr(name, "<x/>")
    return packed.getvalue()


def open_document(packing: int) -> bytes:
    """A letter of LibreOffice, its parts packed in one of the ways of a zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", packing) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("META-INF/manifest.xml", "<manifest>" + "<file-entry/>" * 40 + "</manifest>")
        archive.writestr("content.xml", "<text/>" * 40)
    return packed.getvalue()


def real_xlsx() -> bytes:
    """A workbook."""
    return office("xl/workbook.xml")


def real_docx() -> bytes:
    """A letter."""
    return office("word/document.xml")


def of_kind(name: str) -> bytes:
    """A real file of the kind that a name ends in."""
    makers = {"pdf": real_pdf, "png": real_png, "jpg": real_png, "xlsx": real_xlsx, "docx": real_docx}
    return makers[name.rsplit(".", 1)[-1]]()


def words_in(document: bytes) -> str:
    """What somebody can copy out of a PDF, without the spaces: its signs by the tables that its fonts bring along."""
    read = []
    with pikepdf.open(io.BytesIO(document)) as opened:
        for page in opened.pages:
            meanings = {name: _meanings(font) for name, font in page.Resources.get("/Font", {}).items()}
            font: dict[int, str] = {}
            for operands, operator in pikepdf.parse_content_stream(page):
                if str(operator) == "Tf":
                    font = meanings[str(operands[0])]
                elif str(operator) in ("Tj", "TJ"):
                    pieces = operands[0] if str(operator) == "TJ" else operands
                    codes = b"".join(bytes(piece) for piece in pieces if isinstance(piece, pikepdf.String))
                    read += [font.get(code, "") for (code,) in struct.iter_unpack(">H", codes)]
    return "".join("".join(read).split())


def _meanings(font: pikepdf.Object) -> dict[int, str]:
    """What each code of a font stands for."""
    table = font.ToUnicode.read_bytes().decode()
    meanings = {}
    for lines in re.findall(r"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for code, signs in re.findall(r"<(\w+)>\s*<(\w+)>", lines):
            meanings[int(code, 16)] = bytes.fromhex(signs).decode("utf-16-be")
    for lines in re.findall(r"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, sign in re.findall(r"<(\w+)>\s*<(\w+)>\s*<(\w+)>", lines):
            for n in range(int(first, 16), int(last, 16) + 1):
                meanings[n] = chr(int(sign, 16) + n - int(first, 16))
    return meanings
