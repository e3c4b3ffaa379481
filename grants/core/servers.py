"""The database and the broker that a command uses: those the environment names, or our own below ``DATA_DIR``.

A command finds our own running or has them started (``grants/core/engines`` says how they are kept), and the last one
out stops them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from config import ROOT, Config
from grants.core.engines.engine import ServerFailed
from grants.core.engines.keeper import ENGINES
from grants.core.engines.locks import FileLock
from grants.core.reach import require_database

Say = Callable[[str], object]

_SERVERS = (("database_url", "postgresql"), ("broker_url", "valkey"))
_started: dict[Path, subprocess.Popen[bytes]] = {}
"""The keepers that this very process started; they may outlive it."""


@contextmanager
def servers(config: Config, say: Say = lambda _: None) -> Iterator[Config]:
    """Fill in the addresses of our own servers, and hold these servers, for those that the environment does not name.

    A database that the environment names must answer. A broker need not: what it would carry can wait (those who cannot
    do without ask for it with ``require_broker``).
    """
    with ExitStack() as held:
        if config.database_url:
            require_database(config.database_url)
        for field, key in _ours(config):
            config = replace(config, **{field: held.enter_context(_held(key, config, say))})  # type: ignore[arg-type]
        yield config


def lost_servers(config: Config) -> list[str]:
    """Names of the servers that should run for this configuration and have ended for good."""
    return [ENGINES[key].name for _, key in _ours(config) if _keepers_note(config.data_dir / key) is None]


def _ours(config: Config) -> list[tuple[str, str]]:
    """The addresses that nobody gave, each with the server of ours that fills it."""
    return [(field, key) for field, key in _SERVERS if not getattr(config, field)]


@contextmanager
def _held(engine: str, config: Config, say: Say) -> Iterator[str]:
    folder = config.data_dir / engine
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(folder / "users.lock") as users:
        users.take(shared=True)
        try:
            yield _address(engine, folder, say)
        finally:
            if users.take(wait=False):
                _stop_keeper(folder)


def _address(engine: str, folder: Path, say: Say) -> str:
    """The server's address, once it answers."""
    with FileLock(folder / "starting.lock") as starting:
        starting.take()
        if _keepers_note(folder) is not None:
            return _wait_until_ready(engine, folder, None)
        began = time.monotonic()
        address = _wait_until_ready(engine, folder, _start_keeper(engine, folder))
        say(f"{ENGINES[engine].name} ready in {time.monotonic() - began:.1f} s")
        return address


def _start_keeper(engine: str, folder: Path) -> subprocess.Popen[bytes]:
    with FileLock(folder / "keeper.lock") as keepers_lock:
        keepers_lock.write_note("")  # a keeper that was killed has left its own
    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "grants.core.engines", engine, str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started[folder] = keeper
    return keeper


def _wait_until_ready(engine: str, folder: Path, started: subprocess.Popen[bytes] | None) -> str:
    """Wait for the address in the keeper's note; the keeper sets its own limits, so its end is the only other way out."""
    while True:
        note = _keepers_note(folder)
        _, _, address = (note or "").partition(" ")
        if address:
            return address
        if started.poll() is not None if started else note is None:
            words = (folder / "keeper.log").read_text(errors="replace").strip().splitlines()
            raise ServerFailed(words[-1] if words else f"{ENGINES[engine].name} stopped while it was starting.")
        time.sleep(0.01)


def _keepers_note(folder: Path) -> str | None:
    """What the keeper says of itself, ``PID [ADDRESS]``; None when there is no keeper."""
    with FileLock(folder / "keeper.lock") as keeper:
        return None if keeper.take(shared=True, wait=False) else keeper.read_note()


def _stop_keeper(folder: Path) -> None:
    """Ask the keeper to end, as nobody else uses the server, and wait until it has."""
    with FileLock(folder / "keeper.lock") as keeper:
        if keeper.take(shared=True, wait=False):
            return
        with suppress(ProcessLookupError, ValueError):
            os.kill(int(keeper.read_note().partition(" ")[0]), signal.SIGTERM)
        keeper.take(shared=True)
    if process := _started.pop(folder, None):
        process.wait()
