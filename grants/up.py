"""``grants up``: the whole product from one terminal, and nothing left of it afterwards."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import select

from config import ROOT, Config
from grants import demo
from grants.accounts.models import Person
from grants.app import create_app
from grants.core.db import db
from grants.core.engines.locks import FileLock
from grants.core.engines.patience import Patience
from grants.core.reach import require_broker
from grants.core.servers import lost_servers, servers
from grants.parts import FINISH_SECONDS, environment, require_free_port
from grants.schema import empty, migrate

Say = Callable[[str], None]

READY_SECONDS = 90
GLANCE_SECONDS = 0.2


class CannotRun(Exception):
    """Why the product cannot run, or cannot go on running, in words for the person at the terminal."""


class Part:
    """One child process. It leads a session of its own, so that Ctrl-C reaches it only through us, in our order."""

    def __init__(self, name: str, config: Config, arguments: list[str], say: Say) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "grants", name, "--with-parent", *arguments]
        self._environment = os.environ | environment(config) | {"PYTHONUNBUFFERED": "1"}
        self._say = say
        self._patience = Patience()
        self._start_at = 0.0
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread()

    def look_after(self) -> None:
        """Start it when it does not run; after a death wait a little longer each time, and give up in the end."""
        if self._process is None:
            if time.monotonic() >= self._start_at:
                self._start()
            return
        status = self._process.poll()
        if status is None:
            return
        self.stop()
        wait = self._patience.wait_after_death()
        if wait is None:
            raise CannotRun(f"The {self.name} process does not stay up; its last lines above say why.")
        self._say(f"The {self.name} process stopped with status {status}; starting it again in {wait:.1f} s")
        self._start_at = time.monotonic() + wait

    def stop(self) -> None:
        """End it, giving it time to finish what it is doing, and with it everything it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(FINISH_SECONDS + 2)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._reader.join(timeout=1)
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()

    def _start(self) -> None:
        # The child ends when its standard input does: that is how a killed supervisor leaves no orphans.
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self._say(f"{self.name:>6} | {line.rstrip()}")


def up(config: Config, *, host: str, demonstration: bool, say: Say) -> None:
    """Run everything until Ctrl-C, SIGTERM or a failure that starting again does not cure."""
    # A script's background process is born deaf to Ctrl-C, and one under nohup to the end of its terminal: the second
    # is what somebody wanted, the first would leave no way to stop us in order.
    deaf = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    for number in (signal.SIGINT, signal.SIGTERM, *([] if deaf else [signal.SIGHUP])):
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt), _only_one(config):
        require_free_port(host, config.port)
        with servers(config, say) as running:
            welcome = _prepare(running, say, demonstration=demonstration)
            # The parts get the settings as they were given: each finds our servers itself, and so holds them itself.
            _run(config, host, say, welcome)
    say("Stopped.")


@contextmanager
def _only_one(config: Config) -> Iterator[None]:
    """Refuse a second ``grants up`` on the same data: two beats and two ports would confuse more than they help."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(config.data_dir / "up.lock") as lock:
        if not lock.take(wait=False):
            process, _, address = lock.read_note().partition(" ")
            raise CannotRun(
                f"Pilot Fund already runs on the data in {config.data_dir} (process {process}, at {address})."
                " Stop it first, or choose another folder with --data or DATA_DIR."
            )
        lock.write_note(f"{os.getpid()} {config.base_url}")
        yield


def load_demonstration(app: Flask, config: Config, say: Say) -> None:
    """Load the demonstration; one whose loading was cut short is cleared away first. Raises Refused."""
    begun = config.data_dir / "demonstration-begun"
    if begun.exists():
        with app.app_context():
            only_invented = db.session.scalar(select(Person.id).where(~Person.is_demonstration).limit(1)) is None
        if only_invented:
            say("The demonstration was cut short; beginning it again")
            empty(app)
    with app.app_context():
        if demo.is_needed():
            begun.touch()
        demo.load(lambda line: say(f"Demonstration: {line}"))
        begun.unlink()


def _prepare(config: Config, say: Say, *, demonstration: bool) -> list[str]:
    """Make the database ready; what it says in the end is for the person at the terminal."""
    require_broker(config)
    began = time.monotonic()
    app = create_app(config)
    migrate(app)
    say(f"Database up to date in {time.monotonic() - began:.1f} s")
    if not demonstration:
        return []
    with app.app_context():
        needed = demo.is_needed()
    if needed or (config.data_dir / "demonstration-begun").exists():
        load_demonstration(app, config, say)
        say(f"Demonstration loaded in {time.monotonic() - began:.0f} s")
    return accounts_to_try(app)


def accounts_to_try(app: Flask) -> list[str]:
    """The demonstration accounts, a line each."""
    with app.app_context():
        return [f"  {address:<36} {password:<24} {role}" for address, role, password in demo.accounts()]


def _run(config: Config, host: str, say: Say, welcome: list[str]) -> None:
    began = time.monotonic()
    parts = [Part("web", config, ["--host", host], say), Part("beat", config, [], say), Part("worker", config, [], say)]
    try:
        while not _answers(config, host):
            _look_after(parts, config)
            if time.monotonic() - began > READY_SECONDS:
                raise CannotRun(f"The web server did not become ready within {READY_SECONDS} s.")
        say(f"Web, worker and beat ready in {time.monotonic() - began:.1f} s")
        for line in [*welcome, f"Pilot Fund is at {config.base_url} (Ctrl-C stops it)"]:
            say(line)
        while True:
            _look_after(parts, config)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say("Stopping ...")
        for part in parts:
            part.stop()


def _look_after(parts: list[Part], config: Config) -> None:
    for part in parts:
        part.look_after()
    for name in lost_servers(config):
        raise CannotRun(
            f"{name} stopped and could not be started again; its server.log below {config.data_dir} says why."
        )
    time.sleep(GLANCE_SECONDS)


def _answers(config: Config, host: str) -> bool:
    """Whether the web server is ready for visitors. It is asked under its public name, the one it surely trusts."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    connection = http.client.HTTPConnection(address, config.port, timeout=2)
    try:
        connection.request("GET", "/health/ready", headers={"Host": urlsplit(config.base_url).netloc})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
