"""Reading a table of earlier awards: what its columns mean, what each row says, and why a row cannot be taken."""

from __future__ import annotations

import enum
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from babel import Locale

from grants.accounts.models import Confidentiality, strictest
from grants.core.languages import LANGUAGES, _l
from grants.core.money import Money, NotAnAmount
from grants.core.rules import Obstacle, Refused, obstacles_to_keeping
from grants.core.tables import Row
from grants.core.written import NumberShown
from grants.imports.models import PastAward
from grants.imports.queries import KnownOrganization
from grants.imports.workflow import ImportState

STALLED = timedelta(minutes=10)
"""An import that a worker began so long ago and did not finish is begun again."""

KEPT = timedelta(days=14)
"""So long a table waits to be looked at."""

LONGEST_CELL = 500
LARGEST = 1_000_000_000
"""In units of the currency: no fund gives that much, so a figure is missing its point or stands in the wrong column."""

EARLIEST = date(1900, 1, 1)
LONGEST = 600
"""Months."""

NOWHERE = "ZZ"
"""The country of a grantee of whom no row says where it is (Unicode CLDR: unknown region)."""


class Meaning(enum.StrEnum):
    """What a column of a table says about an award."""

    GRANTEE = "grantee"
    AMOUNT = "amount"
    CURRENCY = "currency"
    GRANTED_ON = "granted_on"
    MONTHS = "months"
    TITLE = "title"
    NUMBER = "number"
    COUNTRY = "country"
    CITY = "city"
    CONFIDENTIALITY = "confidentiality"


MEANING_LABELS: dict[str, Any] = {
    Meaning.GRANTEE: _l("Grantee"),
    Meaning.AMOUNT: _l("Amount"),
    Meaning.CURRENCY: _l("Currency"),
    Meaning.GRANTED_ON: _l("Granted on"),
    Meaning.MONTHS: _l("Duration in months"),
    Meaning.TITLE: _l("Title"),
    Meaning.NUMBER: _l("Number of the award there"),
    Meaning.COUNTRY: _l("Country"),
    Meaning.CITY: _l("Town"),
    Meaning.CONFIDENTIALITY: _l("May be published"),
}

NEEDED = (Meaning.GRANTEE, Meaning.AMOUNT)
"""Without these a table does not tell of awards."""

_SPOKEN_OF: dict[Meaning, tuple[str, ...]] = {
    Meaning.NUMBER: (
        r"(grant|award|project) ?(no\b|number|id|ref)",
        r"reference|^ref|^id$|^n[or°º]\.?$|numéro|número|référence",
    ),
    Meaning.GRANTEE: (
        r"grantee|recipient|bénéficiaire|beneficiari",
        r"^organi[sz]ation( name)?$|name of (the )?organi[sz]ation",
        r"name|^nom|nombre",
    ),
    Meaning.CURRENCY: (r"currency|devise|monnaie|moneda|divisa",),
    Meaning.AMOUNT: (r"amount|montant|importe|monto", r"award|value|^sum\b"),
    Meaning.MONTHS: (r"month(?!/)|duration|durée|duración|mois|meses",),
    Meaning.GRANTED_ON: (r"date|approv|granted|awarded on|fecha",),
    Meaning.TITLE: (r"title|titre|título", r"purpose|what for|project|objet|proyecto", r"description"),
    Meaning.CONFIDENTIALITY: (r"confidential|publish",),
    Meaning.CITY: (r"city|town|ville|ciudad",),
    Meaning.COUNTRY: (r"country|pays|país",),
}
"""How headers speak of a meaning, the surest words first, in the order in which meanings choose their columns."""


@dataclass(frozen=True)
class Layout:
    """How a table is read. ``columns`` gives for a meaning the place of its column, from 0.

    ``date_order`` is one of :data:`DATE_ORDERS`, ``decimals`` the mark before decimals (``point`` or ``comma``).
    ``currency`` and ``country`` hold where a row names none, ``dollar`` is the currency that $ stands for. With
    ``headings`` a row with one filled cell is a heading; otherwise it is refused like any row without an amount.
    """

    columns: Mapping[str, int] = field(default_factory=dict)
    date_order: str = "dmy"
    decimals: str = "point"
    currency: str = ""
    dollar: str = "USD"
    country: str = ""
    confidentiality: str = Confidentiality.PUBLIC
    headings: bool = True

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Layout:
        """As it was kept."""
        return cls(**{one.name: kept[one.name] for one in fields(cls) if one.name in kept})


DATE_ORDERS = ("dmy", "mdy", "ymd")


@dataclass(frozen=True)
class Table:
    """The rows below a header, and the fingerprint by which a table of the same shape is known."""

    header: Row
    rows: Sequence[Row]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the names of the columns, whatever their case and spaces."""
        return _digest(*map(folded, self.header.cells))


def table_of(rows: Sequence[Row]) -> Table:
    """A table whose first row with two filled cells names its columns. Raises Refused when none does."""
    for at, row in enumerate(rows):
        if len(row.filled) >= 2:
            if any(re.fullmatch(r"[^\w]?\s*\d[\d.,\s]*", cell) for cell in row.filled):
                break
            return Table(row, rows[at + 1 :])
    text = _l("The first row with several cells must name the columns, such as “Grantee” and “Amount”.")
    raise Refused(Obstacle("no_header", text))


def folded(words: str) -> str:
    """Words without accents, case and punctuation: what is the same to a reader."""
    apart = unicodedata.normalize("NFKD", words.casefold())
    kept = "".join(sign if sign.isalnum() else " " for sign in apart if not unicodedata.combining(sign))
    return " ".join(kept.split())


def line_of(text: str) -> str:
    """A cell as one line, composed as people type."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


# ------------------------------------------------------------------ a guess


def guessed(table: Table) -> Layout:
    """What the columns probably mean, by their names and by what stands in them; a person looks at it."""
    names = [" ".join(cell.lower().split()) for cell in table.header.cells]
    columns: dict[str, int] = {}
    for meaning, patterns in _SPOKEN_OF.items():
        free = [(at, name) for at, name in enumerate(names) if at not in columns.values()]
        speaking = (at for pattern in patterns for at, name in free if re.search(pattern, name))
        if (at := next(speaking, None)) is not None:
            columns[meaning] = at
    samples = {at: _sample(table, at) for at in range(len(names))}
    if Meaning.COUNTRY not in columns:
        rest = [at for at in samples if at not in columns.values() and samples[at]]
        named = [
            at for at in rest if sum(country_called(text) is not None for text in samples[at]) * 2 > len(samples[at])
        ]
        columns |= {Meaning.COUNTRY: named[0]} if named else {}
    dates = samples.get(columns.get(Meaning.GRANTED_ON, -1), [])
    amounts = samples.get(columns.get(Meaning.AMOUNT, -1), [])
    comma = sum(bool(re.search(r"\d,\d{1,2}\D*$", text)) for text in amounts)
    point = sum(bool(re.search(r"\d\.\d{1,2}\D*$", text)) for text in amounts)
    return Layout(
        columns=columns,
        date_order=_order_of(dates, names[columns[Meaning.GRANTED_ON]] if dates else ""),
        decimals="comma" if comma > point else "point",
    )


def _sample(table: Table, at: int) -> list[str]:
    cells = (row.cells[at].strip() for row in table.rows if at < len(row.cells) and len(row.filled) > 1)
    return [cell for cell in cells if cell and cell != table.header.cells[at].strip()]


def _order_of(dates: Iterable[str], name: str) -> str:
    parts = [tuple(map(int, found.groups())) for text in dates if (found := _DATE.fullmatch(text))]
    if parts and all(first > 31 for first, _second, _third in parts):
        return "ymd"
    if re.search(r"month ?/ ?day|mm ?/ ?dd|m/d", name):
        return "mdy"
    return "mdy" if any(second > 12 for _first, second, _third in parts) else "dmy"


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """The codes of countries (ISO 3166-1 alpha-2) by their names in the languages of the screens and by themselves."""
    named = {"uk": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "great britain": "GB",
             "usa": "US", "u s a": "US", "u s": "US", "us": "US", "united states of america": "US",
             "ivory coast": "CI", "drc": "CD", "burma": "MM", "swaziland": "SZ", "palestine": "PS"}  # fmt: skip
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "UN", "XA", "XB", "QO", NOWHERE):
                named.setdefault(folded(name), code)
                named.setdefault(code.lower(), code)
    return named


def country_called(text: str) -> str | None:
    """The code of the country with a name, in any language of the screens."""
    return _countries().get(folded(text))


@lru_cache(maxsize=1)
def currencies() -> tuple[str, ...]:
    """The currencies of the world (Unicode CLDR), those no longer in use as well: old awards were made in them."""
    return tuple(sorted(Locale.parse("en").currencies))


# ------------------------------------------------------------------ rows


@dataclass(frozen=True)
class Refusal:
    """A row that cannot be taken: the line it begins on, why, and what stood there."""

    line: int
    code: str
    said: str = ""

    @property
    def reason(self) -> str:
        """Why, in the reader's words."""
        return str(_REASONS[self.code]) % {"said": self.said or "…"}

    @property
    def without_words(self) -> Refusal:
        """The same without what stood there: a cell in the wrong place may hold anybody's name or number."""
        return replace(self, said="")


_REASONS: dict[str, Any] = {
    "grantee_missing": _l("The name of the grantee is missing."),
    "a_sum": _l("“%(said)s” is a sum of other rows, not a grantee."),
    "amount_missing": _l("The amount is missing."),
    "not_an_amount": _l("“%(said)s” is not an amount."),
    "decimals": _l("“%(said)s” has more decimals than its currency."),
    "not_positive": _l("“%(said)s” is not more than nothing."),
    "too_large": _l("“%(said)s” is more than any award: is a point missing?"),
    "no_currency": _l("“%(said)s” does not say in which currency."),
    "unknown_currency": _l("“%(said)s” names no currency that we know."),
    "two_currencies": _l("The row names two currencies: %(said)s."),
    "not_a_date": _l("“%(said)s” is not a day in the order that was chosen."),
    "date_out_of_reach": _l("“%(said)s” is in the future, or before 1900."),
    "not_months": _l("“%(said)s” is not a number of months."),
    "unknown_country": _l("“%(said)s” is no country that we know."),
    "unknown_confidentiality": _l("“%(said)s” is not one of: public, name withheld, fully confidential."),
    "too_long": _l("A cell is longer than we can keep: “%(said)s…”."),
    "unstorable": _l("The row holds a character that cannot be stored."),
    "more_cells": _l("The row has more cells than there are columns."),
}
"""Why a row cannot be taken, by the code that is kept."""


@dataclass(frozen=True)
class Passed:
    """A row that tells of no award: ``kind`` is ``heading`` or ``header_again``."""

    line: int
    kind: str
    said: str


@dataclass(frozen=True)
class ReadAward:
    """An award as a row tells it. ``country`` is empty where the row names none."""

    line: int
    fingerprint: str
    grantee: str
    amount: Money
    granted_on: date | None
    months: int | None
    title: str
    number: str
    country: str
    city: str
    confidentiality: str
    heading: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """What a table says: its awards, the rows that cannot be taken, and those that tell of none."""

    awards: list[ReadAward]
    refused: list[Refusal]
    passed: list[Passed]


class _CannotRead(Exception):
    def __init__(self, code: str, said: str = "") -> None:
        super().__init__(code)
        self.code, self.said = code, said


def read(table: Table, layout: Layout, today: date) -> Reading:
    """Every row of a table, by what its columns mean; ``today`` is the last day on which an award was made."""
    reading = Reading([], [], [])
    names = [folded(cell) for cell in table.header.cells]
    heading, times = "", Counter[tuple[str, ...]]()
    for row in table.rows:
        if _names_columns(row, names):
            reading.passed.append(Passed(row.line, "header_again", ""))
        elif layout.headings and len(row.filled) == 1 and not _is_alone(row, layout):
            heading = line_of(row.filled[0])[:LONGEST_CELL]
            reading.passed.append(Passed(row.line, "heading", heading))
        else:
            try:
                reading.awards.append(_award(row, table.header, layout, today, heading, times))
            except _CannotRead as problem:
                reading.refused.append(Refusal(row.line, problem.code, line_of(problem.said)[:80]))
    return reading


def _names_columns(row: Row, names: Sequence[str]) -> bool:
    """Whether a row is the header once more; a second one may word a column or two in another way."""
    cells = [folded(cell) for cell in row.cells]
    same = sum(bool(cell) and cell == name for cell, name in zip(cells, names, strict=False))
    return same >= 2 and same * 2 > len([name for name in names if name])


def _is_alone(row: Row, layout: Layout) -> bool:
    """Whether the one cell of a row is an amount: that is money of which nobody says whose it is, and no heading."""
    at = layout.columns.get(Meaning.AMOUNT, -1)
    found = _AMOUNT.fullmatch(line_of(row.cells[at])) if 0 <= at < len(row.cells) else None
    if found is None:
        return False
    beside = re.sub(r"[\s()\-−–+]", "", found["before"] + found["after"]).upper()
    return beside in ("", "$") or beside in _SIGNS or beside in currencies()


_A_SUM = re.compile(
    r"((grand|overall|sub|sous|gran) ?)?(total(e|es|s)?|totaux|sum|somme|suma)( (general|geral|amount|awarded|grants))?( \d{4})?"
)
"""How the row below others is called that adds them up, without accents, case and punctuation."""


def _award(
    row: Row, header: Row, layout: Layout, today: date, heading: str, times: Counter[tuple[str, ...]]
) -> ReadAward:
    if any(obstacles_to_keeping(cell) for cell in row.cells):
        raise _CannotRead("unstorable")
    if any(cell.strip() for cell in row.cells[len(header.cells) :]):
        raise _CannotRead("more_cells")
    long = next((cell for cell in row.cells if len(cell) > LONGEST_CELL), None)
    if long is not None:
        raise _CannotRead("too_long", long[:40])

    def said(meaning: Meaning) -> str:
        at = layout.columns.get(meaning, -1)
        return line_of(row.cells[at]) if 0 <= at < len(row.cells) else ""

    grantee = said(Meaning.GRANTEE)
    if not folded(grantee):
        raise _CannotRead("grantee_missing")
    if _A_SUM.fullmatch(folded(grantee)):
        raise _CannotRead("a_sum", grantee)
    amount = _amount(_marked(row, layout), said(Meaning.CURRENCY), layout)
    granted_on = _day(said(Meaning.GRANTED_ON), layout.date_order, today)
    number = said(Meaning.NUMBER)
    identity = (folded(grantee), amount.currency, str(amount.minor), str(granted_on or ""), folded(number))
    award = ReadAward(
        line=row.line,
        fingerprint=fingerprint(identity, times[identity]),
        grantee=grantee,
        amount=amount,
        granted_on=granted_on,
        months=_months(said(Meaning.MONTHS)),
        title=said(Meaning.TITLE),
        number=number,
        country=_country(said(Meaning.COUNTRY)) or layout.country,
        city=said(Meaning.CITY),
        confidentiality=_confidentiality(said(Meaning.CONFIDENTIALITY)) or layout.confidentiality,
        heading=heading,
        cells=row.cells,
    )
    times[identity] += 1
    return award


def fingerprint(identity: Sequence[str], before: int) -> str:
    """What tells an award from every other: grantee, currency, amount, day, own number, and how many such rows of the
    table stand ``before`` it. Two rows that are the same in all of these are two awards, in this table and in the next;
    a town or a title that was mended since does not make another award of it.
    """
    return _digest(*identity, str(before))


_AMOUNT = re.compile(
    r"(?P<before>[^\d.,]*)(?P<number>\d(?:[\d.,'’\u00a0\u202f\u2009 ]*\d)?)(?P<after>[^\d.,]*)", re.ASCII
)
_MARKS = {
    "point": re.compile(r"(\d{1,3}(?:[,'’\u00a0\u202f\u2009 ]\d{3})+|\d+)(\.\d+)?", re.ASCII),
    "comma": re.compile(r"(\d{1,3}(?:[.'’\u00a0\u202f\u2009 ]\d{3})+|\d+)(,\d+)?", re.ASCII),
}
_SIGNS = {
    "€": "EUR", "£": "GBP", "US$": "USD", "USD$": "USD", "C$": "CAD", "CA$": "CAD", "CAN$": "CAD", "A$": "AUD",
    "AU$": "AUD", "NZ$": "NZD", "₦": "NGN", "₹": "INR", "₱": "PHP", "₵": "GHS", "GH₵": "GHS", "₫": "VND", "₪": "ILS",
    "KSH": "KES", "FCFA": "XOF", "SFR": "CHF",
}  # fmt: skip
"""Signs that stand for one currency. That of $ alone is said by the layout."""


def _marked(row: Row, layout: Layout) -> str:
    """What the cell of the amount says, with the mark of the table before its decimals; a cell of a workbook that holds a
    number has a point there, whatever mark the texts beside it have.
    """
    at = layout.columns.get(Meaning.AMOUNT, -1)
    cell = row.cells[at] if 0 <= at < len(row.cells) else ""
    text = line_of(cell)
    return text.replace(".", ",") if layout.decimals == "comma" and isinstance(cell, NumberShown) else text


def _amount(said: str, column: str, layout: Layout) -> Money:
    if not said:
        raise _CannotRead("amount_missing")
    found = _AMOUNT.fullmatch(said)
    if found is None:
        raise _CannotRead("not_an_amount", said)
    beside = found["before"] + found["after"]
    sign = re.sub(r"[\s()\-−–+]", "", beside)
    named = {_currency(word, layout) for word in (sign, column) if word}
    if len(named) > 1:
        raise _CannotRead("two_currencies", ", ".join(sorted(named)))
    currency = next(iter(named), layout.currency)
    if not currency:
        raise _CannotRead("no_currency", said)
    parts = _MARKS[layout.decimals].fullmatch(found["number"])
    if parts is None:
        raise _CannotRead("not_an_amount", said)
    digits = re.sub(r"\D", "", parts[1]) + (parts[2] or "").replace(",", ".")
    if len(parts[1]) > 40 or int(re.sub(r"\D", "", parts[1])) >= LARGEST:
        raise _CannotRead("too_large", said)
    try:
        amount = Money.parse(digits, currency)
    except NotAnAmount as problem:
        raise _CannotRead("decimals", said) from problem
    if amount.minor <= 0 or re.search(r"[-−–(]", beside):
        raise _CannotRead("not_positive", said)
    return amount


def _currency(word: str, layout: Layout) -> str:
    if word == "$":
        return layout.dollar
    code = _SIGNS.get(word.upper(), word.upper())
    if code not in currencies():
        raise _CannotRead("unknown_currency", word)
    return code


_DATE = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?", re.ASCII)


def _day(said: str, order: str, today: date) -> date | None:
    if not said:
        return None
    found = _DATE.fullmatch(said)
    if found is None:
        raise _CannotRead("not_a_date", said)
    # A year that stands first is never anything else, whatever the order: workbooks give days so.
    parts = dict(zip("ymd" if len(found[1]) == 4 else order, map(int, found.groups()[:3]), strict=True))
    if parts["y"] < 100:
        raise _CannotRead("not_a_date", said)
    try:
        day = date(parts["y"], parts["m"], parts["d"])
    except ValueError as problem:
        raise _CannotRead("not_a_date", said) from problem
    if not EARLIEST <= day <= today:
        raise _CannotRead("date_out_of_reach", said)
    return day


def _months(said: str) -> int | None:
    if not said:
        return None
    found = re.fullmatch(r"(\d{1,3})(?:[.,]0+)?(?:\s*(?:months?|mois|meses|m))?", said, re.IGNORECASE | re.ASCII)
    if found is None or not 0 < int(found[1]) <= LONGEST:
        raise _CannotRead("not_months", said)
    return int(found[1])


def _country(said: str) -> str:
    code = country_called(said) if said else ""
    if code is None:
        raise _CannotRead("unknown_country", said)
    return code


def _confidentiality(said: str) -> str:
    if not said:
        return ""
    word = folded(said).replace(" ", "_")
    if word not in list(Confidentiality):
        raise _CannotRead("unknown_confidentiality", said)
    return word


def totals(amounts: Iterable[Money]) -> dict[str, int]:
    """The sum of amounts in minor units, by currency."""
    sums: Counter[str] = Counter()
    for amount in amounts:
        sums[amount.currency] += amount.minor
    return dict(sorted(sums.items()))


# ------------------------------------------------------------------ grantees


def same_organization(
    known: Sequence[KnownOrganization], country: str, cities: Iterable[str]
) -> KnownOrganization | None:
    """Which of the organizations with the grantee's very name it is, if one of them.

    It lies in the same country; where no row says the country, there must be only one of that name. An organization with
    an account of its own is another one when its town is: its members will see what it was awarded.
    """
    here = [one for one in known if one.country == country] if country != NOWHERE else list(known)
    towns = {folded(city) for city in cities if city}
    fitting = [one for one in here if one.is_from_past or not towns or not one.city or folded(one.city) in towns]
    if country == NOWHERE and len({one.counts for one in fitting}) > 1:
        return None
    return min(fitting, key=lambda one: (one.id != one.counts, one.id), default=None)


# ------------------------------------------------------------------ what stands in the way


def tighter_than(present: str) -> list[str]:
    """The classes that hide more than the present one."""
    return [one for one in Confidentiality if one != present and strictest(one, present) == one]


def obstacles_to_tightening(award: PastAward, wanted: str, reason: str) -> list[Obstacle]:
    """Why an award of an earlier programme cannot be made more confidential: it is not more, or nobody says why."""
    found = []
    if wanted not in tighter_than(award.confidentiality):
        found.append(Obstacle("not_tighter", _l("Please choose a class that hides more than the present one.")))
    if not reason.strip():
        found.append(Obstacle("reason_missing", _l("Please say why. The reason stays in the record.")))
    return found


def obstacles_to_layout(layout: Layout, header: Row) -> list[Obstacle]:
    """Why a table cannot be read in this way: a needed column is not named, or one column is said to mean two things."""
    found = [
        Obstacle("column_missing", _l("Say which column holds: %(what)s.", what=MEANING_LABELS[meaning]))
        for meaning in NEEDED
        if meaning not in layout.columns
    ]
    places = Counter(layout.columns.values())
    found += [
        Obstacle(
            "column_twice",
            _l("The column “%(name)s” cannot mean two things.", name=line_of(header.cells[at]) or str(at + 1)),
        )
        for at, number in places.items()
        if number > 1 and at < len(header.cells)
    ]
    return found


def obstacles_to_mapping(name: str, kept_for: str, fingerprint: str) -> list[Obstacle]:
    """Why a table cannot be read as a mapping says: it was kept for a table with another header."""
    if kept_for != fingerprint:
        return [
            Obstacle("other_columns", _l("The mapping “%(name)s” was kept for a table with other columns.", name=name))
        ]
    return []


def obstacles_to_laying_out(state: str) -> list[Obstacle]:
    """Why nothing can be said any more about what the columns of a table mean."""
    if state not in (ImportState.PREPARED, ImportState.FAILED):
        return [Obstacle("imported_already", _l("This table has been imported, or is being imported."))]
    return []


def obstacles_to_discarding(state: str) -> list[Obstacle]:
    """Why a table cannot be put aside: once it was confirmed, it stays in the record."""
    if state != ImportState.PREPARED:
        return [Obstacle("confirmed_already", _l("This import was confirmed already, and stays in the record."))]
    return []


def obstacles_to_confirming(seen: str | None, now: str) -> list[Obstacle]:
    """Why a table is not imported as it was shown: it was ``seen`` with other columns, or for another programme. None is
    whoever looked at nothing.
    """
    if seen is None or seen == now:
        return []
    message = _l("What the columns mean was changed meanwhile. Please look at the table again.")
    return [Obstacle("changed_meanwhile", message)]


def obstacles_to_importing(state: str, layout: Layout, header: Row, reading: Reading, programme: str) -> list[Obstacle]:
    """Why a table cannot be imported now."""
    if found := obstacles_to_laying_out(state) + obstacles_to_layout(layout, header):
        return found
    if not programme:
        return [Obstacle("programme_missing", _l("Say of which earlier programme these awards are."))]
    if not reading.awards:
        return [Obstacle("no_awards", _l("No row of this table can be taken as an award."))]
    return []


def obstacles_to_undoing(state: str) -> list[Obstacle]:
    """Why an import cannot be taken back."""
    if state != ImportState.DONE:
        return [Obstacle("not_imported", _l("Only what was imported can be taken back."))]
    return []
