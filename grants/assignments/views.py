"""The plan of a call's reviews: computed, looked through, changed, confirmed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.accounts.models import COORDINATORS
from grants.assignments import actions, queries, rules
from grants.assignments.forms import PlanForm
from grants.calls.models import Call
from grants.core.languages import _l
from grants.core.languages import gettext as _
from grants.core.rules import Obstacle, Refused
from grants.core.solver import NotProven
from grants.core.web import access, done
from grants.decisions.queries import decided_in, people_named
from grants.reviews import queries as reviews
from grants.reviews.permissions import can_assign
from grants.reviews.rules import read_grid
from grants.reviews.views import call_followed, lines_followed

bp = Blueprint("assignments", __name__)


class Row(NamedTuple):
    """An application of the plan, who could be asked for it, and who is chosen, as many as the grid wants."""

    application: reviews.ApplicationLine
    options: list[rules.Option]
    chosen: list[str]


@bp.route("/calls/<reference>/reviews/plan", methods=["GET", "POST"])
@access(*COORDINATORS)
def plan(reference: str) -> ResponseReturnValue:
    """Whom to ask for which review, proven best; a coordinator looks through it, changes it and confirms."""
    call = call_followed(reference)
    lines = [line for line in lines_followed(call) if can_assign(current_user, line.region)]
    board = queries.board_left(call, lines, decided_in(call.id))
    form = PlanForm()
    if not form.is_submitted():
        form.due_on.data = call.reviews_due_on
        return _page(call, board, form)
    chosen = form.chosen(line.reference for line in lines)
    if not form.validate():
        return _page(call, board, form, chosen, status=422)
    people = {one.reference: one for one in people_named(who for some in chosen.values() for who in some)}
    applications = reviews.applications_by_id(line.id for line in lines if chosen[line.reference])
    pairs = {one: [people[who] for who in chosen[one.reference] if who in people] for one in applications}
    try:
        asked = actions.ask_planned(pairs, due_on=form.due_on.data, by=current_user)
    except Refused as refused:
        return _page(call, board, form, chosen, refused.obstacles, status=409)
    said = _("%(n)s reviewers have been asked.", n=len(asked))
    return done(said, "decisions.reviews_of_call", reference=reference)


def _page(
    call: Call,
    board: reviews.Board,
    form: PlanForm,
    chosen: dict[str, list[str]] | None = None,
    obstacles: Sequence[Obstacle] = (),
    *,
    status: int = 200,
) -> ResponseReturnValue:
    """The plan: as it was computed, or as it was sent when it cannot be confirmed like that."""
    wanted = read_grid(reviews.grid_of(call)).reviews_wanted
    best, why_not = (None, []) if chosen else _best(board, wanted)
    proposed: dict[str, list[str]] = defaultdict(list)
    for pair in best.pairs if best else []:
        proposed[pair.application.reference].append(pair.reviewer.reference)
    chosen = chosen or proposed
    rows = [
        Row(line, rules.options_for(board, line, picked := chosen.get(line.reference, [])), _padded(picked, wanted))
        for line in board.lines
    ]
    page = render_template(
        "assignments/plan.html",
        call=call,
        rows=rows,
        plan=best,
        why_not=why_not,
        obstacles=obstacles,
        form=form,
        wanted=wanted,
    )
    return page, status


def _best(board: reviews.Board, wanted: int) -> tuple[rules.Plan | None, list[Obstacle]]:
    """The best plan, or why there is none."""
    try:
        found = rules.best_plan(board, wanted)
    except NotProven:
        return None, [Obstacle("not_proven", _l("The best plan could not be found in time. Please choose yourself."))]
    return (None, found) if isinstance(found, list) else (found, [])


def _padded(chosen: list[str], wanted: int) -> list[str]:
    """One choice a review; empty where nobody is chosen."""
    return [*chosen, *[""] * wanted][: max(wanted, len(chosen))]
