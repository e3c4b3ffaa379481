"""Files without what tells who made them: authors, dates, programs, places, earlier versions, thumbnails.

What a file says on its pages stays as it is; :func:`texts_in` tells whether a name stands there. The stored file is never
touched: the bare one is made on the way to a reader who must not know whose it is.
"""

from __future__ import annotations

import contextlib
import html
import io
import re
import struct
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import pikepdf
from PIL import Image

from grants.core.contents import LARGEST_UNPACKED, OFFICE, OPEN_DOCUMENT
from grants.core.languages import _l
from grants.core.rules import Obstacle, Refused

AT_NO_TIME = (1980, 1, 1, 0, 0, 0)


def bare(content: bytes, kind: str) -> bytes:
    """The file without what tells who made it. Raises Refused when it cannot be made so."""
    try:
        if kind == "pdf":
            return _bare_pdf(content)
        if kind in OFFICE or kind in OPEN_DOCUMENT.values():
            return _bare_package(content)
        return _bare_picture(content)
    except (pikepdf.PdfError, zipfile.BadZipFile, ValueError, RuntimeError, KeyError, OSError, struct.error):
        text = _l("This file cannot be freed of what it tells about its author, so it is not shown in a blind review.")
        raise Refused(Obstacle("file_not_bare", text)) from None


def texts_in(content: bytes, kind: str) -> Iterator[str]:
    """Every text in which a name could stand: what is seen on the pages, and what lies hidden in the bytes."""
    if kind == "pdf":
        yield from _texts_in_pdf(content)
    elif kind in OFFICE or kind in OPEN_DOCUMENT.values():
        yield from _texts_in_package(content)
    else:
        yield content.decode("latin-1")


# ------------------------------------------------------------------ pictures


_KEPT_IN_JPEG = {0xE0, 0xEE}
"""JFIF and Adobe: without them colours are wrong. All other application segments and comments go."""
_KEPT_IN_PNG = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs"),
}


def _bare_picture(content: bytes) -> bytes:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _bare_png(content)
    return _bare_jpeg(content) if content.startswith(b"\xff\xd8") else content


_NEXT_IN_JPEG = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""Where drawn data ends: a marker that is neither a byte of the data nor a place to begin again."""


def _bare_jpeg(content: bytes) -> bytes:
    """A JPEG with its segments only as far as the picture needs them; what follows its end, as a second picture, goes."""
    kept, at, marker = [b"\xff\xd8"], 2, 0
    while marker != 0xD9:
        if content[at : at + 1] != b"\xff" or len(content) < at + 2:
            raise ValueError("not a picture")
        marker = content[at + 1]
        if marker == 0xD9:
            kept.append(b"\xff\xd9")
            break
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack(">H", content[at + 2 : at + 4])
        if marker in _KEPT_IN_JPEG or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(content[at : at + 2 + length])
        at += 2 + length
        if marker == 0xDA:
            found = _NEXT_IN_JPEG.search(content, at)
            end = found.start() if found else len(content)
            kept.append(content[at:end])
            at = end
            if found is None:
                break
    return b"".join(kept)


def _bare_png(content: bytes) -> bytes:
    kept, at = [content[:8]], 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        name, whole = content[at + 4 : at + 8], content[at : at + 12 + length]
        kept += [whole] if name in _KEPT_IN_PNG else []
        at += 12 + length
        if name == b"IEND":
            break
    return b"".join(kept)


# ------------------------------------------------------------------ office files


_LEFT_OUT = re.compile(r"(?i)docProps/|customXml/|Thumbnails/|(xl|word)/(persons?|people)|.*\.bin$")
"""Parts that tell about authors, printers and what a company adds. Every reader opens the file without them."""
_POINTS_THERE = re.compile(
    rb"<(?:\w+:)?(?:Relationship|Override|file-entry)\b[^>]*?(?:Target|PartName|full-path)=\"[./]*"
    rb"(?:docProps/|customXml/|Thumbnails/|(?:xl/|word/)?(?:persons?/|people\.)|[^\"]*\.bin\")[^>]*?/>",
    re.IGNORECASE,
)
_OUTSIDE = re.compile(rb"(Target=\")(?:file:|[A-Za-z]:|\\\\|//)[^\"]*(\")")
_MAKERS = (
    (re.compile(rb"(\b(?:w\d*:)?(?:author|initials|userName|lastEdited|displayName|providerId|userId)=\")[^\"]*\""), rb'\1"'),
    (re.compile(rb"(<author>)[^<]*(</author>)"), rb"\1\2"),
    (re.compile(rb"(<(?:dc:creator|meta:initial-creator|meta:creator-initials|text:author-name|text:author-initials)\b[^>]*>)[^<]*(</)"), rb"\1\2"),
    (re.compile(rb"(<x15ac:absPath\b[^>]*?url=\")[^\"]*\""), rb'\1"'),
    (_OUTSIDE, rb"\1about:blank\2"),
)  # fmt: skip
_NO_META = (
    b'<?xml version="1.0" encoding="UTF-8"?><office:document-meta '
    b'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" office:version="1.2"/>'
)


_PACKED = b"PK\x03\x04"
_DEEPEST_PACKED = 3

_DRAWN_ANEW = ((b"GIF8", "GIF"), (b"RIFF", "WEBP"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"BM", "BMP"))
_NOT_READ = (b"\xd7\xcd\xc6\x9a", b"\xd0\xcf\x11\xe0")
"""How metafiles of Windows and documents of old programs begin, of which no part can be told from another."""


def _members(archive: zipfile.ZipFile, depth: int) -> list[zipfile.ZipInfo]:
    """The parts of a package; raises ValueError when they are packed too often, or too much comes out."""
    members = archive.infolist()
    if depth > _DEEPEST_PACKED or sum(member.file_size for member in members) > LARGEST_UNPACKED:
        raise ValueError("packed too often, or too much")
    return members


def _bare_package(content: bytes, depth: int = 1) -> bytes:
    """An office file whose parts name nobody as their author; in the order and with the packing it had."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(written, "w") as made:
        for member in _members(given, depth):
            if member.is_dir() or _LEFT_OUT.match(member.filename):
                continue
            part = zipfile.ZipInfo(member.filename, AT_NO_TIME)
            part.compress_type = zipfile.ZIP_STORED if member.filename == "mimetype" else zipfile.ZIP_DEFLATED
            made.writestr(part, _bare_part(member.filename, given.read(member), depth))
    return written.getvalue()


def _bare_part(name: str, content: bytes, depth: int) -> bytes:
    """One part of a package: what is a file of its own, as a table that was pasted, is freed like the whole. Pictures of
    kinds that hold more than the picture are drawn anew; what cannot be read is left empty.
    """
    if content.startswith(_PACKED):
        return _bare_package(content, depth + 1)
    if content.startswith(b"%PDF"):
        return _bare_pdf(content)
    if name == "meta.xml":
        return _NO_META
    if name.lower().endswith((".xml", ".rels", ".rdf")):
        content = _POINTS_THERE.sub(b"", content)
        for told, instead in _MAKERS:
            content = told.sub(instead, content)
        return content
    if content.startswith(_NOT_READ) or content[40:44] == b" EMF":
        return b""
    kind = next((kind for beginning, kind in _DRAWN_ANEW if content.startswith(beginning)), None)
    return _drawn_anew(content, kind) if kind else _bare_picture(content)


def _drawn_anew(content: bytes, kind: str) -> bytes:
    """A picture, of which the first page, without what was said about it; nothing when it cannot be read."""
    drawn = io.BytesIO()
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content), formats=[kind]) as picture:
            bare_one = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
            if kind in ("GIF", "BMP"):
                bare_one = bare_one.convert("P" if kind == "GIF" else "RGB")
            bare_one.info = {}
            bare_one.save(drawn, kind)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""
    return drawn.getvalue()


_PARAGRAPHS = re.compile(rb"</(?:w:p|a:p|text:p|text:h|si|c|is|row)>|<(?:w:tab|w:br|text:tab|text:line-break)\b[^>]*>")
_TAGS = re.compile(rb"<[^>]*>")


def _texts_in_package(content: bytes, depth: int = 1) -> Iterator[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        yield archive.comment.decode("latin-1")
        for member in _members(archive, depth):
            part = archive.read(member)
            if part.startswith(_PACKED):
                yield from _texts_in_package(part, depth + 1)
            if part.startswith(b"%PDF"):
                yield from _texts_in_pdf(part)
            yield member.filename
            yield part.decode("utf-8", "replace")
            yield part.decode("utf-16-le", "ignore")
            if member.filename.lower().endswith(".xml"):
                seen = _TAGS.sub(b"", _PARAGRAPHS.sub(b"\n", part)).decode("utf-8", "replace")
                yield html.unescape(seen)


# ------------------------------------------------------------------ PDF


_TOLD_IN_PDF = ("/Metadata", "/PieceInfo", "/LastModified", "/AF", "/Thumb")


def _bare_pdf(content: bytes) -> bytes:
    """A PDF written anew: without its description, earlier versions, files inside, authors of comments, places of photos."""
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(content), suppress_warnings=True) as document:
        if "/Info" in document.trailer:
            del document.trailer["/Info"]
        names = document.Root.get("/Names")
        if isinstance(names, pikepdf.Dictionary) and "/EmbeddedFiles" in names:
            del names["/EmbeddedFiles"]
        for thing in document.objects:
            if isinstance(thing, pikepdf.Dictionary | pikepdf.Stream):
                _bare_object(thing)
        document.save(written, deterministic_id=True, encryption=False)
    return written.getvalue()


def _bare_object(thing: Any) -> None:
    for key in _TOLD_IN_PDF:
        if key in thing:
            del thing[key]
    kind = thing.get("/Subtype")
    if "/Rect" in thing and kind != pikepdf.Name.Widget:
        for key in ("/T", "/M", "/NM", "/CreationDate"):
            if key in thing:
                del thing[key]
    if isinstance(thing, pikepdf.Stream) and thing.get("/Filter") == pikepdf.Name.DCTDecode:
        thing.write(_bare_picture(thing.read_raw_bytes()), filter=pikepdf.Name.DCTDecode)


def _texts_in_pdf(content: bytes) -> Iterator[str]:
    with pikepdf.open(io.BytesIO(content), suppress_warnings=True) as document:
        for thing in document.objects:
            yield from _strings_in(thing)
            if isinstance(thing, pikepdf.Stream):
                with contextlib.suppress(pikepdf.PdfError):
                    yield thing.read_bytes().decode("latin-1")
                    continue
                yield thing.read_raw_bytes().decode("latin-1")
        for page in document.pages:
            shown = _Shown()
            shown.read(page, page.get("/Resources"))
            yield "".join(shown.pieces)
            yield "".join(shown.pieces).replace("\n", "")


def _strings_in(thing: Any) -> Iterator[str]:
    """The strings of an object, not of those it refers to."""
    if isinstance(thing, pikepdf.String):
        yield str(thing)
        return
    inside: list[Any] = []
    if isinstance(thing, pikepdf.Array):
        inside = list(thing)
    elif isinstance(thing, pikepdf.Dictionary | pikepdf.Stream):
        inside = [thing.get(key) for key in thing.keys()]  # noqa: SIM118  a stream cannot be walked through
    for one in inside:
        if isinstance(one, pikepdf.Object) and not one.is_indirect:
            yield from _strings_in(one)


_PLACES = ("Td", "TD", "Tm", "T*", "'", '"', "ET")
_WIDE = -150
"""A step between two letters, in thousandths of their size, from which it is a space."""
_DEEPEST = 5


class _Shown:
    """What the fonts of a page show, in the order in which it is drawn; a line where the pen is set down anew."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.fonts: dict[tuple[int, int], Font] = {}

    def read(self, holder: Any, resources: Any, depth: int = 0) -> None:
        fonts, forms = ((resources or {}).get(key, {}) for key in ("/Font", "/XObject"))
        font = Font({}, 1)
        for step in pikepdf.parse_content_stream(holder):
            name, given = str(step.operator), list(step.operands)
            if name == "Tf":
                font = self.font(fonts.get(str(given[0])))
            elif name == "Do" and depth < _DEEPEST:
                form = forms.get(str(given[0]))
                if form is not None and form.get("/Subtype") == pikepdf.Name.Form:
                    self.read(form, form.get("/Resources", resources), depth + 1)
            elif name in _PLACES:
                self.pieces.append("\n")
            if name in ("Tj", "'", '"'):
                self.pieces.append(font.text(bytes(given[-1])))
            elif name == "TJ":
                self.pieces += [_letters_or_step(one, font) for one in given[0]]

    def font(self, given: Any) -> Font:
        """A font of the page, read once."""
        if given is None:
            return Font({}, 1)
        if given.objgen not in self.fonts:
            self.fonts[given.objgen] = _read_font(given)
        return self.fonts[given.objgen]


class Font(NamedTuple):
    """What the codes of a font stand for, those of Windows without ``signs``; and how many bytes a code has."""

    signs: dict[int, str]
    width: int

    def text(self, written: bytes) -> str:
        """What is seen when these codes are shown."""
        if not self.signs:
            return written.decode("cp1252", "replace")
        codes = (int.from_bytes(written[at : at + self.width], "big") for at in range(0, len(written), self.width))
        return "".join(self.signs.get(code, "") for code in codes)


def _letters_or_step(one: Any, font: Font) -> str:
    if isinstance(one, pikepdf.String):
        return font.text(bytes(one))
    return " " if float(one) < _WIDE else ""


_CHARS = re.compile(rb"beginbfchar(.*?)endbfchar", re.DOTALL)
_RANGES = re.compile(rb"beginbfrange(.*?)endbfrange", re.DOTALL)
_CHAR = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f\s]*)>")
_RANGE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?:<([0-9A-Fa-f\s]*)>|\[([^\]]*)\])")
_TARGET = re.compile(rb"<([0-9A-Fa-f\s]*)>")


def _read_font(font: Any) -> Font:
    """The table of a font that says what its codes stand for (PDF 32000, 9.10.3)."""
    width, table = 2 if font.get("/Subtype") == pikepdf.Name.Type0 else 1, font.get("/ToUnicode")
    signs: dict[int, str] = {}
    if not isinstance(table, pikepdf.Stream):
        return Font(signs, width)
    written = table.read_bytes()
    for part in _CHARS.findall(written):
        signs |= {int(code, 16): _utf16(target) for code, target in _CHAR.findall(part)}
    for part in _RANGES.findall(written):
        for first, last, target, listed in _RANGE.findall(part):
            codes = range(int(first, 16), min(int(last, 16), 0xFFFF) + 1)
            if listed:
                signs |= dict(zip(codes, map(_utf16, _TARGET.findall(listed)), strict=False))
            elif start := _utf16(target):
                signs |= {code: start[:-1] + chr(ord(start[-1]) + code - codes[0]) for code in codes}
    return Font(signs, width)


def _utf16(written: bytes) -> str:
    return bytes.fromhex(written.decode()).decode("utf-16-be", "replace")
