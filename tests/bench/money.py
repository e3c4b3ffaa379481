"""What must always hold of the money, in random histories with faults."""

from __future__ import annotations

import itertools
import os
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from config import Config
from grants.app import create_app
from grants.core.db import db
from tests import factories
from tests.bench import world
from tests.conftest import settings
from tests.payments import histories

HISTORIES, STEPS, PROCESSES = 2000, 50, min(os.cpu_count() or 1, 4)


def broken_in_histories(folder: Path, number: int = HISTORIES) -> dict[str, Any]:
    """Random histories of money with double posts, two people at once, and ends in the middle; how many break something."""
    began = time.perf_counter()
    with world.opened(folder) as app:
        config = settings(app.extensions["config"], folder)
        with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(partial(_lived_through, config, -(-number // PROCESSES)), range(PROCESSES)))
    broken = [part["how"] for part in parts if "how" in part]
    told = {name: sum(part[name] for part in parts) for name in ("histories", "steps", "killed", "refused", "forged")}
    met = not broken and told["histories"] >= number
    seconds = round(time.perf_counter() - began)
    return {"money": told | {"broken": len(broken), "target": 0, "met": met, "seconds": seconds, "how": broken}}


def _lived_through(config: Config, number: int, chance: int) -> dict[str, Any]:
    """One process lives through its part; what it does is really committed."""
    factories.count = itertools.count(1 + 10_000_000 * (chance + 1))
    app, lived = create_app(config), histories.Lived()
    told: dict[str, Any] = {}
    with app.test_request_context(method="POST"):
        try:
            histories.run(number, STEPS, chance, app=app, lived=lived)
        except Exception as broken:  # noqa: BLE001 - whatever breaks is a missed figure, and told
            told["how"] = "".join(traceback.format_exception_only(broken))
        finally:
            db.session.rollback()
    counts = {"histories": lived.histories, "steps": lived.steps, "killed": lived.killed, "refused": lived.refused}
    return told | counts | {"forged": lived.forged_refused}
