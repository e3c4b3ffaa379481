"""Nothing typed is ever lost: a session or a form that ends in the middle gives the text back."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from grants.accounts.models import Organization, Session
from grants.core import web
from grants.core.db import db
from tests import factories
from tests.http import Browser

LONG = "Two paralegals at the border post.\n\n“Nobody else” <b>stays</b> & listens – 第三段 🌍\n" * 200


def profile(**more: Any) -> dict[str, Any]:
    """A form like that of an application: many fields, long text."""
    typed = {
        "name": "Réseau Migrantes",
        "country": "SN",
        "language": "fr",
        "legal_form": "association",
        "registered": "True",
        "mission": LONG[:900],
        "confidentiality_default": "name_withheld",
    }
    return typed | more


def end_sessions() -> None:
    db.session.execute(update(Session).values(ended_at=func.clock_timestamp()))
    db.session.commit()


def fields_of(page: str) -> dict[str, list[str]]:
    """What the button of the page sends, as a browser would."""
    form = re.search(r'<form method="post" action="(?!/language)[^"]*"[^>]*novalidate>(.*?)</form>', page, re.DOTALL)
    assert form, page
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form.group(1)):
        found.setdefault(name, []).append(html.unescape(value))
    for name, value in re.findall(r'<textarea name="([^"]+)" hidden>\n(.*?)</textarea>', form.group(1), re.DOTALL):
        found.setdefault(html.unescape(name), []).append(html.unescape(value).replace("\n", "\r\n"))
    return found


def action_of(page: str) -> str:
    found = re.search(r'<form method="post" action="((?!/language)[^"]*)"[^>]*novalidate>', page)
    assert found
    return html.unescape(found.group(1))


def test_a_form_sent_after_the_session_ended_comes_back_filled_and_arrives(browser: Browser) -> None:
    somebody = factories.person()
    browser.sign_in(somebody)
    browser.get("/organizations/new")
    end_sessions()
    browser.post("/organizations/new", profile(), status=401)
    assert "What you typed is kept" in browser.text
    kept = fields_of(browser.text)["kept"][0]
    browser.post("/sign-in", {"email": somebody.email, "password": "wrong wrong", "kept": kept}, status=200)
    assert "What you typed is kept" in browser.text
    kept = re.search(r'name="kept"[^>]*value="([^"]+)"', browser.text).group(1)  # type: ignore[union-attr]
    browser.post("/sign-in", {"email": somebody.email, "password": factories.PASSWORD, "kept": kept}, status=200)
    assert "Nothing is lost" in browser.text
    assert action_of(browser.text) == "/organizations/new"
    again = fields_of(browser.text)
    assert {
        name: values[0].replace("\r\n", "\n") for name, values in again.items() if name != "csrf_token"
    } == profile()
    browser.post("/organizations/new", {k: v for k, v in again.items() if k != "csrf_token"}, status=302)
    made = db.session.scalar(select(Organization).where(Organization.name == "Réseau Migrantes"))
    assert made is not None
    assert made.mission["fr"] == LONG[:900].strip()


def test_a_cookie_that_was_lost_altogether_loses_no_text_either(browser: Browser) -> None:
    somebody = factories.person()
    browser.sign_in(somebody)
    browser.get("/organizations/new")
    browser.client.delete_cookie("session")
    browser.post("/organizations/new", profile(), status=401)
    kept = fields_of(browser.text)["kept"][0]
    browser.post("/sign-in", {"email": somebody.email, "password": factories.PASSWORD, "kept": kept}, status=200)
    assert fields_of(browser.text)["mission"][0].replace("\r\n", "\n") == LONG[:900]


def test_an_expired_form_of_somebody_still_signed_in_is_sent_again_with_one_click(browser: Browser) -> None:
    browser.sign_in(factories.person())
    browser.get("/organizations/new")
    browser.post("/organizations/new", profile(csrf_token="of yesterday"), status=400)
    assert "Nothing is lost" in browser.text
    again = {k: v for k, v in fields_of(browser.text).items() if k != "csrf_token"}
    browser.post(action_of(browser.text), again, status=302)
    assert db.session.scalar(select(func.count()).select_from(Organization)) == 1


def test_a_sign_in_page_that_itself_had_expired_still_carries_the_text(browser: Browser) -> None:
    somebody = factories.person()
    browser.sign_in(somebody)
    browser.get("/organizations/new")
    end_sessions()
    browser.post("/organizations/new", profile(), status=401)
    kept = fields_of(browser.text)["kept"][0]
    credentials = {"email": somebody.email, "password": factories.PASSWORD, "kept": kept}
    browser.post("/sign-in", credentials | {"csrf_token": "of yesterday"}, status=401)
    assert fields_of(browser.text)["kept"][0] == kept
    browser.post("/sign-in", credentials, status=200)
    assert action_of(browser.text) == "/organizations/new"


def test_who_signed_in_elsewhere_meanwhile_gets_the_text_too(browser: Browser) -> None:
    somebody = factories.person()
    browser.sign_in(somebody)
    browser.get("/organizations/new")
    end_sessions()
    browser.post("/organizations/new", profile(), status=401)
    kept = fields_of(browser.text)["kept"][0]
    browser.sign_in(somebody)
    browser.post(
        "/sign-in", {"email": somebody.email, "password": factories.PASSWORD, "kept": kept}, page="/account", status=200
    )
    assert action_of(browser.text) == "/organizations/new"


def test_the_page_that_gives_the_text_back_shows_it_and_runs_none_of_it(browser: Browser) -> None:
    browser.sign_in(factories.person())
    browser.get("/organizations/new")
    nasty = "</textarea><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    browser.post("/organizations/new", profile(name=nasty, csrf_token="old"), status=400)
    assert "<script>alert" not in browser.text
    assert "<img" not in browser.text
    assert fields_of(browser.text)["name"] == [nasty]


def test_passwords_are_never_kept(browser: Browser) -> None:
    browser.get("/register")
    typed = {"name": "Amina", "email": "a@example.org", "password": "seven quiet rivers", "csrf_token": "old"}
    browser.post("/register", typed | {"password_confirm": "seven quiet rivers"}, status=400)
    assert "seven quiet rivers" not in browser.text
    assert 'name="password" type="password"' in browser.text
    assert fields_of(browser.text)["email"] == ["a@example.org"]
    with browser.app.test_request_context(
        "/register", method="POST", data=typed, headers={"Origin": "http://localhost"}
    ):
        sealed = web.kept_text()
        assert sealed is not None
        kept = web.open_kept_text(sealed)
        assert kept is not None
        assert "rivers" not in str(kept)
        assert kept["secrets"] == ["password"]


def test_a_file_is_asked_for_again_because_it_cannot_be_kept(browser: Browser) -> None:
    browser.sign_in(factories.person())
    typed = profile(csrf_token="old", certificate=(io.BytesIO(b"%PDF"), "certificate.pdf"))
    browser.post("/organizations/new", typed, page="/organizations/new", status=400)
    assert "Please choose the file again: certificate.pdf" in browser.text
    assert 'enctype="multipart/form-data"' in browser.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "null"},
        {"Referer": "https://evil.example/http://localhost/"},
        {},
        {"Origin": "https://evil.example", "Referer": "http://localhost/organizations/new"},
    ],
)
def test_a_form_on_another_site_does_not_get_itself_repeated(browser: Browser, headers: dict[str, str]) -> None:
    browser.sign_in(factories.person())
    browser.get("/organizations/new")
    browser.post("/organizations/new", profile(csrf_token="forged"), headers=headers, status=400)
    assert "Réseau" not in browser.text
    assert "This page had expired" in browser.text
    end_sessions()
    browser.post("/organizations/new", profile(), headers=headers)
    assert "Réseau" not in browser.text
    assert 'name="kept"' not in browser.text


def test_a_browser_that_only_tells_the_page_it_comes_from_is_believed(browser: Browser) -> None:
    browser.sign_in(factories.person())
    browser.get("/organizations/new")
    headers = {"Referer": "http://localhost/organizations/new"}
    browser.post("/organizations/new", profile(csrf_token="old"), headers=headers, status=400)
    assert "Nothing is lost" in browser.text


def test_sealed_text_that_was_changed_is_worth_nothing(browser: Browser) -> None:
    somebody = factories.person()
    browser.sign_in(somebody)
    browser.get("/organizations/new")
    end_sessions()
    browser.post("/organizations/new", profile(), status=401)
    kept = fields_of(browser.text)["kept"][0]
    changed = kept[:40] + ("A" if kept[40] != "A" else "B") + kept[41:]
    answer = browser.post("/sign-in", {"email": somebody.email, "password": factories.PASSWORD, "kept": changed})
    assert answer.status_code == 302


def test_signing_out_and_choosing_a_language_ask_for_one_more_click_when_they_had_expired(browser: Browser) -> None:
    browser.sign_in(factories.person())
    browser.get("/account")
    browser.post("/sign-out", {"csrf_token": "old"}, status=400)
    browser.post("/sign-out", status=302)
    browser.post("/language", {"csrf_token": "old", "language": "fr"}, status=400)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.tuples(st.text(min_size=1, max_size=30), st.text(max_size=300)), max_size=8))
def test_any_text_comes_back_letter_by_letter(app: Flask, values: list[tuple[str, str]]) -> None:
    typed = [
        (n, v.encode("utf-8", "ignore").decode())
        for n, v in values
        if n.isprintable() and "password" not in n.lower() and n not in ("csrf_token", "kept")
    ]
    data: dict[str, list[str]] = {}
    for name, value in typed:
        data.setdefault(name, []).append(value)
    with app.test_request_context(
        "/organizations/new?a=1", method="POST", data=data, headers={"Origin": "http://localhost"}
    ):
        sealed = web.kept_text()
        assert sealed is not None
        kept = web.open_kept_text(sealed)
    assert kept is not None
    assert kept["path"] == "/organizations/new?a=1"
    back: dict[str, list[str]] = {}
    for name, value in kept["typed"]:
        back.setdefault(name, []).append(value)
    assert back == data
