"""Mails about what the fund typed for an organization."""

from __future__ import annotations

from grants.accounts.mails import Stranger
from grants.accounts.models import Person
from grants.core.mail import Mail
from grants.entries.models import AssistedEntry


def entry_to_confirm(entry: AssistedEntry, address: str, token: str) -> Mail:
    """To the organization's address: what we typed for you, please look at it and confirm."""
    application = entry.application
    return Mail(
        "entry_to_confirm",
        to=Stranger(address, application.language, name=entry.spoke_with),
        about=application.reference,
        occasion=str(entry.token_hash)[:16],
        context={"entry": entry, "application": application, "token": token},
    )


def entry_confirmed(entry: AssistedEntry, to: Person) -> Mail:
    """To whoever typed it: the organization has confirmed."""
    return Mail(
        "entry_confirmed",
        to=to,
        about=entry.application.reference,
        occasion=str(entry.confirmed_hash)[:16],
        context={"entry": entry, "application": entry.application},
    )
