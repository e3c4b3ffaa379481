"""Pages of the draw."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts.models import COORDINATORS, Role
from grants.calls.models import Call
from grants.core import clock
from grants.core.permissions import require, scope
from grants.core.web import access, done, found
from grants.decisions import queries as decisions
from grants.decisions.permissions import can_see_case
from grants.decisions.rules import ranking
from grants.decisions.views import first_declared
from grants.draws import actions, permissions, queries, rules
from grants.history.queries import timeline
from grants.reviews.queries import gate_of, standing_of

bp = Blueprint("draws", __name__)


def _call(reference: str) -> Call:
    return found(decisions.call_to_decide(scope(current_user, Call), reference))


@bp.get("/calls/<reference>/draw")
@access(Role.COMMITTEE_MEMBER, *COORDINATORS, Role.AUDITOR)
def of_call(reference: str) -> ResponseReturnValue:
    """Whether the call announced a draw, who would take part, and what came out."""
    call = _call(reference)
    invited = current_user.holds(Role.COMMITTEE_MEMBER) and decisions.is_invited(current_user, call.id)
    require(permissions.can_see_draw(current_user, invited=invited))
    first_declared(call)
    draw, gate = queries.draw_of(call), gate_of(current_user, call.id)
    whole, list_ = (ranking(call, standing_of(call), hidden=ids) for ids in (frozenset[int](), gate.ids))
    sees_all = invited or current_user.holds(Role.AUDITOR)
    theirs = [place for place in list_.ranked if sees_all or can_see_case(current_user, place.application.region)]
    seen = {place.application.id: place for place in theirs}
    may_draw = permissions.can_draw(current_user, call)
    drawing: dict[str, Any] = {"binding": [], "drawing": []}
    if may_draw:
        closed = call.closes_at <= clock.now()
        drawing = {
            "binding": rules.obstacles_to_binding(list_.grid, draw, closed=closed, met=queries.has_met(call)),
            "drawing": rules.obstacles_to_drawing(whole, draw, decisions.ballots_of(call.id), hidden=gate.ids),
        }
    return render_template(
        "draws/of_call.html",
        call=call,
        draw=draw,
        announced=rules.is_announced(list_.grid),
        within=list_.grid.draw_within,
        group=[place for place in rules.near_the_line(list_) if place.application.id in seen],
        drawn=[(line, seen[line["id"]]) for line in draw.lines if line["id"] in seen] if draw else [],
        told=gate.told,
        may_draw=may_draw,
        entries=timeline([("draw", draw.id)], names=True) if draw else [],
        **drawing,
    )


@bp.post("/calls/<reference>/draw/seed")
@access(*COORDINATORS)
def bind(reference: str) -> ResponseReturnValue:
    """Bind the seed: its fingerprint is published."""
    call = _call(reference)
    require(permissions.can_draw(current_user, call))
    actions.bind(call, by=current_user)
    return done(_("The seed is bound. Its fingerprint stands in the record."), ".of_call", reference=reference)


@bp.post("/calls/<reference>/draw")
@access(*COORDINATORS)
def draw(reference: str) -> ResponseReturnValue:
    """Draw, once."""
    call = _call(reference)
    require(permissions.can_draw(current_user, call))
    actions.draw(call, by=current_user, hidden=gate_of(current_user, call.id).ids)
    return done(_("It is drawn. The seed is disclosed."), ".of_call", reference=reference)


@bp.app_template_global("draw_published")
def draw_published(call: Call) -> queries.Published | None:
    """What everybody is told of the draw of a call."""
    return queries.published_of(call.id)
