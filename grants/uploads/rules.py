"""What keeps a file from being sent piece by piece, a piece from being taken, photographs from being joined."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

from grants.applications import rules as applications
from grants.applications.models import Application
from grants.applications.queries import Attached
from grants.applications.rules import obstacles_to_attaching
from grants.calls.models import DocumentAsked
from grants.core.contents import LARGEST, MEGABYTE, PICTURES, kind_of, kinds_taken, obstacles_to_name, too_large
from grants.core.languages import _l
from grants.core.rules import Obstacle
from grants.uploads.models import Upload, UploadState

LARGEST_PART = MEGABYTE
SMALLEST_PART = 16 * 1024
"""A piece may be smaller only where the file ends. A line that cannot carry this carries no pages of ours either."""

LIFE = timedelta(days=7)
"""How long an upload waits for its next piece."""

MOST_OPEN = 24
MOST_OPEN_BYTES = 120 * MEGABYTE
"""What one person may have on its way at a time, in files and in bytes announced."""

JOINED_AT_ONCE = 4
"""So many photographs are joined while the person waits for the answer; more of them by a worker, with progress."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


class OnTheWay(NamedTuple):
    """What a person has on its way: how many files, and how many bytes they announced."""

    files: int
    bytes: int


def obstacles_to_beginning(
    document: DocumentAsked,
    application: Application,
    present: Iterable[Attached],
    on_the_way: OnTheWay,
    *,
    name: str,
    size: int,
    fingerprint: str,
    is_page: bool,
) -> list[Obstacle]:
    """Why a file cannot be sent piece by piece: known before its first byte travels."""
    found = obstacles_to_attaching(document, application, present)
    kinds = list(PICTURES) if is_page else document.formats
    if is_page:
        found += applications.obstacles_to_joining(document, 1)
    found += obstacles_to_name(name, kinds)
    if size <= 0:
        found.append(Obstacle("file_empty", _l("The file is empty.")))
    most = LARGEST if is_page else applications.largest(document)
    if size > most:
        found.append(too_large(most))
    if not _SHA256.fullmatch(fingerprint):
        found.append(Obstacle("fingerprint_unreadable", _l("The browser announced the file in a way we cannot read.")))
    if on_the_way.files >= MOST_OPEN or on_the_way.bytes + size > MOST_OPEN_BYTES:
        text = _l("Too many files of yours are on their way. Please finish or remove some of them first.")
        found.append(Obstacle("too_much_on_the_way", text))
    return found


def obstacles_to_receiving(upload: Upload, size: int, *, checksum_holds: bool) -> list[Obstacle]:
    """Why a piece of a file cannot be taken; where it belongs has been looked at before."""
    found = obstacles_to_going_on(upload)
    last = upload.received + size == upload.size
    if size > LARGEST_PART or size <= 0 or (size < SMALLEST_PART and not last):
        found.append(Obstacle("part_size", _l("A piece of the file has an unexpected size.")))
    if upload.received + size > upload.size:
        found.append(Obstacle("part_beyond_end", _l("More has arrived than the file was announced with.")))
    if not checksum_holds:
        found.append(Obstacle("part_garbled", _l("A piece of the file was garbled on its way. It is sent again.")))
    return found


def obstacles_to_going_on(upload: Upload) -> list[Obstacle]:
    """Why an upload takes nothing more."""
    if upload.state == UploadState.OPEN:
        return []
    return [Obstacle("upload_over", _l("This upload is over. Please choose the file again."))]


def obstacles_in_beginning(upload: Upload, content: bytes) -> list[Obstacle]:
    """Whether the first piece already shows that this is no file we take: it saves the rest of the way."""
    kinds = kinds_taken(list(PICTURES) if upload.is_page else upload.document.formats)
    is_package = content[:4] == b"PK\x03\x04" and any(kind not in (*PICTURES, "pdf") for kind in kinds)
    if is_package or kind_of(content) in kinds:
        return []
    text = _l(
        "The content of this file is not what its name says. Please send one of: %(kinds)s.", kinds=", ".join(kinds)
    )
    return [Obstacle("file_content", text)]


def obstacles_to_finishing(upload: Upload) -> list[Obstacle]:
    """Why a file is not whole yet."""
    if upload.received < upload.size:
        return [Obstacle("upload_unfinished", _l("The file has not arrived whole yet."))]
    return []


def garbled() -> Obstacle:
    """The file that arrived is not the one that was announced."""
    return Obstacle("upload_garbled", _l("The file was garbled on its way. Please choose it again."))


def obstacles_to_joining(
    document: DocumentAsked, application: Application, present: Iterable[Attached], uploads: Sequence[Upload]
) -> list[Obstacle]:
    """Why photographs cannot become one PDF."""
    found = obstacles_to_attaching(document, application, present)
    found += applications.obstacles_to_joining(document, len(uploads))
    if not uploads:
        found.append(Obstacle("no_photographs", _l("Please choose a file first.")))
    for upload in uploads:
        if upload.document_id != document.id or upload.application_id != application.id or not upload.is_page:
            found.append(Obstacle("photograph_foreign", _l("A photograph belongs to another document.")))
            break
        found += obstacles_to_going_on(upload) + obstacles_to_finishing(upload)
    return found
