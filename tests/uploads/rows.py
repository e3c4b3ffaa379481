"""An application being written, with somebody who sends files for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from grants.accounts.models import Organization, Person
from grants.applications import actions as applications
from grants.applications.models import Application
from grants.calls.models import DocumentAsked
from grants.core import clock
from grants.uploads import actions
from grants.uploads.models import Upload
from tests import factories as make

IN_TIME = datetime(2027, 2, 1, 12, tzinfo=UTC)


@dataclass
class Desk:
    """Who writes what for whom."""

    application: Application
    document: DocumentAsked
    owner: Person
    organization: Organization

    @property
    def begin(self) -> str:
        """The address where files are announced."""
        return f"/applications/{self.application.reference}/documents/{self.document.key}/uploads"

    @property
    def page(self) -> str:
        """The page of the documents."""
        return f"/applications/{self.application.reference}/documents"


def desk(*formats: str) -> Desk:
    """A new application to a call that asks for one document of these kinds."""
    owner = make.person()
    organization = make.organization(owner)
    call = make.call()
    (document,) = call.documents
    document.formats = list(formats or ("pdf",))
    with clock.at(IN_TIME):
        application = applications.start(call, organization, language="en", by=owner)
    return Desk(application, document, owner, organization)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def announced(at: Desk, content: bytes, name: str = "statutes.pdf", *, is_page: bool = False) -> Upload:
    """An upload of which nothing has arrived."""
    return actions.begin(
        at.application,
        at.document,
        name=name,
        size=len(content),
        fingerprint=sha256(content),
        is_page=is_page,
        by=at.owner,
    )


def sent(upload: Upload, content: bytes, piece: int = 16 * 1024) -> Upload:
    """Send what has not arrived."""
    while upload.received < len(content):
        part = content[upload.received : upload.received + piece]
        actions.receive(upload, upload.received, part, sha256(part))
    return upload
