"""Calendars of whole days, as every calendar program reads them (RFC 5545)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

LONGEST = 75
"""Octets of a line; what is longer goes on in the next one."""


@dataclass(frozen=True)
class Day:
    """Something on one day. ``uid`` stays the same when its day is moved, so that a calendar moves it too; ``sequence``
    rises with each change, so that it knows which file is the later one. What is ``cancelled`` it takes away.
    """

    uid: str
    day: date
    words: str
    url: str
    sequence: int = 0
    cancelled: bool = False


def written(name: str, days: Iterable[Day], at: datetime) -> bytes:
    """A calendar with these days, as a file. ``at`` is the moment it is written."""
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Pilot Fund//EN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_escaped(name)}",
    ]
    for one in days:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_escaped(one.uid)}@pilot-fund",
            f"DTSTAMP:{stamp}",
            f"SEQUENCE:{one.sequence}",
            f"STATUS:{'CANCELLED' if one.cancelled else 'CONFIRMED'}",
            f"DTSTART;VALUE=DATE:{one.day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{one.day + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_escaped(one.words)}",
            f"URL:{one.url}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(_folded(line) for line in lines).encode()


def _escaped(text: str) -> str:
    """A text as a calendar holds it (3.3.11)."""
    plain = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return plain.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def _folded(line: str) -> str:
    """A line of at most 75 octets, and what is left of it in further ones that begin with a space (3.1)."""
    parts, part, room = [], "", LONGEST
    for character in line:
        size = len(character.encode())
        if size > room:
            parts.append(part)
            part, room = "", LONGEST - 1
        part, room = part + character, room - size
    return "\r\n ".join([*parts, part]) + "\r\n"
