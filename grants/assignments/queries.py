"""What a fresh assignment of a call is computed from."""

from __future__ import annotations

from grants.calls.models import Call
from grants.reviews.queries import Assignments, Board, board_of, lines_under_review


def fresh_board(call: Call) -> Board:
    """The eligible applications to a call and everybody who could review them, as if nobody had been asked yet. Ties
    that people declared, also when they stepped aside, count.
    """
    return board_of(call.id, lines_under_review(call.id), Assignments([]))
