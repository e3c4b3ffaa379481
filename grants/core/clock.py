"""The one clock. The database decides deadlines; Python asks here, and tests and the demonstration travel here.

``app_now()`` in the database returns the real time unless the session variable ``grants.now`` is set, which only
:func:`at` does. So a journey through half a year, on the screens and in SQL, needs no waiting and no patched clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from grants.core.db import db

_travelled: ContextVar[datetime | None] = ContextVar("travelled", default=None)


def now() -> datetime:
    """The present moment in UTC, or the moment travelled to."""
    return _travelled.get() or datetime.now(UTC)


def today(zone: str) -> date:
    """The calendar day it is now in a time zone."""
    return now().astimezone(ZoneInfo(zone)).date()


def travelled() -> datetime | None:
    """The moment travelled to, or None when the clock is the real one."""
    return _travelled.get()


@contextmanager
def at(moment: datetime | None) -> Iterator[None]:
    """Live at ``moment`` (with a zone) for a while, in Python and in the database. None changes nothing."""
    if moment is None:
        yield
        return
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    token = _travelled.set(moment.astimezone(UTC))
    _tell_database_of_open_transaction()
    try:
        yield
    finally:
        _travelled.reset(token)
        with suppress(DBAPIError):  # a failed transaction takes the setting with it when it is rolled back
            _tell_database_of_open_transaction()


def _tell(connection: Connection) -> None:
    moment = _travelled.get()
    connection.execute(
        text("SELECT set_config('grants.now', :moment, true)"), {"moment": moment.isoformat() if moment else ""}
    )


def _tell_database_of_open_transaction() -> None:
    if db.session.registry.has() and db.session().in_transaction():
        _tell(db.session.connection())


@event.listens_for(Session, "after_begin")
def _tell_new_transaction(session: Session, transaction: object, connection: Connection) -> None:
    if _travelled.get() is not None:
        _tell(connection)
