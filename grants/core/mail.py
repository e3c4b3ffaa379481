"""The outbox: a mail is a row, written in the transaction that caused it, and sent by whoever comes by.

The promise: exactly one intent (a unique key), at least one delivery, and at most one extra copy when a worker dies
between the server's answer and its record; the copy carries the same Message-ID. The broker is only a doorbell.
"""

from __future__ import annotations

import enum
import hashlib
import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

import structlog
from flask import current_app
from markupsafe import Markup, escape
from sqlalchemy import Index, bindparam, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from grants.core import clock, jobs
from grants.core.db import Base, Key, Prepared, Recorded, after_commit, db, one_of, transaction
from grants.core.languages import gettext as _
from grants.core.languages import speaking
from grants.core.logs import message_of

log = structlog.get_logger()

PATIENCE = [timedelta(minutes=m) for m in (1, 5, 15, 60, 240, 720, 1440)]
"""How long to wait after each failed attempt; then a person has to look (two days and a half in all)."""

LOCK_SPACE = 4_711
"""The first number of the advisory locks that keep two workers from sending the same mail."""

DELIVER_MAIL = "core.deliver_mail"

SECRET_KINDS = ("account_", "entry_to_confirm", "writeup_link", "call_question_confirm")
"""Mails whose text holds a one-time link: the text is erased once sent."""

MOST_ENCLOSED = 5_000_000
"""Bytes of all enclosures of a mail; on its way each byte takes a third more, and many servers take 10 MB a mail."""


class Delivery(enum.StrEnum):
    """How far a mail has come."""

    DUE = "due"
    SENT = "sent"
    FAILED = "failed"
    SET_ASIDE = "set_aside"
    """It failed, and somebody decided that it need not arrive any more."""


class Recipient(Protocol):
    """Somebody who can be written to."""

    id: int
    email: str
    name: str
    language: str


@dataclass(frozen=True)
class Mail:
    """A mail somebody is owed.

    ``name`` is its template under ``templates/mails``; ``about`` the reference of its subject. The key that makes it
    unique is (name, about, due_on, offset, occasion, recipient): a moved due date is a new key, so people are told
    again on purpose. ``context`` goes to the template, which is rendered in the recipient's language.
    """

    name: str
    to: Recipient
    about: str
    due_on: date | datetime | None = None
    offset: int | None = None
    occasion: str = ""
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What makes this intent the same as an earlier one."""
        due = self.due_on.isoformat() if self.due_on else ""
        offset = "" if self.offset is None else str(self.offset)
        return "|".join((self.name, self.about, due, offset, self.occasion, str(self.to.id)))


class OutboxMail(Base):
    """One mail to one person, rendered when it was decided."""

    __tablename__ = "outbox"
    __table_args__ = (
        one_of("state", Delivery),
        Index("ix_outbox_due", "next_at", "id", postgresql_where=text("state = 'due'")),
        Index("ix_outbox_failed", "id", postgresql_where=text("state = 'failed'")),
        Index("ix_outbox_to_person", "to_person_id", "id"),
    )

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    about: Mapped[str]
    to_person_id: Mapped[int]
    to_address: Mapped[str]
    language: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str | None]
    state: Mapped[str] = mapped_column(default=Delivery.DUE)
    attempts: Mapped[int] = mapped_column(default=0)
    posted_at: Mapped[Recorded]
    next_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None]

    @property
    def message_id(self) -> str:
        """The same for every copy of this mail, so that a second one can be recognised."""
        return f"<{hashlib.sha256(self.key.encode()).hexdigest()[:32]}@pilot-fund>"

    @property
    def occasion(self) -> str:
        """What the mail was written on the occasion of, as its key tells."""
        return self.key.rsplit("|", 2)[1]


class Enclosure(NamedTuple):
    """A PDF that goes with a mail. Its name says nothing that a subject may not say."""

    name: str
    content: bytes


Enclosing = Callable[[OutboxMail], list[Enclosure]]

_enclosing: dict[str, Enclosing] = {}


def enclosed_in(kind: str) -> Callable[[Enclosing], Enclosing]:
    """Declare what goes with mails of a kind. It is made when the mail leaves, in the language of the mail, so that no
    request waits for it.
    """

    def remember(function: Enclosing) -> Enclosing:
        _enclosing[kind] = function
        return function

    return remember


def post(*mails: Mail) -> int:
    """Put mails into the outbox of the present transaction; says how many were new.

    A key that is already there is left alone: two sweeps, two beats or a repeated request tell nobody twice.
    """
    rows = [_row_of(mail) for mail in mails]
    new = len(_POSTED(**{column: [row[column] for row in rows] for column in _WRITTEN})) if rows else 0
    if new:
        after_commit(jobs.bell_of(DELIVER_MAIL))
    return new


_WRITTEN = ("key", "kind", "about", "to_person_id", "to_address", "language", "subject", "body")


def _posting() -> ReturningInsert[int]:
    """All mails of a moment in one statement: they come as one array a column."""
    columns = [bindparam(name, type_=ARRAY(OutboxMail.__table__.c[name].type)) for name in _WRITTEN]
    mails = func.unnest(*columns).table_valued(*_WRITTEN).render_derived("mail")
    constant = (literal(Delivery.DUE.value), literal(0))
    return (
        insert(OutboxMail)
        .from_select([*_WRITTEN, "state", "attempts"], select(*(mails.c[name] for name in _WRITTEN), *constant))
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(OutboxMail.id)
    )


_POSTED = Prepared(_posting)


def _row_of(mail: Mail) -> dict[str, Any]:
    with speaking(mail.to.language):
        rendered = _written(f"mails/{mail.name}.txt", to=mail.to, **mail.context)
    heading, _, body = rendered.strip().partition("\n")
    return {
        "key": mail.key,
        "kind": mail.name,
        "about": mail.about,
        "to_person_id": mail.to.id,
        "to_address": mail.to.email,
        "language": mail.to.language,
        "subject": _one_line(heading.removeprefix("Subject:")),
        "body": body.strip() + "\n",
    }


def _written(template: str, **context: Any) -> str:
    """A template of mails; it knows nothing of the request, the visitor or the pages around it."""
    return current_app.jinja_env.get_template(template).render(**context)


def send_again(mail: OutboxMail) -> None:
    """Make a mail that failed due at once, with all attempts before it."""
    mail.state, mail.attempts, mail.next_at = Delivery.DUE, 0, func.clock_timestamp()
    after_commit(jobs.bell_of(DELIVER_MAIL))


def forget_strangers(abouts: Sequence[str]) -> None:
    """Remove the addresses of people without an account from the mails about these subjects, unless they are still due."""
    done = OutboxMail.about.in_(abouts), OutboxMail.to_person_id == 0, OutboxMail.state != Delivery.DUE
    db.session.execute(update(OutboxMail).where(*done).values(to_address="", last_error=None))


def forget_words(mail_ids: Sequence[int]) -> None:
    """Remove what mails said, and to which address they went; that there were any, and of which kind, stays."""
    gone: dict[str, Any] = {"body": None, "to_address": "", "subject": "", "last_error": None}
    db.session.execute(update(OutboxMail).where(OutboxMail.id.in_(mail_ids)).values(**gone))


def _one_line(subject: str) -> str:
    """A subject without line breaks or control characters, so that no header can be smuggled in."""
    return " ".join("".join(c if c.isprintable() else " " for c in subject).split())


def deliver_due(limit: int = 200) -> int:
    """Send what is due, one mail a transaction; says how many were sent."""
    due = (
        select(OutboxMail.id)
        .where(OutboxMail.state == Delivery.DUE, OutboxMail.next_at <= func.clock_timestamp())
        .order_by(OutboxMail.next_at, OutboxMail.id)
        .limit(limit)
    )
    ids = list(db.session.scalars(due))
    db.session.rollback()
    return sum(_deliver(mail_id) for mail_id in ids)


def _deliver(mail_id: int) -> bool:
    """Send one mail under a lock that the database drops when this process dies."""
    with db.engine.connect() as lock:
        held = lock.scalar(select(func.pg_try_advisory_lock(LOCK_SPACE, mail_id)))
        lock.commit()
        if not held:
            return False
        try:
            return _deliver_locked(mail_id)
        finally:
            lock.execute(select(func.pg_advisory_unlock(LOCK_SPACE, mail_id)))
            lock.commit()


def _deliver_locked(mail_id: int) -> bool:
    with transaction():
        mail = db.session.get(OutboxMail, mail_id, populate_existing=True)
        if mail is None or mail.state != Delivery.DUE:
            return False
        if mail.attempts >= len(PATIENCE):
            mail.state, mail.last_error = Delivery.FAILED, mail.last_error or "it ended its worker every time"
            return False
        # On record before the server is spoken to, so that a mail which always kills its worker is parked in the end.
        mail.attempts += 1
    try:
        with transaction():
            message = as_message(mail)
        send(message)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one mail, the others go on
        _put_off(mail, error)
        return False
    with transaction():
        sent: dict[str, Any] = {"state": Delivery.SENT, "sent_at": func.clock_timestamp(), "last_error": None}
        if mail.kind.startswith(SECRET_KINDS):
            sent["body"] = None
        db.session.execute(update(OutboxMail).where(OutboxMail.id == mail_id).values(**sent))
    return True


def _put_off(mail: OutboxMail, error: Exception) -> None:
    """Try again later, or give up: at once when the server says that there is no such person."""
    unknown = isinstance(error, smtplib.SMTPRecipientsRefused) and all(
        500 <= code < 600 for code, _ in error.recipients.values()
    )
    over = unknown or mail.attempts >= len(PATIENCE)
    values = {
        "last_error": f"{type(error).__name__}: {message_of(error)}"[:500],
        "state": Delivery.FAILED if over else Delivery.DUE,
        "next_at": func.clock_timestamp() + PATIENCE[mail.attempts - 1],
    }
    with transaction():
        db.session.execute(update(OutboxMail).where(OutboxMail.id == mail.id).values(**values))


def as_message(mail: OutboxMail) -> EmailMessage:
    """The mail as it travels: plain text, a simple HTML twin, and what belongs to it."""
    message = EmailMessage(policy=SMTP)
    name, address = parseaddr(current_app.config["MAIL_FROM"])
    message["From"] = Address(display_name=name, addr_spec=address)
    message["To"] = Address(addr_spec=mail.to_address)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.posted_at)
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"
    with speaking(mail.language):
        enclosures = _enclosures(mail)
        body = mail.body or ""
        if enclosures:
            body += "\n" + _("Enclosed: %(names)s", names=", ".join(name for name, _content in enclosures)) + "\n"
        page = _written("mails/layout.html", mail=mail, paragraphs=_paragraphs(body))
    message.set_content(body)
    message.add_alternative(page, subtype="html")
    for name, content in enclosures:
        message.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    message["Content-Language"] = mail.language  # now, or it would move into the first part
    return message


def _enclosures(mail: OutboxMail) -> list[Enclosure]:
    """What goes with a mail, as far as there is room. The mail matters more: it goes without what cannot be made, and
    the last attempt goes without in any case, for making it may be what ends the worker.
    """
    enclose = _enclosing.get(mail.kind)
    if enclose is None or mail.attempts >= len(PATIENCE):
        return []
    try:
        with db.session.begin_nested():
            made = enclose(mail)
    except Exception:  # whatever is wrong with it
        log.exception("mail_goes_without_enclosure", kind=mail.kind, about=mail.about)
        return []
    kept, room = [], MOST_ENCLOSED
    for enclosure in made:
        if len(enclosure.content) <= room:
            kept.append(enclosure)
            room -= len(enclosure.content)
        else:
            log.warning("enclosure_too_large", kind=mail.kind, about=mail.about, size=len(enclosure.content))
    return kept


def _paragraphs(body: str) -> list[Markup]:
    """The paragraphs of a plain text, with a line that is only an address turned into a link."""
    shown = []
    for paragraph in body.strip().split("\n\n"):
        lines = [
            Markup('<a href="{0}">{0}</a>').format(line) if line.startswith(("http://", "https://")) else escape(line)
            for line in paragraph.splitlines()
        ]
        shown.append(Markup("<br>").join(lines))
    return shown


def send(message: EmailMessage) -> None:
    """Hand one message to the server (or folder) that the settings name. Raises OSError or SMTPException."""
    target = urlsplit(current_app.config["MAIL_URL"])
    if target.scheme == "file":
        folder = Path(unquote(target.path))
        folder.mkdir(parents=True, exist_ok=True)
        stamp = clock.now().strftime("%Y%m%dT%H%M%S%f")
        (folder / f"{stamp}-{message['Message-ID'].strip('<>')[:12]}.eml").write_bytes(message.as_bytes())
        return
    secure = target.scheme == "smtps"
    port = target.port or (465 if secure else 25)
    host = target.hostname or "127.0.0.1"
    context = ssl.create_default_context()
    server = (
        smtplib.SMTP_SSL(host, port, timeout=20, context=context) if secure else smtplib.SMTP(host, port, timeout=20)
    )
    with server:
        if not secure and server.has_extn("starttls"):
            server.starttls(context=context)
        if target.username:
            server.login(unquote(target.username), unquote(target.password or ""))
        server.send_message(message)
