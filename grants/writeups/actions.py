"""Writing a report up after a conversation, and having exactly that confirmed: the confirmation hands it in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from grants.accounts.models import Person
from grants.awards import queries as awards
from grants.core import clock
from grants.core.db import db
from grants.core.mail import Mail, post
from grants.core.rules import refuse
from grants.entries.actions import confirmed, new_link
from grants.entries.models import Way
from grants.entries.rules import obstacles_by_link
from grants.history import actions as history
from grants.reports import actions as reports
from grants.reports import queries as written_reports
from grants.reports.models import ReportDue
from grants.writeups import mails, rules
from grants.writeups.models import WriteUp


def begin(due: ReportDue, *, spoke_with: str, phone: str, spoken_on: date, by: Person) -> WriteUp:
    """Begin to write a report up after a conversation. It counts once the grantee has confirmed it. Raises Refused."""
    reports.hold_still(due)
    refuse(rules.obstacles_to_beginning(due))
    report = reports.start(due, by=by)
    report.entered_by_id = by.id
    write_up = WriteUp(
        report=report, entered_by=by, spoke_with=spoke_with.strip(), phone=phone.strip(), spoken_on=spoken_on
    )
    db.session.add(write_up)
    history.note("report_due", due.id, "enter", by=by, spoken_on=spoken_on.isoformat())
    db.session.flush()
    return write_up


def ask_members(write_up: WriteUp, due: ReportDue, *, by: Person) -> WriteUp:
    """Ask the owners and signatories of the grantee to sign in, read and confirm. Raises Refused while it is not whole."""
    reports.hold_still(due)
    refuse(rules.obstacles_to_confirming(due, written_reports.written(due)))
    write_up.asked_at = clock.now()
    entry = history.note("report_due", due.id, "ask_confirmation", by=by)
    organization = due.award.organization_id
    people = awards.people_who_answer([organization]).get(organization, [])
    post(*(mails.writeup_to_confirm(write_up, due, to, entry.id) for to in people))
    return write_up


def ask_by_link(write_up: WriteUp, due: ReportDue, address: str, *, by: Person) -> str:
    """Send a link with which the grantee reads and confirms, without an account; earlier links end. Gives the token.

    Raises Refused for whoever wrote it up: they do not choose the address.
    """
    reports.hold_still(due)
    refuse(rules.obstacles_to_asking(write_up, due, written_reports.written(due), by.id))
    token = new_link(write_up)
    write_up.asked_at = clock.now()
    history.note("report_due", due.id, "ask_confirmation", by=by)
    post(mails.writeup_link(write_up, due, address, token))
    return token


def confirm(write_up: WriteUp, due: ReportDue, read: str, *, by: Person) -> None:
    """A member of the grantee confirms exactly what it read, after signing in; with that it is handed in. Raises Refused."""
    reports.hold_still(due)
    refuse(rules.obstacles_to_confirming(due, written_reports.written(due), read))
    _confirm(write_up, due, Way.ACCOUNT, by.name, _today(due), by=by, hands_in=by)


def confirm_by_link(write_up: WriteUp, due: ReportDue, read: str, name: str) -> None:
    """Somebody who holds the link confirms exactly what they read, with a name; with that it is handed in. Raises Refused."""
    reports.hold_still(due)
    refuse(rules.obstacles_to_link(write_up, due, written_reports.written(due), clock.now(), read))
    _confirm(write_up, due, Way.LINK, name, _today(due), by=None, hands_in=write_up.entered_by)


def decline(write_up: WriteUp, due: ReportDue, words: str, *, by: Person) -> None:
    """A member of the grantee says what is wrong; it is mended and asked about anew. Raises Refused."""
    reports.hold_still(due)
    refuse(rules.obstacles_to_declining(due, words))
    _decline(write_up, due, words, by)


def decline_by_link(write_up: WriteUp, due: ReportDue, words: str) -> None:
    """Somebody who holds the link says what is wrong; the link stays good for what is mended. Raises Refused."""
    reports.hold_still(due)
    refuse(obstacles_by_link(write_up, clock.now()) or rules.obstacles_to_declining(due, words))
    _decline(write_up, due, words, None)


def _decline(write_up: WriteUp, due: ReportDue, words: str, by: Person | None) -> None:
    write_up.asked_at = None
    entry = history.note("report_due", due.id, "decline", by=by, reason=words)
    _tell_both(mails.writeup_declined, write_up, due, str(entry.id))


def _tell_both(mail: Callable[..., Mail], write_up: WriteUp, due: ReportDue, occasion: str) -> None:
    """Tell who wrote it up, and those who speak for the grantee: nobody confirms anything for them unseen."""
    organization = due.award.organization_id
    people = awards.people_who_answer([organization]).get(organization, [])
    post(*(mail(write_up, due, to, occasion) for to in (write_up.entered_by, *people)))


def record_confirmation(
    write_up: WriteUp, due: ReportDue, read: str, way: str, name: str, on: date, *, by: Person
) -> None:
    """Write down that exactly what was read was confirmed by letter, in a visit or a call; with that it is handed in.

    Raises Refused when something of it is missing, and for whoever wrote it up.
    """
    reports.hold_still(due)
    written = written_reports.written(due)
    refuse(
        rules.obstacles_to_confirming(due, written, read)
        or rules.obstacles_to_recording(write_up, by.id, way, name, on, _today(due))
    )
    _confirm(write_up, due, Way(way), name, on, by=by, hands_in=by)
    write_up.recorded_by = by
    db.session.flush()


def _today(due: ReportDue) -> date:
    return clock.today(due.award.call.timezone)


def _confirm(
    write_up: WriteUp, due: ReportDue, way: Way, name: str, on: date, *, by: Person | None, hands_in: Person
) -> None:
    confirmed(write_up, way, name, on, rules.fingerprint(due, written_reports.written(due)))
    history.note("report_due", due.id, "confirm", by=by, way=way, hash=write_up.confirmed_hash)
    reports.submit(due, by=hands_in, confirmed=True)
    _tell_both(mails.writeup_confirmed, write_up, due, str(write_up.confirmed_hash)[:16])
