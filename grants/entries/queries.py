"""Finding what was typed for organizations without a line."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.core.db import db
from grants.entries.models import AssistedEntry


def entry_of(application: Application) -> AssistedEntry | None:
    """Who typed an application for its organization; asked of the database only when somebody did."""
    if application.entered_by_id is None:
        return None
    found = (
        select(AssistedEntry)
        .where(AssistedEntry.application_id == application.id)
        .options(
            joinedload(AssistedEntry.entered_by).load_only(Person.name),
            joinedload(AssistedEntry.recorded_by).load_only(Person.name),
            joinedload(AssistedEntry.application),
        )
    )
    return db.session.scalar(found)


def entry_by_token(token_hash: str) -> AssistedEntry | None:
    """What a link is about, by what the database knows of its token."""
    found = (
        select(AssistedEntry)
        .where(AssistedEntry.token_hash == token_hash)
        .options(
            joinedload(AssistedEntry.entered_by).load_only(Person.name),
            joinedload(AssistedEntry.application).joinedload(Application.call),
            joinedload(AssistedEntry.application).joinedload(Application.organization),
        )
    )
    return db.session.scalar(found)
