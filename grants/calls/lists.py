"""Calls, as they are taken out in a file."""

from __future__ import annotations

from grants.calls.models import Call
from grants.calls.queries import calls_page
from grants.calls.workflow import CallState
from grants.core.languages import _l, pick
from grants.core.listings import Asked, Column, Kind, Lines, listing_of
from grants.core.permissions import scope


@listing_of(
    "calls.managed",
    _l("Calls"),
    Column(_l("Reference"), "reference"),
    Column(_l("Title"), lambda call: pick(call.title, fallback=call.authoritative_language)),
    Column(_l("State"), lambda call: CallState(call.state).label),
    Column(_l("Opens"), "opens_at", Kind.MOMENT),
    Column(_l("Deadline"), "closes_at", Kind.MOMENT),
    Column(_l("Envelope"), "envelope", Kind.AMOUNT),
    Column(_l("Smallest grant"), "grant_min", Kind.AMOUNT),
    Column(_l("Largest grant"), "grant_max", Kind.AMOUNT),
)
def managed(asked: Asked) -> Lines:
    """Every call, in preparation, published or cancelled."""
    calls, number = calls_page(scope(asked.person, Call), None)
    return Lines(number, calls)
