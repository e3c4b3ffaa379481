"""The sweep: who should have been told by now, and has not been."""

from __future__ import annotations

import time
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from grants.core import clock
from grants.core.db import db, transaction
from grants.core.mail import Mail, post
from grants.reminders import mails, queries
from grants.reminders.models import SweepRun
from grants.reminders.rules import LOOK_AHEAD, LOOK_BACK, offset_reached

log = structlog.get_logger()


def owed(at: datetime) -> list[Mail]:
    """Every reminder of which somebody should have been told by ``at``, told already or not."""
    window = queries.Window(at, LOOK_BACK, LOOK_AHEAD)
    return [
        mails.reminder(deadline, person, offset)
        for deadline in queries.deadlines(window)
        for person in deadline.people
        if (offset := offset_reached(deadline, at, person.timezone)) is not None
    ]


def sweep(at: datetime) -> SweepRun:
    """Write the reminders that are owed and not yet written, one transaction each, and a line about the sweep.

    A reminder that cannot be written is logged and left for the next sweep; the others go on.
    """
    began = time.perf_counter()
    with clock.at(at):
        due = owed(at)
        written = queries.keys_in_outbox([mail.key for mail in due])
        db.session.rollback()
        posted = sum(_post(mail) for mail in due if mail.key not in written)
        with transaction():
            run = SweepRun(as_of=at, found=len(due), posted=posted, seconds=round(time.perf_counter() - began, 3))
            db.session.add(run)
    return run


def _post(mail: Mail) -> int:
    try:
        with transaction():
            return post(mail)
    except (SQLAlchemyError, LookupError, ValueError):
        log.exception("reminder_not_written", kind=mail.name, about=mail.about)
        return 0
