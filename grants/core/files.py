"""Files in a folder or in S3, with the same calls; what they are and whose is in the database."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flask import Response, current_app
from obstore.store import LocalStore, ObjectStore, from_url
from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from grants.core import clock
from grants.core.contents import (
    ARCHIVES,
    LARGEST,
    MEDIA_TYPES,
    PICTURES,
    TABLES,
    ending,
    kind_of,
    obstacles_to_storing,
    plain_name,
    stored_name,
)
from grants.core.db import Base, Key, Recorded, after_commit, db, one_of
from grants.core.jobs import bell_of
from grants.core.languages import _l
from grants.core.pictures import cleaned
from grants.core.rules import Obstacle, refuse
from grants.core.workflow import State

__all__ = ["LARGEST", "MEDIA_TYPES", "Scan", "StoredFile", "ending", "keep", "keep_own", "obstacles_to_storing"]


class Scan(State):
    """Whether a file was looked at for viruses."""

    NOT_SCANNED = "not_scanned", _l("Not checked for viruses"), "neutral"
    WAITING = "waiting", _l("Waiting for the virus check"), "warning"
    CLEAN = "clean", _l("Checked, no virus found"), "success"
    INFECTED = "infected", _l("Locked: it holds a virus"), "danger"
    MADE_HERE = "made_here", _l("Made by the fund"), "success"

    @property
    def is_closed(self) -> bool:
        """Whether nobody may open the file: not yet, or not any more."""
        return self in (Scan.WAITING, Scan.INFECTED)


PIECE = 256 * 1024
"""Bytes that are read at once of a file that goes through in pieces."""

SCAN_FILES = "files.scan"
"""The name of the task that looks at files which wait."""


class StoredFile(Base):
    """A file as it was received. ``key`` is random: neither the address nor the store tells whose it is."""

    __tablename__ = "stored_file"
    __table_args__ = (
        CheckConstraint("size >= 0", name="size_not_negative"),
        one_of("scan", Scan),
        Index("ix_stored_file_to_scan", "id", postgresql_where=text("scan IN ('waiting', 'not_scanned')")),
    )

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    stored_at: Mapped[Recorded]
    erased_at: Mapped[datetime | None]
    scan: Mapped[str] = mapped_column(server_default=Scan.NOT_SCANNED)
    scanned_at: Mapped[datetime | None]
    scan_found: Mapped[str | None]

    @property
    def kind(self) -> str:
        """What it is: one of the endings of :data:`MEDIA_TYPES`."""
        return ending(self.key)

    @property
    def has_pages(self) -> bool:
        """Whether it can be looked at page by page, as pictures."""
        return self.kind in ("pdf", *PICTURES)

    @property
    def scan_state(self) -> Scan:
        """What the look for viruses says of it."""
        return Scan(self.scan)


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


def keep(name: str, content: bytes, allowed: list[str], largest: int = LARGEST) -> StoredFile:
    """Store a file that somebody sent, and its row. Raises Refused with the reason.

    Pictures are made anew from their dots, so that neither place nor device stays in them. Where viruses are looked
    for, the file is closed until that has been done.
    """
    refuse(obstacles_to_storing(name, content, allowed, largest))
    kind = str(kind_of(content))
    if kind in PICTURES:
        content = cleaned(content, kind)
    return _keep_sent(stored_name(name, kind), kind, content)


def keep_table(name: str, kind: str, content: bytes) -> StoredFile:
    """Store a table that somebody sent and that has been read already, and its row. ``kind`` is one of TABLES."""
    plain = plain_name(name)
    return _keep_sent(plain if ending(plain) == kind else f"{plain or 'table'}.{kind}", kind, content)


def _keep_sent(name: str, kind: str, content: bytes) -> StoredFile:
    searched = bool(current_app.config.get("CLAMAV_URL"))
    stored = _keep(name, kind, content, Scan.WAITING if searched else Scan.NOT_SCANNED)
    if searched:
        after_commit(bell_of(SCAN_FILES))
    return stored


def keep_own(name: str, content: bytes) -> StoredFile:
    """Store a file that the fund itself made, and its row."""
    return _keep(name, ending(name), content, Scan.MADE_HERE)


def keep_archive(name: str, made: Path) -> StoredFile:
    """Store an archive that the fund itself made, and its row. It goes through in pieces, however large it is."""
    key = f"{secrets.token_hex(16)}.{ending(name)}"
    with made.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    _store().put(key, made)
    return _written(key, name, made.stat().st_size, digest, Scan.MADE_HERE)


def copy(stored: StoredFile) -> StoredFile:
    """A second file with the same content, looked at for viruses as far as the first was."""
    twin = _keep(stored.name, stored.kind, read(stored), Scan(stored.scan))
    twin.scanned_at, twin.scan_found = stored.scanned_at, stored.scan_found
    return twin


def _keep(name: str, kind: str, content: bytes, scan: Scan) -> StoredFile:
    """The file is written before the row, so a row never points to nothing; a file whose transaction failed is an
    orphan that nobody can reach.
    """
    key = f"{secrets.token_hex(16)}.{kind}"
    _store().put(key, content)
    return _written(key, name, len(content), hashlib.sha256(content).hexdigest(), scan)


def _written(key: str, name: str, size: int, sha256: str, scan: Scan) -> StoredFile:
    media_type = (MEDIA_TYPES | TABLES | ARCHIVES)[ending(key)]
    stored = StoredFile(key=key, name=name, media_type=media_type, size=size, sha256=sha256, scan=scan)
    db.session.add(stored)
    db.session.flush()
    return stored


def read(stored: StoredFile) -> bytes:
    """The content of a file."""
    return bytes(_store().get(stored.key).bytes())


def pieces(key: str) -> Iterator[bytes]:
    """The content of a file as it is read from the store, piece by piece. Raises FileNotFoundError when it has gone."""
    return iter(_store().get(key).stream(min_chunk_size=PIECE))


def forget(stored: StoredFile) -> None:
    """Take the content of a file away; its row stays and says when. The content goes once that has been committed."""
    stored.erased_at = clock.now()
    db.session.flush()
    after_commit(partial(_remove, stored.key))


def _remove(key: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        _store().delete(key)


def obstacles_to_opening(scan: str) -> list[Obstacle]:
    """Why nobody can open a file now, by what the virus check says of it."""
    if scan == Scan.WAITING:
        text = _l("This file is still being checked for viruses. Please try again in a few minutes.")
        return [Obstacle("file_waits_for_scan", text)]
    if scan == Scan.INFECTED:
        return [Obstacle("file_infected", _l("This file holds a virus. It is locked, and nobody can open it."))]
    return []


def obstacles_by_erasure(stored: StoredFile) -> list[Obstacle]:
    """Why nobody can open a file any more: its content was taken away."""
    if stored.erased_at is None:
        return []
    return [Obstacle("file_erased", _l("This file is no longer kept."))]


def send(stored: StoredFile, name: str | None = None, content: bytes | None = None) -> Response:
    """The file as a download that no browser runs or shows as a page of ours. Raises Refused while it is closed.

    ``content`` is what is given instead of what is stored, to somebody who must not see all of it.
    """
    refuse(obstacles_to_opening(stored.scan) or obstacles_by_erasure(stored))
    response = Response(content, mimetype=stored.media_type)
    if content is None:
        found = _store().get(stored.key)
        response.response, response.content_length = found.stream(min_chunk_size=PIECE), found.meta["size"]
    response.headers.set("Content-Disposition", "attachment", filename=name or stored.name)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def download(content: bytes, name: str) -> Response:
    """What was made for one reader, as a file to save; its kind is told by the ending of its name."""
    response = Response(content, mimetype=MEDIA_TYPES[ending(name)])
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def show(picture: bytes, kind: str) -> Response:
    """A picture that we drew or made anew, to be looked at in a page of ours."""
    response = Response(picture, mimetype=MEDIA_TYPES[kind])
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


# ------------------------------------------------------------------ parts of files still on their way


def keep_part(key: str, start: int, content: bytes) -> None:
    """Store a part of a file that arrives piece by piece; the same part again takes the place of the first."""
    _store().put(_part(key, start), content)


def read_parts(key: str, starts: Sequence[int]) -> bytes:
    """What has arrived of a file, put together. Raises FileNotFoundError when a part has gone."""
    return b"".join(read_part(key, start) for start in starts)


def read_part(key: str, start: int) -> bytes:
    """One part of a file that arrives piece by piece. Raises FileNotFoundError when it has gone."""
    return bytes(_store().get(_part(key, start)).bytes())


def forget_parts(key: str, starts: Sequence[int]) -> None:
    """Take the parts of a file away once that has been committed."""
    after_commit(partial(_remove_parts, key, tuple(starts)))


def _remove_parts(key: str, starts: tuple[int, ...]) -> None:
    for start in starts:
        _remove(_part(key, start))


def _part(key: str, start: int) -> str:
    return f"parts/{key}/{start:010d}"
