"""The plan of a call's reviews: computed, looked through, changed, confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from grants.accounts.models import COORDINATORS
from grants.assignments import actions, queries, rules
from grants.assignments.forms import PlanForm
from grants.assignments.models import STEPS, PlanState, ReviewPlan
from grants.calls.models import Call
from grants.core import clock
from grants.core.languages import _l, _ln
from grants.core.languages import gettext as _
from grants.core.rules import Obstacle, Refused
from grants.core.solver import NotProven
from grants.core.web import access, done
from grants.decisions.queries import people_named
from grants.reviews import queries as reviews
from grants.reviews.rules import read_grid
from grants.reviews.views import call_followed

bp = Blueprint("assignments", __name__)

NOT_PROVEN = _l("The best plan could not be found in time. Please choose yourself.")


class Row(NamedTuple):
    """An application of the plan, who could be asked for it, and who is chosen, as many as are missing."""

    waiting: rules.Waiting
    options: list[rules.Option]
    chosen: list[str]


@bp.route("/calls/<reference>/reviews/plan", methods=["GET", "POST"])
@access(*COORDINATORS)
def plan(reference: str) -> ResponseReturnValue:
    """Whom to ask for which review, proven best; a coordinator looks through it, changes it and confirms."""
    call = call_followed(reference)
    boards, form = actions.boards_for(call, current_user), PlanForm()
    waiting = rules.waiting_in(boards, _wanted(call))
    if not form.is_submitted():
        today = clock.today(call.timezone)
        form.due_on.data = max(call.reviews_due_on or today, today)
        return _proposed(call, boards, waiting, form)
    chosen = form.chosen(one.application.reference for one in waiting)
    if not form.validate():
        return _page(call, boards, waiting, form, chosen, status=422)
    people = {one.reference: one for one in people_named(who for some in chosen.values() for who in some)}
    applications = reviews.applications_by_id(
        one.application.id for one in waiting if chosen[one.application.reference]
    )
    pairs = {one: [people[who] for who in chosen[one.reference] if who in people] for one in applications}
    try:
        asked = actions.ask_planned(call, pairs, boards, due_on=form.due_on.data, by=current_user)
    except Refused as refused:
        return _page(call, boards, waiting, form, chosen, refused=refused.obstacles, status=409)
    said = _ln("%(num)s reviewer has been asked.", "%(num)s reviewers have been asked.", len(asked))
    return done(str(said), "decisions.reviews_of_call", reference=reference)


@bp.post("/calls/<reference>/reviews/plan/work-out")
@access(*COORDINATORS)
def work_out(reference: str) -> ResponseReturnValue:
    """Let the best plan be worked out, where that takes longer than one waits for a page."""
    actions.begin_plan(call_followed(reference), by=current_user)
    return done(_("The plan is being worked out."), ".plan", reference=reference)


def _wanted(call: Call) -> int:
    return read_grid(reviews.grid_of(call)).reviews_wanted


def _proposed(
    call: Call, boards: queries.Boards, waiting: Sequence[rules.Waiting], form: PlanForm
) -> ResponseReturnValue:
    """The plan as it is proposed; when that takes long, how far it is."""
    if rules.is_long(boards, waiting):
        kept = queries.plan_of(call, current_user)
        if kept is None or kept.state == PlanState.WORKING:
            return render_template("assignments/working.html", call=call, plan=kept, number=len(waiting), steps=STEPS)
        proposal = None
        if kept.proposal is not None:
            gate = reviews.gate_of(current_user, call.id)
            words = {key: gate.all_told(kept.proposal[key]) for key in ("why_not", "shortcomings")}
            proposal = rules.Proposal(**kept.proposal | words)
        return _page(call, boards, waiting, form, proposal=proposal, kept=kept)
    try:
        return _page(call, boards, waiting, form, proposal=rules.propose(boards, _wanted(call)))
    except NotProven:
        return _page(call, boards, waiting, form)


def _page(
    call: Call,
    boards: queries.Boards,
    waiting: Sequence[rules.Waiting],
    form: PlanForm,
    chosen: Mapping[str, list[str]] | None = None,
    *,
    proposal: rules.Proposal | None = None,
    kept: ReviewPlan | None = None,
    refused: Sequence[Obstacle] = (),
    status: int = 200,
) -> ResponseReturnValue:
    """The plan: as it was proposed, or as it was sent when it cannot be confirmed like that."""
    picked = chosen if chosen is not None else proposal.chosen if proposal is not None else {}
    page = render_template(
        "assignments/plan.html",
        call=call,
        rows=[_row(boards, one, picked.get(one.application.reference, [])) for one in waiting],
        plan=proposal,
        kept=kept,
        is_outdated=kept is not None and kept.board not in (None, rules.fingerprint(boards)),
        why_not=[NOT_PROVEN] if proposal is None and chosen is None else [],
        obstacles=refused,
        form=form,
    )
    return page, status


def _row(boards: queries.Boards, waiting: rules.Waiting, chosen: list[str]) -> Row:
    """One choice a review; empty where nobody is chosen."""
    board = boards.first if waiting.round == 1 else boards.third
    options = rules.options_for(board, waiting.application, chosen, waiting.round)
    able = {one.reviewer.reference for one in options}
    still = [who for who in chosen if who in able]
    return Row(waiting, options, [*still, *[""] * waiting.missing][: max(waiting.missing, len(still))])
