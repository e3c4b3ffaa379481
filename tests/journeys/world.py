"""The world of a journey: a database of its own, the people of the sample, a mail server, and time that can be travelled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.header import decode_header, make_header
from email.message import Message
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import select

from grants.accounts.models import Person
from grants.core import clock
from grants.core.db import db
from grants.core.mail import deliver_due
from grants.demo.people import PASSWORD
from grants.history.models import HistoryEntry
from tests.http import Browser
from tests.mailserver import Mailbox

BRUSSELS = ZoneInfo("Europe/Brussels")


@dataclass
class Letter:
    """A mail as its reader sees it."""

    to: str
    subject: str
    text: str
    language: str

    @property
    def links(self) -> list[str]:
        """The addresses on this site that it leads to."""
        return [
            urlsplit(found)._replace(scheme="", netloc="").geturl() for found in re.findall(r"https?://\S+", self.text)
        ]

    @property
    def link(self) -> str:
        """Its only link."""
        assert len(self.links) == 1, self.text
        return self.links[0]


def _letter(mail: Message) -> Letter:
    parts = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    content = parts[0].get_payload(decode=True)
    assert isinstance(content, bytes)
    subject = str(make_header(decode_header(mail["Subject"])))
    return Letter(mail["To"], subject, content.decode(), mail["Content-Language"])


class World:
    """Everybody with a browser of their own, and the mails they have not read yet."""

    def __init__(self, app: Flask, mailbox: Mailbox) -> None:
        self.app, self.mailbox = app, mailbox
        self.emails = {person.reference: person.email for person in db.session.scalars(select(Person))}
        self.passwords: dict[str, str] = {}
        self.browsers: dict[str, Browser] = {}
        self.unread: list[Letter] = []
        self._fetched = 0

    @contextmanager
    def on(self, moment: str) -> Iterator[datetime]:
        """Live at a moment of Brussels, such as "2027-01-08 10:00"."""
        there = datetime.fromisoformat(moment).replace(tzinfo=BRUSSELS)
        with clock.at(there):
            yield there

    def email(self, who: str) -> str:
        """The address of somebody, by their reference in the sample or already an address."""
        return who if "@" in who else self.emails[who]

    def visitor(self) -> Browser:
        """Somebody new who is not signed in."""
        return Browser(self.app)

    def as_(self, who: str) -> Browser:
        """The browser of somebody, signed in through the form the first time."""
        email = self.email(who)
        if email not in self.browsers:
            self.browsers[email] = browser = self.visitor()
            browser.open("/sign-in")
            browser.press("Sign in", {"email": email, "password": self.passwords.get(email, PASSWORD)})
            assert browser.address == "/", browser.page.errors
        return self.browsers[email]

    # ------------------------------------------------------------------ mails

    def fetch(self) -> None:
        """Send what is due through the mail server, and take it from there."""
        db.session.commit()
        while deliver_due(1000):
            pass
        new = self.mailbox.mails[self._fetched :]
        self._fetched += len(new)
        self.unread += [_letter(mail) for mail in new]

    def read(self, who: str, about: str = "") -> Letter:
        """The first unread mail to somebody whose subject holds some words; it counts as read then."""
        self.fetch()
        email = self.email(who)
        for letter in self.unread:
            if letter.to == email and about in letter.subject:
                self.unread.remove(letter)
                return letter
        theirs = [letter.subject for letter in self.unread if letter.to == email]
        raise AssertionError(f"no mail “{about}” to {who}, only {theirs}")

    def nothing_for(self, who: str, about: str = "") -> None:
        """Nobody has written to this person lately."""
        self.fetch()
        email = self.email(who)
        found = [letter.subject for letter in self.unread if letter.to == email and about in letter.subject]
        assert not found, f"{who} was told: {found}"

    def all_read(self) -> None:
        """Forget what is unread."""
        self.fetch()
        self.unread.clear()

    # ------------------------------------------------------------------ the record

    def entry(self, kind: str, subject_id: int, verb: str) -> HistoryEntry:
        """The newest entry of the record about a subject, which has to be this verb."""
        db.session.rollback()
        found = db.session.scalars(
            select(HistoryEntry)
            .where(HistoryEntry.subject_kind == kind, HistoryEntry.subject_id == subject_id)
            .order_by(HistoryEntry.id.desc())
        ).first()
        assert found is not None, f"nothing is written about {kind} {subject_id}"
        assert found.verb == verb, f"the last that happened to {kind} {subject_id} is “{found.verb}”, not “{verb}”"
        return found
