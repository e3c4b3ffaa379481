"""Who takes part in the draw near the money line, and in which order they come out.

A published draw, built from two well-known pieces. The seed is bound before by publishing its digest, as in coin flipping
by telephone (Blum 1981), so that nobody can choose it when the applications are known. The order is that of the SHA-256 of
seed and reference, as in the sampling of ballots for audits (Rivest 2018, arXiv:1808.10016) and, with another digest, the
selection of committees of the IETF (RFC 3797): everybody who knows the seed and the references computes the same order,
and leaving one out does not change the order of the others.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any

from grants.core.languages import _l, _ln
from grants.core.rules import Obstacle
from grants.decisions.queries import DECIDED, Ballot
from grants.decisions.rules import LOTTERY, Ranked, Ranking, lot
from grants.draws.models import Draw
from grants.draws.workflow import DrawState
from grants.reviews.rules import Grid, to_two_decimals

SEED_BYTES = 32


def fresh_seed() -> str:
    """A seed that nobody can guess, in hexadecimal digits."""
    return secrets.token_hex(SEED_BYTES)


def fingerprint(seed: str) -> str:
    """What is published of a seed before the draw: the SHA-256 of its digits, by which nobody can find it out."""
    return hashlib.sha256(seed.encode()).hexdigest()


def drawn(seed: str, call_reference: str, references: Iterable[str]) -> list[tuple[str, str]]:
    """The references in the order in which they come out, each with its lot."""
    return sorted(((one, lot(seed, call_reference, one)) for one in set(references)), key=lambda pair: pair[1])


def is_announced(grid: Grid) -> bool:
    """Whether the call said that it would draw: among all near the line, or among those that its rules leave equal."""
    return grid.draw_within is not None or LOTTERY in grid.tie_break


def near_the_line(list_: Ranking) -> list[Ranked]:
    """Those who take part, by the rule that the call announced; none when the money line does not cut through them.

    With ``draw_within`` all whose points differ by no more than that from the last one above the line; else those whom
    only the lottery tells apart from it.
    """
    above = [place for place in list_.ranked if place.above_line]
    if not above or len(above) == len(list_.ranked) or not is_announced(list_.grid):
        return []
    first, last = len(above) - 1, len(above)
    within = list_.grid.draw_within
    if within is None:
        while first and list_.ranked[first].tie == LOTTERY:
            first -= 1
        while last < len(list_.ranked) and list_.ranked[last].tie == LOTTERY:
            last += 1
    else:
        line, zero = above[-1].result.score or Decimal(0), Decimal(0)
        group = [n for n, place in enumerate(list_.ranked) if abs((place.result.score or zero) - line) <= within]
        first, last = group[0], group[-1] + 1
    return list_.ranked[first:last] if last > len(above) else []


def as_line(place: Ranked, its_lot: str) -> dict[str, Any]:
    """An application as the record of the draw keeps it."""
    return {
        "id": place.application.id,
        "reference": place.application.reference,
        "rank": place.rank,
        "points": str(to_two_decimals(place.result.score or 0)),
        "lot": its_lot,
    }


def holds(draw: Draw) -> bool:
    """Whether the record of a draw is what its seed gives, and its seed what was bound."""
    if draw.seed is None or fingerprint(draw.seed) != draw.fingerprint:
        return False
    order = drawn(draw.seed, draw.call.reference, [line["reference"] for line in draw.lines])
    return order == [(line["reference"], line["lot"]) for line in draw.lines]


def obstacles_to_binding(grid: Grid, draw: Draw | None, *, closed: bool, met: bool) -> list[Obstacle]:
    """Why no seed can be bound: the call announced no draw, still takes applications, has its seed, or the committee has
    ``met`` already, when it is known whom a seed would serve.
    """
    if not is_announced(grid):
        return [Obstacle("not_announced", _l("This call did not announce a draw, so there is none."))]
    if draw is not None:
        return [Obstacle("bound_already", _l("The seed is bound already. There is one draw in a call."))]
    if not closed:
        return [Obstacle("call_not_closed", _l("The seed is bound after the deadline of the call."))]
    if met:
        return [
            Obstacle("met_already", _l("The committee has met. The seed is bound before, so that nobody chooses it."))
        ]
    return []


def obstacles_to_drawing(
    list_: Ranking,
    draw: Draw | None,
    ballots: Mapping[int, Ballot],
    *,
    hidden: AbstractSet[int] = frozenset(),
) -> list[Obstacle]:
    """Why it cannot be drawn. ``list_`` is the whole list; ``hidden`` are applications from which the person who would
    draw stepped aside.
    """
    if draw is None:
        return [Obstacle("no_seed", _l("Please bind the seed first."))]
    if draw.state == DrawState.DRAWN:
        return [Obstacle("drawn_already", _l("It is drawn. There is one draw in a call."))]
    found = []
    if not hidden.isdisjoint(list_.by_id):
        message = _l("Something of this list is hidden from you. Please let somebody else draw.")
        return [Obstacle("stepped_aside", message)]
    waiting = len(list_.waiting) + sum(1 for one in list_.results if one.third_review)
    if waiting:
        message = _ln(
            "%(num)s application still waits for reviews, so the ranking may change.",
            "%(num)s applications still wait for reviews, so the ranking may change.",
            waiting,
        )
        found.append(Obstacle("reviews_missing", message))
    group = near_the_line(list_)
    if not group:
        found.append(
            Obstacle("nobody_equal", _l("The money line does not cut through equals, so nothing has to be drawn."))
        )
    if any((ballot := ballots.get(place.application.id)) and ballot.state in DECIDED for place in group):
        found.append(
            Obstacle("decided_already", _l("The committee has decided about one of those who would take part."))
        )
    return found
