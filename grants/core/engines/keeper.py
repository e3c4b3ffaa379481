"""The process that keeps one server.

It lives in a session of its own, so that Ctrl-C does not reach it before those who still need the server are done.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from grants.core.engines.engine import Engine, ServerFailed
from grants.core.engines.locks import FileLock
from grants.core.engines.patience import Patience
from grants.core.engines.postgresql import Postgresql
from grants.core.engines.valkey import Valkey

ENGINES: dict[str, type[Engine]] = {"postgresql": Postgresql, "valkey": Valkey}
GLANCE_SECONDS = 0.1


def keep(engine_name: str, folder: Path) -> None:
    """Start the server and stay until nobody uses it any more."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with FileLock(folder / "keeper.lock") as keeper, FileLock(folder / "users.lock") as users:
        keeper.take()
        keeper.write_note(str(os.getpid()))
        engine = ENGINES[engine_name](folder)
        try:
            engine.start()
            keeper.write_note(f"{os.getpid()} {engine.url()}")
            _watch(engine, users)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            keeper.write_note(str(os.getpid()))
            engine.stop()


def _watch(engine: Engine, users: FileLock) -> None:
    """Return when there is nobody left. Having taken the users' lock, keep it: newcomers wait until the end is over."""
    patience = Patience()
    while not users.take(wait=False):
        time.sleep(GLANCE_SECONDS)
        if engine.died():
            wait = patience.wait_after_death()
            if wait is None:
                raise ServerFailed(f"{engine.name} stopped again and again; see {engine.log}")
            time.sleep(wait)
            engine.start()
