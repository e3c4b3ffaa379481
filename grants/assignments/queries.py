"""What an assignment of a call is computed from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from grants.calls.models import Call
from grants.reviews.queries import ApplicationLine, Assignments, Board, assignments_in, board_of, lines_under_review
from grants.reviews.workflow import AssignmentState


def fresh_board(call: Call) -> Board:
    """The eligible applications to a call and everybody who could review them, as if nobody had been asked yet. Ties
    that people declared, also when they stepped aside, count; so does it that a fresh assessment is made by others.
    """
    before = [one for one in assignments_in(call.id).asked if one.state == AssignmentState.REPLACED]
    return board_of(call.id, lines_under_review(call.id), Assignments(before))


def board_left(call: Call, lines: Sequence[ApplicationLine], decided: Collection[int]) -> Board:
    """Those of some applications for which nobody has been asked yet, and the reviewers with the room they have left.

    What is decided needs nobody; who declined or was released for an application counts as tied there.
    """
    board = board_of(call.id, list(lines))
    asked = board.assignments
    waiting = [line for line in lines if line.id not in decided and not asked.live(line.id, 1)]
    past = {
        (one.reviewer_id, line.organization_id) for line in waiting for one in asked.of_application.get(line.id, [])
    }
    room = [one._replace(capacity=max(one.capacity - asked.load[one.id, 1], 0)) for one in board.candidates]
    return replace(board, lines=waiting, candidates=room, assignments=Assignments([]), ties=board.ties | past)
