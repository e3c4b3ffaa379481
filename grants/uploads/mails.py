"""Mails about files that cannot be kept."""

from __future__ import annotations

from grants.accounts.models import Person
from grants.applications.models import Attachment
from grants.core.mail import Mail


def document_locked(attachment: Attachment, to: Person) -> Mail:
    """A document holds a virus: it is locked, nobody gets it, please send another."""
    return Mail(
        "document_locked",
        to=to,
        about=attachment.application.reference,
        occasion=str(attachment.id),
        context={"application": attachment.application, "document": attachment.document},
    )
