"""The grant as a whole, the list of grants and its figures, and the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import REGION_LABELS, Role
from grants.awards.models import RISK_LABELS, Award
from grants.awards.permissions import READERS, STAFF
from grants.awards.workflow import AwardState
from grants.core import clock
from grants.core.languages import _l, country_name, language_now, month_name, number_text, pick
from grants.core.money import Money
from grants.core.permissions import scope
from grants.core.templating import addresses, day
from grants.core.web import SIGNED_IN, access, found
from grants.history.queries import chain_head, timeline
from grants.imports.models import PastAward
from grants.payments import queries as payments
from grants.payments.rules import as_coordinator_reads, as_grantee_reads, obstacles_to_preparing
from grants.payments.workflow import DisbursementState
from grants.portfolio import queries
from grants.portfolio.rules import (
    ON_THE_MAP,
    OTHERS,
    RECORDED,
    RecordLine,
    Row,
    circles,
    coming_on,
    filter_of,
    months_from,
    record_lines,
    rows_by,
    totals,
)
from grants.reports.workflow import ReportState
from grants.reviews.queries import gate_of

bp = Blueprint("portfolio", __name__)

LATEST, WHOLE_HISTORY = 8, 500
"""How many lines of its history the page of a grant tells, and how many when everything is asked for."""


@bp.get("/grants")
@access(SIGNED_IN)
def grants() -> ResponseReturnValue:
    """The grants I may see, narrowed by links that can be shared, and what they come to."""
    wanted, seen, past = _wanted(), scope(current_user, Award), scope(current_user, PastAward)
    before, past_before = (
        max(0, min(request.args.get(name, at, type=int), queries.FIRST))
        for name, at in (("before", queries.FIRST), ("past", 0))
    )
    listed = queries.grants_like(seen, past, wanted, current_user, before=before, past_before=past_before)
    staff = current_user.holds(*STAFF)
    counted = listed.number <= queries.MANY and staff
    figures = queries.figures_of(seen, past, wanted, current_user, within=True) if counted else []
    choices = queries.choices_of(past, wanted.call) if staff else None
    to_grant, to_past, language = addresses(".grant"), addresses("imports.past_award"), language_now()
    return render_template(
        "portfolio/grants.html",
        grants=[
            (
                line,
                (to_past if line.programme else to_grant)(line.reference),
                Money(line.amount_minor, line.currency).shown(language),
                day(line.end_on),
            )
            for line in listed.lines
        ],
        number=listed.number,
        most=queries.MANY,
        states=AwardState,
        totals=totals(figures),
        staff=staff,
        active=_active(wanted, choices),
        selects=_selects(wanted, choices, figures) if choices else [],
        wanted=wanted,
        figures_url=url_for(".figures", **wanted.asked),
        newest=_narrower(wanted) if "before" in request.args or past_before else None,
        older=_narrower(wanted, ".grants", **listed.older) if listed.older else None,
    )


@bp.get("/grants/figures")
@access(*STAFF)
def figures() -> ResponseReturnValue:
    """What the grants of the list come to: by everything they can be narrowed by, on a map, and what is due when."""
    wanted, seen, past = _wanted(), scope(current_user, Award), scope(current_user, PastAward)
    today = clock.now().date()
    months = months_from(today, MONTHS + 1)
    found = queries.figures_of(seen, past, wanted, current_user)
    choices = queries.choices_of(past, wanted.call)
    calls = queries.calls_in(found)
    countries = rows_by(found, "country", most=len(ON_THE_MAP))
    currencies = sorted({one.currency for one in found})
    return render_template(
        "portfolio/figures.html",
        active=_active(wanted, choices, ".figures"),
        list_url=_narrower(wanted),
        totals=totals(found),
        number=sum(one.number for one in found if one.by == "all"),
        currencies=currencies,
        charts=_charts(found, wanted, choices, calls, currencies),
        money=_money_of(found, calls, wanted),
        countries=_bars(
            countries,
            currencies,
            partial(_told, wanted=wanted, by="country", options={}, calls=calls),
        ),
        circles=[(one, country_name(one.country)) for one in circles(countries)],
        dues=_dues(queries.due_by_month(seen, wanted, current_user, today, months[-1]), months[:-1]),
    )


def _wanted() -> queries.Filter:
    return filter_of(lambda name: request.args.get(name, ""), knows_risk=current_user.holds(*STAFF))


MONTHS = 12
"""So many months ahead figures tell what is due."""


def _narrower(wanted: queries.Filter, page: str = ".grants", **change: Any) -> str:
    """The address of a page with the same filter, changed in something."""
    kept = wanted.asked | change
    if not kept.get("call"):
        kept.pop("lot", None)
    return url_for(page, **{name: value for name, value in kept.items() if value})


def _one_of(name: str, allowed: Sequence[str]) -> str:
    value = request.args.get(name, "")
    return value if value in allowed else ""


FILTERS: dict[str, Any] = {
    "call": _l("Call"),
    "lot": _l("Lot"),
    "region": _l("Region"),
    "country": _l("Country"),
    "point": _l("Point of the plan"),
    "state": _l("State"),
    "risk": _l("Risk"),
    "programme": _l("Programme"),
}
"""By what a list of grants is narrowed, as it is called."""


def _options(choices: queries.Choices) -> dict[str, dict[str, Any]]:
    """What can be chosen of each filter: its value in the address, and its name."""
    programmes = (
        {queries.THIS_FUND: _("This fund"), **{name: name for name in choices.programmes}} if choices.programmes else {}
    )
    return {
        "call": {reference: f"{reference} · {pick(title)}" for _id, reference, title in choices.calls},
        "lot": {key: pick(title) for key, title in choices.lots},
        "region": REGION_LABELS,
        "country": dict(sorted(((key, country_name(key)) for key in choices.countries), key=lambda one: one[1])),
        "point": {str(number): f"{number} · {pick(text)}" for number, text in choices.points.items()},
        "state": {state.value: state.label for state in AwardState},
        "risk": {risk.value: label for risk, label in RISK_LABELS.items()},
        "programme": programmes,
    }


def _named(name: str, value: str, options: Mapping[str, Mapping[str, Any]]) -> Any:
    """What one choice is called, also when it is not offered any more."""
    return options.get(name, {}).get(value) or (country_name(value) if name == "country" else value)


def _active(wanted: queries.Filter, choices: queries.Choices | None, page: str = ".grants") -> list[dict[str, Any]]:
    """What the list is narrowed to; each link takes one part away."""
    options = _options(choices) if choices and wanted.asked else {}
    return [
        {
            "label": _("%(label)s: %(text)s", label=FILTERS[name], text=_named(name, str(value), options))
            if name in FILTERS
            else _("“%(words)s”", words=value),
            "url": _narrower(wanted, page, **{name: ""}),
        }
        for name, value in wanted.asked.items()
    ]


def _selects(
    wanted: queries.Filter, choices: queries.Choices, figures: Sequence[queries.Figure]
) -> list[tuple[str, Any, str, list[tuple[str, Any, int | None]]]]:
    """The filters as choices: name, label, what is chosen, and the values with their names and numbers of grants.

    Numbers stand beside the choices of filters that are not used yet, when few enough grants were found to count them.
    """
    options, selects = _options(choices), []
    ids = {str(id_): reference for id_, reference, _title in choices.calls}
    for name, label in FILTERS.items():
        chosen = str(wanted.asked.get(name, ""))
        if not options[name] and not chosen:
            continue
        offered = (
            options[name]
            if not chosen or chosen in options[name]
            else {chosen: _named(name, chosen, options)} | options[name]
        )
        numbers = {ids.get(row.key, row.key): row.number for row in rows_by(figures, name, most=10_000)}
        counted = bool(numbers) and not chosen
        selects.append(
            (name, label, chosen, [(v, said, numbers.get(v, 0) if counted else None) for v, said in offered.items()])
        )
    return selects


def _bars(
    rows: Sequence[Row], currencies: Sequence[str], told: Callable[[str], tuple[Any, str | None]]
) -> list[dict[str, Any]]:
    """The rows of a figure as the page draws them: how many grants, and the money awarded in each currency.

    ``told`` gives the name of a row and the address of its grants.
    """
    language, drawn = language_now(), []
    for row in rows:
        label, url = (_("All others"), None) if row.key == OTHERS else told(row.key)
        cells = [{"value": row.number, "shown": number_text(row.number)}]
        for currency in currencies:
            minor = row.awarded.get(currency, 0)
            cells.append({"value": minor, "shown": Money(minor, currency).shown(language)})
        drawn.append({"label": label, "url": url, "cells": cells})
    return drawn


UNKNOWN: dict[str, Any] = {
    "region": _l("In no region of the fund"),
    "risk": _l("Not judged"),
    "year": _l("Not known"),
    "country": _l("Counted in its region only: people may be at risk"),
}
"""What stands where nothing is known, or nothing is told."""

YEAR = _l("Year")

CHARTS: tuple[tuple[str, Any], ...] = (
    ("region", _l("By region")),
    ("state", _l("By state")),
    ("point", _l("By point of the Plan of Action")),
    ("lot", _l("By lot")),
    ("call", _l("By call")),
    ("year", _l("By the year of the award")),
    ("risk", _l("By risk")),
    ("programme", _l("By programme")),
)


def _charts(
    found: Sequence[queries.Figure],
    wanted: queries.Filter,
    choices: queries.Choices,
    calls: Mapping[int, queries.InFigures],
    currencies: Sequence[str],
) -> list[tuple[str, Any, Any, list[dict[str, Any]]]]:
    """The figures one below the other: what by, its heading, the name of its rows, the rows. One with a single row says nothing new."""
    options, charts = _options(choices), []
    for by, heading in CHARTS:
        order = sorted({one.key or "" for one in found if one.by == by}, reverse=True) if by == "year" else options[by]
        rows = rows_by(found, by, list(order))
        if len(rows) > 1:
            told = partial(_told, wanted=wanted, by=by, options=options, calls=calls)
            charts.append((by, heading, YEAR if by == "year" else FILTERS[by], _bars(rows, currencies, told)))
    return charts


def _told(
    key: str,
    *,
    wanted: queries.Filter,
    by: str,
    options: Mapping[str, Mapping[str, Any]],
    calls: Mapping[int, queries.InFigures],
) -> tuple[Any, str | None]:
    """What a row of a figure is called, and the address of its grants."""
    if not key:
        return UNKNOWN[by], None
    if by in ("call", "lot"):
        call_id, _slash, lot = key.partition("/")
        call = calls[int(call_id)]
        title = (pick(call.lots.get(lot)) or lot) if lot else pick(call.title)
        return f"{title} · {call.reference}", _narrower(wanted, call=call.reference, lot=lot)
    return _named(by, key, options), None if by == "year" else _narrower(wanted, **{by: key})


MOST_CALLS = 3
"""So many calls are shown with their envelope, the latest."""


def _money_of(
    found: Sequence[queries.Figure], calls: Mapping[int, queries.InFigures], wanted: queries.Filter
) -> list[dict[str, Any]]:
    """Where the money of these grants stands, beside the envelope of their call; the latest calls."""
    lines = sorted((one for one in found if one.by == "call"), key=lambda one: -int(one.key or 0))
    return [
        {
            "title": pick(calls[int(one.key or 0)].title),
            "url": _narrower(wanted, call=calls[int(one.key or 0)].reference, lot=""),
            "envelope": calls[int(one.key or 0)].envelope,
            **{
                name: Money(minor, one.currency)
                for name, minor in (
                    ("paid", one.paid),
                    ("refunded", one.refunded),
                    ("payable", one.payable),
                    ("committed", one.committed),
                )
            },
        }
        for one in lines[:MOST_CALLS]
    ]


def _dues(dues: Sequence[queries.Due], months: Sequence[date]) -> list[tuple[Any, list[Any], list[dict[str, Any]]]]:
    """What is due when: a heading, the names of the measures, and a row for what is late and for each month."""
    language, drawn = language_now(), []
    for kind, heading, currencies in (
        ("payment", _("Payments planned"), sorted({due.currency for due in dues if due.kind == "payment"})),
        ("report", _("Reports owed"), []),
    ):
        own = {(due.month, due.currency): due for due in dues if due.kind == kind}
        if not own:
            continue
        rows = []
        for month in (None, *months):
            of_month = [due for (when, _currency), due in own.items() if when == month]
            shown = sum(due.number for due in of_month)
            cells = [{"value": shown, "shown": number_text(shown)}]
            for currency in currencies:
                minor = own[month, currency].minor if (month, currency) in own else 0
                cells.append({"value": minor, "shown": Money(minor, currency).shown(language)})
            rows.append({"label": month_name(month) if month else _("Late"), "url": None, "cells": cells})
        drawn.append((heading, currencies, rows))
    return drawn


@bp.get("/grants/<reference>")
@access(SIGNED_IN)
def grant(reference: str) -> ResponseReturnValue:
    """One grant at a glance: where its money stands, what comes next and what it waits for, and what happened lately."""
    at = clock.now()
    award = found(queries.grant_by_reference(scope(current_user, Award), reference))
    parts = queries.parts_of(award)
    standings = payments.standings_of([award.id])
    subjects = [("award", award.id), ("application", award.application_id)]
    subjects += [(kind, part.id) for kind in ("report_due", "disbursement") for part in parts[kind]]
    staff = current_user.holds(*STAFF) and not current_user.belongs_to(award.organization_id)
    tranches = [(one, [] if one.payment else obstacles_to_preparing(one, at)) for one in standings]
    if not staff:
        tranches = [(one, as_grantee_reads(stops)) for one, stops in tranches]
    elif not current_user.holds(*READERS):
        tranches = [(one, as_coordinator_reads(stops)) for one, stops in tranches]
    most = WHOLE_HISTORY if request.args.get("history") == "all" else LATEST
    history = timeline(subjects, names=staff, limit=most)
    return render_template(
        "portfolio/grant.html",
        award=award,
        reports=parts["report_due"],
        milestones=parts["milestone"],
        # What a person of the fund has to see to is no concern of the grantee's.
        conditions=[one for one in parts["condition"] if staff or one.required],
        tranches=tranches,
        coming=coming_on(award.state, parts, at.date()),
        to_pay=next((one for one in tranches if not one[0].is_settled), None),
        money=standings[0] if standings else None,
        history=history,
        is_cut=sum(line["times"] for line in history) == LATEST,
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
        lines=in_words(page),
        filters=[{"label": _("About"), "links": kinds}],
        newest=url_for(".record", kind=kind or None) if before < queries.NEWEST else None,
        older=url_for(".record", kind=kind or None, before=page[-1].id) if len(entries) > len(page) else None,
        head=chain_head(),
    )


def in_words(entries: list[queries.Entry]) -> list[RecordLine]:
    """Lines of the record as the present reader may see them."""
    seen = {kind: scope(current_user, model) for kind, model in queries.SUBJECTS.items()}
    return record_lines(entries, queries.subjects_of(entries, seen), gate_of(current_user).told)
