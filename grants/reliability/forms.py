"""Reading ratings from a file that anybody may bring."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from grants.reliability.rules import Rating

COLUMNS = ("unit", "rater", "score")
MISSING = {"", "*", ".", "na", "nan", "null"}
"""How a missing score is written: Krippendorff's own sign, that of statistics programs, or nothing."""

LONGEST_FIELD = 200
MOST_BYTES = 20_000_000


class BadRatings(Exception):
    """The file cannot be read as ratings; says where and why."""


def read_ratings(path: str) -> list[Rating]:
    """The ratings in a CSV file with the columns unit, rater and score, in any order and beside others. A score that is
    empty, ``*``, ``.`` or NA is missing. Where numbers have decimal commas, semicolons may part the columns. Raises
    BadRatings with the line.
    """
    try:
        if Path(path).stat().st_size > MOST_BYTES:
            raise BadRatings(f"{path}: more than {MOST_BYTES // 1_000_000} MB.")
        text = Path(path).read_text("utf-8-sig")
    except OSError as error:
        raise BadRatings(f"{path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadRatings(f"{path}: this is not a text in UTF-8.") from None
    try:
        return list(_ratings(path, text))
    except csv.Error as error:
        raise BadRatings(f"{path}: {error}.") from None


def _ratings(path: str, text: str) -> Iterator[Rating]:
    if "\0" in text:
        raise BadRatings(f"{path}: this is not a text.")
    lines = text.splitlines()
    rows = csv.reader(lines, strict=True, delimiter=";" if lines and ";" in lines[0] and "," not in lines[0] else ",")
    heading = [name.strip().lower() for name in next(rows, [])]
    if any(heading.count(name) != 1 for name in COLUMNS):
        raise BadRatings(f"{path}: the first line must name the columns unit, rater and score, each once.")
    places = [heading.index(name) for name in COLUMNS]
    known: dict[tuple[str, str], int] = {}
    for row in rows:
        here = f"{path}, line {rows.line_num}"
        if not any(row):
            continue
        if len(row) != len(heading):
            raise BadRatings(f"{here}: {len(row)} columns where the first line has {len(heading)}.")
        unit, rater, score = (row[place].strip() for place in places)
        if not unit or not rater:
            raise BadRatings(f"{here}: the unit or the rater is missing.")
        if max(map(len, (unit, rater, score))) > LONGEST_FIELD:
            raise BadRatings(f"{here}: more than {LONGEST_FIELD} characters.")
        if (unit, rater) in known:
            raise BadRatings(f"{here}: {rater} rated {unit} in line {known[unit, rater]} already.")
        known[unit, rater] = rows.line_num
        if score.lower() not in MISSING:
            yield Rating(unit, rater, score)
