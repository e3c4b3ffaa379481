"""The product on servers of others: PostgreSQL and Redis as Debian packs them, two web servers, two workers, a beat."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from celery import Celery

from grants.core.engines.account import account_for
from grants.core.mail import DELIVER_MAIL
from tests.house.test_runtime import end_of, free_port, ready, start, wait_for

POSTGRESQL = max(Path("/usr/lib/postgresql").glob("*/bin/postgres"), default=Path("absent"))
REDIS = Path(shutil.which("redis-server") or "absent")
ABSENT = not (POSTGRESQL.exists() and REDIS.exists())

pytestmark = pytest.mark.skipif(
    ABSENT and not os.environ.get("REQUIRE_SERVERS"), reason="PostgreSQL and Redis of the system are not installed"
)

MAILS = 30
MAIL = """
INSERT INTO outbox (key, kind, about, to_person_id, to_address, language, subject, body, state, attempts)
SELECT 'key ' || n, 'test', 'about ' || n, 1, 'somebody@example.org', 'en', 'Mail ' || n, 'Text', 'due', 0
FROM generate_series(1, %s) n
"""


@contextmanager
def program(*command: str | Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server of the system in a folder of its own, under an account that may not harm anything, ended at the end."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, **account_for(folder, []))
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    folder, port = tmp_path / "postgresql", free_port()
    folder.mkdir()
    data = folder / "data"
    with program(
        POSTGRESQL.with_name("initdb"), "-D", data, "-U", "tests", "-A", "trust", "-N", folder=folder
    ) as initdb:
        assert initdb.wait(30) == 0, (folder / "log").read_text()
    settings = ["-c", f"port={port}", "-c", "unix_socket_directories=", "-c", "fsync=off"]
    url = f"postgresql://tests@127.0.0.1:{port}/postgres"
    with program(POSTGRESQL, "-D", data, *settings, folder=folder):
        wait_for(lambda: answers(url))
        yield url


@pytest.fixture
def broker_url(tmp_path: Path) -> Iterator[str]:
    folder, port = tmp_path / "redis", free_port()
    folder.mkdir()
    with program(
        REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "hush", folder=folder
    ):
        yield f"redis://:hush@127.0.0.1:{port}/0"


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def part(folder: Path, *arguments: str, **servers: str) -> Iterator[subprocess.Popen[str]]:
    process = start(folder, *arguments, **servers)
    try:
        yield process
    finally:
        process.terminate()
        _, said = end_of(process)
        assert "Traceback" not in said, said


def test_two_web_servers_and_two_workers_work_together(tmp_path: Path, database_url: str, broker_url: str) -> None:
    folder = tmp_path / "data"
    servers = {"DATABASE_URL": database_url, "BROKER_URL": broker_url, "MAIL_URL": f"file://{folder}/mail"}
    status, said = end_of(start(folder, "web", "--port", str(free_port()), **servers))
    assert (status, said) == (2, "grants: The database is not up to date; run `grants migrate` first.\n")
    assert end_of(start(folder, "migrate", **servers)) == (0, "")
    with psycopg.connect(database_url, autocommit=True) as database, ExitStack() as running:
        database.execute(MAIL, [MAILS])
        ports = [free_port(), free_port()]
        for port in ports:
            running.enter_context(part(folder, "web", "--port", str(port), "--processes", "1", **servers))
        workers = [
            running.enter_context(part(folder, "worker", "--processes", "1", **servers)),
            running.enter_context(part(folder, "worker", "--processes", "1", **servers)),
        ]
        running.enter_context(part(folder, "beat", **servers))
        for port in ports:
            wait_for(lambda port=port: ready(port))
        wait_for(lambda: unsent(database) == 0)
        assert len(list((folder / "mail").rglob("*.eml"))) == MAILS
        assert [worker.poll() for worker in workers] == [None, None]

        # One worker is enough, and the bell that a web server rings reaches it.
        workers[0].kill()
        database.execute(MAIL.replace("key ", "another key "), [MAILS])
        Celery(broker=broker_url).send_task(DELIVER_MAIL, ignore_result=True)
        wait_for(lambda: unsent(database) == 0)
        assert ready(ports[0])
    assert not (folder / "postgresql").exists(), "servers of our own were started though others were named"
    assert not (folder / "valkey").exists()


def unsent(database: psycopg.Connection[tuple[int]]) -> int:
    found = database.execute("SELECT count(*) FROM outbox WHERE state <> 'sent'").fetchone()
    return found[0] if found else -1
