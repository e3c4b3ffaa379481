"""Working out whom to ask, and asking those whom a coordinator has looked through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta

from grants.accounts.models import Person
from grants.applications.models import Application
from grants.assignments import queries, rules
from grants.assignments.models import PlanState, ReviewPlan
from grants.calls.models import Call
from grants.core import clock
from grants.core.db import after_commit, db
from grants.core.jobs import bell_of
from grants.decisions import actions as decisions
from grants.decisions.queries import decided_in
from grants.reviews.models import Assignment
from grants.reviews.permissions import applications_assessed_under, can_assign
from grants.reviews.queries import grid_of, lines_under_review
from grants.reviews.rules import read_grid

WORK_OUT_PLANS = "assignments.work_out_plans"

BROKEN_DOWN = timedelta(minutes=3)
"""Whoever has not worked out a plan after so long never will; somebody else begins anew."""


def boards_for(call: Call, person: Person) -> queries.Boards:
    """What a coordinator has left to plan: the undecided applications of their regions."""
    lines = lines_under_review(call.id, applications_assessed_under(person))
    return queries.boards_left(call, [one for one in lines if can_assign(person, one.region)], decided_in(call.id))


def begin_plan(call: Call, *, by: Person) -> ReviewPlan:
    """Let a worker find whom best to ask. It replaces the plan that the same person asked for before."""
    plan = queries.plan_of(call, by, held=True) or ReviewPlan(call_id=call.id, person_id=by.id)
    plan.state, plan.step, plan.proposal, plan.board = PlanState.WORKING, 0, None, None
    plan.asked_at, plan.held_until = clock.now(), None
    db.session.add(plan)
    db.session.flush()
    after_commit(bell_of(WORK_OUT_PLANS))
    return plan


def take_on(plan: ReviewPlan) -> tuple[queries.Boards, int]:
    """Begin to work a plan out: for a while nobody else does. Gives what it is found from, and how many first reviews the
    grid wants.
    """
    plan.held_until = clock.now() + BROKEN_DOWN
    return boards_for(plan.call, plan.person), read_grid(grid_of(plan.call)).reviews_wanted


def finish(plan: ReviewPlan, boards: queries.Boards, proposal: rules.Proposal | None) -> None:
    """Keep what was found, to be looked through; nothing when the best could not be found in time."""
    if proposal is None:
        plan.state = PlanState.STOPPED
        return
    plan.state, plan.board, plan.proposal = PlanState.READY, rules.fingerprint(boards), asdict(proposal)


def ask_planned(
    call: Call, chosen: Mapping[Application, Sequence[Person]], boards: queries.Boards, *, due_on: date, by: Person
) -> list[Assignment]:
    """Ask all reviewers of a plan by a day, or nobody: for a third review where two disagree, for a first one elsewhere.

    Raises Refused with every application for which somebody cannot be asked any more, and why: since the plan was
    computed another coordinator may have asked, or somebody declared a conflict.
    """
    third = {line.id for line in boards.third.lines}
    pairs = [(one, who, 2 if one.id in third else 1) for one, people in chosen.items() for who in people]
    return decisions.ask_reviewers(call, pairs, due_on=due_on, by=by)
