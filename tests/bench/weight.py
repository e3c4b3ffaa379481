"""What the application form weighs on the line: as sent, compressed, with everything that its pages load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from flask import Flask

from tests.bench import world
from tests.bench.meter import Answer, call

REFERENCE, WHO = "APP-005", "USR-NP-1"
FORM = f"/applications/{REFERENCE}"

IN_PAGES = (
    r'<link [^>]*\brel="(?:stylesheet|icon|manifest|preload|modulepreload)"[^>]*>',
    r"<(?:script|img|source|iframe|audio|video)\b[^>]*>",
)
IN_STYLES = (r'@import\s+"([^"]+)"', r"url\(\s*[\"']?([^)\"'#][^)\"']*)")
IN_SCRIPTS = (
    r'^\s*import\s[^"\';]*["\']([^"\']+)',
    r'^\s*export\s*(?:\*|\{[^}]*\})\s*from\s*["\']([^"\']+)',
    r'\bimport\(\s*["\']([^"\']+)',
    r'\.register\(\s*["\']([^"\']+)',
    r'new Request\(\s*["\']([^"\']+)',
)
"""How a part names other parts that come with it: in a script also the service worker, and what that keeps at once."""


def measure(folder: Path) -> dict[str, Any]:
    """The heaviest page of the form of a finished draft, opened first and opened later, in thousands of bytes."""
    with world.opened(folder) as app:
        world.make_draft(app, REFERENCE)
        cookie = world.cookie_of(app, WHO)
        begin = call(app, FORM, cookie=cookie).body.decode()
        pages = list(dict.fromkeys(re.findall(rf'href="({FORM}/(?:sections/\w+|documents))[?#"]', begin)))
        loaded = {page: dict(everything(app, page, cookie)) for page in pages}
    known = loaded[pages[0]]
    later = {page: sum(size for part, size in loaded[page].items() if part not in known) for page in pages[1:]}
    first = max(loaded, key=lambda page: sum(loaded[page].values()))
    heaviest = max(later, key=lambda page: later[page])
    whole = sum(loaded[first].values())
    return {
        "first_load": {
            "kilobytes": round(whole / 1000, 1),
            "target": 60,
            "met": whole <= 60_000,
            "parts": {part: round(size / 1000, 1) for part, size in loaded[first].items()},
        },
        "later_section": {
            "kilobytes": round(later[heaviest] / 1000, 1),
            "target": 15,
            "met": later[heaviest] <= 15_000,
            "heaviest": heaviest,
            "all_later_sections": round(sum(later.values()) / 1000, 1),
        },
    }


def everything(app: Flask, page: str, cookie: str) -> Iterator[tuple[str, int]]:
    """Every address that a browser asks for when it opens a page for the first time, with the bytes of each answer."""
    waiting, seen = [page], set()
    while waiting:
        address = waiting.pop(0)
        if address in seen:
            continue
        seen.add(address)
        answer = call(app, address, cookie=cookie, encoding="gzip")
        assert answer.status == 200, f"{address}: {answer.status}"
        yield address.partition("?")[0], _on_the_line(answer)
        if address == page or not answer.headers["Content-Type"].startswith("text/html"):
            waiting += _named_in(address, answer)


def _on_the_line(answer: Answer) -> int:
    return len(answer.body) + sum(len(f"{name}: {value}\r\n") for name, value in answer.headers.items())


def _named_in(address: str, answer: Answer) -> list[str]:
    """The parts that a part names, as addresses on this site."""
    kind, text = answer.headers["Content-Type"].partition(";")[0], answer.text
    if kind == "text/html":
        tags = [tag for pattern in IN_PAGES for tag in re.findall(pattern, text)]
        names = [name for tag in tags for name in re.findall(r'\b(?:href|src)="([^"]+)"', tag)]
    elif kind == "text/css":
        names = [name for pattern in IN_STYLES for name in re.findall(pattern, text)]
    elif kind.endswith("javascript"):
        names = [name for pattern in IN_SCRIPTS for name in re.findall(pattern, text, re.MULTILINE)]
    else:
        names = []
    return [urljoin(address, name) for name in names if not urlsplit(name).scheme]
