"""What homes, a grant, lists of grants and what is owed cost when the fund has made a hundred thousand grants."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask

from tests.bench import many, world
from tests.bench.meter import Answer, Yardstick, backends_of, call

FEW, MANY = 1_000, int(os.environ.get("BENCH_GRANTS", "100000"))
"""``BENCH_GRANTS`` asks for fewer, to try something; the figures of fewer are told as missed."""

WHOLE = 100_000

MOST_GROWTH = 1.2
"""A hundred thousand grants may cost so many times what a thousand cost."""


@dataclass(frozen=True)
class Page:
    """A page to measure: who opens it, what must stand on it, and how many times the yardstick it may cost (nothing: it is
    told, and has no target).
    """

    name: str
    path: str
    who: str
    says: str
    target: float | None = None


COORDINATOR, OFFICER, AUDITOR, GRANTEE = "STF-07", "STF-08", "STF-15", "USR-SN-1"

PAGES = (
    Page("home of a coordinator", "/", COORDINATOR, "GRANT-S", 5),
    Page("home of a finance officer", "/", OFFICER, "/payments", 5),
    Page("home of an auditor", "/", AUDITOR, "/record", 5),
    Page("home of a grantee", "/", GRANTEE, "/applications/", 5),
    Page("grant as seen by a coordinator", "/grants/{grant}", COORDINATOR, "{grant}", 5),
    Page("grant as seen by a finance officer", "/grants/{grant}", OFFICER, "{grant}", 5),
    Page("list of grants for a coordinator", "/grants", COORDINATOR, "GRANT-S", 6),
    Page("list of grants for a finance officer", "/grants", OFFICER, "GRANT-S", 6),
    Page("list narrowed to what runs in a region", "/grants?state=active&region=AFR", COORDINATOR, "GRANT-S", 6),
    Page("list narrowed to a country", "/grants?country=SN", COORDINATOR, "GRANT-S", 6),
    Page("list searched for a word", "/grants?q=harbour+open", COORDINATOR, "GRANT-S", 6),
    Page("what is owed", "/owed", COORDINATOR, "GRANT-S"),
    Page("what is owed to a finance officer", "/owed?kind=instalment&when=soon", OFFICER, "GRANT-S"),
    Page("what is late", "/owed?when=late", COORDINATOR, "GRANT-S"),
    Page("what is owed by a grantee", "/owed", GRANTEE, "/grants/"),
    Page("what is owed on a grant", "/grants/{grant}/owed", COORDINATOR, "{grant}"),
    Page("figures and the map", "/grants/figures", OFFICER, "<svg"),
)
"""Those without a target are told with their cost; they have to answer, and to show what they are for."""


def measure(folder: Path) -> dict[str, Any]:
    """The cost of each page with a thousand grants and with a hundred thousand, as multiples of the yardstick."""
    larger = folder.with_name(f"{folder.name}-larger")
    subprocess.run(["cp", "-a", folder, larger], check=True)
    few, most = (_costs(where, number) for where, number in ((folder, FEW), (larger, MANY)))
    return {"grants": [_told(page, few[page], most[page]) for page in PAGES]}


def _told(page: Page, few: float | None, many_cost: float | None) -> dict[str, Any]:
    """A line of the table. A page that did not answer, or showed nothing, is missed whatever it cost."""
    told: dict[str, Any] = {"page": page.name, "grants": MANY}
    if few is None or many_cost is None:
        return told | {"met": False, "broken": True}
    growth = many_cost / few
    within = page.target is None or (many_cost <= page.target and growth <= MOST_GROWTH)
    return told | {
        "multiple_1000": round(few, 2),
        "multiple_100000": round(many_cost, 2),
        "target": page.target,
        "growth": round(growth, 2),
        "growth_target": MOST_GROWTH if page.target else None,
        "met": within and MANY >= WHOLE,
    }


def _costs(folder: Path, number: int) -> dict[Page, float | None]:
    """What each page costs, None for one that is broken."""
    with world.opened(folder) as app:
        many.grow(app, number)
        backend, bare = backends_of(app), Yardstick(app)
        cookies = {who: world.cookie_of(app, who) for who in {page.who for page in PAGES}}
        found: dict[Page, float | None] = {}
        for page in PAGES:
            once = _opening(app, page, cookies[page.who], number)
            answer = once()
            shown = page.says.format(grant=_grant(number))
            if answer.status != 200 or shown not in answer.text:
                sys.stderr.write(f"{page.name}, {number}: {answer.status}, without {shown}\n")
                found[page] = None
                continue
            slow = page.target is None
            found[page] = bare.multiple(once, backend, times=5 if slow else 15, batches=5 if slow else 13)
            sys.stderr.write(f"{page.name}, {number}: {found[page]:.2f}\n")
        return found


def _grant(number: int) -> str:
    """The reference of a grant that runs, among the newest."""
    return f"GRANT-S{number // 20 * 10}"


def _opening(app: Flask, page: Page, cookie: str, number: int) -> Callable[[], Answer]:
    path = page.path.format(grant=_grant(number))
    return lambda: call(app, path, cookie=cookie)
