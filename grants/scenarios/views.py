"""Pages of scenarios: ticking what could be awarded, proposing, keeping, comparing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import COORDINATORS, Role
from grants.calls.models import Call
from grants.calls.queries import call_to_read, documents_of
from grants.core.permissions import require, scope
from grants.core.rules import Refused
from grants.core.solver import NotProven
from grants.core.web import access, done, found
from grants.decisions import queries as decisions
from grants.decisions.models import Meeting
from grants.decisions.permissions import can_follow_decisions, can_see_case
from grants.decisions.rules import Ranked, Ranking, ranking
from grants.decisions.views import first_declared
from grants.draws.models import Draw
from grants.draws.queries import draw_of
from grants.reviews.queries import ApplicationLine, Gate, gate_of, standing_of
from grants.reviews.rules import shown
from grants.scenarios import actions, permissions, queries, rules
from grants.scenarios.forms import ScenarioForm, filled_in, reasons_typed, scenario_form
from grants.scenarios.models import Scenario

bp = Blueprint("scenarios", __name__)

READERS = (Role.COMMITTEE_MEMBER, *COORDINATORS, Role.AUDITOR)
MOST_COMPARED = 3


@dataclass(frozen=True)
class Table:
    """The ranked list of a call as the present reader may see it: without what they stepped aside from."""

    call: Call
    list_: Ranking
    places: list[Ranked]
    draw: Draw | None
    gate: Gate
    unseen: frozenset[str | None]
    composes: bool

    @property
    def keys(self) -> list[tuple[str, Any]]:
        """What limits are set for: regions and lots, with what they are called."""
        regions = [(one.region, one.label) for one in self.call.regions]
        return regions + [(one.key, one.title) for one in self.call.lots]


def _table(reference: str) -> Table:
    call = decisions.with_promises(found(call_to_read(scope(current_user, Call), reference)))
    invited = current_user.holds(Role.COMMITTEE_MEMBER) and decisions.is_invited(current_user, call.id)
    require(permissions.can_see_scenarios(current_user, invited=invited))
    first_declared(call)
    gate, draw = gate_of(current_user, call.id), draw_of(call)
    list_ = ranking(call, standing_of(call), hidden=gate.ids)
    sees_all = invited or current_user.holds(Role.AUDITOR)
    return Table(
        call,
        list_,
        list_.ranked,
        draw,
        gate,
        frozenset() if sees_all else frozenset(one for one in list_.regions if not can_see_case(current_user, one)),
        permissions.can_compose(current_user, call, invited=invited),
    )


# ------------------------------------------------------------------ those that are kept


def _kept(table: Table, numbers: Collection[int] | None = None) -> list[rules.Shown]:
    """The scenarios of a call, or some of them, the latest first."""
    kept = queries.scenarios_of(scope(current_user, Scenario), table.call.id, numbers)
    plan = queries.plan_of(table.call)
    return [rules.shown_to(table.gate, one, table.call, plan, table.unseen) for one in kept]


def _lines(table: Table) -> dict[int, ApplicationLine]:
    """What titles and names are read from, by application."""
    return {one.application.id: one.application for one in table.list_.results}


@bp.get("/calls/<reference>/scenarios")
@access(*READERS)
def of_call(reference: str) -> ResponseReturnValue:
    """The scenarios of a call."""
    table = _table(reference)
    return render_template(
        "scenarios/of_call.html",
        call=table.call,
        table=table,
        scenarios=_kept(table),
        before=queries.laid_before(table.call.id),
        follows=can_follow_decisions(current_user),
        most=MOST_COMPARED,
    )


@bp.get("/calls/<reference>/scenarios/<int:number>")
@access(*READERS)
def show(reference: str, number: int) -> ResponseReturnValue:
    """One scenario: who is in it, what it comes to, what it was made from."""
    table = _table(reference)
    (one,) = found(_kept(table, [number]) or None)
    return render_template(
        "scenarios/show.html",
        call=table.call,
        table=table,
        one=one,
        lines=_lines(table),
        before=[reference for reference, lies in queries.laid_before(table.call.id).items() if lies == number],
        meetings=[
            meeting
            for meeting in queries.meetings_ahead(scope(current_user, Meeting), table.call.id)
            if permissions.can_lay_before(current_user, meeting)
        ],
    )


@bp.get("/calls/<reference>/scenarios/compare")
@access(*READERS)
def compare(reference: str) -> ResponseReturnValue:
    """Two or three scenarios side by side."""
    table = _table(reference)
    numbers = list(dict.fromkeys(n for n in map(_whole, request.args.getlist("with")) if n))[:MOST_COMPARED]
    compared = sorted(_kept(table, numbers), key=lambda one: numbers.index(one.scenario.number))
    rows: dict[int, dict[str, Any]] = {}
    for one in compared:
        for line in one.lines:
            rows.setdefault(line["id"], line)
    return render_template(
        "scenarios/compare.html",
        call=table.call,
        table=table,
        compared=compared,
        rows=sorted(rows.values(), key=lambda line: line["rank"]),
        lines=_lines(table),
        most=MOST_COMPARED,
    )


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


@bp.post("/calls/<reference>/scenarios/<int:number>/lay-before")
@access(Role.COMMITTEE_MEMBER, *COORDINATORS)
def lay_before(reference: str, number: int) -> ResponseReturnValue:
    """Lay a scenario before a meeting."""
    table = _table(reference)
    (scenario,) = found(queries.scenarios_of(scope(current_user, Scenario), table.call.id, [number]) or None)
    meeting = found(decisions.meeting_by_reference(scope(current_user, Meeting), request.form.get("meeting", "")))
    found(meeting if meeting.call_id == table.call.id else None)
    require(permissions.can_lay_before(current_user, meeting))
    actions.lay_before(scenario, meeting, by=current_user)
    return done(
        _("The scenario lies before the meeting. Nothing is decided by it."),
        ".show",
        reference=reference,
        number=number,
    )


# ------------------------------------------------------------------ making one


@bp.route("/calls/<reference>/scenarios/new", methods=["GET", "POST"])
@access(Role.COMMITTEE_MEMBER, *COORDINATORS)
def compose(reference: str) -> ResponseReturnValue:
    """Tick applications and count; or fill the ticks in by a proposal; or keep what is ticked."""
    table = _table(reference)
    require(table.composes)
    form_class = scenario_form(table.call)
    if request.method == "GET":
        return _begun(table, form_class)
    form, ticked, reasons = form_class(), set(request.form.getlist("award")), reasons_typed(request.form)
    limits = form.limits(table.call)
    if limits is None:
        return _page(table, form, ticked, _promised(table), reasons=reasons, status=422)
    if "propose" in request.form:
        return _proposed(table, form, limits, reasons)
    if "save" in request.form:
        try:
            scenario = actions.save(
                table.call,
                form.name.data or "",
                ticked,
                limits,
                reasons=reasons,
                by=current_user,
                hidden=table.gate.ids,
            )
        except Refused as refused:
            form.form_errors += [str(obstacle.message) for obstacle in refused.obstacles]
            return _page(table, form, ticked, limits, reasons=reasons, status=422)
        return done(_("The scenario is kept."), ".show", reference=reference, number=scenario.number)
    return _page(table, form, ticked, limits, reasons=reasons)


def _promised(table: Table) -> rules.Limits:
    return rules.limits_of(table.call, documents_of(table.call)["terms"])


def _begun(table: Table, form_class: type[ScenarioForm]) -> ResponseReturnValue:
    """A new scenario: what the money reaches going down the list, or what another one has."""
    limits, name, number = _promised(table), "", request.args.get("from", 0, type=int)
    if pattern := _kept(table, [number]) if number else []:
        limits, name = pattern[0].balance.limits, pattern[0].name
        ticked = {line["reference"] for line in pattern[0].lines if line["ticked"]}
    else:
        ends = rules.where_the_money_ends([one.application.requested_minor for one in table.places], limits.budget)
        ticked = {one.application.reference for one in table.places[:ends]}
    return _page(table, form_class(data={"name": name} | filled_in(limits)), ticked, limits)


def _proposed(
    table: Table, form: ScenarioForm, limits: rules.Limits, reasons: Mapping[str, str]
) -> ResponseReturnValue:
    ranked = [place.application for place in table.places]
    try:
        proposal = rules.propose_lifting(ranked, limits, reasons, queries.leads_of(table.call.id))
    except NotProven:
        form.form_errors += [_("No proposal could be proven to be the right one in time. Wider limits make it easier.")]
        return _page(table, form, set(request.form.getlist("award")), limits, reasons=reasons, status=422)
    ticked = {line.reference for line in proposal.awards or ()}
    return _page(table, form, ticked, limits, reasons=reasons, proposal=proposal)


def _page(
    table: Table,
    form: ScenarioForm,
    ticked: Collection[str],
    limits: rules.Limits,
    *,
    reasons: Mapping[str, str] = {},
    proposal: rules.Proposal | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    points = queries.plan_points_of(table.call.id)
    lines = [place.application for place in table.places]
    chosen = [
        rules.Chosen(line.requested_minor, line.region, line.lot_key, points.get(line.id, []))
        for line in lines
        if line.reference in ticked
    ]
    page = render_template(
        "scenarios/compose.html",
        call=table.call,
        table=table,
        form=form,
        ticked=ticked,
        points=points,
        reasons=reasons,
        proposal=proposal,
        balance=rules.balance(table.call, chosen, limits, queries.plan_of(table.call)),
        ends=rules.where_the_money_ends([line.requested_minor for line in lines], limits.budget),
        is_promised=limits == _promised(table),
        shown=shown,
    )
    return page, status


# ------------------------------------------------------------------ the committee room


@bp.app_template_global("scenario_before")
def scenario_before(meeting: Meeting, call: Call) -> rules.Shown | None:
    """The scenario that lies before a meeting, as the present reader may see it."""
    scenario = queries.scenario_before(meeting.id)
    if scenario is None:
        return None
    unseen = {one.region for one in call.regions if not can_see_case(current_user, one.region, meeting)}
    return rules.shown_to(gate_of(current_user, call.id), scenario, call, queries.plan_of(call), unseen)
