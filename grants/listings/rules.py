"""When a list is written at once and when by a worker, when its file is given to nobody any more, how filters are named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from grants.core.languages import _l
from grants.core.rules import Obstacle
from grants.core.sheets import MOST_ROWS
from grants.listings.models import FileState, KeptFilter, ListFile

AT_ONCE = 2000
"""A list with so many rows is written while its reader waits; a longer one by a worker."""

KEPT = timedelta(days=7)
"""How long a file is kept; it can be made again."""

STALLED = timedelta(minutes=20)
"""After so long a file that a worker began is begun again by another."""

LONGEST_NAME = 80

MOST_FILTERS = 50
"""So many filters one person keeps."""

FREE_WORDS = frozenset({"q"})
"""What people type into a list to look for it. It may name anybody, so the record does not repeat it."""


def obstacles_to_taking_out(number: int, *, being_made: bool) -> list[Obstacle]:
    """Why a list is not written: it is longer than a sheet, or another long one is being written for the same person."""
    if number > MOST_ROWS:
        text = _l("A file holds at most %(n)s rows. Please narrow the list.", n=MOST_ROWS)
        return [Obstacle("too_long", text)]
    if number > AT_ONCE and being_made:
        text = _l("Another list is being written for you. Please wait until it is ready.")
        return [Obstacle("being_made", text, ("listings.files", {}))]
    return []


def obstacles_to_giving(file: ListFile, rights: str) -> list[Obstacle]:
    """Why a file is not given: it is not ready, or what the person may see (``rights``) has changed since."""
    if file.state != FileState.READY:
        return [Obstacle("not_ready", _l("The file is not ready."))]
    if file.rights != rights:
        text = _l("What you may see has changed since this file was written. Please take the list out again.")
        return [Obstacle("rights_changed", text)]
    return []


def obstacles_to_keeping(name: str, same: KeptFilter | None, number: int) -> list[Obstacle]:
    """Why a filter is not kept under a name: there is none, it is taken, or there are enough filters (``number``)."""
    if not name:
        return [Obstacle("name_missing", _l("Please give the filter a name."))]
    if same is not None:
        return [Obstacle("name_taken", _l("You already keep a filter of this list under that name."))]
    if number >= MOST_FILTERS:
        text = _l("You keep %(n)s filters. Please delete one first.", n=MOST_FILTERS)
        return [Obstacle("too_many_filters", text)]
    return []


def file_name(list_name: Any, values: Mapping[str, str], kind: str, day: date) -> str:
    """What a file is called: the list, what it is the list of (a reference, never a name), the day."""
    return f"{'-'.join([str(list_name).lower().replace(' ', '-'), *values.values(), day.isoformat()])}.{kind}"


def filter_told(values: Mapping[str, str]) -> dict[str, str]:
    """The filter of a list as the record tells it."""
    return {name: "…" if name in FREE_WORDS else value for name, value in sorted(values.items()) if value}
