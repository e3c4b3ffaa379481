"""What every server of ours has in common: a folder, a password, a port that it keeps, a start and an end."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from grants.core.engines.account import account_for

LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0
SECOND_TRY_SECONDS = 0.3
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


class ServerFailed(Exception):
    """A server that we run ourselves does not run, said in words for the person who needs it."""


class Engine(ABC):
    """One server in its own folder.

    It listens on the loopback address only, asks for a password that never leaves the folder, and comes back on the
    port it had, so that an address once printed stays good.
    """

    name: ClassVar[str]
    stop_signals: ClassVar[tuple[tuple[signal.Signals, float], ...]]
    """From polite to rude, each with the seconds it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.account = account_for(folder, self.programs())
        self.password = self._kept("password", secrets.token_hex(24))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def programs(self) -> list[Path]:
        """The folders of the wheel that the server's account must be able to read."""

    @abstractmethod
    def url(self) -> str:
        """The address for those who use the server, password included."""

    @abstractmethod
    def prepare(self) -> None:
        """Make what must exist before the server can start."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command line: visible to everybody on the machine, so nothing secret is in it."""

    @abstractmethod
    def standard_input(self) -> bytes:
        """What the server reads first, where secrets may stand."""

    @abstractmethod
    def pid_file(self) -> Path:
        """Where the server writes its own process id."""

    @abstractmethod
    def is_ours(self, command: str) -> bool:
        """Whether this command line of a running process is that of our server in our folder."""

    @abstractmethod
    def forget_leftover(self) -> None:
        """Make a process id that no longer means anything harmless; it may by now be that of another program."""

    @abstractmethod
    def is_ready(self, pid: int) -> bool:
        """Whether the server with this process id takes connections."""

    def start(self) -> None:
        """Start and wait until it answers; when somebody took its port meanwhile, try others."""
        self._end_leftover()
        self.prepare()
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.before"))
        for port in (int(self._kept("port", str(_free_port()))), _free_port(), _free_port()):
            self.port = port
            if self._start_once():
                (self.folder / "port").write_text(str(port))
                return
            time.sleep(SECOND_TRY_SECONDS)
        raise ServerFailed(f"{self.name} did not start: {self._last_words()} (all of it in {self.log})")

    def died(self) -> bool:
        """Whether it ended without being asked to."""
        return self._process is not None and self._process.poll() is not None

    def stop(self) -> None:
        """Stop, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        for number, seconds in self.stop_signals:
            if process.poll() is None:
                process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
                return

    def _start_once(self) -> bool:
        with self.log.open("ab") as log:
            self._process = process = subprocess.Popen(
                self.command(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=ENVIRONMENT,
                preexec_fn=self._stop_with_keeper,  # noqa: PLW1509 - the keeper has a single thread
                **self.account,
            )
        if process.stdin:
            with suppress(BrokenPipeError), process.stdin as stream:
                stream.write(self.standard_input())
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            if self.is_ready(process.pid):
                return True
            time.sleep(0.01)
        self.stop()
        return False

    def _stop_with_keeper(self) -> None:
        """Have the kernel stop the server when its keeper is killed; where it cannot, ``_end_leftover`` does it late."""
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(self.stop_signals[0][0]))

    def _end_leftover(self) -> None:
        """End the server of a keeper that was killed. Its number alone proves nothing: numbers are given out again."""
        try:
            pid = int(self.pid_file().read_text().split(maxsplit=1)[0])
        except FileNotFoundError:
            return
        except (ValueError, IndexError):
            # An empty file is what a power cut leaves.
            self.pid_file().unlink()
            return
        for number, seconds in self.stop_signals:
            until = time.monotonic() + seconds
            with suppress(ProcessLookupError):
                if self.is_ours(_command_of(pid)):
                    os.kill(pid, number)
            while time.monotonic() < until and self.is_ours(_command_of(pid)):
                time.sleep(0.02)
        with suppress(FileNotFoundError):
            self.forget_leftover()

    def _kept(self, name: str, fresh: str) -> str:
        """A value kept in the folder from the first start on, readable by its owner only."""
        path = self.folder / name
        with suppress(FileNotFoundError):
            return path.read_text().strip()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(fresh)
        return fresh

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        telling = [line for line in lines if "fatal" in line.lower() or "error" in line.lower()]
        return (telling or lines or ["it said nothing"])[-1].strip()


def wheel_folder(package: str) -> Path:
    """Where a wheel lies, without importing it: its own ways of starting a server are not ours."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ServerFailed(f"The package {package} is not installed; run `make setup`, or name your own servers.")
    return Path(spec.origin).parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _command_of(pid: int) -> str:
    """The command line of a running process, empty when there is none."""
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    answer = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout
