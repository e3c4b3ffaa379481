"""Every answer carries the protecting headers, whatever its status; and no request decides where our links lead."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from config import MEGABYTE, Config
from grants.accounts.models import Role
from grants.app import create_app
from grants.core import web
from grants.core.db import db
from grants.core.mail import OutboxMail
from grants.core.rules import Obstacle, Refused
from tests import factories
from tests.conftest import settings
from tests.http import Browser, begin_request

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
EVIL = "evil.example"


def check_headers(answer: TestResponse, *, kept_by_browsers: bool = False) -> None:
    for name, value in ALWAYS.items():
        assert answer.headers.getlist(name) == [value], name
    policy = answer.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy
    for weak in ("unsafe", "*", "http:", "https:"):
        assert weak not in policy
    assert answer.headers["Permissions-Policy"]
    expected = "public, max-age=31536000, immutable" if kept_by_browsers else "no-store, private"
    assert answer.headers.getlist("Cache-Control") == [expected]


TOO_MUCH = {"data": b"x" * (13 * MEGABYTE), "content_type": "application/octet-stream"}


@pytest.mark.parametrize(
    ("status", "method", "path", "more"),
    [
        pytest.param(200, "GET", "/sign-in", {}, id="a page"),
        pytest.param(200, "HEAD", "/sign-in", {}, id="a page without its body"),
        pytest.param(200, "OPTIONS", "/sign-in", {}, id="what may be asked"),
        pytest.param(200, "GET", "/health/live", {}, id="health"),
        pytest.param(200, "GET", "/static/css/pilot.css", {}, id="a file without its version"),
        pytest.param(302, "GET", "/account", {}, id="a redirect"),
        pytest.param(400, "POST", "/sign-in", {}, id="no token"),
        pytest.param(400, "GET", "/sign-in", {"headers": {"Host": EVIL}}, id="another host"),
        pytest.param(404, "GET", "/nothing/here", {}, id="no such page"),
        pytest.param(404, "GET", "/static/css/none.css", {}, id="no such file"),
        pytest.param(404, "GET", "/static/../config.py", {}, id="a way out of the folder"),
        pytest.param(405, "DELETE", "/sign-in", {}, id="another method"),
        pytest.param(413, "POST", "/sign-in", TOO_MUCH, id="too much"),
    ],
)
def test_every_kind_of_answer_carries_the_headers(
    app: Flask, status: int, method: str, path: str, more: dict[str, Any]
) -> None:
    answer = app.test_client().open(path, method=method, **more)
    assert answer.status_code == status
    check_headers(answer)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, RuntimeError("CANARY")),
        (409, Refused(Obstacle("some_reason", "A reason."))),
    ],
)
def test_answers_to_errors_carry_the_headers_and_tell_no_insides(
    app: Flask, monkeypatch: pytest.MonkeyPatch, status: int, error: Exception
) -> None:
    def fails() -> None:
        raise error

    fails.access = app.view_functions["health.live"].access  # type: ignore[attr-defined]
    monkeypatch.setitem(app.view_functions, "health.live", fails)
    answer = app.test_client().get("/health/live")
    assert answer.status_code == status
    check_headers(answer)
    assert "CANARY" not in answer.get_data(as_text=True)
    assert "Traceback" not in answer.get_data(as_text=True)


def test_answers_to_people_who_signed_in_are_kept_by_nobody(browser: Browser) -> None:
    browser.sign_in(factories.person())
    for path, status in (("/account", 200), ("/people", 403), ("/organizations/ORG-NONE", 404)):
        check_headers(browser.get(path, status))
    check_headers(browser.post("/account", {"name": ""}, page="/account", status=422))
    check_headers(browser.post("/account/sessions/end-others", page="/account", status=302))
    browser.client.delete_cookie("session")
    check_headers(browser.post("/account", {"name": "A"}, status=401))


def test_only_a_file_asked_for_by_its_version_is_kept_by_browsers(app: Flask) -> None:
    visitor = app.test_client()
    page = visitor.get("/sign-in").get_data(as_text=True)
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+\?v=[0-9a-f]+)"', page)
    assert addresses
    for address in addresses:
        check_headers(visitor.get(address), kept_by_browsers=True)
    check_headers(visitor.get("/static/css/none.css?v=1"))


def test_every_page_has_its_own_nonce_and_every_script_carries_it(app: Flask) -> None:
    visitor, seen = app.test_client(), set()
    for method in ("GET", "GET", "POST"):
        answer = visitor.open("/sign-in", method=method)
        nonce = re.search(r"'nonce-([^']{16,})'", answer.headers["Content-Security-Policy"])
        assert nonce
        scripts = re.findall(r"<script[^>]*>", answer.get_data(as_text=True))
        assert scripts
        assert all(f'nonce="{nonce.group(1)}"' in script for script in scripts)
        seen.add(nonce.group(1))
    assert len(seen) == 3


def test_a_page_that_was_compressed_tells_caches_so(app: Flask) -> None:
    answer = app.test_client().get("/sign-in", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    check_headers(answer)


# ------------------------------------------------------------------ over https


@pytest.fixture
def secure(running: Config, tmp_path: Path) -> Iterator[Flask]:
    config = replace(running, base_url="https://fund.example.org", trusted_hosts=("fund.example.org",))
    made = create_app(settings(config, tmp_path))
    yield made
    with made.app_context():
        db.engine.dispose()


def test_over_https_browsers_are_told_to_stay_there_and_the_cookie_too(secure: Flask) -> None:
    answer = secure.test_client().get("/sign-in", base_url="https://fund.example.org")
    check_headers(answer)
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-session=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


# ------------------------------------------------------------------ the host is ours to say


@pytest.mark.parametrize(
    "host", [EVIL, f"localhost.{EVIL}", f"{EVIL}:80", "localhost@evil.example", "", "evil.example#"]
)
@pytest.mark.parametrize("path", ["/", "/sign-in", "/reset-password", "/nothing", "/static/css/pilot.css"])
def test_a_host_that_is_not_ours_gets_nothing(app: Flask, host: str, path: str) -> None:
    answer = app.test_client().get(path, headers={"Host": host})
    assert answer.status_code == 400
    check_headers(answer)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": EVIL},
        {"X-Forwarded-Server": EVIL, "X-Host": EVIL},
        {"Forwarded": f"host={EVIL};proto=https"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Port": "666", "X-Forwarded-Prefix": f"//{EVIL}"},
        {"X-Original-URL": f"https://{EVIL}/", "X-Rewrite-URL": f"https://{EVIL}/"},
        {"Origin": f"https://{EVIL}", "Referer": f"https://{EVIL}/"},
    ],
)
def test_what_a_request_claims_about_the_host_never_reaches_a_mail_or_a_redirect(
    browser: Browser, headers: dict[str, str]
) -> None:
    owner = factories.person(email="owner@example.org")
    factories.person(email="waiting@example.org", confirmed_at=None)
    org = factories.organization(owner)
    secret = {"password": "seven quiet rivers", "password_confirm": "seven quiet rivers"}
    for path, typed in (
        ("/register", {"name": "New", "email": "new@example.org"} | secret),
        ("/register", {"name": "Known", "email": owner.email} | secret),
        ("/reset-password", {"email": owner.email}),
        ("/confirm", {"email": "waiting@example.org"}),
    ):
        answer = browser.post(path, typed, page=path, headers=headers)
        assert answer.status_code in (200, 302)
        assert EVIL not in answer.headers.get("Location", "") + browser.text
    browser.sign_in(owner)
    page = f"/organizations/{org.reference}"
    browser.post(f"{page}/invitations", {"email": "x@example.org", "role": "editor"}, page=page, headers=headers)
    mails = db.session.scalars(select(OutboxMail)).all()
    assert {m.kind for m in mails} == {
        "account_welcome",
        "account_exists",
        "account_reset",
        "account_confirm",
        "account_invited",
    }
    for mail in mails:
        assert EVIL not in f"{mail.subject} {mail.body}"
        links = re.findall(r"https?://\S+", mail.body or "")
        assert links
        assert all(link.startswith("http://127.0.0.1:8000/") for link in links)


def test_mails_link_to_the_configured_address_whatever_host_was_asked(secure: Flask) -> None:
    with secure.test_request_context("/", base_url="https://fund.example.org"):
        link = secure.jinja_env.globals["link"]
        assert link("security.login") == "https://fund.example.org/sign-in"  # type: ignore[operator]


# ------------------------------------------------------------------ what the log tells


def test_the_log_holds_no_name_no_password_and_no_token(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    log = structlog.wrap_logger(structlog.PrintLogger(written), processors=structlog.get_config()["processors"])
    monkeypatch.setattr(web, "log", log)
    somebody = factories.person(Role.ADMINISTRATOR, name="CANARY Name", email="canary@example.org")
    browser.post("/sign-in", {"email": somebody.email, "password": "CANARY secret"}, page="/sign-in")
    browser.post("/reset-password", {"email": "canary@example.org"}, page="/reset-password")
    browser.get("/reset-password/CANARY-token", status=302)
    browser.get("/confirm-address/CANARY-token", status=404)
    browser.get("/invitations/CANARY-token", status=404)
    browser.sign_in("canary@example.org")

    def fails() -> None:
        db.session.execute(
            text("INSERT INTO person (reference, name) VALUES ('x', :name)"), {"name": "CANARY in a parameter"}
        )

    fails.access = browser.app.view_functions["accounts.welcome"].access  # type: ignore[attr-defined]
    monkeypatch.setitem(browser.app.view_functions, "accounts.welcome", fails)
    begin_request()
    answer = browser.client.get("/welcome")
    assert answer.status_code == 500
    check_headers(answer)
    told = written.getvalue()
    assert "unexpected_error" in told
    assert "[23502] INSERT INTO person" in told
    assert "canary" not in told.lower()
