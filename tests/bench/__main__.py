"""``make bench``: prints one JSON with the cost of every main page as a multiple of a bare page, and other figures."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text

from config import Config
from grants.app import create_app
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.servers import servers
from grants.reminders.tasks import run_sweeps
from tests.bench import world, yardstick
from tests.bench.meter import Answer, Backend, Backends, backends_of, call, cost, counted_queries, kilobytes
from tests.bench.writing import around_the_deadline, lost_in_writing
from tests.http import Page as HtmlPage


@dataclass(frozen=True)
class Page:
    """A page to measure: who opens it, and how many times the yardstick it may cost."""

    name: str
    path: str
    who: str
    target: float


PAGES = (
    Page("home of a visitor", "/", "", 3),
    Page("home of an applicant", "/", "USR-SN-1", 3),
    Page("home of a reviewer", "/", "REV-2", 3),
    Page("home of a coordinator", "/", "STF-07", 3),
    Page("home of a finance officer", "/", "STF-08", 3),
    Page("public page of a call", "/calls/MPF-2027-02", "", 5),
    Page("form section", "/applications/APP-402/sections/S2", "USR-PE-1", 4),
    Page("form section with tables", "/applications/APP-402/sections/S4", "USR-PE-1", 4),
    Page("application overview", "/applications/APP-402", "USR-PE-1", 5),
    Page("application as read by a coordinator", "/applications/APP-006/read", "STF-07", 5),
    Page("grant", "/grants/MPF-2026-01-G01", "STF-07", 5),
    Page("grant as seen by the grantee", "/grants/MPF-2026-01-G02", "USR-SN-1", 5),
    Page("list of grants", "/grants", "STF-07", 6),
    Page("list of applications of a call", "/calls/MPF-2027-01/applications", "STF-07", 6),
    Page("public list of calls", "/calls", "", 6),
    Page("reviews of a call", "/calls/MPF-2027-01/reviews", "STF-07", 6),
    Page("ranked list of a call", "/calls/MPF-2027-01/decisions", "STF-07", 6),
    Page("committee room", "/meetings/MPF-2027-01-M1", "STF-12", 6),
    Page("ledger", "/ledger", "STF-15", 6),
    Page("list of a reviewer", "/reviews", "REV-2", 6),
    Page("queue of reports", "/reports", "STF-07", 6),
    Page("queue of payments", "/payments", "STF-08", 6),
)


def main() -> None:
    """Measure everything and print the JSON; ends with status 1 when a figure misses its target."""
    os.environ["DATABASE_FSYNC"] = "off"
    with tempfile.TemporaryDirectory() as folder, servers(Config.from_environment({}, data_dir=folder)) as config:
        app = create_app(replace(config, data_dir=Path(folder)))
        with app.app_context():
            upgrade()
        figures = measure(app, config.database_url)
    with tempfile.TemporaryDirectory() as folder:
        figures["start_up_seconds"] = {"first": start_up(folder), "second": start_up(folder)}
    json.dump(figures, sys.stdout, indent=1)
    sys.stdout.write("\n")
    missed = [
        page
        for page in figures["pages"]
        if page["multiple"] > page["target"] or page["queries_10"] != page["queries_1000"]
    ]
    for page in missed:
        sys.stderr.write(f"missed: {page}\n")
    sys.exit(1 if missed else 0)


def start_up(folder: str) -> float:
    """Seconds from ``grants up`` to ready, without the demonstration."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    grants = str(Path(sys.executable).parent / "grants")
    began = time.perf_counter()
    up = subprocess.Popen([grants, "up", "--port", str(port), "--data", folder], stdout=subprocess.DEVNULL)
    try:
        while time.perf_counter() - began < 120:
            if up.poll() is not None:
                raise RuntimeError("grants up has ended")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1):
                    return round(time.perf_counter() - began, 1)
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("grants up did not become ready")
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)


def measure(app: Flask, database_url: str) -> dict[str, Any]:
    """All figures. Costs are taken with a thousand rows; queries are counted before and after they come."""
    world.load(app)
    cookies = {who: world.cookie_of(app, who) for who in {page.who for page in PAGES} if who}
    opened = {page: _open(app, page, cookies) for page in PAGES}
    few = {page: queries(app, once) for page, once in opened.items()}
    submission = Submission(app)
    few_to_submit = submission.queries()
    world.grow(app, 1000)
    backend = backends_of(app)
    bare_app = yardstick.make(database_url, "STF-07")
    with bare_app.app_context():
        bare_backend = Backend(
            bare_app.extensions["sqlalchemy"].session.execute(text("SELECT pg_backend_pid()")).scalar()
        )
    bare = cost(lambda: call(bare_app, "/"), bare_backend, times=150)
    pages = []
    for page, once in opened.items():
        answer = once()
        sys.stderr.write(f"{page.name}\n")
        pages.append(
            {
                "page": page.name,
                "multiple": round(cost(once, backend) / bare, 2),
                "target": page.target,
                "queries_10": few[page],
                "queries_1000": queries(app, once),
                "kilobytes": kilobytes(answer.body),
            }
        )
    pages.append(
        {
            "page": "submission of an application",
            "multiple": round(cost(submission.once, backend, times=8, before=submission.put_back) / bare, 2),
            "target": 10,
            "queries_10": few_to_submit,
            "queries_1000": submission.queries(),
            "kilobytes": kilobytes(submission.answer.body),
        }
    )
    pages.append(_section_save(app, cookies["USR-PE-1"], backend, bare))
    return {
        "yardstick_milliseconds": round(bare * 1000, 3),
        "pages": pages,
        "sweep": _sweep(app),
        "writing": lost_in_writing(app, 1000),
        "deadline": around_the_deadline(app, 10_000),
    }


def _section_save(app: Flask, cookie: str, backend: Backends, bare: float) -> dict[str, Any]:
    """Saving a section of a draft as the page does it by itself, each time with another text."""
    path = "/applications/APP-402/sections/S2"
    page = call(app, path, cookie=cookie)
    fields = HtmlPage(page.body.decode()).forms
    typed = next(form["fields"] for form in fields if form["action"].endswith(path))
    state: dict[str, Any] = {"number": 0, "version": typed["version"][0]}

    def once() -> None:
        state["number"] += 1
        told = typed | {"summary": [f"A summary for the {state['number']}th time"], "version": [state["version"]]}
        answer = call(app, path, cookie=cookie, form=urlencode(told, doseq=True).encode(), accept="application/json")
        news = json.loads(answer.body)
        assert news["state"] == "saved", news
        state["version"] = str(news["version"])

    return {
        "page": "section saved by itself",
        "multiple": round(cost(once, backend) / bare, 2),
        "target": 4,
        "queries_10": queries(app, once),
        "queries_1000": queries(app, once),
        "kilobytes": 0.2,
    }


def _open(app: Flask, page: Page, cookies: dict[str, str]) -> Callable[[], Any]:
    def once() -> Any:
        answer = call(app, page.path, cookie=cookies.get(page.who, ""))
        assert answer.status == 200, f"{page.path} for {page.who}: {answer.status}"
        return answer

    return once


def queries(app: Flask, once: Callable[[], object]) -> int:
    """How many statements one call sends, caches warm."""
    once()
    with counted_queries(app) as seen:
        once()
    return len(seen)


class Submission:
    """The whole submission of a complete draft, again and again (put back to a draft in between, unmeasured)."""

    reference, who = "APP-005", "USR-NP-1"

    def __init__(self, app: Flask) -> None:
        self.app, self.cookie = app, world.cookie_of(app, self.who)
        with app.app_context(), transaction():
            later = "UPDATE call SET closes_at = now() + interval '9 days' WHERE reference = 'MPF-2027-01'"
            db.session.execute(text(later))
        self.put_back()
        page = call(app, f"/applications/{self.reference}", cookie=self.cookie)
        token = re.search(rb'name="csrf_token" value="([^"]+)"', page.body)
        assert token is not None
        self.form = urlencode({"csrf_token": token.group(1).decode(), "confirmed": "yes"}).encode()
        self.answer = Answer(0, b"")

    def once(self) -> None:
        """Send it in."""
        self.answer = call(self.app, f"/applications/{self.reference}/submit", cookie=self.cookie, form=self.form)
        assert self.answer.status == 302, self.answer.status

    def put_back(self) -> None:
        """Make it a draft again."""
        back = (
            "UPDATE application SET state = 'draft', submitted_at = NULL, content_hash = NULL, submitted_by_id = NULL"
            " WHERE reference = :reference"
        )
        with self.app.app_context(), transaction():
            db.session.execute(text(back), {"reference": self.reference})

    def queries(self) -> int:
        """How many statements one submission sends, caches warm."""
        for _ in range(2):
            self.put_back()
            with counted_queries(self.app) as seen:
                self.once()
        self.put_back()
        return len(seen)


def _sweep(app: Flask) -> dict[str, Any]:
    """A sweep in which a thousand grantees are owed a reminder, and the same sweep again."""
    with app.app_context():
        day = db.session.execute(text(f"SELECT due_on FROM report_due WHERE id = {world.FAR} + 1")).scalar_one()
        with transaction():
            db.session.execute(
                text(
                    "INSERT INTO membership (organization_id, person_id, role, may_sign)"
                    " SELECT o.id, p.id, 'owner', true FROM organization o, person p"
                    f" WHERE o.id BETWEEN {world.FAR} AND {world.FAR} + 1000 AND p.reference = 'USR-SN-1'"
                )
            )
        at = clock.now().replace(year=day.year, month=day.month, day=day.day, hour=20) - timedelta(days=7)
        with clock.at(at), transaction():
            db.session.execute(text(f"UPDATE report_due SET state = 'owed' WHERE id > {world.FAR}"))
        first = run_sweeps(at)
        again = run_sweeps(at)
    return {
        "reminders": first["posted"],
        "seconds": first["seconds"],
        "reminders_per_second": round(first["posted"] / max(first["seconds"], 0.001)),
        "again_new": again["posted"],
        "again_seconds": again["seconds"],
    }


if __name__ == "__main__":
    main()
