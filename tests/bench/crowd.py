"""The people of the deadline minute, in a process of their own: light, because it shares the machine with the product.

It reads a plan from standard input and writes what the people met to standard output, both as JSON. Everybody has a
connection of their own that stays open, as a browser's does.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import re
import sys
import time
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil

from tests.http import Page

PATIENCE = 60
"""Seconds after which a page gives up waiting for an answer (static/js/draft.js)."""

FAILURES = (OSError, EOFError, ValueError, KeyError)
"""No line, no answer in time, half an answer, or one that is none."""

TOGETHER = 20
"""How many open their pages at once, before the minute begins."""


@dataclass
class Answer:
    """What came back."""

    status: int
    location: str
    text: str


class Visitor:
    """One browser, signed in, with one connection."""

    def __init__(self, address: str, cookie: str) -> None:
        parts = urlsplit(address)
        self.host, self.port, self.cookie = str(parts.hostname), parts.port, cookie
        self.reader: asyncio.StreamReader | None = None

    async def ask(self, path: str, form: bytes | None = None, accept: str = "text/html") -> Answer:
        """One request. Raises OSError or TimeoutError when there is no answer."""
        async with asyncio.timeout(PATIENCE):
            return await self._ask(path, form, accept)

    async def _ask(self, path: str, form: bytes | None, accept: str) -> Answer:
        if self.reader is None or self.reader.at_eof():
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        head = [
            f"{'GET' if form is None else 'POST'} {path} HTTP/1.1",
            f"Host: {self.host}:{self.port}",
            f"Cookie: {self.cookie}",
            f"Accept: {accept}",
            "Accept-Encoding: gzip",
        ]
        if form is not None:
            head += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(form)}"]
        self.writer.write("\r\n".join([*head, "", ""]).encode() + (form or b""))
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        told = {name.lower(): value for name, _colon, value in (line.partition(": ") for line in lines)}
        body = await self.reader.readexactly(int(told.get("content-length", 0)))
        if told.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if "set-cookie" in told:
            self.cookie = told["set-cookie"].partition(";")[0]
        return Answer(int(first.split()[1]), told.get("location", ""), body.decode())


@dataclass
class Met:
    """What the crowd has met."""

    saves: list[float] = field(default_factory=list)
    submissions: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    """The last text of each draft of which the server said that it was saved."""


class Writer:
    """Somebody who types without a pause, so that the page saves as often as it ever does."""

    fields: dict[str, dict[str, list[str]]] = {}
    """What stands in the form of a section; the drafts are alike, so that one of them is read for all."""

    def __init__(self, address: str, plan: dict[str, Any]) -> None:
        self.visitor = Visitor(address, plan["cookie"])
        self.reference, self.section, self.question = plan["reference"], plan["section"], plan["question"]
        self.path = f"/applications/{self.reference}/sections/{self.section}"

    async def open(self) -> None:
        """Open the section."""
        page = (await self.visitor.ask(self.path)).text
        if self.section not in self.fields:
            form = next(form for form in Page(page).forms if form["action"].endswith(self.path))
            self.fields[self.section] = form["fields"]
        own = {name: [_value(page, name)] for name in ("csrf_token", "version")}
        self.typed = self.fields[self.section] | own

    async def write(self, begin: float, until: float, every: float, met: Met) -> None:
        """Save again and again until the minute is over."""
        words, moment, number = self.typed[self.question][0].split(), begin, 0
        while moment < until:
            await _wait_until(moment)
            number += 1
            text = " ".join([*words[:-1], f"{self.reference}-{number}"])
            form = urlencode(self.typed | {self.question: [text]}, doseq=True).encode()
            try:
                answer = await self.visitor.ask(self.path, form, "application/json")
                news = json.loads(answer.text)
                if news["state"] == "saved":
                    self.typed["version"] = [str(news["version"])]
                    met.kept[self.reference] = text
                    met.saves.append(time.monotonic() - moment)
                else:
                    met.errors.append(f"save: {answer.status} {news['state']}")
            except FAILURES as problem:
                met.errors.append(f"save: {problem!r}")
            moment = max(moment + every, time.monotonic())


class Submitter:
    """A signatory who certifies an application, sends it in, and waits for the receipt."""

    def __init__(self, address: str, plan: dict[str, Any]) -> None:
        self.visitor = Visitor(address, plan["cookie"])
        self.path = f"/applications/{plan['reference']}/certify"

    async def open(self) -> None:
        """Read the application."""
        page = (await self.visitor.ask(self.path)).text
        kept = {name: _value(page, name) for name in ("csrf_token", "read")}
        self.form = urlencode(kept | {"sure": "y", "send": "yes"}).encode()

    async def submit(self, moment: float, met: Met) -> None:
        """Send it in at a moment; it is over when the receipt is on the screen."""
        await _wait_until(moment)
        try:
            answer = await self.visitor.ask(self.path, self.form)
            if answer.status == 302:
                answer = await self.visitor.ask(answer.location)
            if answer.status == 200:
                met.submissions.append(time.monotonic() - moment)
            else:
                met.errors.append(f"submission: {answer.status}")
        except FAILURES as problem:
            met.errors.append(f"submission: {problem!r}")


def _value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]* value="([^"]*)"', page)
    assert found, f"the page has no {name}"
    return found.group(1)


async def _wait_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


async def _some_at_once(tasks: Iterable[Awaitable[None]]) -> None:
    free = asyncio.Semaphore(TOGETHER)

    async def one(task: Awaitable[None]) -> None:
        async with free:
            await task

    await asyncio.gather(*(one(task) for task in tasks))


def spread(number: int, seconds: float) -> list[float]:
    """The moments of so many events in so many seconds, ever denser: twice as dense at the end as on average."""
    return [seconds * math.sqrt((n + 0.5) / number) for n in range(number)]


def _told(took: list[float]) -> dict[str, Any]:
    in_order = sorted(took)
    percentiles = {f"p{p}": round(in_order[math.ceil(len(took) * p / 100) - 1], 3) for p in (50, 95, 99) if took}
    return {"number": len(took), **percentiles, "worst": round(max(took, default=0.0), 3)}


async def act(plan: dict[str, Any]) -> dict[str, Any]:
    """Everybody opens their page; then the minute begins."""
    writers = [Writer(plan["address"], draft) for draft in plan["drafts"]]
    submitters = [Submitter(plan["address"], application) for application in plan["submissions"]]
    await _some_at_once(person.open() for person in [*writers, *submitters])
    met, every, seconds = Met(), plan["every"], plan["seconds"]
    used, used_here, begin = psutil.cpu_times(), time.process_time(), time.monotonic()
    await asyncio.gather(
        *(
            writer.write(begin + every * n / len(writers), begin + seconds, every, met)
            for n, writer in enumerate(writers)
        ),
        *(
            submitter.submit(begin + moment, met)
            for submitter, moment in zip(submitters, spread(len(submitters), seconds), strict=True)
        ),
    )
    took = time.monotonic() - begin
    idle = psutil.cpu_times().idle - used.idle
    return {
        "submissions": _told(met.submissions),
        "saves": _told(met.saves),
        "errors": len(met.errors),
        "first_errors": met.errors[:10],
        "seconds": round(took, 1),
        "cores_busy": round((psutil.cpu_count() or 1) - idle / took, 2),
        "of_these_the_crowd": round((time.process_time() - used_here) / took, 2),
        "kept": met.kept,
    }


if __name__ == "__main__":
    json.dump(asyncio.run(act(json.load(sys.stdin))), sys.stdout)
