"""Figures of reviewing and deciding that are promises: what is told to whom it must not be, what people can break."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from grants.app import create_app
from grants.core import clock
from grants.core.db import db
from tests.bench import world
from tests.complaints import histories
from tests.conftest import settings
from tests.http import Browser
from tests.reviews import canaries
from tests.reviews.rows import AT

HISTORIES = 2000


def told_to_the_wrong(folder: Path) -> dict[str, Any]:
    """How often a word that gives the applicant away stands in anything that a blind reviewer, or one with a conflict, is
    served or sent: pages, files and what is inside them, headers, errors, mails.
    """
    found, looked_at = 0, {"answers": 0, "bytes": 0, "mails": 0}
    with world.opened(folder) as opened:
        app = create_app(settings(opened.extensions["config"], folder))
        with app.app_context(), clock.at(AT):
            for watch in (canaries.watch_a_blind_reviewer, canaries.watch_a_conflicted_reviewer):
                seen = watch(Browser(app))
                found += len(seen.telling)
                looked_at["answers"] += len(seen.answers)
                looked_at["bytes"] += seen.bytes
                looked_at["mails"] += len(seen.mails)
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()
    return {"canaries": looked_at | {"found": found, "target": 0, "met": found == 0}}


def broken_in_histories(folder: Path, number: int = HISTORIES) -> dict[str, Any]:
    """Random histories of review and decision, and how many of them break something that must always hold."""
    began = time.perf_counter()
    with world.opened(folder) as app, app.test_request_context(method="POST"):
        try:
            told = histories.run(number)
        except AssertionError as broken:
            told = {"histories": histories.Histories.lived, "broken": 1, "how": str(broken)}
        finally:
            db.session.rollback()
    told |= {"seconds": round(time.perf_counter() - began), "broken": told.get("broken", 0), "target": 0}
    return {"histories": told | {"met": not told["broken"] and told["histories"] >= number}}
