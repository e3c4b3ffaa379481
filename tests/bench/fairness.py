"""Figures of reviewing and deciding that are promises: what is told to whom it must not be, what people can break."""

from __future__ import annotations

import itertools
import os
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from config import Config
from grants.accounts.models import Role
from grants.app import create_app
from grants.core import clock
from grants.core.db import db
from tests import factories
from tests.bench import world
from tests.complaints import histories
from tests.complaints.histories import Histories
from tests.conftest import copied, settings
from tests.http import Browser
from tests.reviews import canaries
from tests.reviews.rows import AT

HISTORIES, ACTS, PROCESSES = 2000, 16, min(os.cpu_count() or 1, 4)


FOLLOWING = (Role.GLOBAL_COORDINATOR, Role.AUDITOR, Role.FINANCE_OFFICER)


def told_to_the_wrong(folder: Path) -> dict[str, Any]:
    """How often a word that gives the applicant away stands in anything that a blind reviewer, or anybody with a conflict, is
    served or sent: pages, files and what is inside them, headers, errors, mails.
    """
    found, looked_at = 0, {"answers": 0, "bytes": 0, "mails": 0}
    follow = [partial(canaries.watch_who_follows_in_conflict, role=role) for role in FOLLOWING]
    with world.opened(folder) as opened:
        config = opened.extensions["config"]
        for watch in (canaries.watch_a_blind_reviewer, canaries.watch_a_conflicted_reviewer, *follow):
            seen = _watched(watch, config, folder)
            found += len(seen.telling)
            looked_at["answers"] += len(seen.answers)
            looked_at["bytes"] += seen.bytes
            looked_at["mails"] += len(seen.mails)
    return {"canaries": looked_at | {"found": found, "target": 0, "met": found == 0 and all(looked_at.values())}}


def _watched(watch: Callable[[Browser], canaries.Watch], config: Config, folder: Path) -> canaries.Watch:
    """What one person was served and sent in a world of its own: what is hidden from one may be read by another."""
    world_before = make_url(config.database_url).database
    assert world_before is not None
    with copied(config, world_before) as address:
        app = create_app(settings(replace(config, database_url=address), folder))
        with app.app_context(), clock.at(AT):
            seen = watch(Browser(app))
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()
    return seen


def broken_in_histories(folder: Path, number: int = HISTORIES) -> dict[str, Any]:
    """Random histories of review and decision, and how many processes found one that breaks what must always hold."""
    began = time.perf_counter()
    with world.opened(folder) as app:
        config = app.extensions["config"]
        with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(partial(_lived_through, config, -(-number // PROCESSES)), range(PROCESSES)))
    lived, broken = sum(part["histories"] for part in parts), [part["how"] for part in parts if "how" in part]
    told = {"histories": lived, "acts": sum(part["acts"] for part in parts), "broken": len(broken), "target": 0}
    seconds = round(time.perf_counter() - began)
    return {"histories": told | {"met": not broken and lived >= number, "seconds": seconds, "how": broken}}


def _lived_through(config: Config, number: int, chance: int) -> dict[str, Any]:
    """One process lives through its part, in a transaction of its own that is never committed."""
    factories.count = itertools.count(1 + 10_000_000 * chance)
    with create_app(config).test_request_context(method="POST"):
        try:
            return histories.run(number, ACTS, chance, shorten=False)
        except Exception as broken:  # noqa: BLE001 - whatever breaks is a missed figure, and told
            how = "".join(traceback.format_exception_only(broken))
            return {"histories": Histories.lived, "acts": Histories.steps, "how": how}
        finally:
            db.session.rollback()
