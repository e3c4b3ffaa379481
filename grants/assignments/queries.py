"""What an assignment of a call is computed from, and the plans that are kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from grants.accounts.models import Person
from grants.assignments.models import PlanState, ReviewPlan
from grants.calls.models import Call
from grants.core.db import db
from grants.reviews.queries import (
    ApplicationLine,
    Assignments,
    Board,
    assignments_in,
    board_of,
    lines_under_review,
    standing_of,
)
from grants.reviews.rules import grid_in, need_of, results_of
from grants.reviews.workflow import AssignmentState


def fresh_board(call: Call) -> Board:
    """The eligible applications to a call and everybody who could review them, as if nobody had been asked yet. Ties
    that people declared, also when they stepped aside, count; so does it that a fresh assessment is made by others.
    """
    before = [one for one in assignments_in(call.id).asked if one.state == AssignmentState.REPLACED]
    return board_of(call.id, lines_under_review(call.id), Assignments(before))


class Boards(NamedTuple):
    """The applications of a call that are not decided, for the first round, and those of which two reviews disagree."""

    first: Board
    third: Board


def boards_left(call: Call, lines: Sequence[ApplicationLine], decided: Collection[int]) -> Boards:
    """What is left to plan of some applications of a call: whoever was asked already is on the boards."""
    standing = standing_of(call)
    wanted = grid_in(standing).reviews_wanted
    needs = [need_of(standing.assignments, result, wanted) for result in results_of(standing)]
    third = {need.id for need in needs if need.third_missing and not need.reviewers_missing}
    board = board_of(call.id, [line for line in lines if line.id not in decided], standing.assignments)
    return Boards(board, replace(board, lines=[line for line in board.lines if line.id in third]))


def plan_of(call: Call, person: Person, *, held: bool = False) -> ReviewPlan | None:
    """The plan that somebody asked for; ``held`` until the transaction ends."""
    found = select(ReviewPlan).where(ReviewPlan.call_id == call.id, ReviewPlan.person_id == person.id)
    return db.session.scalar(found.with_for_update() if held else found)


def plan_to_do(at: datetime) -> ReviewPlan | None:
    """The plan that waits longest for somebody to work it out, held; None when there is none."""
    found = (
        select(ReviewPlan)
        .where(ReviewPlan.state == PlanState.WORKING, or_(ReviewPlan.held_until.is_(None), ReviewPlan.held_until < at))
        .options(joinedload(ReviewPlan.call, innerjoin=True), joinedload(ReviewPlan.person, innerjoin=True))
        .order_by(ReviewPlan.id)
        .limit(1)
    )
    return db.session.scalar(found.with_for_update(skip_locked=True, of=ReviewPlan))


def plan_in_work(plan_id: int, asked_at: datetime) -> ReviewPlan | None:
    """A plan that is being worked out, held; None when somebody asked for another one meanwhile."""
    found = select(ReviewPlan).where(
        ReviewPlan.id == plan_id, ReviewPlan.asked_at == asked_at, ReviewPlan.state == PlanState.WORKING
    )
    return db.session.scalar(found.with_for_update().execution_options(populate_existing=True))
