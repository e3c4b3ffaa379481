"""Files in a folder or in S3, with the same calls; what they are and whose is in the database."""

from __future__ import annotations

import contextlib
import hashlib
import io
import secrets
import zipfile
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import filetype
from flask import Response, current_app
from obstore.store import LocalStore, ObjectStore, from_url
from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from grants.core import clock
from grants.core.db import Base, Key, Recorded, after_commit, db
from grants.core.languages import _l
from grants.core.rules import Obstacle, refuse

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
"""The kinds of file that are taken at all, by ending. Nothing that a browser would run is among them."""

LARGEST = 10 * 1024 * 1024
LARGEST_UNPACKED = 200 * 1024 * 1024
MEMBER = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml", "ods": "content.xml"}


class StoredFile(Base):
    """A file as it was received. ``key`` is random: neither the address nor the store tells whose it is."""

    __tablename__ = "stored_file"
    __table_args__ = (CheckConstraint("size >= 0", name="size_not_negative"),)

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    stored_at: Mapped[Recorded]
    erased_at: Mapped[datetime | None]


def ending(name: str) -> str:
    """The ending of a file name, lower case, without the dot."""
    return name.rsplit(".", 1)[-1].lower() if "." in name else ""


def obstacles_to_storing(name: str, content: bytes, allowed: list[str]) -> list[Obstacle]:
    """Why a file cannot be taken: its ending, its size, or a content that is not what the ending says."""
    kind = ending(name)
    shown = ", ".join(allowed)
    if kind not in allowed or kind not in MEDIA_TYPES:
        return [
            Obstacle(
                "file_kind", _l("This kind of file is not taken here. Please send one of: %(kinds)s.", kinds=shown)
            )
        ]
    if not content:
        return [Obstacle("file_empty", _l("The file is empty."))]
    if len(content) > LARGEST:
        return [Obstacle("file_too_large", _l("The file is larger than 10 MB."))]
    if not _is_what_it_says(kind, content):
        return [
            Obstacle("file_content", _l("The content of this file is not what its name says (%(kind)s).", kind=kind))
        ]
    return []


def _is_what_it_says(kind: str, content: bytes) -> bool:
    if kind in MEMBER:
        return _is_office_file(kind, content)
    guessed = filetype.guess(content)
    return guessed is not None and guessed.mime == MEDIA_TYPES[kind]


def _is_office_file(kind: str, content: bytes) -> bool:
    """An office file holds its own main part, no macros, and does not unpack into something enormous."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    names = {m.filename for m in members}
    harmless = not any(n.lower().endswith(("vbaproject.bin", ".exe", ".js")) for n in names)
    return MEMBER[kind] in names and harmless and sum(m.file_size for m in members) <= LARGEST_UNPACKED


def _store() -> ObjectStore:
    store = current_app.extensions.get("file_store")
    if store is None:
        address = urlsplit(current_app.config["STORAGE_URL"])
        if address.scheme == "file":
            folder = Path(unquote(address.path))
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            store = LocalStore(folder)
        else:
            store = from_url(current_app.config["STORAGE_URL"])
        current_app.extensions["file_store"] = store
    return store


def keep(name: str, content: bytes, allowed: list[str]) -> StoredFile:
    """Store a file and its row. Raises Refused with the reason.

    The file is written before the row, so a row never points to nothing; a file whose transaction failed is an orphan
    that nobody can reach.
    """
    refuse(obstacles_to_storing(name, content, allowed))
    key = f"{secrets.token_hex(16)}.{ending(name)}"
    _store().put(key, content)
    stored = StoredFile(
        key=key,
        name=name.replace("\\", "/").rsplit("/", 1)[-1][-200:],
        media_type=MEDIA_TYPES[ending(name)],
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    db.session.add(stored)
    db.session.flush()
    return stored


def read(stored: StoredFile) -> bytes:
    """The content of a file."""
    return bytes(_store().get(stored.key).bytes())


def forget(stored: StoredFile) -> None:
    """Take the content of a file away; its row stays and says when. The content goes once that has been committed."""
    stored.erased_at = clock.now()
    db.session.flush()
    after_commit(partial(_remove, stored.key))


def _remove(key: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        _store().delete(key)


def send(stored: StoredFile, name: str | None = None) -> Response:
    """The file as a download that no browser runs or shows as a page of ours."""
    response = Response(read(stored), mimetype=stored.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=name or stored.name)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
