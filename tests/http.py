"""A visitor for tests: follows the forms of real pages, and checks every page it is given."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from flask import Flask, g
from werkzeug.test import TestResponse

from grants.accounts.models import Person
from grants.core.db import db

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Page(HTMLParser):
    """What a page holds: its forms, its links, its headings, and whether its tags are closed and its ids unique."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.forms: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.feed(html)
        if self.open:
            self.problems.append(f"not closed: {self.open}")
        if len(self.ids) != len(set(self.ids)):
            self.problems.append(f"id twice: {sorted({i for i in self.ids if self.ids.count(i) > 1})}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if at.get("id"):
            self.ids.append(str(at["id"]))
        if "style" in at or any(name.startswith("on") for name in at):
            self.problems.append(f"inline style or script on {tag}")
        if tag == "a" and at.get("href"):
            self.links.append(str(at["href"]))
        if tag == "form":
            self.forms.append(
                {"action": at.get("action") or "", "method": (at.get("method") or "get").lower(), "fields": {}}
            )
        if tag in ("input", "textarea", "select", "button") and self.forms and at.get("name"):
            self._field(tag, at)

    def _field(self, tag: str, at: dict[str, str | None]) -> None:
        kind = at.get("type")
        if kind in ("submit", "file") or tag == "button" or (kind in ("radio", "checkbox") and "checked" not in at):
            return
        fields = self.forms[-1]["fields"]
        fields.setdefault(str(at["name"]), []).append(at.get("value") or ("on" if kind == "checkbox" else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"stray </{tag}>")


def _begin_request() -> None:
    """Commit what the test has prepared, and forget who was here before: a test holds one context for all requests."""
    db.session.commit()
    for name in list(g):
        g.pop(name)


class Browser:
    """One visitor with their cookies. Fails on any page that is a server error or whose HTML is broken."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()
        self.last: TestResponse | None = None

    def sign_in(self, person: Person | str, password: str = "correct horse") -> Browser:
        """Sign in through the form."""
        email = person if isinstance(person, str) else person.email
        answer = self.post("/sign-in", {"email": email, "password": password}, page="/sign-in")
        assert answer.status_code == 302, self.text
        return self

    def get(self, path: str, status: int = 200, **kwargs: Any) -> TestResponse:
        """Open a page."""
        _begin_request()
        return self._checked(self.client.get(path, **kwargs), status)

    def post(
        self,
        path: str,
        data: dict[str, Any] | None = None,
        *,
        page: str | None = None,
        status: int | None = None,
        **kwargs: Any,
    ) -> TestResponse:
        """Send a form as browsers do, with the token of ``page`` (default: of the page last opened)."""
        if page:
            self.get(page)
        _begin_request()
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.text)
        values = {"csrf_token": token.group(1) if token else ""} | (data or {})
        kwargs.setdefault("headers", {"Origin": "http://localhost"})
        return self._checked(self.client.post(path, data=values, **kwargs), status)

    def follow(self) -> TestResponse:
        """Go where the last answer sent us."""
        assert self.last is not None
        return self.get(self.last.headers["Location"])

    @property
    def text(self) -> str:
        """The last page."""
        return self.last.get_data(as_text=True) if self.last is not None else ""

    def _checked(self, answer: TestResponse, status: int | None) -> TestResponse:
        self.last = answer
        db.session.remove()
        assert answer.status_code < 500, self.text[-3000:]
        if status is not None:
            assert answer.status_code == status, f"{answer.status_code} instead of {status}:\n{self.text[:3000]}"
        if answer.mimetype == "text/html" and answer.status_code != 302 and self.text:
            problems = Page(self.text).problems
            assert not problems, problems
        return answer
