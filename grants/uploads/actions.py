"""What is done with files on their way: begun, received piece by piece, finished, joined, looked at, cleared."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from grants.accounts.models import Person
from grants.applications import actions as applications
from grants.applications import queries as application_queries
from grants.applications.models import Application, Attachment
from grants.calls.models import DocumentAsked
from grants.core import clock, files, pictures, scanning
from grants.core.contents import plain_name
from grants.core.db import after_commit, db, hold
from grants.core.files import Scan, StoredFile
from grants.core.jobs import bell_of
from grants.core.languages import gettext as _
from grants.core.languages import speaking
from grants.core.mail import post
from grants.core.rules import Refused, refuse
from grants.history import actions as history
from grants.uploads import mails, queries, rules
from grants.uploads.models import Booklet, BookletState, Upload, UploadState

JOIN_PHOTOGRAPHS = "uploads.join_photographs"
"""The name of the task that joins photographs."""

REMEMBERED = timedelta(days=1)
"""How long a finished upload is remembered, so that a question asked again gets the same answer."""


STANDING = ("state", "parts", "received")
"""Where an upload stands: what others may have changed while it was waited for."""


class Misplaced(Exception):
    """A piece does not begin where the last one ended; ``received`` is where it should."""

    def __init__(self, received: int) -> None:
        self.received = received
        super().__init__(str(received))


def begin(
    application: Application,
    document: DocumentAsked,
    *,
    name: str,
    size: int,
    fingerprint: str,
    is_page: bool = False,
    by: Person,
) -> Upload:
    """Announce a file that will arrive piece by piece. Raises Refused with what is known to be wrong already.

    The same file announced again by the same person, in another window or days later, is the same upload.
    ``is_page`` says that it is a photograph which will become a page of a PDF.
    """
    on_the_way = rules.OnTheWay(*queries.on_the_way(by))
    already = queries.open_upload(application, document, by, fingerprint, is_page=is_page)
    if already is not None and already.touched_at > clock.now() - rules.LIFE:
        return already
    if already is not None:
        set_aside(already)
    refuse(
        rules.obstacles_to_beginning(
            document,
            application,
            application_queries.attachments_of(application),
            on_the_way,
            name=name,
            size=size,
            fingerprint=fingerprint,
            is_page=is_page,
        )
    )
    upload = Upload(
        key=secrets.token_hex(16),
        application_id=application.id,
        document=document,
        person_id=by.id,
        name=plain_name(name),
        size=size,
        fingerprint=fingerprint,
        is_page=is_page,
        touched_at=clock.now(),
    )
    db.session.add(upload)
    db.session.flush()
    return upload


def receive(upload: Upload, start: int, content: bytes, checksum: str) -> int:
    """Take the next piece of a file; says how much has arrived then. ``checksum`` is the piece's SHA-256.

    Raises Misplaced for a piece that begins elsewhere (its answer was lost, another window was faster), and Refused for
    one that cannot be taken.
    """
    hold(upload, *STANDING)
    refuse(rules.obstacles_to_going_on(upload))
    if start != upload.received:
        raise Misplaced(upload.received)
    holds = hashlib.sha256(content).hexdigest() == checksum.lower()
    refuse(rules.obstacles_to_receiving(upload, len(content), checksum_holds=holds))
    if not upload.received:
        refuse(rules.obstacles_in_beginning(upload, content))
    files.keep_part(upload.key, start, content)
    upload.parts = [*upload.parts, start]
    upload.received += len(content)
    upload.touched_at = clock.now()
    db.session.flush()
    return upload.received


def finish(upload: Upload, *, by: Person) -> None:
    """Put a file together and attach it. Finished twice it is attached once. Raises Refused, and then keeps nothing new."""
    hold(upload, *STANDING)
    if upload.state == UploadState.ATTACHED:
        return
    refuse(rules.obstacles_to_going_on(upload) + rules.obstacles_to_finishing(upload))
    applications.attach(upload.application, upload.document, upload.name, _whole(upload), by=by)
    _end(upload, UploadState.ATTACHED)


def _whole(upload: Upload) -> bytes:
    """The content of an upload, exactly as it was announced. Raises Refused."""
    try:
        content = files.read_parts(upload.key, upload.parts)
    except FileNotFoundError:
        raise Refused(rules.garbled()) from None
    if hashlib.sha256(content).hexdigest() != upload.fingerprint:
        raise Refused(rules.garbled())
    return content


def set_aside(upload: Upload) -> None:
    """Give an upload up. What was attached stays attached."""
    hold(upload, *STANDING)
    if upload.state == UploadState.OPEN:
        _end(upload, UploadState.SET_ASIDE)


def _end(upload: Upload, state: UploadState) -> None:
    files.forget_parts(upload.key, upload.parts)
    upload.state, upload.parts = state, []
    upload.touched_at = clock.now()
    db.session.flush()


# ------------------------------------------------------------------ photographs of papers


def join(
    application: Application, document: DocumentAsked, uploads: Sequence[Upload], *, name: str, by: Person
) -> Booklet:
    """Make one PDF of photographs that have arrived, in this order. Raises Refused.

    A few are joined at once; for more a worker is told, and :func:`join_one_page` goes on.
    """
    for upload in sorted(uploads, key=lambda one: one.id):
        hold(upload, *STANDING)
    present = application_queries.attachments_of(application)
    refuse(rules.obstacles_to_joining(document, application, present, uploads))
    booklet = Booklet(
        key=secrets.token_hex(16),
        application=application,
        document=document,
        person_id=by.id,
        name=plain_name(name) or document.key,
    )
    db.session.add(booklet)
    for position, upload in enumerate(uploads):
        upload.booklet, upload.position, upload.state = booklet, position, UploadState.BINDING
    db.session.flush()
    if len(uploads) > rules.JOINED_AT_ONCE:
        after_commit(bell_of(JOIN_PHOTOGRAPHS))
        return booklet
    while not join_one_page(booklet):
        pass
    return booklet


def join_one_page(booklet: Booklet) -> bool:
    """Make the next photograph a page, or, when all are, the PDF; whether the booklet has come to its end.

    A photograph that cannot be opened ends it with the reason in the words of the person who sent it.
    """
    by = db.session.get_one(Person, booklet.person_id)
    uploads = booklet.uploads
    todo = next((upload for upload in uploads if not upload.paged), None)
    try:
        if todo is not None:
            files.keep_part(booklet.key, int(todo.position or 0), pictures.page(_whole(todo)))
            todo.paged = True
            db.session.flush()
            return False
        pages = [files.read_part(booklet.key, position) for position in range(len(uploads))]
        with db.session.begin_nested():
            applications.attach(
                booklet.application, booklet.document, f"{booklet.name}.pdf", pictures.bound(pages), by=by
            )
        booklet.state = BookletState.ATTACHED
    except Refused as refusal:
        with speaking(by.language):
            said = " ".join(str(obstacle.message) for obstacle in refusal.obstacles)
            booklet.refusal = _("%(label)s: %(text)s", label=todo.name if todo else booklet.name, text=said)
        booklet.state = BookletState.REFUSED
    for upload in uploads:
        _end(upload, UploadState.ATTACHED if booklet.state == BookletState.ATTACHED else UploadState.SET_ASIDE)
    files.forget_parts(booklet.key, range(len(uploads)))
    return True


# ------------------------------------------------------------------ viruses


def look_for_viruses(stored: StoredFile) -> None:
    """Ask about a file, and open or lock it; people whose document is locked are told. Raises NoAnswer."""
    verdict = scanning.scan(files.read(stored))
    stored.scan = Scan.INFECTED if verdict.found else Scan.CLEAN
    stored.scan_found = verdict.found
    stored.scanned_at = clock.now()
    db.session.flush()
    if not verdict.found:
        return
    for attachment in queries.attachments_with(stored):
        _tell_of_virus(attachment, verdict.found)


def _tell_of_virus(attachment: Attachment, found: str) -> None:
    application = attachment.application
    history.note("application", application.id, "lock", by=None, document=attachment.document.key, found=found)
    people = application_queries.people_of(application)
    post(*(mails.document_locked(attachment, to=person) for person in people))


# ------------------------------------------------------------------ clearing


def clear_uploads(at: datetime) -> int:
    """Delete uploads nobody went on with for their whole life, and those long over; says how many."""
    left = [*queries.unfinished_since(at - rules.LIFE), *queries.over_since(at - REMEMBERED)]
    gone = {upload.id: upload for upload in left}
    for upload in gone.values():
        files.forget_parts(upload.key, upload.parts)
        db.session.delete(upload)
    db.session.flush()
    return len(gone)
