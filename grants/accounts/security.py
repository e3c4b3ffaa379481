"""Signing in, by Flask-Security: what it is told, where its mails go, and sessions that the server can end.

The library's cookie would stay good after signing out. So the cookie only names a row of ``session``, and a person is
whoever that row says, as long as it has not ended.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from flask import Flask, current_app, has_request_context, request, session
from flask_login import current_user, user_logged_in, user_logged_out
from flask_security import Security, SQLAlchemyUserDatastore
from flask_security.mail_util import MailUtil

from grants.accounts import actions, queries
from grants.accounts.forms import RegisterForm, SignInForm
from grants.accounts.models import COORDINATORS, Person, Role
from grants.core import web
from grants.core.db import db
from grants.core.languages import LANGUAGES
from grants.core.mail import Mail, post

LONG_SESSION = timedelta(days=14)
STAFF_SESSION = timedelta(hours=12)
"""People who see other people's applications sign in every day."""

STAFF = (*COORDINATORS, Role.FINANCE_OFFICER, Role.COMMITTEE_MEMBER, Role.AUDITOR, Role.ADMINISTRATOR)

MAILS = {
    "security/email/welcome": "account_welcome",
    "security/email/welcome_existing": "account_exists",
    "security/email/confirmation_instructions": "account_confirm",
    "security/email/reset_instructions": "account_reset",
    "security/email/reset_notice": "account_password_changed",
    "security/email/change_notice": "account_password_changed",
}
"""The library's mails, by the name of our template for each."""


class OutboxMailUtil(MailUtil):
    """Puts the library's mails into our outbox, written by our templates; asks no name server about an address."""

    def send_mail(self, template: str, *args: Any, user: Person, **context: Any) -> None:
        """Post the mail in the transaction of the request."""
        wanted = {k: v for k, v in context.items() if k.endswith("_token")}
        name = MAILS[template.rsplit(".", 1)[0]]
        post(Mail(name, to=user, about=user.reference, occasion=secrets.token_hex(8), context=wanted))

    def validate(self, email: str) -> str:
        """The normal form of an address. Raises when it cannot be one."""
        return self.normalize(email)


def init_app(app: Flask) -> None:
    """Tell the library how to behave, and take over who the present person is."""
    app.config.update(
        SECURITY_PASSWORD_SALT=hashlib.sha256(f"salt:{app.config['SECRET_KEY']}".encode()).hexdigest(),
        SECURITY_PASSWORD_LENGTH_MIN=10,
        SECURITY_REGISTERABLE=True,
        SECURITY_CONFIRMABLE=True,
        SECURITY_RECOVERABLE=True,
        SECURITY_CHANGEABLE=True,
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_LOGIN_URL="/sign-in",
        SECURITY_LOGOUT_URL="/sign-out",
        SECURITY_REGISTER_URL="/register",
        SECURITY_CONFIRM_URL="/confirm",
        SECURITY_RESET_URL="/reset-password",
        SECURITY_CHANGE_URL="/change-password",
        SECURITY_POST_REGISTER_VIEW="accounts.registered",
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/",
        SECURITY_POST_CONFIRM_VIEW="/sign-in",
        SECURITY_RESET_PASSWORD_WITHIN=timedelta(hours=2),
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_USER_IDENTITY_ATTRIBUTES=[{"email": {"mapper": queries.normal_address, "case_insensitive": True}}],
        SECURITY_JOIN_USER_ROLES=False,
        SECURITY_STATIC_FOLDER=None,
        PERMANENT_SESSION_LIFETIME=LONG_SESSION,
    )
    app.config.setdefault("SECURITY_PASSWORD_HASH", "argon2")
    security = Security()
    security.init_app(
        app,
        SQLAlchemyUserDatastore(db, Person, None),
        mail_util_cls=OutboxMailUtil,
        login_form=SignInForm,
        register_form=RegisterForm,
        confirm_register_form=None,
    )
    app.login_manager.user_loader(_person_of_session)  # type: ignore[attr-defined]
    app.login_manager.unauthorized_handler(web.sign_in_first)  # type: ignore[attr-defined]
    user_logged_in.connect(_open_session, app)
    user_logged_out.connect(_end_session, app)
    _declare_access(app)


def _declare_access(app: Flask) -> None:
    for endpoint in [e for e in app.view_functions if e.startswith("security.")]:
        who = web.SIGNED_IN if endpoint in ("security.change_password", "security.verify") else web.ANYONE
        web.declare_access(app, endpoint, who)


def _person_of_session(_: str) -> Person | None:
    key = session.get("sid")
    person = queries.signed_in(hash_of(key)) if key else None
    if person and person.is_demonstration and current_app.config["PRODUCTION"]:
        return None
    return person


def _open_session(app: Flask, user: Person, **_: Any) -> None:
    """A new row and a new cookie value at every sign-in, so that a planted cookie is worth nothing."""
    key = secrets.token_urlsafe(32)
    staff = any(grant.role in STAFF for grant in user.role_grants)
    browser = request.user_agent.string[:200] if has_request_context() else ""
    actions.open_session(user, hash_of(key), lasts=STAFF_SESSION if staff else LONG_SESSION, browser=browser)
    session["sid"] = key
    session.permanent = True
    if not session.pop("chosen_language", None):
        session["language"] = user.language


def _end_session(app: Flask, user: Person, **_: Any) -> None:
    if key := session.pop("sid", None):
        actions.end_session(hash_of(key))


def hash_of(key: str) -> str:
    """What the database knows of a secret key."""
    return hashlib.sha256(key.encode()).hexdigest()


def language_of_request() -> str:
    """The language to answer in: the person's, the one chosen on this browser, or the browser's first that we speak."""
    if not has_request_context():
        return "en"
    if current_user and current_user.is_authenticated:
        return str(current_user.language)
    chosen = session.get("language")
    return chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or "en"
