"""What must always hold of the money, in random histories with faults."""

from __future__ import annotations

import itertools
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from flask_migrate import upgrade
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from config import Config
from grants.app import create_app
from grants.core.db import db
from tests import factories
from tests.bench import world
from tests.conftest import settings
from tests.payments import histories

HISTORIES, STEPS, PROCESSES, TOGETHER = 2000, 50, min(os.cpu_count() or 1, 4), 50
"""So many histories of so many steps, in so many processes; and so many of them live in one database."""

EMPTY = "money_empty"
"""A migrated database without anything in it, of which every part gets a copy."""

MET = (
    *("prepare", "approve", "pay", "confirm", "return", "cancel", "refund", "order", "release", "statement"),
    *("part", "unpay", "unreturn", "unrefund", "unline", "suspend", "resume", "terminate", "close", "postpone"),
    *("raise", "lower", "amend", "take on", "let go", "take out", "dissolve"),
)
"""What has to have happened at least once for the figure to say anything."""


def broken_in_histories(folder: Path, number: int = HISTORIES) -> dict[str, Any]:
    """Random histories of money with double posts, two people at once, and ends in the middle; how many break something."""
    began = time.perf_counter()
    broken: list[str] = []
    sums: Counter[str] = Counter()
    made: Counter[str] = Counter()
    with world.opened(folder) as app:
        config = settings(app.extensions["config"], folder)
        _as_administrator(config, f"CREATE DATABASE {EMPTY}")
        empty = create_app(_on(config, EMPTY))
        with empty.app_context():
            upgrade()
            db.engine.dispose()
        parts = [min(TOGETHER, number - first) for first in range(0, number, TOGETHER)]
        with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
            waiting = [pool.submit(partial(_lived_through, config), many, part) for part, many in enumerate(parts)]
            for done in as_completed(waiting):
                try:
                    told = done.result()
                except Exception as died:  # noqa: BLE001 - a process that ends is a missed figure too
                    told = {"how": repr(died)}
                if "how" in told:
                    broken.append(told.pop("how"))
                    sys.stderr.write(f"{broken[-1]}\n")
                made += Counter(told.pop("made", {}))
                sums += Counter(told)
                seconds = round(time.perf_counter() - began)
                sys.stderr.write(f"money: {sums['histories']} of {number} in {seconds} s, {len(broken)} broken\n")
                sys.stderr.flush()
    never = [move for move in MET if not made[move]]
    met = not broken and not never and sums["histories"] >= number
    counted = {"histories": 0, "steps": 0, "killed": 0, "refused": 0, "forged": 0} | dict(sums)
    told = counted | {
        "made": dict(sorted(made.items())),
        "never": never,
        "broken": len(broken),
        "target": 0,
        "met": met,
    }
    return {"money": told | {"seconds": round(time.perf_counter() - began), "how": broken}}


def _on(config: Config, database: str) -> Config:
    url = make_url(config.database_url).set(database=database).render_as_string(hide_password=False)
    return replace(config, database_url=url)


def _as_administrator(config: Config, statement: str) -> None:
    engine = create_engine(make_url(config.database_url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@contextmanager
def _a_copy(config: Config, part: int) -> Iterator[Config]:
    """An empty database for one part: with what others have left behind every step would cost more than the one before."""
    name = f"money_{part}"
    _as_administrator(config, f"CREATE DATABASE {name} TEMPLATE {EMPTY}")
    try:
        yield _on(config, name)
    finally:
        _as_administrator(config, f"DROP DATABASE {name} WITH (FORCE)")


def _lived_through(config: Config, number: int, part: int) -> dict[str, Any]:
    """One part of the histories; what it does is really committed."""
    factories.count = itertools.count(1)
    lived, told = histories.Lived(), dict[str, Any]()
    with _a_copy(config, part) as own:
        app = create_app(own)
        with app.test_request_context(method="POST"):
            try:
                histories.run(number, STEPS, part, app=app, lived=lived)
            except Exception as broken:  # noqa: BLE001 - whatever breaks is a missed figure, and told
                where = traceback.format_exception(broken, limit=-6)
                told["how"] = f"part {part}, history {lived.histories + 1}: " + "".join(where)[-4000:]
            finally:
                db.session.rollback()
                db.session.remove()
                for engine in db.engines.values():
                    engine.dispose()
    return told | lived.told
