"""Signing in, by Flask-Security: what it is told, where its mails go, and sessions that the server can end.

The library's cookie would stay good after signing out. So the cookie only names a row of ``session``, and a person is
whoever that row says, as long as it has not ended.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, abort, current_app, g, has_request_context, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, user_logged_in, user_logged_out
from flask_security import Security, SQLAlchemyUserDatastore, password_changed, password_reset
from flask_security.confirmable import confirm_email_token_status
from flask_security.mail_util import MailUtil
from flask_security.recoverable import generate_reset_password_token
from flask_security.utils import set_request_attr
from itsdangerous import BadSignature

from grants.accounts import actions, forms, queries
from grants.accounts.models import COORDINATORS, Person, Role
from grants.accounts.rules import obstacles_to_inviting_again
from grants.core import clock, web
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

MAILS_AN_HOUR = 5
"""Of each kind to one person: whoever asks more often fills somebody's mailbox."""

N_ = str
"""Marks words for the translators. The library translates them itself, from our catalog."""

MESSAGES = {
    "API_ERROR": (N_("Please type this again."), "error"),
    "GENERIC_AUTHN_FAILED": (N_("This e-mail address and password do not belong together."), "error"),
    "CONFIRM_REGISTRATION": (
        N_("Thank you. We have sent a message to %(email)s. Please follow the link in it."),
        "success",
    ),
    "CONFIRMATION_REQUEST": (
        N_("If %(email)s waits for confirmation, a message with a new link is on its way."),
        "success",
    ),
    "PASSWORD_RESET_REQUEST": (
        N_("If there is an account for %(email)s, a message with a link to a new password is on its way."),
        "success",
    ),
    "INVALID_RESET_PASSWORD_TOKEN": (
        N_("This link has been used already or is not complete. You can ask for a new one here."),
        "warning",
    ),
    "PASSWORD_RESET_EXPIRED": (
        N_("This link was good for %(within)s and is over. You can ask for a new one here."),
        "warning",
    ),
    "PASSWORD_RESET_NO_LOGIN": (
        N_("Your new password is set, and you are signed out everywhere. Please sign in with it."),
        "success",
    ),
    "PASSWORD_CHANGE": (N_("Your new password is set. Everywhere else you are signed out."), "success"),
    "PASSWORD_IS_THE_SAME": (N_("The new password is the same as the present one."), "error"),
    "PASSWORD_INVALID_LENGTH": (N_("The password needs at least %(length)s characters."), "error"),
    "PASSWORD_NOT_PROVIDED": (N_("Please type the password."), "error"),
    "RETYPE_PASSWORD_MISMATCH": (N_("The two passwords are not the same."), "error"),
    "INVALID_PASSWORD": (N_("This is not your present password."), "error"),
    "EMAIL_NOT_PROVIDED": (N_("Please give your e-mail address."), "error"),
    "INVALID_EMAIL_ADDRESS": (N_("This does not look like an e-mail address."), "error"),
    "INVALID_REDIRECT": (N_("The address to go to afterwards is not one of ours."), "error"),
    "REAUTHENTICATION_REQUIRED": (N_("Before this, please confirm that it is you."), "info"),
    "REAUTHENTICATION_SUCCESSFUL": (N_("Thank you. You can go on now."), "success"),
    "DISABLED_ACCOUNT": (N_("This account is closed."), "error"),
    "USER_DOES_NOT_EXIST": (N_("This does not look like an e-mail address we know."), "error"),
    "EMAIL_ALREADY_ASSOCIATED": (N_("Please use another e-mail address."), "error"),
    "ALREADY_CONFIRMED": (N_("This address is confirmed already."), "info"),
    "CONFIRMATION_REQUIRED": (N_("Please confirm your e-mail address first."), "error"),
    "UNAUTHENTICATED": (N_("Please sign in first."), "info"),
    "ANONYMOUS_USER_REQUIRED": (N_("You are signed in already."), "info"),
}
"""What the library says, in our words. Its other messages belong to parts of it that are switched off."""


class OutboxMailUtil(MailUtil):
    """Puts the library's mails into our outbox, written by our templates; asks no name server about an address."""

    def send_mail(self, template: str, *args: Any, user: Person, **context: Any) -> None:
        """Post the mail in the transaction of the request, unless the person got too many of its kind lately."""
        db.session.flush()
        name = MAILS[template]
        if queries.mails_lately(user, name, timedelta(hours=1)) >= MAILS_AN_HOUR:
            return
        wanted = {k: v for k, v in context.items() if k.endswith("_token")}
        post(Mail(name, to=user, about=user.reference, occasion=secrets.token_hex(8), context=wanted))

    def validate(self, email: str) -> str:
        """The normal form of an address. Raises when it cannot be one."""
        return str(self.normalize(email))


class People(SQLAlchemyUserDatastore):
    """Where the library finds and makes people; the commit stays in one place."""

    def create_user(self, **values: Any) -> Person:
        """Open an account with what was typed into the form."""
        return actions.register_person(**values)

    def commit(self) -> None:
        """Leave the commit to the end of the request."""
        db.session.flush()


def init_app(app: Flask) -> None:
    """Tell the library how to behave, and take over who the present person is."""
    app.config.update(
        SECURITY_PASSWORD_SALT=hashlib.sha256(f"salt:{app.config['SECRET_KEY']}".encode()).hexdigest(),
        SECURITY_PASSWORD_LENGTH_MIN=10,
        # What the library hashes into its links is a slow hash or an address already, and the link is signed.
        SECURITY_HASHING_SCHEMES=["hex_sha256"],
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
        SECURITY_VERIFY_URL="/confirm-it-is-you",
        SECURITY_POST_REGISTER_VIEW="accounts.registered",
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/",
        SECURITY_POST_CHANGE_VIEW="accounts.account",
        SECURITY_RESET_PASSWORD_WITHIN=timedelta(hours=2),
        SECURITY_CONFIRM_EMAIL_WITHIN=timedelta(days=5),
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_API_ENABLED_METHODS=["session"],
        SECURITY_USER_IDENTITY_ATTRIBUTES=[{"email": {"mapper": queries.normal_address, "case_insensitive": True}}],
        SECURITY_JOIN_USER_ROLES=False,
        SECURITY_STATIC_FOLDER=None,
        SECURITY_EMAIL_PLAINTEXT=False,
        SECURITY_EMAIL_HTML=False,
        SECURITY_I18N_DOMAIN="messages",
        SECURITY_I18N_DIRNAME=app.config["BABEL_TRANSLATION_DIRECTORIES"].split(";"),
        PERMANENT_SESSION_LIFETIME=LONG_SESSION,
        SESSION_REFRESH_EACH_REQUEST=False,
        **{f"SECURITY_MSG_{key}": message for key, message in MESSAGES.items()},
    )
    app.config.setdefault("SECURITY_PASSWORD_HASH", "argon2")
    security = Security(mail_util_cls=OutboxMailUtil)
    security.init_app(
        app,
        People(db, Person, None),
        login_form=forms.SignInForm,
        register_form=forms.RegisterForm,
        confirm_register_form=None,
        forgot_password_form=forms.ForgotPassword,
        reset_password_form=forms.ResetPassword,
        change_password_form=forms.ChangePassword,
        send_confirmation_form=forms.SendConfirmation,
        verify_form=forms.ConfirmItIsYou,
    )
    security.want_json(lambda _: False)
    door: Any = app.login_manager  # type: ignore[attr-defined]
    door.user_loader(_person_of_session)
    door.request_loader(lambda _: None)  # the library would take tokens that no sign-out can end
    door.unauthorized_handler(web.sign_in_first)
    app.before_request(_forms_only)
    _finish_with(app, "security.login", _back_to_where_they_were_going)
    _finish_with(app, "security.register", _remember_where_they_were_going)
    _finish_with(app, "security.logout", _leave_nothing_on_the_device)
    app.view_functions["security.confirm_email"] = _confirm_on_our_page
    user_logged_in.connect(_open_session, app)
    user_logged_out.connect(_end_session, app)
    password_changed.connect(_end_other_sessions, app)
    password_reset.connect(_start_anew, app)
    _declare_access(app)


def _declare_access(app: Flask) -> None:
    for endpoint in [e for e in app.view_functions if e.startswith("security.")]:
        who = web.SIGNED_IN if endpoint in ("security.change_password", "security.verify") else web.ANYONE
        web.declare_access(app, endpoint, who)


# ------------------------------------------------------------------ the library's pages


def _forms_only() -> None:
    """The library also reads JSON; none of our pages sends it, and it would go past the forms' own checks."""
    if request.is_json and (request.endpoint or "").startswith("security."):
        abort(415)


def _finish_with(app: Flask, endpoint: str, finish: Callable[[Any], ResponseReturnValue]) -> None:
    """Let the library answer, then have the last word."""
    library_view = app.view_functions[endpoint]

    def view(**values: Any) -> ResponseReturnValue:
        return finish(library_view(**values))

    app.view_functions[endpoint] = view


def _back_to_where_they_were_going(answer: ResponseReturnValue) -> ResponseReturnValue:
    if not current_user.is_authenticated:
        return answer
    kept = web.open_kept_text(request.form.get("kept", ""))
    if kept:
        return web.send_again(kept)
    return redirect(web.own_path(request.values.get("next")) or session.pop("then", None) or "/")


def _remember_where_they_were_going(answer: ResponseReturnValue) -> ResponseReturnValue:
    """The way back leads through a mailbox, so it is remembered in the browser until the address is confirmed."""
    if request.method != "POST" or isinstance(answer, str):
        return answer
    if then := web.own_path(request.form.get("next")):
        session["then"] = then
    return redirect(url_for("accounts.registered"))


def _leave_nothing_on_the_device(answer: ResponseReturnValue) -> ResponseReturnValue:
    """Pages and texts kept for writing without a line belong to the person who leaves; the next one may be anybody."""
    response = make_response(answer)
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


def _confirm_on_our_page(token: str) -> ResponseReturnValue:
    """The library would confirm when the link is opened; mail scanners open links, so ours asks for a click."""
    return redirect(url_for("accounts.confirm_address", token=token))


def person_to_confirm(token: str) -> Person | None:
    """Whose address the link confirms, or None when it is not good, over or used."""
    expired, invalid, person = confirm_email_token_status(token)
    return None if expired or invalid or not person or person.confirmed_at or not person.active else person


def person_to_welcome(token: str) -> Person | None:
    """Who was invited with this link and has not come yet, or None when it is not good, over or used."""
    try:
        handle, until = actions.first_links().loads(token)
    except BadSignature:
        return None
    person = queries.person_by_handle(handle)
    if person is None or obstacles_to_inviting_again(person) or datetime.fromisoformat(until) <= clock.now():
        return None
    return person


def token_of_new_password(person: Person) -> str:
    """The token of the library's page on which a person chooses a password; good for two hours."""
    return str(generate_reset_password_token(person))


def confirm_and_sign_in(person: Person) -> str:
    """Confirm the address and sign the person in; says where they were going before they registered."""
    actions.confirm_address(person)
    then = session.pop("then", None)
    login_user(person, force=True)
    return web.own_path(then) or url_for("accounts.welcome")


# ------------------------------------------------------------------ sessions


def _person_of_session(_: str) -> Person | None:
    key = session.get("sid")
    person = queries.signed_in(hash_of(key)) if key else None
    if person and person.is_demonstration and current_app.config["PRODUCTION"]:
        return None
    set_request_attr("fs_authn_via", "session")
    return person


def _open_session(app: Flask, user: Person, **_: Any) -> None:
    """A new row, a new cookie value and new tokens of forms at every sign-in: a planted cookie is worth nothing."""
    if before := session.pop("sid", None):
        actions.end_session(hash_of(before))
    session.pop("csrf_token", None)
    g.pop("csrf_token", None)
    key = secrets.token_urlsafe(32)
    staff = any(grant.role in STAFF for grant in user.role_grants)
    browser = request.user_agent.string[:200] if has_request_context() else ""
    actions.open_session(user, hash_of(key), lasts=STAFF_SESSION if staff else LONG_SESSION, browser=browser)
    session["sid"] = key
    session["language"] = user.language
    session.permanent = True


def _end_session(app: Flask, user: Person, **_: Any) -> None:
    if key := session.pop("sid", None):
        actions.end_session(hash_of(key))


def _end_other_sessions(app: Flask, user: Person, **_: Any) -> None:
    actions.end_all_sessions(user, but=session_now())


def _start_anew(app: Flask, user: Person, **_: Any) -> None:
    """Whoever set a new password from the mailbox owns it: sessions end, the address counts as confirmed."""
    actions.end_all_sessions(user)
    actions.confirm_address(user)
    actions.forget_failed_sign_ins(forms.email_hash_of(user.email))


def session_now() -> str | None:
    """What the database knows of the key of the present session."""
    key = session.get("sid")
    return hash_of(key) if key else None


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
