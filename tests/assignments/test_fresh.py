"""A fresh assignment of a call as it is stored."""

from __future__ import annotations

from flask import Flask

from grants.assignments.queries import fresh_board
from grants.assignments.rules import Plan, best_plan
from grants.conflicts.models import Grade
from grants.reviews.actions import declare_interest
from tests.factories import call
from tests.reviews.rows import assignment, case, reviewer


def test_it_is_made_as_if_nobody_had_been_asked_and_keeps_to_declared_conflicts(app: Flask) -> None:
    of_call = call()
    first, second, third = (reviewer(profile={"capacity": n}) for n in (5, 1, 5))
    one, two = case(of_call), case(of_call)
    assignment(one, first)
    declare_interest(first, two.organization, grade=Grade.CONFLICT, reason="A friend.", by=first)
    board = fresh_board(of_call)
    everybody = {person.reference for person in (first, second, third)}
    board = type(board)(
        board.lines, [p for p in board.candidates if p.reference in everybody], board.assignments, board.ties
    )
    plan = best_plan(board, 2)
    assert isinstance(plan, Plan)
    asked = {(pair.application.reference, pair.reviewer.reference) for pair in plan.pairs}
    assert {reviewer for application, reviewer in asked if application == two.reference} == {
        second.reference,
        third.reference,
    }
    assert len({reviewer for application, reviewer in asked if application == one.reference}) == 2
    assert (one.reference, first.reference) in asked, "a review asked for before does not count"
