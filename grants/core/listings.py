"""Lists of the product, as they are taken out in files: each declares its columns once, beside the page that shows it.

A list is what stands at an address: the page with the query by which it is filtered. The same address is what people
keep under a name and send to each other.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from flask import current_app
from werkzeug.exceptions import HTTPException

from grants.core.languages import LazyWords, _l
from grants.core.money import MixedCurrencies, Money
from grants.core.web import own_path


class Kind(enum.Enum):
    """What stands in a column: how a file writes it."""

    TEXT = "text"
    NUMBER = "number"
    AMOUNT = "amount"
    DAY = "day"
    MOMENT = "moment"


@dataclass(frozen=True)
class Column:
    """A column of a list: its heading, and what stands in it for a row (an attribute of the row, or a function of it).

    An amount is :class:`Money`. What ``tells`` could say who a grantee is (a name, or words that somebody wrote): it is
    left out where the name is withheld.
    """

    label: Any
    of: str | Callable[[Any], Any]
    kind: Kind = Kind.TEXT
    tells: bool = False

    @property
    def value(self) -> Callable[[Any], Any]:
        """What stands in the column for a row."""
        return attrgetter(self.of) if isinstance(self.of, str) else self.of


@dataclass(frozen=True)
class Asked:
    """What is asked of a list: by whom, with which words of its address, at what moment."""

    person: Any
    values: Mapping[str, str]
    at: datetime

    def get(self, name: str, known: Iterable[str] | None = None) -> str:
        """One word of the address; nothing when it is not one of those ``known``."""
        value = self.values.get(name, "")
        return value if known is None or value in known else ""

    @property
    def today(self) -> date:
        """The day of the asker."""
        return self.at.astimezone(ZoneInfo(self.person.timezone)).date()


YES, NO = _l("yes"), _l("no")


def yes_or_no(said: object) -> LazyWords:
    """A mark of a list in words."""
    return YES if said else NO


class Lines(NamedTuple):
    """The rows of a list in their order, and how many there are."""

    number: int
    rows: Iterable[Any]


Reading = Callable[[Asked], Lines]


@dataclass(frozen=True)
class Listing:
    """A list that can be taken out: the page that shows it, what it is called, its columns, and how it is read.

    ``reading`` starts from what the asker may see. ``withheld`` tells whether the name of the grantee of a row is withheld;
    a list with columns that could tell it has one.
    """

    endpoint: str
    name: Any
    columns: Sequence[Column]
    reading: Reading
    withheld: Callable[[Any], bool] | None

    @property
    def currency_after(self) -> int | None:
        """The column after which the currency of the amounts stands: the last amount; None where there is none."""
        return max((at for at, column in enumerate(self.columns) if column.kind == Kind.AMOUNT), default=None)

    @property
    def headings(self) -> list[tuple[str, Kind]]:
        """The headings of the file, in the reader's language."""
        heads = [(str(column.label), column.kind) for column in self.columns]
        if self.currency_after is not None:
            heads.insert(self.currency_after + 1, (str(_l("Currency")), Kind.TEXT))
        return heads

    def cells(self, rows: Iterable[Any]) -> Iterator[list[Any]]:
        """What stands in the file for each row. Raises MixedCurrencies for a row with amounts in two."""
        values, worded = [column.value for column in self.columns], _Worded()
        telling = [at for at, column in enumerate(self.columns) if column.tells]
        amounts = [at for at, column in enumerate(self.columns) if column.kind == Kind.AMOUNT]
        after = self.currency_after
        for row in rows:
            cells = [worded.of(value(row)) for value in values]
            if self.withheld and self.withheld(row):
                for at in telling:
                    cells[at] = None
            if after is not None:
                cells.insert(after + 1, _currency([cells[at] for at in amounts]))
            yield cells


class _Worded:
    """Words found once for a whole file: the states and regions of a list are the same few in every row."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[LazyWords, str]] = {}

    def of(self, value: Any) -> Any:
        """A value; words as they are said in the reader's language. They are kept, so that no others get their identity."""
        if type(value) is not LazyWords:
            return value
        if id(value) not in self._said:
            self._said[id(value)] = (value, str(value))
        return self._said[id(value)][1]


def _currency(amounts: Sequence[Money | None]) -> str | None:
    there = {amount.currency for amount in amounts if amount is not None}
    if len(there) > 1:
        raise MixedCurrencies(" and ".join(sorted(there)))
    return next(iter(there), None)


LISTINGS: dict[str, Listing] = {}
"""Every list that can be taken out, by the endpoint of its page."""


def listing_of(
    endpoint: str, name: Any, *columns: Column, withheld: Callable[[Any], bool] | None = None
) -> Callable[[Reading], Reading]:
    """Declare how the list of a page is taken out."""

    def remember(reading: Reading) -> Reading:
        LISTINGS[endpoint] = Listing(endpoint, name, columns, reading, withheld)
        return reading

    return remember


# ------------------------------------------------------------------ addresses


class Place(NamedTuple):
    """A list as filtered: which it is, the words of its address, and those of them that are its path (``of_path``)."""

    listing: Listing
    values: dict[str, str]
    of_path: frozenset[str]
    address: str


PAGING = frozenset({"page", "before", "past", "after"})
"""Words of an address that say where in a list one reads: no part of its filter."""

LONGEST_ADDRESS = 2000
"""A longer address is no list of ours."""


def place_of(address: str) -> Place | None:
    """The list at an address of this site (path and query), on whatever page of it; None where there is none.

    Of two addresses that say the same the same one comes back.
    """
    if len(address) > LONGEST_ADDRESS or own_path(address) is None:
        return None
    parts = urlsplit(address)
    try:
        endpoint, found = current_app.url_map.bind("").match(parts.path, method="GET")
    except HTTPException:
        return None
    listing = LISTINGS.get(str(endpoint))
    if listing is None:
        return None
    asked = {name: value for name, value in parse_qsl(parts.query) if name not in PAGING}
    query = urlencode(sorted(asked.items()))
    address = f"{parts.path}?{query}" if query else parts.path
    return Place(listing, {**asked, **{name: str(value) for name, value in found.items()}}, frozenset(found), address)
