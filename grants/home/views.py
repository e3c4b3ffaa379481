"""The first page of each role, and the places a person goes to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from flask import Blueprint, abort, current_app, render_template, request, send_from_directory, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup

from grants.accounts.models import COORDINATORS, Role
from grants.awards.permissions import STAFF
from grants.core import clock
from grants.core.languages import _l, language_now, number_text, pick
from grants.core.templating import day, when
from grants.core.web import ANYONE, access, own_path
from grants.home import queries
from grants.home.rules import Task, tasks
from grants.payments import queries as payments
from grants.payments.permissions import awards_paid_by
from grants.portfolio.queries import record_before
from grants.portfolio.views import in_words

bp = Blueprint("home", __name__)

LATEST = 10
"""So many lines of the record stand on the home of auditors."""

FIRST = 20
"""So many things that wait stand on a home; the others are one link away, so that the page is light on a weak line."""


@bp.app_context_processor
def _navigation() -> dict[str, Any]:
    """The places a person goes to, by the roles they hold."""
    if not current_user.is_authenticated:
        then = own_path(request.args.get("next"))
        doors = [
            {"label": _("Sign in"), "url": url_for("security.login", next=then)},
            {"label": _("Open an account"), "url": url_for("security.register", next=then)},
        ]
        return {"navigation": _places((_("Calls"), "calls.index")), "account_links": doors}
    doors = [
        {"label": _("My account"), "url": url_for("accounts.account")},
        {"label": _("Sign out"), "url": url_for("security.logout"), "post": True},
    ]
    places = [(_("Home"), "home.index"), (_("Calls"), "calls.index")]
    if current_user.memberships:
        places += [
            (_("Applications"), "applications.mine"),
            (_("Grants"), "portfolio.grants"),
            (_("What is owed"), "owed.everywhere"),
        ]
    places += [(label, endpoint) for roles, label, endpoint in PLACES if current_user.holds(*roles)]
    return {"navigation": _places(*places), "account_links": doors}


PLACES: tuple[tuple[tuple[Role, ...], Any, str], ...] = (
    ((Role.REVIEWER,), _l("Reviews"), "reviews.mine"),
    ((Role.COMMITTEE_MEMBER, *COORDINATORS, Role.AUDITOR), _l("Meetings"), "decisions.meetings"),
    ((*COORDINATORS, Role.AUDITOR), _l("Reviewers"), "reviews.reviewers"),
    ((*COORDINATORS, Role.AUDITOR), _l("Grants"), "portfolio.grants"),
    ((*COORDINATORS, Role.AUDITOR, Role.FINANCE_OFFICER), _l("What is owed"), "owed.everywhere"),
    ((*COORDINATORS, Role.AUDITOR), _l("Reports"), "reports.queue"),
    ((Role.FINANCE_OFFICER, Role.AUDITOR), _l("Payments"), "payments.queue"),
    ((Role.FINANCE_OFFICER, Role.AUDITOR), _l("Ledger"), "payments.ledger"),
    (STAFF, _l("Organizations"), "accounts.organizations"),
    ((Role.ADMINISTRATOR, Role.AUDITOR), _l("People"), "accounts.people"),
    ((Role.ADMINISTRATOR,), _l("Mails"), "deliveries.failed"),
    ((Role.AUDITOR, Role.GLOBAL_COORDINATOR), _l("Record"), "portfolio.record"),
)
"""The places of those who work for the fund: who goes there, what it is called, the page."""


def _places(*places: tuple[Any, str]) -> list[dict[str, Any]]:
    shown = {endpoint: label for label, endpoint in places}
    return [
        {"label": label, "url": url_for(endpoint), "current": request.endpoint == endpoint}
        for endpoint, label in shown.items()
    ]


@lru_cache(maxsize=256)
def _money_figure(line: queries.CallMoney, language: str, page: str) -> Markup:
    """The picture of one call's money in a language; drawn again only when the money has moved.

    ``page`` is the endpoint of the page of the call that the reader may open.
    """
    return Markup(render_template("home/_money.html", m=line, page=page))  # noqa: S704 - ours, escaped there


@bp.get("/")
@access(ANYONE)
def index() -> ResponseReturnValue:
    """What awaits me; for a visitor, what the fund is and which calls are open."""
    at = clock.now()
    if not current_user.is_authenticated:
        return render_template("home/welcome.html", calls=queries.open_and_coming_calls(at))
    works = queries.work_of(current_user, at)
    if current_user.holds(Role.FINANCE_OFFICER):
        due = payments.something_is_due(awards_paid_by(current_user), at)
        works += [queries.Work("prepare_payment", "", 0, at.date())] * due
    work = tasks(works, at)
    money = queries.money_of_calls() if current_user.holds(*STAFF) else []
    page = "calls.manage" if current_user.holds(*COORDINATORS, Role.AUDITOR) else "calls.show"
    return render_template(
        "home/index.html",
        work=_work_lines(work if "all" in request.args else work[:FIRST]),
        waiting=len(work),
        number=number_text(len(work)) + ("+" if len(works) >= queries.LONGEST else ""),
        late=sum(task.late for task in work),
        own=queries.own_applications(current_user),
        money=[_money_figure(line, language_now(), page) for line in money],
        history=in_words(record_before(most=LATEST)) if current_user.holds(Role.AUDITOR) else [],
    )


def _work_lines(work: Sequence[Task]) -> list[tuple[Task, str, str, str, str]]:
    """What awaits a person as the page shows it: beside each its address, what to do, what it is about, and by when.

    Many things are of one kind, and due on the same day; what is said of those is worded once.
    """
    words: dict[Any, str] = {}
    days: dict[Any, str] = {}
    lines = []
    for one in work:
        endpoint, values = one.page
        if id(one.words) not in words:
            words[id(one.words)] = str(one.words)
        if one.due not in days:
            days[one.due] = f"{when(one.due)}, {day(one.due)}" if one.due else ""
        lines.append((one, url_for(endpoint, **values), words[id(one.words)], pick(one.note), days[one.due]))
    return lines


@bp.get("/look")
@access(ANYONE)
def look() -> ResponseReturnValue:
    """Every part that pages are made of, for those who build them; not shown in production."""
    if current_app.config["PRODUCTION"]:
        abort(404)
    return render_template("look.html")


@bp.get("/sw.js")
@access(ANYONE)
def service_worker() -> ResponseReturnValue:
    """The script that lets people go on writing without a line; it must stand at the top to look after all pages."""
    return send_from_directory(current_app.static_folder or "", "js/sw.js", mimetype="text/javascript")


@bp.get("/offline")
@access(ANYONE)
def offline() -> ResponseReturnValue:
    """What a browser shows when there is no line and the page was not kept on the device."""
    return render_template("home/offline.html")
