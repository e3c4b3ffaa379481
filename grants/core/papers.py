"""Pages of a PDF as pictures, to be looked at in place; and documents made ready once for all their pages.

A process of its own draws each page, with little memory and time: what somebody sent may be made to break whoever draws it.
Run as a script it draws one page: ``papers.py FOLDER NUMBER`` writes a PNG.
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from pathlib import Path
from threading import Lock

import pikepdf
import typst

PAPER = "paper.pdf"
SECONDS = 20
MEMORY = 2 * 1024**3
PPI = 110
"""Dots an inch: a page of A4 is 910 dots wide, enough for small print on a telephone and beside a form."""

_SHEET = """#set page(width: auto, height: auto, margin: 0pt, fill: white)
#image("{name}", format: "pdf", page: {number}, width: 595pt)
"""


KEPT_FOR = 300
"""Seconds: as long as somebody looks through the pages of a document that are drawn as they come into sight."""
MOST_KEPT = 64 * 1024**2
"""Bytes, in each process."""


class Prepared:
    """Documents as they were made ready for a reader, kept for a short while: each page of one asks for all of it."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, Future[bytes]]] = {}
        self._lock = Lock()

    def once(self, of: Hashable, prepare: Callable[[], bytes]) -> bytes:
        """What ``prepare`` makes of a document, made once for all who ask meanwhile. What it raises is not kept."""
        with self._lock:
            self._forget()
            ours = of not in self._kept
            _since, made = self._kept.setdefault(of, (time.monotonic(), Future()))
        if ours:
            try:
                made.set_result(prepare())
            except BaseException as refused:  # noqa: BLE001  who waits is told as well
                with self._lock:
                    del self._kept[of]
                made.set_exception(refused)
        return made.result()

    def _forget(self) -> None:
        """Leave out what is old, and the oldest until the others fit."""
        sizes = {of: len(made.result()) for of, (_since, made) in self._kept.items() if made.done()}
        for of in list(sizes):
            if self._kept[of][0] < time.monotonic() - KEPT_FOR or sum(sizes.values()) > MOST_KEPT:
                del self._kept[of], sizes[of]


def pages_in(content: bytes) -> int:
    """How many pages a PDF has; none when it cannot be read."""
    try:
        with pikepdf.open(io.BytesIO(content), suppress_warnings=True) as document:
            return len(document.pages)
    except (pikepdf.PdfError, ValueError, RuntimeError):
        return 0


def page_drawn(content: bytes, number: int) -> bytes | None:
    """A page of a PDF as a PNG; None when it has no such page, or none that can be drawn."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, PAPER).write_bytes(content)
        try:
            drawn = subprocess.run(
                [sys.executable, "-I", __file__, folder, str(number)],
                capture_output=True,
                timeout=SECONDS,
                check=True,
                env={},
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return None
    return drawn.stdout or None


def draw(folder: str, number: int) -> bytes:
    """Draw a page here and now."""
    sheet = Path(folder, "sheet.typ")
    sheet.write_text(_SHEET.format(name=PAPER, number=number), encoding="utf-8")
    drawn = typst.compile(str(sheet), root=folder, format="png", ppi=PPI, ignore_system_fonts=True)
    return drawn if isinstance(drawn, bytes) else b""


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    sys.stdout.buffer.write(draw(sys.argv[1], int(sys.argv[2])))
