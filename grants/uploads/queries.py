"""Finding what is on its way, what is to be joined, what waits for the look for viruses, what has been left lying."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from grants.accounts.models import Person
from grants.applications.models import Application, Attachment
from grants.calls.models import DocumentAsked
from grants.core.db import db
from grants.core.files import Scan, StoredFile
from grants.uploads.models import Booklet, BookletState, Upload, UploadState

LOCK_SPACE = 4_719
"""The first number of the advisory locks under which what a person has on its way is counted."""


def upload_by_key(seen: Select[Any], key: str) -> Upload | None:
    """One upload among those a person may see, with its application and document."""
    found = seen.where(Upload.key == key).options(
        joinedload(Upload.application).joinedload(Application.call), joinedload(Upload.document)
    )
    upload: Upload | None = db.session.scalar(found)
    return upload


def uploads_by_keys(seen: Select[Any], keys: Sequence[str]) -> list[Upload]:
    """Some uploads among those a person may see, in the order of their keys; unknown ones are left out."""
    found = {upload.key: upload for upload in db.session.scalars(seen.where(Upload.key.in_(list(keys))))}
    return [found[key] for key in dict.fromkeys(keys) if key in found]


def booklet_by_key(seen: Select[Any], key: str) -> Booklet | None:
    """One booklet among those a person may see."""
    booklet: Booklet | None = db.session.scalar(seen.where(Booklet.key == key).options(joinedload(Booklet.document)))
    return booklet


def open_upload(
    application: Application, document: DocumentAsked, person: Person, fingerprint: str, *, is_page: bool
) -> Upload | None:
    """The upload of the same file by the same person for the same document that is still on its way."""
    return db.session.scalar(
        select(Upload).where(
            Upload.application_id == application.id,
            Upload.document_id == document.id,
            Upload.person_id == person.id,
            Upload.fingerprint == fingerprint,
            Upload.is_page.is_(is_page),
            Upload.state == UploadState.OPEN,
        )
    )


def on_the_way(person: Person) -> tuple[int, int]:
    """How many files a person has on its way, and how many bytes they announced; nobody else counts meanwhile."""
    db.session.execute(select(func.pg_advisory_xact_lock(LOCK_SPACE, func.hashint8(person.id))))
    row = db.session.execute(
        select(func.count(), func.coalesce(func.sum(Upload.size), 0)).where(
            Upload.person_id == person.id, Upload.state.in_([UploadState.OPEN, UploadState.BINDING])
        )
    ).one()
    return int(row[0]), int(row[1])


def booklets_to_do(limit: int = 50) -> list[int]:
    """The booklets that are not done, oldest first."""
    found = select(Booklet.id).where(Booklet.state == BookletState.WORKING).order_by(Booklet.id).limit(limit)
    return list(db.session.scalars(found))


def booklet_to_do(booklet_id: int) -> Booklet | None:
    """A booklet that is not done, held by this transaction; None when it is done or another worker has it."""
    return db.session.scalar(
        select(Booklet)
        .where(Booklet.id == booklet_id, Booklet.state == BookletState.WORKING)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def unfinished_since(moment: datetime, limit: int = 200) -> list[Upload]:
    """Uploads that were last touched before a moment, held; what another worker clears already is left out."""
    found = select(Upload).where(Upload.touched_at < moment).order_by(Upload.id).limit(limit)
    return list(db.session.scalars(found.with_for_update(skip_locked=True)))


def over_since(moment: datetime, limit: int = 200) -> list[Upload]:
    """Uploads that came to their end before a moment, held."""
    ended = Upload.state.in_([UploadState.ATTACHED, UploadState.SET_ASIDE])
    found = select(Upload).where(ended, Upload.touched_at < moment).order_by(Upload.id).limit(limit)
    return list(db.session.scalars(found.with_for_update(skip_locked=True)))


def files_to_scan(limit: int = 50) -> list[int]:
    """The files nobody has looked at for viruses yet: first those that wait for it, then those from before."""
    found = (
        select(StoredFile.id)
        .where(StoredFile.scan.in_([Scan.WAITING, Scan.NOT_SCANNED]), StoredFile.erased_at.is_(None))
        .order_by(StoredFile.scan.desc(), StoredFile.id)
        .limit(limit)
    )
    return list(db.session.scalars(found))


def file_to_scan(file_id: int) -> StoredFile | None:
    """A file nobody has looked at yet, held by this transaction; None when it is done or another worker has it."""
    return db.session.scalar(
        select(StoredFile)
        .where(
            StoredFile.id == file_id,
            or_(StoredFile.scan == Scan.WAITING, StoredFile.scan == Scan.NOT_SCANNED),
            StoredFile.erased_at.is_(None),
        )
        .with_for_update(skip_locked=True)
    )


def attachments_with(stored: StoredFile) -> list[Attachment]:
    """Where a file is attached, with the applications."""
    found = (
        select(Attachment)
        .join(Attachment.application)
        .where(Attachment.file_id == stored.id)
        .options(contains_eager(Attachment.application), joinedload(Attachment.document))
    )
    return list(db.session.scalars(found))
