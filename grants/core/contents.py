"""What a file really is: told by its content and never by its name; and what makes it unfit to be opened by others."""

from __future__ import annotations

import io
import lzma
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator

import filetype
import pikepdf

from grants.core.languages import _l
from grants.core.rules import Obstacle

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
"""The kinds of file that are taken at all, by ending. Nothing that a browser would run is among them."""

TABLES = {"csv": "text/csv", "xlsx": MEDIA_TYPES["xlsx"]}
"""The kinds of file that a table is brought in; a CSV is known by nothing but that it can be read as one."""

ARCHIVES = {"zip": "application/zip"}
"""The kinds that the fund makes itself and takes from nobody."""

PICTURES = ("jpg", "jpeg", "png")

MEGABYTE = 1024 * 1024
LARGEST = 10 * MEGABYTE
LARGEST_UNPACKED = 200 * MEGABYTE
MOST_MEMBERS = 10_000
LONGEST_NAME = 120

_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, ValueError, NotImplementedError, OSError, RuntimeError, EOFError,
)  # fmt: skip
"""What reading a part of a damaged zip may raise."""

OFFICE = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml"}
OPEN_DOCUMENT = {MEDIA_TYPES["odt"]: "odt", MEDIA_TYPES["ods"]: "ods"}

PROGRAMS = ("vbaproject.bin", "vbadata.xml")
PROGRAM_FOLDERS = ("basic/", "scripts/", "word/activex/", "xl/activex/", "xl/macrosheets/", "customui/")
PROGRAM_ENDINGS = (
    ".exe", ".dll", ".com", ".scr", ".msi", ".bat", ".cmd", ".ps1", ".vbs", ".vbe", ".js", ".jse", ".wsf", ".hta", ".jar",
    ".lnk", ".html", ".htm", ".svg", ".sh",
)  # fmt: skip
"""What no letter, workbook or text needs inside itself."""

_ACTIVE = re.compile(rb"/(JavaScript|JS|Launch|RichMedia|XFA|Movie|Sound|ImportData|SubmitForm)(?![A-Za-z0-9_.-])")
_STRING = re.compile(rb"\((?:\\.|[^\\()])*\)|<[0-9a-fA-F]*>", re.DOTALL)
_MADE_TO_RUN = {
    b"JavaScript": "JavaScript", b"JS": "JavaScript", b"Launch": "Launch", b"RichMedia": "RichMedia", b"XFA": "XFA",
    b"Movie": "RichMedia", b"Sound": "RichMedia", b"ImportData": "ImportData", b"SubmitForm": "SubmitForm",
}  # fmt: skip


def ending(name: str) -> str:
    """The ending of a file name, lower case, without the dot."""
    return name.rsplit(".", 1)[-1].lower() if "." in name else ""


def plain_name(name: str) -> str:
    """A file name without folders, and without characters that nobody sees or that turn the reading direction round."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    seen = "".join(c if c != "\t" else " " for c in last if unicodedata.category(c)[0] != "C" or c == "\t")
    words = " ".join(unicodedata.normalize("NFC", seen).split()).lstrip(". ")
    base, dot, tail = words.rpartition(".")
    if not dot:
        return words[-LONGEST_NAME:]
    return f"{base[: LONGEST_NAME - 10]}.{tail[:9]}" if base else tail


def stored_name(name: str, kind: str) -> str:
    """The name under which a file of a kind is kept: what people called it, with the ending that is true."""
    plain = plain_name(name)
    if ending(plain) == kind or (kind == "jpg" and ending(plain) == "jpeg"):
        return plain
    base = plain.rsplit(".", 1)[0] if ending(plain) in MEDIA_TYPES else plain
    return f"{base or 'file'}.{kind}"


def kind_of(content: bytes) -> str | None:
    """The kind of a file by its content: one of the endings of :data:`MEDIA_TYPES`, or None for everything else."""
    if content[:4] == b"PK\x03\x04":
        return _kind_of_package(content)
    guessed = filetype.guess(content[:8192])
    if guessed is None or guessed.mime not in (MEDIA_TYPES["pdf"], MEDIA_TYPES["jpg"], MEDIA_TYPES["png"]):
        return None
    return str(guessed.extension)


def _kind_of_package(content: bytes) -> str | None:
    """What a zip is: filetype and the like take any zip for a letter, so the parts are looked at."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
                return OPEN_DOCUMENT.get(archive.read("mimetype").decode("ascii", "replace").strip())
    except _DAMAGED:
        return None
    if "[Content_Types].xml" not in names:
        return None
    return next((kind for kind, member in OFFICE.items() if member in names), None)


def kinds_taken(allowed: Iterable[str]) -> list[str]:
    """Of the kinds that a document may have, those that are taken at all; a jpeg is a jpg."""
    kinds = ["jpg" if kind == "jpeg" else kind for kind in allowed if kind in MEDIA_TYPES]
    return list(dict.fromkeys(kinds))


def obstacles_to_name(name: str, allowed: Iterable[str]) -> list[Obstacle]:
    """Why a file cannot be taken, as far as its name tells: the ending of a kind that is never taken here.

    A name that says nothing, or another of the kinds we know, is no obstacle: the content decides.
    """
    said = ending(plain_name(name))
    kinds = kinds_taken(allowed)
    if said in MEDIA_TYPES and (said in kinds or (said in PICTURES and set(kinds) & set(PICTURES))):
        return []
    if not said:
        return []
    text = _l("This kind of file is not taken here. Please send one of: %(kinds)s.", kinds=", ".join(kinds))
    return [Obstacle("file_kind", text)]


def obstacles_to_storing(name: str, content: bytes, allowed: Iterable[str], largest: int = LARGEST) -> list[Obstacle]:
    """Why a file cannot be taken: its kind, its size, or something inside that could run where it is opened."""
    kinds = kinds_taken(allowed)
    if not content:
        return [Obstacle("file_empty", _l("The file is empty."))]
    if len(content) > largest:
        return [too_large(largest)]
    kind = kind_of(content)
    if kind in kinds and ending(plain_name(name)) in {*MEDIA_TYPES, ""}:
        if kind == "pdf":
            return _obstacles_in_pdf(content)
        return [] if kind in PICTURES else _obstacles_in_package(content)
    if found := obstacles_to_name(name, kinds):
        return found
    text = _l(
        "The content of this file is not what its name says. Please send one of: %(kinds)s.", kinds=", ".join(kinds)
    )
    return [Obstacle("file_content", text)]


def too_large(largest: int = LARGEST) -> Obstacle:
    """A file is larger than is taken, in bytes."""
    return Obstacle(
        "file_too_large",
        _l("The file is larger than %(n)s MB. Please make it smaller, or send it in parts.", n=largest // MEGABYTE),
    )


# ------------------------------------------------------------------ office files


def _obstacles_in_package(content: bytes) -> list[Obstacle]:
    """An office file holds no macros and no programs, is not locked, and does not unpack into something enormous."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS or not _unpacks_within_reason(archive, members):
                return [Obstacle("file_bomb", _l("This file unpacks into something far too large. It was not taken."))]
            locked = any(member.flag_bits & 1 for member in members) or _is_locked_document(archive, members)
    except _DAMAGED:
        text = _l("The file is damaged and cannot be read. Please save it again, or send an earlier copy.")
        return [Obstacle("file_broken", text)]
    if locked:
        return [locked_by_password()]
    names = [member.filename.lower() for member in members]
    if any(n.endswith((*PROGRAMS, *PROGRAM_ENDINGS)) or n.startswith(PROGRAM_FOLDERS) for n in names):
        text = _l("This file holds macros or programs. Please save it without them, or as a PDF.")
        return [Obstacle("file_programs", text)]
    return []


def _unpacks_within_reason(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> bool:
    """Whether what the parts say they unpack to is bearable, and every byte of the file is used by one part only.

    A zip can promise the same bytes to many parts; those overlap, and then their packed sizes exceed the file.
    """
    packed = sum(member.compress_size for member in members)
    length = archive.fp.seek(0, io.SEEK_END) if archive.fp else 0
    return sum(member.file_size for member in members) <= LARGEST_UNPACKED and packed <= length


def _is_locked_document(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> bool:
    """OpenDocument files keep their lock in the manifest."""
    manifest = next((member for member in members if member.filename == "META-INF/manifest.xml"), None)
    if manifest is None or manifest.file_size > MEGABYTE or manifest.flag_bits & 1:
        return False
    return b"encryption-data" in archive.read(manifest)


def locked_by_password() -> Obstacle:
    """A file asks for a password."""
    return Obstacle("file_locked", _l("This file asks for a password. Please save it without one and send it again."))


# ------------------------------------------------------------------ PDF


def _obstacles_in_pdf(content: bytes) -> list[Obstacle]:
    """A PDF can be opened by everybody, and nothing in it runs."""
    try:
        with pikepdf.open(io.BytesIO(content), suppress_warnings=True) as document:
            pages = len(document.pages)
            running = sorted({what for written in _dictionaries(document) for what in _running(written)})
    except pikepdf.PasswordError:
        return [locked_by_password()]
    except (pikepdf.PdfError, ValueError, RuntimeError, RecursionError):
        pages, running = 0, []
    if running:
        text = _l(
            "This PDF holds parts that run when it is opened (%(parts)s). Please print it to a new PDF, or send a photograph.",
            parts=", ".join(running),
        )
        return [Obstacle("file_runs", text)]
    if not pages:
        return [Obstacle("file_broken", _l("This PDF is damaged and cannot be opened. Please make it again."))]
    return []


def _dictionaries(document: pikepdf.Pdf) -> Iterator[bytes]:
    """Every object of a document as it would be written, names spelled out, without the content of its streams."""
    yield document.trailer.unparse(resolved=True)
    for thing in document.objects:
        if isinstance(thing, pikepdf.Stream):
            yield thing.stream_dict.unparse(resolved=True)
        elif isinstance(thing, pikepdf.Dictionary | pikepdf.Array):
            yield thing.unparse(resolved=True)


def _running(written: bytes) -> set[str]:
    if not _ACTIVE.search(written):
        return set()
    return {_MADE_TO_RUN[name] for name in _ACTIVE.findall(_STRING.sub(b"()", written))}
