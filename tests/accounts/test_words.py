"""Every word of the sign-in library is ours, and goes through our translators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask import Flask
from flask_security.core import _default_messages

from config import ROOT, Config
from grants.accounts import security
from grants.app import create_app
from grants.core import templating
from grants.core.db import db
from grants.core.languages import LANGUAGES, speaking
from grants.core.mail import Mail, OutboxMail, post
from tests import factories
from tests.conftest import settings
from tests.http import Browser

TOKENS = {"confirmation_token": "C0NF1RM", "reset_token": "R3SET"}


@pytest.mark.parametrize("name", sorted(set(security.MAILS.values())))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_has_a_subject_a_greeting_and_a_link_and_tells_no_secret_in_its_subject(
    app: Flask, name: str, language: str
) -> None:
    somebody = factories.person(name="CANARY Person", language=language)
    post(Mail(name, to=somebody, about=somebody.reference, context=TOKENS))
    mail = db.session.query(OutboxMail).one()
    assert mail.subject
    assert "CANARY" not in mail.subject
    assert "CANARY" in (mail.body or "")
    assert "http://127.0.0.1:8000/" in (mail.body or "")
    assert "{{" not in (mail.body or "")
    assert "\n\n\n" not in (mail.body or "").rstrip()


def test_every_mail_of_the_library_that_we_let_it_send_is_one_of_ours(app: Flask) -> None:
    sent = {
        app.config[f"SECURITY_{key}"]
        for key in (
            "REGISTER_EMAIL_TEMPLATE",
            "REGISTER_EMAIL_EXISTING_TEMPLATE",
            "EMAIL_TEMPLATE_CONFIRM",
            "EMAIL_TEMPLATE_PASSWORD_RESET",
            "EMAIL_TEMPLATE_PASSWORD_RESET_NOTICE",
            "EMAIL_TEMPLATE_PASSWORD_CHANGE_NOTICE",
        )
    }
    assert sent == set(security.MAILS)


def test_every_page_of_the_library_that_can_be_reached_is_one_of_ours(app: Flask) -> None:
    reached = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("security.")}
    assert reached == {
        "security.login",
        "security.logout",
        "security.register",
        "security.verify",
        "security.change_password",
        "security.forgot_password",
        "security.reset_password",
        "security.send_confirmation",
        "security.confirm_email",
    }
    ours = {path.name for path in (ROOT / "templates" / "security").glob("*.html")}
    assert ours == {
        "login_user.html",
        "register_user.html",
        "verify.html",
        "change_password.html",
        "forgot_password.html",
        "reset_password.html",
        "send_confirmation.html",
    }


def test_every_message_we_word_is_one_the_library_still_says(app: Flask) -> None:
    assert set(security.MESSAGES) <= set(_default_messages)
    for key, (words, _) in security.MESSAGES.items():
        wanted = {part.split(")")[0] for part in _default_messages[key][0].split("%(")[1:]}
        used = {part.split(")")[0] for part in words.split("%(")[1:]}
        assert used <= wanted, key


@pytest.fixture
def translated(running: Config, tmp_path: Path) -> Iterator[Flask]:
    """The application with a French catalog of three sentences."""
    catalog = Catalog(locale="fr")
    catalog.add("Please type the password.", "Veuillez saisir le mot de passe.")
    catalog.add("E-mail address", "Adresse électronique")
    catalog.add("Please confirm your e-mail address", "Veuillez confirmer votre adresse")
    folder = tmp_path / "translations" / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    content = BytesIO()
    write_mo(content, catalog)
    (folder / "messages.mo").write_bytes(content.getvalue())
    config = settings(running, tmp_path)
    extra = config.extra | {"BABEL_TRANSLATION_DIRECTORIES": str(tmp_path / "translations")}
    made = create_app(replace(config, extra=extra))
    _forget_words()
    yield made
    _forget_words()
    with made.app_context():
        db.engine.dispose()


def _forget_words() -> None:
    """A process remembers the words of one catalog; here are two."""
    for remembered in (templating._markup, templating._plain_markup):
        remembered.cache_clear()


def test_labels_messages_and_mails_come_from_our_catalog(translated: Flask) -> None:
    visitor = Browser(translated)
    with translated.app_context():
        page = visitor.get("/sign-in", headers={"Accept-Language": "fr"}).get_data(as_text=True)
        assert "Adresse électronique" in page
        visitor.post("/sign-in", {"email": "a@example.org"}, headers={"Accept-Language": "fr"}, status=200)
        refused = visitor.post(
            "/register", {"email": "a@example.org"}, page="/register", headers={"Accept-Language": "fr"}, status=200
        )
        assert "Veuillez saisir le mot de passe." in refused.get_data(as_text=True)
        with speaking("fr"):
            template = translated.jinja_env.get_template("mails/account_welcome.txt")
            mail = template.render(to=factories.Person(name="Amina"), **TOKENS)
        assert mail.startswith("Subject: Veuillez confirmer votre adresse")


def test_confirming_that_it_is_you_asks_for_the_password(browser: Browser) -> None:
    somebody = factories.person()
    browser.get("/confirm-it-is-you", status=302)
    browser.sign_in(somebody)
    browser.post("/confirm-it-is-you", {"password": "not mine"}, page="/confirm-it-is-you", status=200)
    assert "This is not your present password." in browser.text
    answer = browser.post(
        "/confirm-it-is-you", {"password": factories.PASSWORD, "next": "//evil.example"}, page="/confirm-it-is-you"
    )
    assert "evil" not in answer.headers.get("Location", "")
    answer = browser.post(
        "/confirm-it-is-you",
        {"password": factories.PASSWORD, "next": "/account"},
        page="/confirm-it-is-you",
        status=302,
    )
    assert answer.headers["Location"] == "/account"
