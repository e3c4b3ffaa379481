"""The home of each role, the grant as a whole, and the list of grants."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Blueprint, abort, current_app, render_template, request, send_from_directory, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup

from grants.accounts.models import COORDINATORS, Role
from grants.awards.models import Award
from grants.awards.workflow import AwardState
from grants.core import clock
from grants.core.languages import _l, language_now
from grants.core.money import Money
from grants.core.permissions import scope
from grants.core.templating import addresses, day
from grants.core.web import ANYONE, SIGNED_IN, access, found, own_path
from grants.history.queries import chain_head, timeline
from grants.imports.models import PastAward
from grants.payments import queries as payments
from grants.payments.rules import obstacles_to_preparing
from grants.payments.workflow import DisbursementState
from grants.portfolio import queries
from grants.portfolio.rules import RECORDED, RecordLine, record_lines, tasks
from grants.reports.workflow import ReportState
from grants.reviews.queries import gate_of

bp = Blueprint("portfolio", __name__)

STAFF = (*COORDINATORS, Role.FINANCE_OFFICER, Role.AUDITOR)

LATEST = 10
"""So many lines of the record stand on the home of auditors."""


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
    places = [(_("Home"), "portfolio.home"), (_("Calls"), "calls.index")]
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
    return Markup(render_template("portfolio/_money.html", m=line, page=page))  # noqa: S704 - ours, escaped there


@bp.get("/")
@access(ANYONE)
def home() -> ResponseReturnValue:
    """What awaits me; for a visitor, what the fund is and which calls are open."""
    at = clock.now()
    if not current_user.is_authenticated:
        return render_template("portfolio/welcome.html", calls=queries.open_and_coming_calls(at))
    works = queries.work_of(current_user, at)
    if current_user.holds(Role.FINANCE_OFFICER):
        due = payments.something_is_due(scope(current_user, Award), at)
        works += [queries.Work("prepare_payment", "", 0, at.date())] * due
    work = tasks(works, at)
    money = queries.money_of_calls() if current_user.holds(*STAFF) else []
    page = "calls.manage" if current_user.holds(*COORDINATORS, Role.AUDITOR) else "calls.show"
    return render_template(
        "portfolio/home.html",
        work=work,
        late=sum(task.late for task in work),
        own=queries.own_applications(current_user),
        money=[_money_figure(line, language_now(), page) for line in money],
        history=_in_words(queries.record_before(most=LATEST)) if current_user.holds(Role.AUDITOR) else [],
    )


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
    return render_template("portfolio/offline.html")


@bp.get("/grants")
@access(SIGNED_IN)
def grants() -> ResponseReturnValue:
    """The grants I may see, narrowed by links that can be shared."""
    wanted = queries.Filter(
        state=_one_of("state", [s.value for s in AwardState]),
        region=request.args.get("region", "")[:20],
        call=request.args.get("call", "")[:60],
        programme=request.args.get("programme", "")[:120],
        page=max(1, min(request.args.get("page", 1, type=int), 100_000)),
    )
    past = scope(current_user, PastAward)
    lines, number = queries.grants_like(scope(current_user, Award), past, wanted)
    to_grant, to_past, language = addresses(".grant"), addresses("imports.past_award"), language_now()
    grants = [
        (
            line,
            (to_past if line.programme else to_grant)(line.reference),
            Money(line.amount_minor, line.currency).shown(language),
            day(line.end_on),
        )
        for line in lines
    ]
    choices = _choices(wanted, number, queries.earlier_programmes(past))
    return render_template("portfolio/grants.html", grants=grants, number=number, **choices)


def _one_of(name: str, allowed: list[str]) -> str:
    value = request.args.get(name, "")
    return value if value in allowed else ""


def _choices(wanted: queries.Filter, number: int, programmes: list[str]) -> dict[str, Any]:
    """The filters as links, each keeping the others."""

    def link(**change: Any) -> str:
        kept = {name: getattr(wanted, name) for name in ("state", "region", "call", "programme")} | change
        return url_for("portfolio.grants", **{k: v for k, v in kept.items() if v})

    states = [{"label": _("All"), "url": link(state=""), "current": not wanted.state}]
    states += [
        {"label": state.label, "url": link(state=state.value), "current": wanted.state == state} for state in AwardState
    ]
    filters = [{"label": _("State"), "links": states}]
    if programmes:
        named = [("", _("All")), (queries.THIS_FUND, _("This fund")), *((name, name) for name in programmes)]
        links = [{"label": label, "url": link(programme=p), "current": p == wanted.programme} for p, label in named]
        filters.append({"label": _("Programme"), "links": links})
    pages = {
        "page": wanted.page,
        "total": number,
        "pages": max(1, -(-min(number, queries.MANY) // queries.PAGE)),
        "url_for": lambda page: link(page=page),
    }
    return {
        "states": AwardState,
        "filters": filters,
        "pagination": pages,
        "most": queries.MANY,
    }


@bp.get("/grants/<reference>")
@access(SIGNED_IN)
def grant(reference: str) -> ResponseReturnValue:
    """One grant: where it stands, what is owed by whom and when, and how much money waits on it."""
    at = clock.now()
    award = found(queries.grant_by_reference(scope(current_user, Award), reference))
    parts = queries.parts_of(award)
    standings = payments.standings_of([award.id])
    subjects = [("award", award.id), ("application", award.application_id)]
    subjects += [(kind, part.id) for kind in ("report_due", "disbursement") for part in parts[kind]]
    staff = current_user.holds(*STAFF)
    return render_template(
        "portfolio/grant.html",
        award=award,
        reports=parts["report_due"],
        milestones=parts["milestone"],
        conditions=parts["condition"],
        tranches=[(s, [] if s.payment else obstacles_to_preparing(s, at)) for s in standings],
        history=timeline(subjects, names=staff),
        report_states=ReportState,
        payment_states=DisbursementState,
        staff=staff,
        today=at.date(),
    )


@bp.get("/record")
@access(Role.AUDITOR, Role.GLOBAL_COORDINATOR)
def record() -> ResponseReturnValue:
    """Who did what, when and why, over everything, the newest first."""
    kind = _one_of("kind", list(RECORDED))
    before = max(1, min(request.args.get("before", queries.NEWEST, type=int), queries.NEWEST))
    entries = queries.record_before(before, kind=kind, most=queries.RECORD_PAGE + 1)
    page = entries[: queries.RECORD_PAGE]
    kinds = [{"label": _("All"), "url": url_for(".record"), "current": not kind}]
    kinds += [
        {"label": label, "url": url_for(".record", kind=key), "current": key == kind}
        for key, (label, _endpoint, _by) in RECORDED.items()
    ]
    return render_template(
        "portfolio/record.html",
        lines=_in_words(page),
        filters=[{"label": _("About"), "links": kinds}],
        newest=url_for(".record", kind=kind or None) if before < queries.NEWEST else None,
        older=url_for(".record", kind=kind or None, before=page[-1].id) if len(entries) > len(page) else None,
        head=chain_head(),
    )


def _in_words(entries: list[queries.Entry]) -> list[RecordLine]:
    """Lines of the record as the present reader may see them."""
    seen = {kind: scope(current_user, model) for kind, model in queries.SUBJECTS.items()}
    return record_lines(entries, queries.subjects_of(entries, seen), gate_of(current_user).told)
