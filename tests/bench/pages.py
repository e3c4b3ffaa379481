"""What each page costs, as a multiple of a bare page measured in the same run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask

from tests.bench import world
from tests.bench.meter import Answer, Yardstick, backends_of, call, counted_queries, kilobytes
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
    Page("list of a reviewer", "/reviews", "REV-3", 4),
    Page("review form", "/reviews/{review}", "REV-3", 4),
    Page("queue of reports", "/reports", "STF-07", 6),
    Page("queue of payments", "/payments", "STF-08", 6),
)

BLIND = (
    Page("list of a blind reviewer", "/reviews", "REV-3", 4),
    Page("blind review form", "/reviews/{review}", "REV-3", 4),
)
"""Measured while every call hides its applicants from reviewers. The thousand applications are all for this reviewer."""


def measure(folder: Path) -> dict[str, Any]:
    """The cost of every page, taken with a thousand rows; its queries are counted before and after they come."""
    with world.opened(folder) as app:
        return _measure(app)


def _measure(app: Flask) -> dict[str, Any]:
    cookies = {who: world.cookie_of(app, who) for who in {page.who for page in PAGES + BLIND} if who}
    opened = {page: _open(app, page, cookies, world.review_to_write(app, page.who)) for page in PAGES + BLIND}
    few = {page: queries(app, opened[page]) for page in PAGES}
    with world.blind(app):
        few |= {page: queries(app, opened[page]) for page in BLIND}
    submission = Submission(app)
    few_to_submit = submission.queries()
    world.grow(app, 1000)
    backend = backends_of(app)
    bare = Yardstick(app)
    pages = []

    def look(page: Page) -> None:
        once = opened[page]
        answer = once()
        sys.stderr.write(f"{page.name}\n")
        told = _told(page.name, bare.multiple(once, backend), page.target, few[page], queries(app, once))
        pages.append(told | {"kilobytes": kilobytes(answer.body)})

    for page in PAGES:
        look(page)
    with world.blind(app):
        for page in BLIND:
            look(page)
    multiple = bare.multiple(submission.once, backend, times=3, before=submission.put_back)
    pages.append(_told("submission of an application", multiple, 6, few_to_submit, submission.queries()))
    save = _section_save(app, cookies["USR-PE-1"])
    pages.append(
        _told("section saved by itself", bare.multiple(save, backend), 4, queries(app, save), queries(app, save))
    )
    return {"yardstick_milliseconds": round(bare.seconds * 1000, 3), "pages": pages}


def _told(page: str, multiple: float, target: float, few: int, many: int) -> dict[str, Any]:
    """A line of the table: met when the cost is within its target, and a thousand rows take no more queries than ten."""
    met = multiple <= target and few == many
    return {
        "page": page,
        "multiple": round(multiple, 2),
        "target": target,
        "met": met,
        "queries_10": few,
        "queries_1000": many,
    }


def _section_save(app: Flask, cookie: str) -> Callable[[], None]:
    """Saves a section of a draft as the page does it by itself, each time with another text."""
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

    return once


def _open(app: Flask, page: Page, cookies: dict[str, str], review: int | None) -> Callable[[], Any]:
    path = page.path.format(review=review)

    def once() -> Any:
        answer = call(app, path, cookie=cookies.get(page.who, ""))
        assert answer.status == 200, f"{path} for {page.who}: {answer.status}"
        return answer

    return once


def queries(app: Flask, once: Callable[[], object]) -> int:
    """How many statements one call sends, caches warm."""
    once()
    with counted_queries(app) as seen:
        once()
    return len(seen)


class Submission:
    """The whole submission of a complete draft, certified in the same act, again and again (put back to a draft in
    between, unmeasured).
    """

    reference, who = "APP-005", "USR-NP-1"

    def __init__(self, app: Flask) -> None:
        self.app, self.cookie = app, world.cookie_of(app, self.who)
        self.put_back()
        self.path = f"/applications/{self.reference}/certify"
        page = HtmlPage(call(app, self.path, cookie=self.cookie).body.decode())
        shown = next(form["fields"] for form in page.forms if "read" in form["fields"])
        kept = {name: shown[name][0] for name in ("csrf_token", "read")}
        self.form = urlencode(kept | {"sure": "y", "send": "yes"}).encode()
        self.answer = Answer(0, b"")

    def once(self) -> None:
        """Send it in."""
        self.answer = call(self.app, self.path, cookie=self.cookie, form=self.form)
        assert self.answer.status == 302, self.answer.status

    def put_back(self) -> None:
        """Make it a draft again."""
        world.make_draft(self.app, self.reference)

    def queries(self) -> int:
        """How many statements one submission sends, caches warm."""
        for _ in range(2):
            self.put_back()
            with counted_queries(self.app) as seen:
                self.once()
        self.put_back()
        return len(seen)
