"""Sessions live on the server: a copied cookie is worth what the row behind it is worth."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from grants.accounts import actions
from grants.accounts.models import FailedSignIn, Person, Role, RoleGrant, Session
from grants.accounts.rules import PATIENCE, SESSION_REMEMBERED
from grants.core import clock
from grants.core.db import db
from grants.core.jobs import SCHEDULE
from tests import factories
from tests.http import Browser


def copy_of(browser: Browser) -> Browser:
    """Somebody who stole the cookies of a browser."""
    thief = Browser(browser.app)
    cookie = browser.client.get_cookie("session")
    assert cookie is not None
    thief.client.set_cookie("session", cookie.value)
    return thief


@pytest.fixture
def victim(app: Flask) -> tuple[Person, Browser, Browser]:
    somebody = factories.person(Role.FINANCE_OFFICER)
    browser = Browser(app).sign_in(somebody)
    thief = copy_of(browser)
    thief.get("/account")
    return somebody, browser, thief


def test_a_copied_cookie_is_worthless_after_signing_out(victim: tuple[Person, Browser, Browser]) -> None:
    _, browser, thief = victim
    browser.get("/account")
    browser.post("/sign-out", status=302)
    thief.get("/account", status=302)


def test_a_copied_cookie_is_worthless_after_a_new_password(victim: tuple[Person, Browser, Browser]) -> None:
    _, browser, thief = victim
    new = {"new_password": "seven quiet rivers", "new_password_confirm": "seven quiet rivers"}
    browser.post("/change-password", {"password": factories.PASSWORD} | new, page="/change-password", status=302)
    thief.get("/account", status=302)
    browser.get("/account")


def test_a_copied_cookie_is_worthless_after_a_role_is_taken_back(victim: tuple[Person, Browser, Browser]) -> None:
    somebody, browser, thief = victim
    administrator = factories.person(Role.ADMINISTRATOR)
    granted = db.session.scalar(select(RoleGrant).where(RoleGrant.person_id == somebody.id))
    assert granted is not None
    actions.revoke_role(granted, by=administrator)
    for visitor in (browser, thief):
        visitor.get("/account", status=302)


def test_a_copied_cookie_is_worthless_after_the_account_is_closed(
    victim: tuple[Person, Browser, Browser], app: Flask
) -> None:
    somebody, browser, thief = victim
    administrator = factories.person(Role.ADMINISTRATOR)
    admin = Browser(app).sign_in(administrator)
    admin.post(f"/people/{somebody.reference}/close", {"confirmed": "yes"}, page=f"/people/{somebody.reference}")
    for visitor in (browser, thief):
        visitor.get("/account", status=302)


def test_a_copied_cookie_is_worthless_when_its_time_is_over(victim: tuple[Person, Browser, Browser]) -> None:
    _, browser, thief = victim
    db.session.execute(update(Session).values(expires_at=func.clock_timestamp() - timedelta(seconds=1)))
    for visitor in (browser, thief):
        visitor.get("/account", status=302)


def test_one_session_and_all_others_can_be_ended_from_the_account_page(app: Flask) -> None:
    somebody = factories.person()
    here, phone, library = (Browser(app).sign_in(somebody) for _ in range(3))
    first = db.session.scalars(select(Session.id).order_by(Session.id)).all()[1]
    here.get("/account")
    assert here.text.count("End this session") == 2
    here.post(f"/account/sessions/{first}/end", status=302)
    phone.get("/account", status=302)
    library.get("/account")
    here.post("/account/sessions/end-others", page="/account", status=302)
    library.get("/account", status=302)
    here.get("/account")


def test_nobody_ends_the_session_of_another(app: Flask) -> None:
    other = Browser(app).sign_in(factories.person())
    theirs = db.session.scalar(select(func.max(Session.id)))
    me = Browser(app).sign_in(factories.person())
    me.post(f"/account/sessions/{theirs}/end", page="/account", status=404)
    other.get("/account")


def test_a_planted_cookie_is_not_the_one_that_gets_signed_in(app: Flask) -> None:
    somebody = factories.person()
    browser = Browser(app)
    browser.get("/sign-in")
    planted = copy_of(browser)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.text)
    assert token
    browser.sign_in(somebody)
    planted.get("/account", status=302)
    answer = browser.client.post("/account", data={"csrf_token": token.group(1), "name": "Mallory"})
    assert answer.status_code == 400, "the token of the time before signing in is no longer good"


def test_signing_in_again_ends_the_session_before(app: Flask) -> None:
    somebody = factories.person()
    browser = Browser(app).sign_in(somebody)
    before = copy_of(browser)
    browser.post(
        "/change-password",
        {
            "password": factories.PASSWORD,
            "new_password": "seven quiet rivers",
            "new_password_confirm": "seven quiet rivers",
        },
        page="/change-password",
        status=302,
    )
    before.get("/account", status=302)
    assert db.session.scalar(select(func.count()).where(Session.ended_at.is_(None))) == 1


def test_the_database_knows_no_key_that_opens_a_session(app: Flask) -> None:
    browser = Browser(app).sign_in(factories.person())
    with browser.client.session_transaction() as cookie:
        key = cookie["sid"]
    assert key not in db.session.scalars(select(Session.key_hash)).all()


def test_sessions_long_over_and_wrong_passwords_that_no_longer_count_are_cleared(app: Flask) -> None:
    somebody, now = factories.person(), clock.now()
    day, second = timedelta(days=1), timedelta(seconds=1)
    long_ago = now - SESSION_REMEMBERED
    kept = {
        "open": (now + day, None),
        "over": (long_ago + second, None),
        "ended": (now + day, long_ago + second),
    }
    cleared = {
        "over": (long_ago - second, None),
        "ended": (now + day, long_ago - second),
        "ended and over": (long_ago - second, long_ago - day),
    }
    for place, sessions in (("kept", kept), ("cleared", cleared)):
        for name, (expires_at, ended_at) in sessions.items():
            key = f"{place} {name}"
            factories.save(Session(key_hash=key, person_id=somebody.id, expires_at=expires_at, ended_at=ended_at))
    for name, at in (("kept", now - PATIENCE + second), ("cleared", now - PATIENCE - second)):
        factories.save(FailedSignIn(email_hash=name, at=at))
    db.session.commit()
    assert actions.clear_old_sign_ins(now) == (3, 1)
    assert set(db.session.scalars(select(Session.key_hash))) == {f"kept {name}" for name in kept}
    assert db.session.scalars(select(FailedSignIn.email_hash)).all() == ["kept"]


def test_beat_clears_old_sign_ins_every_hour(live: Flask) -> None:
    assert SCHEDULE["accounts.clear_old_sign_ins"]["schedule"] == timedelta(hours=1)
    db.session.add(FailedSignIn(email_hash="old", at=clock.now() - timedelta(hours=1)))
    db.session.commit()
    live.extensions["celery"].tasks["accounts.clear_old_sign_ins"]()
    db.session.rollback()
    assert db.session.scalars(select(FailedSignIn)).all() == []


def test_signing_in_without_the_token_of_the_form_is_refused(app: Flask) -> None:
    somebody = factories.person()
    answer = app.test_client().post("/sign-in", data={"email": somebody.email, "password": factories.PASSWORD})
    assert answer.status_code == 400
    assert not db.session.scalars(select(Session)).all()
