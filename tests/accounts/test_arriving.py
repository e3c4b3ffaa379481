"""Registering, confirming, signing in, a new password: the way in, and what it does not tell to strangers."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask_security.utils import hash_data
from sqlalchemy import func, select, update

from grants.accounts import forms, rules, security
from grants.accounts.models import FailedSignIn, Person, Session
from grants.core.db import db
from grants.core.mail import OutboxMail
from tests import factories
from tests.http import Browser, Page

PASSWORD = "seven quiet rivers"


def mails_to(address: str) -> list[OutboxMail]:
    found = select(OutboxMail).where(OutboxMail.to_address == address).order_by(OutboxMail.id)
    return list(db.session.scalars(found))


def link_in(mail: OutboxMail) -> str:
    """The path of the one link of a mail."""
    links = re.findall(r"^https?://[^/\s]+(/\S+)$", mail.body or "", re.MULTILINE)
    assert len(links) == 1, mail.body
    return str(links[0])


def register(browser: Browser, email: str = "amina@example.org", **more: Any) -> None:
    values = {"name": "Amina Diallo", "email": email, "password": PASSWORD, "password_confirm": PASSWORD}
    browser.post("/register", values | more, page="/register", status=302)


def without_secrets(page: str) -> str:
    """A page without what differs at every request."""
    return re.sub(r'(nonce|value)="[^"]*"', r'\1=""', page)


def test_a_visitor_registers_confirms_and_is_led_to_the_first_step(browser: Browser) -> None:
    register(browser)
    assert browser.last is not None
    assert browser.last.headers["Location"] == "/registered"
    assert "amina@example.org" in browser.follow().get_data(as_text=True)
    (mail,) = mails_to("amina@example.org")
    assert mail.kind == "account_welcome"
    link = link_in(mail)
    browser.get(link)
    browser.post(link, status=302)
    assert "Welcome, Amina Diallo" in browser.follow().get_data(as_text=True)
    browser.get("/account")


def test_opening_the_link_alone_confirms_nothing(browser: Browser) -> None:
    register(browser)
    link = link_in(mails_to("amina@example.org")[0])
    for _ in range(3):
        browser.get(link)
    assert db.session.scalar(select(Person.confirmed_at).where(Person.email == "amina@example.org")) is None


def test_the_library_s_own_confirmation_link_leads_to_our_page(browser: Browser) -> None:
    register(browser)
    token = link_in(mails_to("amina@example.org")[0]).rpartition("/")[2]
    browser.get(f"/confirm/{token}", status=302)
    assert db.session.scalar(select(Person.confirmed_at).where(Person.email == "amina@example.org")) is None
    assert browser.last is not None
    assert browser.last.headers["Location"] == f"/confirm-address/{token}"


def test_a_confirmation_link_works_once_and_a_broken_one_never(browser: Browser, app: Flask) -> None:
    register(browser)
    link = link_in(mails_to("amina@example.org")[0])
    browser.get(link)
    browser.post(link, status=302)
    stranger = Browser(app)
    stranger.get(link, status=404)
    stranger.post(link, page="/sign-in", status=404)
    stranger.get("/account", status=302)
    stranger.get("/confirm-address/nonsense", status=404)


def test_before_confirming_nobody_signs_in_but_is_told_why(browser: Browser) -> None:
    register(browser)
    page = browser.post("/sign-in", {"email": "amina@example.org", "password": PASSWORD}, page="/sign-in", status=200)
    assert "Please confirm your e-mail address first" in page.get_data(as_text=True)
    assert "/confirm?email=amina" in browser.text
    browser.get("/account", status=302)


def test_signing_in_and_out(browser: Browser) -> None:
    somebody = factories.person()
    browser.sign_in(somebody)
    browser.get("/account")
    browser.post("/sign-out", status=302)
    browser.get("/account", status=302)


def test_an_address_is_found_whatever_its_case(browser: Browser) -> None:
    somebody = factories.person(email="Amina@Example.org")
    browser.sign_in("AMINA@example.ORG")
    browser.get("/account")
    assert somebody.email in browser.text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"email": "not an address"}, "This does not look like an e-mail address."),
        ({"email": ""}, "Please give your e-mail address."),
        ({"name": " "}, "Please tell us your name."),
        ({"password": "short", "password_confirm": "short"}, "The password needs at least 10 characters."),
        ({"password_confirm": "another thing"}, "The two passwords are not the same."),
    ],
)
def test_a_form_that_needs_mending_says_what_and_links_to_it(
    browser: Browser, values: dict[str, str], said: str
) -> None:
    good = {"name": "Amina", "email": "a@example.org", "password": PASSWORD, "password_confirm": PASSWORD}
    browser.post("/register", good | values, page="/register", status=200)
    field = next(iter(values)) if len(values) == 1 else "password"
    assert said in browser.text
    assert f'<a href="#{field}">' in browser.text
    assert re.search(rf'id="{field}"[^>]*aria-invalid="true"|aria-invalid="true"[^>]*id="{field}"', browser.text)
    assert not mails_to("a@example.org")


# ------------------------------------------------------------------ what strangers learn


def test_registering_an_address_that_exists_looks_the_same(app: Flask) -> None:
    factories.person(email="known@example.org")
    known, unknown = Browser(app), Browser(app)
    register(known, "known@example.org")
    register(unknown, "other@example.org")
    assert known.last is not None
    assert unknown.last is not None
    assert known.last.headers["Location"] == unknown.last.headers["Location"]
    seen = [without_secrets(b.follow().get_data(as_text=True)) for b in (known, unknown)]
    assert seen[0].replace("known@", "other@") == seen[1]
    assert [m.kind for m in mails_to("known@example.org")] == ["account_exists"]


def test_asking_for_a_new_password_says_the_same_for_a_stranger(app: Flask) -> None:
    factories.person(email="known@example.org")
    pages = []
    for address in ("known@example.org", "other@example.org"):
        visitor = Browser(app)
        visitor.post("/reset-password", {"email": address}, page="/reset-password", status=200)
        pages.append(without_secrets(visitor.text).replace(address, ""))
    assert pages[0] == pages[1]
    assert len(mails_to("known@example.org")) == 1
    assert not mails_to("other@example.org")


def test_asking_for_the_confirmation_again_says_the_same_for_a_stranger(app: Flask) -> None:
    factories.person(email="known@example.org", confirmed_at=None)
    factories.person(email="confirmed@example.org")
    pages = []
    for address in ("known@example.org", "confirmed@example.org", "other@example.org"):
        visitor = Browser(app)
        visitor.post("/confirm", {"email": address}, page="/confirm", status=200)
        pages.append(without_secrets(visitor.text).replace(address, ""))
    assert len(set(pages)) == 1
    assert [m.kind for m in mails_to("known@example.org")] == ["account_confirm"]
    assert not mails_to("confirmed@example.org")


def test_a_wrong_password_and_an_unknown_address_look_the_same_and_cost_the_same(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.person(email="known@example.org")
    hashed = []
    real = __import__("flask_security.forms", fromlist=["hash_password"]).hash_password
    monkeypatch.setattr("flask_security.forms.hash_password", lambda p: hashed.append(p) or real(p))
    pages = []
    for address in ("known@example.org", "other@example.org"):
        visitor = Browser(app)
        visitor.post("/sign-in", {"email": address, "password": "wrong wrong"}, page="/sign-in", status=200)
        pages.append(without_secrets(visitor.text).replace(address, ""))
    assert pages[0] == pages[1]
    assert hashed == ["wrong wrong"], "a stranger's password is hashed too, so that the answer takes as long"


def test_a_closed_account_gets_no_mail_and_cannot_sign_in(browser: Browser) -> None:
    closed = factories.person(email="gone@example.org", active=False)
    browser.post("/reset-password", {"email": closed.email}, page="/reset-password", status=200)
    assert not mails_to(closed.email)
    browser.post("/sign-in", {"email": closed.email, "password": factories.PASSWORD}, page="/sign-in", status=200)
    assert "This account is closed" in browser.text
    browser.get("/account", status=302)


# ------------------------------------------------------------------ guessing and flooding


def test_after_eight_wrong_passwords_even_the_right_one_has_to_wait(browser: Browser) -> None:
    somebody = factories.person(email="guessed@example.org")
    for _ in range(forms.TRIES):
        browser.post("/sign-in", {"email": "Guessed@example.org", "password": "wrong wrong"}, page="/sign-in")
    browser.post("/sign-in", {"email": somebody.email, "password": factories.PASSWORD}, page="/sign-in", status=200)
    assert "too many attempts" in browser.text
    db.session.execute(update(FailedSignIn).values(at=func.clock_timestamp() - rules.PATIENCE))
    db.session.commit()
    browser.sign_in(somebody)


def test_an_unknown_address_is_counted_too_and_no_address_is_stored(browser: Browser) -> None:
    for _ in range(forms.TRIES + 1):
        browser.post("/sign-in", {"email": "nobody@example.org", "password": "wrong wrong"}, page="/sign-in")
    assert "too many attempts" in browser.text
    kept = db.session.scalars(select(FailedSignIn.email_hash)).all()
    assert len(kept) == forms.TRIES
    assert "nobody" not in " ".join(kept)


def test_a_new_password_ends_the_waiting(browser: Browser) -> None:
    somebody = factories.person(email="guessed@example.org")
    for _ in range(forms.TRIES):
        browser.post("/sign-in", {"email": somebody.email, "password": "wrong wrong"}, page="/sign-in")
    reset(browser, somebody.email)
    browser.sign_in(somebody.email, PASSWORD)


def test_nobody_s_mailbox_is_filled(browser: Browser) -> None:
    somebody = factories.person(email="flooded@example.org")
    for _ in range(security.MAILS_AN_HOUR + 3):
        browser.post("/reset-password", {"email": somebody.email}, page="/reset-password", status=200)
    assert len(mails_to(somebody.email)) == security.MAILS_AN_HOUR


# ------------------------------------------------------------------ a new password


def reset(browser: Browser, address: str, password: str = PASSWORD) -> str:
    browser.post("/reset-password", {"email": address}, page="/reset-password", status=200)
    link = link_in(mails_to(address)[-1])
    browser.get(link)
    browser.post(link, {"password": password, "password_confirm": password}, status=302)
    return link


def test_a_new_password_ends_every_session_and_sends_a_notice(app: Flask) -> None:
    somebody = factories.person()
    at_home, at_work = Browser(app).sign_in(somebody), Browser(app).sign_in(somebody)
    reset(at_home, somebody.email)
    for browser in (at_home, at_work):
        browser.get("/account", status=302)
    assert [m.kind for m in mails_to(somebody.email)] == ["account_reset", "account_password_changed"]
    at_home.post("/sign-in", {"email": somebody.email, "password": factories.PASSWORD}, page="/sign-in", status=200)
    at_home.sign_in(somebody.email, PASSWORD)


def test_a_link_to_a_new_password_is_good_once_and_kills_the_others(browser: Browser) -> None:
    somebody = factories.person()
    browser.post("/reset-password", {"email": somebody.email}, page="/reset-password", status=200)
    earlier = link_in(mails_to(somebody.email)[0])
    used = reset(browser, somebody.email)
    for link in (used, earlier):
        browser.get(link, status=302)
        browser.post(
            link, {"password": "third password", "password_confirm": "third password"}, page="/sign-in", status=302
        )
    browser.sign_in(somebody.email, PASSWORD)


def test_a_link_to_a_new_password_dies_after_two_hours(browser: Browser, app: Flask) -> None:
    somebody = factories.person()
    browser.post("/reset-password", {"email": somebody.email}, page="/reset-password", status=200)
    link = link_in(mails_to(somebody.email)[0])
    before = app.config["SECURITY_RESET_PASSWORD_WITHIN"]
    assert before == timedelta(hours=2)
    app.config["SECURITY_RESET_PASSWORD_WITHIN"] = timedelta(seconds=-5)
    try:
        browser.get(link, status=302)
        assert "is over" in browser.follow().get_data(as_text=True)
    finally:
        app.config["SECURITY_RESET_PASSWORD_WITHIN"] = before


def test_no_link_is_sealed_with_a_slow_hash(app: Flask) -> None:
    """What stands in it is a slow hash or an address already; a link of mail must not cost a quarter of a second."""
    with app.test_request_context():
        began = time.process_time()
        for _ in range(20):
            hash_data("$argon2id$v=19$m=65536,t=3,p=4$salt$digest")
        assert time.process_time() - began < 0.2


def test_whoever_was_entered_by_others_gets_in_by_asking_for_a_password(browser: Browser) -> None:
    reviewer = factories.person(password=None, confirmed_at=None)
    reset(browser, reviewer.email)
    browser.sign_in(reviewer.email, PASSWORD)
    browser.get("/account")


def test_changing_the_password_asks_for_the_present_one_and_ends_the_other_sessions(app: Flask) -> None:
    somebody = factories.person()
    here, elsewhere = Browser(app).sign_in(somebody), Browser(app).sign_in(somebody)
    new = {"new_password": PASSWORD, "new_password_confirm": PASSWORD}
    here.post("/change-password", {"password": "not mine at all"} | new, page="/change-password", status=200)
    assert "This is not your present password." in here.text
    elsewhere.get("/account")
    here.post("/change-password", {"password": factories.PASSWORD} | new, page="/change-password", status=302)
    assert "Everywhere else you are signed out" in here.follow().get_data(as_text=True)
    elsewhere.get("/account", status=302)
    assert [m.kind for m in mails_to(somebody.email)] == ["account_password_changed"]


# ------------------------------------------------------------------ where to afterwards


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        r"\\evil.example",
        r"/\evil.example",
        "/\t/evil.example",
        " //evil.example",
        "/\n//evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "http://localhost:1@evil.example/",
        "\u200a//evil.example",
    ],
)
def test_signing_in_never_leads_to_another_site(app: Flask, elsewhere: str) -> None:
    somebody = factories.person()
    visitor = Browser(app)
    visitor.get("/sign-in", query_string={"next": elsewhere})
    assert not [f for f in Page(visitor.text).forms if f["action"] == "/sign-in" and f["fields"].get("next")]
    answer = visitor.post(
        "/sign-in",
        {"email": somebody.email, "password": factories.PASSWORD, "next": elsewhere},
        query_string={"next": elsewhere},
    )
    assert answer.headers["Location"] == "/"
    answer = visitor.get("/sign-in", status=302, query_string={"next": elsewhere})
    assert answer.headers["Location"] == "/"
    answer = visitor.post("/language", {"language": "fr", "next": elsewhere}, page="/account")
    assert answer.headers["Location"] == "/"


def test_signing_in_leads_back_to_the_page_one_wanted(browser: Browser) -> None:
    somebody = factories.person()
    browser.get("/account?page=2", status=302)
    browser.follow()
    answer = browser.post(
        "/sign-in", {"email": somebody.email, "password": factories.PASSWORD, "next": "/account?page=2"}
    )
    assert answer.headers["Location"] == "/account?page=2"


# ------------------------------------------------------------------ doors that are shut


def test_the_library_s_tokens_and_json_answers_are_switched_off(browser: Browser) -> None:
    somebody = factories.person()
    browser.get("/sign-in")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.text)
    assert token
    answer = browser.client.post(
        "/sign-in?include_auth_token",
        json={"email": somebody.email, "password": factories.PASSWORD},
        headers={"X-CSRFToken": token.group(1), "Accept": "application/json"},
    )
    assert answer.status_code == 415
    with browser.app.test_request_context():
        auth_token = db.session.get(Person, somebody.id).get_auth_token()
    stranger = Browser(browser.app)
    stranger.get("/account", headers={"Authentication-Token": auth_token}, status=302)
    stranger.get("/account", query_string={"auth_token": auth_token}, status=302)


def test_demonstration_accounts_stay_outside_in_production(browser: Browser, app: Flask) -> None:
    somebody = factories.person(is_demonstration=True)
    browser.sign_in(somebody)
    browser.get("/account")
    app.config["PRODUCTION"] = True
    try:
        browser.get("/account", status=302)
        stranger = Browser(app)
        stranger.post(
            "/sign-in", {"email": somebody.email, "password": factories.PASSWORD}, page="/sign-in", status=200
        )
        assert "Demonstration accounts are closed here." in stranger.text
        stranger.get("/account", status=302)
    finally:
        app.config["PRODUCTION"] = False


def test_only_expected_fields_reach_a_new_account(browser: Browser) -> None:
    register(
        browser,
        active="",
        confirmed_at="2020-01-01",
        reference="STF-01",
        is_demonstration="y",
        fs_uniquifier="mine",
        role_grants="administrator",
        id="1",
    )
    made = db.session.scalar(select(Person).where(Person.email == "amina@example.org"))
    assert made is not None
    assert made.confirmed_at is None
    assert made.reference != "STF-01"
    assert made.fs_uniquifier != "mine"
    assert made.active
    assert not made.role_grants


def test_sessions_of_staff_last_a_day_and_others_two_weeks(app: Flask) -> None:
    Browser(app).sign_in(factories.person())
    Browser(app).sign_in(factories.person(factories.Role.FINANCE_OFFICER))
    lasts = db.session.scalars(select(Session.expires_at - Session.opened_at).order_by(Session.id)).all()
    assert lasts[0] > timedelta(days=13)
    assert lasts[1] <= timedelta(hours=12, minutes=1)


def test_no_cookie_outlives_the_session(browser: Browser) -> None:
    somebody = factories.person()
    browser.get("/sign-in")
    browser.post("/sign-in", {"email": somebody.email, "password": factories.PASSWORD, "remember": "y"}, status=302)
    assert browser.last is not None
    cookies = browser.last.headers.getlist("Set-Cookie")
    assert [c.split("=")[0] for c in cookies] == ["session"]
    assert all("HttpOnly" in c and "SameSite=Lax" in c for c in cookies)
