"""A list as a file that a spreadsheet opens."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response

BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet compute a cell instead of showing it (OWASP, CSV injection)."""


def as_csv(name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Response:
    """A list to save under a name: UTF-8 with the mark by which spreadsheets know it. Empty is what is None; nothing that
    somebody wrote is computed.
    """
    written = io.StringIO()
    csv.writer(written).writerows([_cell(one) for one in row] for row in (header, *rows))
    answer = Response(written.getvalue().encode("utf-8-sig"), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(BEGINS_A_FORMULA) else text
