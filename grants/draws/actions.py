"""Binding the seed of a draw, and drawing."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from grants.accounts.models import Person
from grants.calls.models import Call
from grants.core import clock, encryption
from grants.core.db import db
from grants.core.rules import refuse
from grants.decisions.queries import ballots_of, lock_envelope
from grants.decisions.rules import ranking
from grants.draws import queries, rules
from grants.draws.models import Draw
from grants.history import actions as history
from grants.reviews.queries import standing_of
from grants.reviews.rules import grid_in

PLACE = "draw.sealed_seed"


def bind(call: Call, *, by: Person) -> Draw:
    """Make the seed of the draw, publish its fingerprint, and lock the seed away. Raises Refused.

    There is one draw in a call: two people who press at once bind one seed.
    """
    lock_envelope(call.id)
    grid, closed = grid_in(standing_of(call)), call.closes_at <= clock.now()
    refuse(rules.obstacles_to_binding(grid, queries.draw_of(call), closed=closed, met=queries.has_met(call)))
    seed, token = rules.fresh_seed(), encryption.row_token()
    draw = Draw(
        call_id=call.id,
        call=call,
        fingerprint=rules.fingerprint(seed),
        token=token,
        sealed_seed=encryption.seal(seed, PLACE, token),
        bound_by_id=by.id,
        bound_by=by,
    )
    db.session.add(draw)
    history.begin(draw, "bind", by=by, call=call.reference, fingerprint=draw.fingerprint)
    return draw


def draw(call: Call, *, by: Person, hidden: AbstractSet[int] = frozenset()) -> Draw:
    """Draw among those near the money line as the ranking stands now, and disclose the seed to the committee; from now on
    they stand in this order in the ranked list. Raises Refused.

    ``hidden`` are the applications from which whoever draws stepped aside.
    """
    lock_envelope(call.id)
    list_, its = ranking(call, standing_of(call)), queries.draw_of(call)
    refuse(rules.obstacles_to_drawing(list_, its, ballots_of(call.id), hidden=hidden))
    assert its is not None
    its.seed = encryption.unseal(its.sealed_seed, PLACE, its.token)
    group = {place.application.reference: place for place in rules.near_the_line(list_)}
    order = rules.drawn(its.seed, call.reference, group)
    its.lines = [rules.as_line(group[reference], lot) for reference, lot in order]
    its.call.drawn = [{"id": line["id"], "points": line["points"]} for line in its.lines]
    its.drawn_at, its.drawn_by_id = clock.now(), by.id
    history.record(its, "draw", by=by, seed=its.seed, number=len(order))
    return its
