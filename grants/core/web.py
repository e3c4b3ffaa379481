"""The web side that every page shares: who may call a route, one transaction a request, headers, refusals, errors."""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import structlog
from flask import Flask, Response, abort, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from grants.core import clock
from grants.core.db import db, ring_after_commit
from grants.core.forms import show_obstacles
from grants.core.permissions import NotPermitted
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove

log = structlog.get_logger()
csrf = CSRFProtect()

READS = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""

ANYONE = "anyone"
SIGNED_IN = "signed in"

V = TypeVar("V", bound=Callable[..., Any])
T = TypeVar("T")


class UndeclaredRoute(Exception):
    """A route that does not say who may call it. The application refuses to start with one."""


def access(*who: str) -> Callable[[V], V]:
    """Declare who may call a view: ANYONE, SIGNED_IN, or one of the roles named.

    This is the outer door. What the person may see behind it is decided by a scope, what they may do by a permission.
    """

    def declare(view: V) -> V:
        view.access = frozenset(who)  # type: ignore[attr-defined]
        return view

    return declare


def declare_access(app: Flask, endpoint: str, *who: str) -> None:
    """Declare who may call a view that a library brought."""
    access(*who)(app.view_functions[endpoint])


def declared_routes(app: Flask) -> list[dict[str, Any]]:
    """Every route with its methods and who may call it. Raises UndeclaredRoute."""
    routes = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda r: (r.rule, r.endpoint)):
        who = getattr(app.view_functions[rule.endpoint], "access", None)
        if who is None:
            raise UndeclaredRoute(f"{rule.rule} ({rule.endpoint}) does not declare who may call it")
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        routes.append({"path": rule.rule, "methods": methods, "endpoint": rule.endpoint, "access": sorted(who)})
    return routes


def init_app(app: Flask) -> None:
    """Put the shared behaviour around every request."""
    app.before_request(_open_request)
    csrf.init_app(app)
    app.before_request(_keep_the_door)
    app.after_request(_finish)
    for error, answer in (
        (Refused, _refused),
        (NotPermitted, _not_permitted),
        (NoSuchMove, _moved_meanwhile),
        (CSRFError, _page_expired),
        (DataError, _unreadable),
        (UnicodeEncodeError, _unreadable),
        (OperationalError, _database_trouble),
        (HTTPException, _http_error),
        (Exception, _unexpected),
    ):
        app.register_error_handler(error, answer)


def _open_request() -> None:
    g.nonce = secrets.token_urlsafe(16)
    g.only_reads = request.method in READS and clock.travelled() is None
    db.session.info.pop("after_commit", None)


def _keep_the_door() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # no such address: routing answers 404 or 405
    if may_enter(current_user, request.endpoint):
        return None
    if not current_user.is_authenticated:
        return sign_in_first()
    raise NotPermitted


def may_enter(user: Any, endpoint: str) -> bool:
    """Whether the outer door of a page is open to somebody."""
    who: frozenset[str] = getattr(current_app.view_functions[endpoint], "access", frozenset())
    return ANYONE in who or (user.is_authenticated and (SIGNED_IN in who or user.holds(*who)))


def _view_function() -> Any:
    return current_app.view_functions[request.endpoint or ""]


# ------------------------------------------------------------------ what was typed is kept


def _keeper() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="typed-text")


def _from_our_own_page() -> bool:
    """Whether the form was sent by a page of ours. Browsers say so; a page on another site cannot make them lie."""
    origin = request.headers.get("Origin", "null")
    if origin != "null":
        return origin == request.host_url.rstrip("/")
    return request.headers.get("Referer", "").startswith(request.host_url)


def _is_secret(name: str) -> bool:
    return "password" in name.lower()


def kept_text() -> str | None:
    """What was typed into a form that could not be taken, sealed so that it comes back only to the same address.

    Only text that came from our own pages is kept: a form on another site must not get itself repeated. Passwords are
    never kept, only that they have to be typed again; files cannot be kept, only their names.
    """
    if request.method != "POST" or not _from_our_own_page():
        return None
    carried = request.form.get("kept", "")
    if open_kept_text(carried):
        return carried
    names = [name for name in request.form if name not in ("csrf_token", "kept")]
    return _keeper().dumps(
        {
            "path": request.full_path.rstrip("?"),
            "typed": [(n, value) for n in names if not _is_secret(n) for value in request.form.getlist(n)],
            "secrets": [name for name in names if _is_secret(name)],
            "files": [(name, file.filename) for name, file in request.files.items(multi=True) if file.filename],
        }
    )


def open_kept_text(sealed: str) -> dict[str, Any] | None:
    """The address and the typed text sealed by :func:`kept_text`, or None when it was tampered with."""
    try:
        kept: dict[str, Any] = _keeper().loads(sealed)
    except BadSignature:
        return None
    return kept if own_path(kept["path"]) else None


def own_path(address: str | None) -> str | None:
    """``address`` when it is a path on this site, such as ``/account?page=2``; None for everything else.

    Browsers read a backslash as a slash and drop tabs and line breaks, so a path with those may lead elsewhere.
    """
    if not address or not address.startswith("/") or address.startswith("//"):
        return None
    return address if address.isprintable() and "\\" not in address and " " not in address else None


def sign_in_first() -> ResponseReturnValue:
    """Ask a visitor to sign in; text typed into an expired page is carried along and comes back afterwards."""
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("security.login", next=request.full_path.rstrip("?")))
    return render_template("accounts/sign_in_again.html", kept=kept_text()), 401


def send_again(kept: dict[str, Any]) -> str:
    """The page that shows what was typed, with the button that sends it to where it was going."""
    return render_template("accounts/send_again.html", kept=kept)


def _page_expired(error: CSRFError) -> ResponseReturnValue:
    db.session.rollback()
    sealed = kept_text()
    kept = open_kept_text(sealed) if sealed else None
    if kept is None:
        return _page(400, _("This page had expired"), _("Please go back, reload the page and try again."))
    carried = bool(request.form.get("kept"))
    for_everybody = ANYONE in getattr(_view_function(), "access", frozenset())
    if not current_user.is_authenticated and (carried or not for_everybody):
        return render_template("accounts/sign_in_again.html", kept=sealed), 401
    return send_again(kept), 400


# ------------------------------------------------------------------ the end of a request


PROTECTION = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
"""Headers of every answer that no view sets by itself."""


def _finish(response: Response) -> Response:
    """Commit what succeeded, forget what did not, and put the protecting headers on every answer."""
    if response.status_code < 400 and request.method not in READS:
        db.session.commit()
        ring_after_commit()
    elif db.session.registry.has():
        db.session.rollback()
    response.headers.setdefault(  # a file that somebody sent has a stricter one of its own
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"script-src 'nonce-{g.get('nonce', 'none')}'",
    )
    response.headers.extend(PROTECTION)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint == "static" and response.status_code == 200 and "v" in request.args:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        response.headers["Cache-Control"] = "no-store, private"
    return _compressed(response)


def _compressed(response: Response) -> Response:
    """Shrink text on its way to a weak line."""
    if (
        response.status_code == 200
        and "gzip" in request.headers.get("Accept-Encoding", "").lower()
        and "Content-Encoding" not in response.headers
        and (
            (response.mimetype or "").startswith("text/") or response.mimetype in ("application/json", "image/svg+xml")
        )
    ):
        response.direct_passthrough = False
        body = response.get_data()
        if len(body) > 1000:
            response.set_data(gzip.compress(body, 5, mtime=0))
            response.headers["Content-Encoding"] = "gzip"
            response.headers.add("Vary", "Accept-Encoding")
    return response


# ------------------------------------------------------------------ refusals and errors


def _page(status: int, heading: str, text: str, **more: Any) -> ResponseReturnValue:
    try:
        return render_template("error.html", status=status, heading=heading, text=text, **more), status
    except Exception:  # the page itself needs the database, and the database may be what is missing
        log.exception("error_page_failed")
        return f"{heading}\n\n{text}\n", status, {"Content-Type": "text/plain; charset=utf-8"}


def _refused(error: Refused) -> ResponseReturnValue:
    """Say what stands in the way; on the page the person came from when there is one."""
    db.session.rollback()
    return _page(409, _("This cannot be done yet"), "", obstacles=error.obstacles)


def _moved_meanwhile(error: NoSuchMove) -> ResponseReturnValue:
    db.session.rollback()
    text = _("Somebody has done this already, or things have moved on. Reload the page to see where they stand.")
    return _page(409, _("This is no longer possible"), text)


def _not_permitted(error: NotPermitted) -> ResponseReturnValue:
    db.session.rollback()
    return _page(403, _("This is not yours to open"), _("Your account has no right to this page."))


def _unreadable(error: DataError | UnicodeEncodeError) -> ResponseReturnValue:
    db.session.rollback()
    return _page(400, _("We could not read that"), _("The address or the text holds characters we cannot store."))


def _database_trouble(error: OperationalError) -> ResponseReturnValue:
    db.session.rollback()
    log.warning("database_trouble", error=type(error.orig).__name__)
    text = _("The database does not answer. Nothing was lost that we had confirmed; please try again in a minute.")
    return _page(503, _("A short interruption"), text)


HTTP_TEXTS: dict[int, tuple[Callable[[], str], Callable[[], str]]] = {
    400: (lambda: _("We could not read that"), lambda: _("Please go back and try again.")),
    404: (lambda: _("Nothing here"), lambda: _("This page does not exist, or it is not yours to open.")),
    405: (lambda: _("Not this way"), lambda: _("Please open the page from its link and try again.")),
    413: (
        lambda: _("Too large"),
        lambda: _("A file may have up to 10 MB, and files sent together up to 12 MB. Nothing was changed."),
    ),
    429: (lambda: _("A little slower"), lambda: _("There were too many attempts. Please wait a few minutes.")),
}


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if isinstance(error.response, WerkzeugResponse) or (error.code or 500) < 400:
        return error
    db.session.rollback()
    heading, text = HTTP_TEXTS.get(error.code or 500, (lambda: _("Something went wrong"), lambda: ""))
    return _page(error.code or 500, heading(), text())


def _unexpected(error: Exception) -> ResponseReturnValue:
    db.session.rollback()
    number = secrets.token_hex(4)
    state = getattr(getattr(error, "orig", None), "sqlstate", None) if isinstance(error, DBAPIError) else None
    if isinstance(error, IntegrityError) and state == "23505":
        log.info("repeated_request", number=number)
        return _moved_meanwhile(None)  # type: ignore[arg-type]
    log.error("unexpected_error", number=number, exc_info=error)
    text = _("We have been told, with the number %(number)s. What was saved before is safe.", number=number)
    return _page(500, _("Something went wrong on our side"), text)


# ------------------------------------------------------------------ small things for views


def found(subject: T | None) -> T:
    """The subject, or a 404 that does not tell a hidden one from one that never was."""
    if subject is None:
        abort(404)
    return subject


def done(message: str, endpoint: str, **values: Any) -> ResponseReturnValue:
    """Say that it is done and go to a page, so that reloading does not do it again."""
    flash(message, "success")
    return redirect(url_for(endpoint, **values))


def taken(act: Callable[[], object], form: Any, field_of: Mapping[str, str] = MappingProxyType({})) -> bool:
    """Act if a form is complete; what stands in the way is shown beside the fields it is about (``field_of``: by the code of
    the obstacle) or above the form, with everything typed still there.
    """
    if not form.validate_on_submit():
        return False
    try:
        act()
    except Refused as refusal:
        show_obstacles(form, refusal.obstacles, field_of)
        return False
    return True


def csrf_token() -> str:
    """The token of this session's forms."""
    return str(generate_csrf())
