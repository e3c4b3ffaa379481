"""Typing an application for an organization without a line, and having it confirmed."""

from __future__ import annotations

import secrets
from datetime import date, timedelta

from grants.accounts.actions import hash_of_token
from grants.accounts.models import Organization, Person
from grants.applications import actions as applications
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import db
from grants.core.mail import post
from grants.core.rules import refuse
from grants.entries import mails, rules
from grants.entries.models import AssistedEntry, Typed, Way
from grants.history import actions as history

LINK_LASTS = timedelta(days=30)


def enter(
    call: Call, organization: Organization, *, language: str, spoke_with: str, phone: str, spoken_on: date, by: Person
) -> AssistedEntry:
    """Begin to type an application after a conversation. Raises Refused as for the organization itself.

    Whoever types may neither check it later nor have it confirmed; it counts once the organization has confirmed it.
    """
    refuse(rules.obstacles_to_entering(organization, call, by.regions))
    application = applications.start(call, organization, language=language, by=by)
    application.entered_by_id = by.id
    entry = AssistedEntry(
        application=application,
        entered_by=by,
        spoke_with=spoke_with.strip(),
        phone=phone.strip(),
        spoken_on=spoken_on,
    )
    db.session.add(entry)
    history.note("application", application.id, "enter", by=by, spoken_on=spoken_on.isoformat())
    return entry


def ask_to_confirm(entry: AssistedEntry, address: str, *, by: Person) -> str:
    """Send a link with which the organization reads and confirms what was typed; earlier links end. Gives the token.

    Raises Refused for whoever typed it: they do not choose the address.
    """
    refuse(rules.obstacles_to_asking(entry, by.id))
    token = new_link(entry)
    history.note("application", entry.application_id, "ask_confirmation", by=by)
    post(mails.entry_to_confirm(entry, address, token))
    return token


def new_link(typed: Typed) -> str:
    """The token of a link with which what was typed is read and confirmed; earlier links end."""
    token = secrets.token_urlsafe(32)
    typed.token_hash, typed.token_until = hash_of_token(token), clock.now() + LINK_LASTS
    return token


def confirmed(typed: Typed, way: Way, name: str, on: date, content_hash: str) -> None:
    """Write down that exactly this content was confirmed, how, by whom and on which day. Links end."""
    typed.confirmed_at, typed.confirmed_way, typed.confirmed_name = clock.now(), way, name.strip()
    typed.confirmed_on, typed.confirmed_hash = on, content_hash
    typed.token_hash = typed.token_until = typed.recorded_by = None


def confirm(entry: AssistedEntry, *, by: Person) -> None:
    """A signatory or owner of the organization confirms after signing in."""
    refuse(rules.obstacles_to_confirming(entry))
    _confirm(entry, Way.ACCOUNT, by.name, clock.today(entry.application.call.timezone), by)


def confirm_by_link(entry: AssistedEntry, name: str, *, by: Person | None = None) -> None:
    """Somebody who holds the link confirms with a name. The link ends."""
    refuse(rules.obstacles_to_link(entry, clock.now()))
    _confirm(entry, Way.LINK, name, clock.today(entry.application.call.timezone), by)


def record_confirmation(entry: AssistedEntry, way: str, name: str, on: date, *, by: Person) -> None:
    """Write down a confirmation that was given by letter, in a visit or a call: how, by whom and when.

    Raises Refused when something of it is missing, and for whoever typed: a colleague hears it from the organization.
    """
    today = clock.today(entry.application.call.timezone)
    refuse(rules.obstacles_to_asking(entry, by.id) or rules.obstacles_to_recording(entry, way, name, on, today))
    _confirm(entry, Way(way), name, on, by)
    entry.recorded_by = by


def _confirm(entry: AssistedEntry, way: Way, name: str, on: date, by: Person | None) -> None:
    confirmed(entry, way, name, on, str(entry.application.content_hash))
    history.note("application", entry.application_id, "confirm", by=by, way=way, hash=entry.confirmed_hash)
    post(mails.entry_confirmed(entry, to=entry.entered_by))
