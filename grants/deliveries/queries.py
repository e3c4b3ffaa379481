"""Finding mails that could not be delivered. What they say is never read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import load_only

from grants.accounts.models import Person
from grants.accounts.queries import PAGE
from grants.core.db import db
from grants.core.mail import OutboxMail

_WITHOUT_CONTENT = load_only(OutboxMail.kind, OutboxMail.state, OutboxMail.posted_at)


@dataclass(frozen=True)
class FailedMail:
    """A line about a mail that failed: to whom, which sort, when and why; nothing of what it says."""

    id: int
    kind: str
    address: str
    posted_at: datetime
    next_at: datetime
    attempts: int
    error: str | None
    name: str | None
    reference: str | None
    """Name and reference of the person, when they have an account."""


def failed_page(seen: Select[OutboxMail], page: int) -> tuple[list[FailedMail], int]:
    """One page of the failed mails that somebody may see, the newest first, and how many there are."""
    total = db.session.scalar(select(func.count()).select_from(seen.with_only_columns(OutboxMail.id).subquery())) or 0
    rows = (
        seen.outerjoin(Person, Person.id == OutboxMail.to_person_id)
        .with_only_columns(
            OutboxMail.id,
            OutboxMail.kind,
            OutboxMail.to_address,
            OutboxMail.posted_at,
            OutboxMail.next_at,
            OutboxMail.attempts,
            OutboxMail.last_error,
            Person.name,
            Person.reference,
        )
        .order_by(OutboxMail.id.desc())
    )
    return [FailedMail(*row) for row in db.session.execute(rows.limit(PAGE).offset((page - 1) * PAGE))], total


def failed_mail(seen: Select[OutboxMail], mail_id: int) -> OutboxMail | None:
    """One failed mail among those somebody may see, without its content; nobody else changes it until we are done."""
    return db.session.scalar(seen.where(OutboxMail.id == mail_id).options(_WITHOUT_CONTENT).with_for_update())


def failed_mails(seen: Select[OutboxMail], most: int) -> list[OutboxMail]:
    """The oldest failed mails that somebody may see, without their content, and without those just being changed."""
    found = seen.options(_WITHOUT_CONTENT).order_by(OutboxMail.id).limit(most).with_for_update(skip_locked=True)
    return list(db.session.scalars(found))
