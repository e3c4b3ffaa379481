"""A real browser for the journeys: windows that note every complaint, on a product served to them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import ConsoleMessage, Page, Request
from werkzeug.serving import make_server

from grants.demo.people import PASSWORD

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic",
]  # fmt: skip
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 860}
STILL: dict[str, Any] = {"viewport": DESK, "locale": "en-GB", "reduced_motion": "reduce"}
"""A window in which nothing moves: a colour on its way to another would be measured half way."""


class Line:
    """A product on a web server, on a line that can drop and come back."""

    def __init__(self, app: Flask) -> None:
        self.app, self._port = app, 0
        self.mend()

    @property
    def address(self) -> str:
        """Where visitors find it."""
        return f"http://127.0.0.1:{self._port}"

    def mend(self) -> None:
        """Serve, at the address of before."""
        self._server = make_server("127.0.0.1", self._port, self.app, threaded=True)
        self._port = self._server.server_port
        self._running = threading.Thread(target=self._server.serve_forever)
        self._running.start()

    def cut(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._running.join()
        self._server.server_close()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address of a web server for an application."""
    line = Line(app)
    try:
        yield line.address
    finally:
        line.cut()


class Window:
    """A window of the browser that notes every complaint it makes."""

    def __init__(self, chromium: Chromium, address: str, **more: Any) -> None:
        self.context = chromium.new_context(base_url=address, **(STILL | more))
        self.context.add_init_script(
            "document.addEventListener('securitypolicyviolation',"
            " e => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))"
        )
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", self._missed)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.location.get('url')}: {message.text}")

    def _missed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # left before it had come
            self.complaints.append(f"not loaded: {request.url}: {request.failure}")

    def sign_in(self, email: str) -> Page:
        """Sign in by keyboard alone."""
        self.page.goto("/sign-in")
        self.page.get_by_label("E-mail address").focus()
        self.page.keyboard.type(email)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/")
        return self.page

    def close(self) -> None:
        """Close it; nothing may have been complained about."""
        self.context.close()
        assert not self.complaints, self.complaints


def faults(page: Page) -> list[dict[str, Any]]:
    """What axe finds wrong with the present page. That it tells nothing of what is right saves half of its time."""
    found: list[dict[str, Any]] = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return found


@contextmanager
def window(chromium: Chromium, address: str, **more: Any) -> Iterator[Window]:
    """A window for one person."""
    opened = Window(chromium, address, **more)
    yield opened
    opened.close()
