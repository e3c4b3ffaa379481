"""Files in one ZIP archive that proves itself: each with its SHA-256, and a manifest that names them all.

Nothing is compressed and no clock is asked, so that the same content always gives the same bytes. ``SHA256SUMS`` is
what ``sha256sum -c`` reads. Files go through in pieces: an archive may be larger than the memory.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self, TypeVar

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
PIECE = 256 * 1024
"""Bytes that are read at once."""

MOST_LISTED = 64 * 1024**2
"""Bytes of a list of files; a longer one is no list of ours."""

T = TypeVar("T")

_OPENED_BY_ALL = 0o644 << 16
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The day that a ZIP archive can name first: the same for every file."""

_DAMAGED = (zipfile.BadZipFile, EOFError, OSError, ValueError, KeyError, TypeError, RuntimeError, NotImplementedError)
"""What reading an archive that was tampered with may raise."""


class Entry(NamedTuple):
    """A file in an archive. ``size`` is bytes."""

    path: str
    size: int
    sha256: str


class Archive:
    """An archive that is being written into an open file; ``entries`` are what stands in it so far."""

    def __init__(self, into: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(into, "w", zipfile.ZIP_STORED)
        self.entries: list[Entry] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._zip.close()

    def add(self, path: str, pieces: Iterable[bytes], size: int = 0) -> Entry:
        """Write a file; ``size`` says how long it will be when it may be longer than 2 GB."""
        digest, length = hashlib.sha256(), 0
        about = zipfile.ZipInfo(path, _FIRST_DAY)
        about.external_attr, about.create_system, about.file_size = _OPENED_BY_ALL, 3, size
        with self._zip.open(about, "w") as written:
            for piece in pieces:
                written.write(piece)
                digest.update(piece)
                length += len(piece)
        entry = Entry(path, length, digest.hexdigest())
        self.entries.append(entry)
        return entry

    def seal(self, about: Mapping[str, Any]) -> str:
        """Write the manifest, with what is said ``about`` the archive, and the list of hashes; the manifest's own hash."""
        told = {**about, "files": [one._asdict() for one in sorted(self.entries)]}
        self.add(MANIFEST, [_as_text(told)])
        self.add(SUMS, ["".join(f"{one.sha256}  {one.path}\n" for one in sorted(self.entries)).encode()])
        return next(one.sha256 for one in self.entries if one.path == MANIFEST)


def _as_text(told: Mapping[str, Any]) -> bytes:
    return (json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


# ------------------------------------------------------------------ whether one is as it was written


@dataclass
class Verified:
    """What looking through an archive found: its manifest, the hash of it, and what is not as it was written."""

    manifest: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    damaged: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether everything is there as it was written, and nothing else."""
        return not (self.damaged or self.missing or self.changed or self.added)


def verify(path: Path) -> Verified:
    """Compute every hash of an archive again, and look at each byte between its files too."""
    found = Verified()
    try:
        with zipfile.ZipFile(path) as archive:
            _compare(archive, found)
            if found.is_whole:
                found.damaged = not _is_as_written(archive, path)
    except _DAMAGED:
        found.damaged = True
    return found


def _compare(archive: zipfile.ZipFile, found: Verified) -> None:
    names = archive.namelist()
    digests = {name: _read(partial(_digest, archive, name)) or "" for name in names}
    listed: dict[str, str] = _read(lambda: _listed(archive)) or {}
    found.manifest = _read(lambda: _manifest(archive)) or {}
    found.digest = digests.get(MANIFEST, "")
    told = {one["path"]: one["sha256"] for one in found.manifest.get("files", [])}
    wanted = told | listed | dict.fromkeys((MANIFEST, SUMS), "")
    found.missing = sorted(wanted.keys() - digests.keys())
    found.added = sorted({name for name in names if name not in wanted or names.count(name) > 1})
    found.changed = sorted(
        {name for name, digest in listed.items() if name in digests and digests[name] != digest}
        | {name for name, digest in told.items() if name in digests and digests[name] != digest}
    )
    if SUMS in digests and listed != told | {MANIFEST: found.digest} and not found.changed:
        found.changed = [SUMS]


def _read(reading: Callable[[], T]) -> T | None:
    try:
        return reading()
    except _DAMAGED:
        return None


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(archive, name):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(archive: zipfile.ZipFile, name: str | zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(name) as read:
        while piece := read.read(PIECE):
            yield piece


def _listed(archive: zipfile.ZipFile) -> dict[str, str]:
    lines = _text(archive, SUMS).splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_text(archive, MANIFEST))
    assert all(isinstance(one["path"], str) and isinstance(one["sha256"], str) for one in told["files"])
    return told


def _text(archive: zipfile.ZipFile, name: str) -> str:
    if archive.getinfo(name).file_size > MOST_LISTED:
        raise ValueError(name)
    return archive.read(name).decode()


def _is_as_written(archive: zipfile.ZipFile, path: Path) -> bool:
    """Whether the archive, written again from its files, is the same to the last byte."""
    with tempfile.TemporaryFile() as again, path.open("rb") as original:
        with Archive(again) as copy:
            for about in archive.infolist():
                copy.add(about.filename, _pieces(archive, about), about.file_size)
        again.seek(0)
        return hashlib.file_digest(again, "sha256").digest() == hashlib.file_digest(original, "sha256").digest()
