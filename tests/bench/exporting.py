"""What a workbook of a hundred thousand grants costs, beside the bare writer that writes the same cells from memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from sqlalchemy import event
from xlsxwriter import Workbook

from grants.core import clock
from grants.core.db import db, transaction
from grants.core.listings import Asked, place_of
from grants.core.money import Money
from grants.listings import actions, tasks
from grants.listings.models import FileKind, FileState, ListFile
from tests.bench import many, world

ROWS, COLUMNS = 100_000, 30
MOST_TIMES, MOST_MEGABYTES = 2.0, 250


def measure(folder: Path) -> dict[str, Any]:
    """The list of grants as the worker writes it: time beside the bare writer's, most memory of its process, queries."""
    with world.opened(folder) as app:
        many.grow(app, ROWS)
    child = [sys.executable, "-m", "tests.bench.exporting", str(folder)]
    found = json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
    times = found["seconds"] / found["bare_seconds"]
    whole = found["rows"] >= ROWS and found["columns"] >= COLUMNS
    return {
        "export": {
            **found,
            "times_the_bare_writer": round(times, 2),
            "target": {"times": MOST_TIMES, "megabytes": MOST_MEGABYTES, "rows": ROWS, "columns": COLUMNS},
            "met": whole and times <= MOST_TIMES and found["megabytes"] < MOST_MEGABYTES,
        }
    }


def _one_process(folder: Path) -> dict[str, Any]:
    """What the worker does for one person, and then what the bare writer does; in a process that did nothing else."""
    with world.opened(folder) as app, app.app_context():
        person, place = world.person("STF-07"), place_of("/grants")
        assert place is not None
        with transaction():
            file_id = actions.take_out(place, FileKind.XLSX, by=person).id
        statements: list[str] = []
        event.listen(db.engine, "before_cursor_execute", lambda _c, _k, said, *_more: statements.append(said))
        start = time.perf_counter()
        assert tasks.make_waiting() == 1
        seconds = time.perf_counter() - start
        megabytes = _most_memory()
        made = db.session.get_one(ListFile, file_id, populate_existing=True)
        assert made.state == FileState.READY
        assert made.file is not None
        listing = place.listing
        lines = listing.reading(Asked(person, place.values, clock.now()))
        cells = [_constant(cell) for row in islice(listing.cells(lines.rows), 1) for cell in row]
        start = time.perf_counter()
        _bare(cells, made.total)
        return {
            "rows": made.total,
            "columns": len(cells),
            "seconds": round(seconds, 1),
            "bare_seconds": round(time.perf_counter() - start, 1),
            "megabytes": round(megabytes),
            "file_megabytes": round(made.file.size / 2**20, 1),
            "queries": len([one for one in statements if not one.startswith("UPDATE list_file")]),
        }


def _most_memory() -> float:
    """The most memory that this process has held, in megabytes; what the kernel says otherwise counts its parent's too."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


def _constant(cell: Any) -> str | float:
    """A cell as the bare writer is given it."""
    if isinstance(cell, Money):
        return float(cell.amount)
    return cell if isinstance(cell, int) else "" if cell is None else str(cell)


def _bare(cells: list[str | float], rows: int) -> None:
    """The library alone, writing the same row again and again."""
    with TemporaryFile() as file:
        book = Workbook(file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
        sheet = book.add_worksheet()
        for row in range(rows):
            for at, cell in enumerate(cells):
                if isinstance(cell, str):
                    if cell:
                        sheet.write_string(row, at, cell)
                else:
                    sheet.write_number(row, at, cell)
        book.close()


if __name__ == "__main__":
    json.dump(_one_process(Path(sys.argv[1])), sys.stdout)
