"""The product on servers of others: PostgreSQL, Redis and RabbitMQ as Debian packs them, several parts of each kind."""

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
from kombu import Connection

from grants.core.engines.account import account_for
from grants.core.mail import DELIVER_MAIL
from tests.house.test_runtime import end_of, free_port, ready, start, wait_for
from tests.mailserver import smtp_server

POSTGRESQL = max(Path("/usr/lib/postgresql").glob("*/bin/postgres"), default=Path("absent"))
REDIS = Path(shutil.which("redis-server") or "absent")
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
EPMD = Path(shutil.which("epmd") or "absent")
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
def program(
    *command: str | Path, folder: Path, end: int = signal.SIGINT, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A server of the system in a folder of its own, under an account that may not harm anything, ended at the end."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env=os.environ | settings, **account_for(folder, [])
        )
    try:
        yield process
    finally:
        process.send_signal(end)
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


@pytest.fixture
def rabbit_url(tmp_path: Path) -> Iterator[str]:
    """A RabbitMQ of its own: its name, ports, cookie and files are nobody else's, and so is its book of nodes."""
    folder, port, distribution, book = tmp_path / "rabbitmq", free_port(), free_port(), free_port()
    folder.mkdir()
    end = {"end": signal.SIGTERM}
    settings = {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(book),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"tests{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false",
        "RABBITMQ_SERVER_START_ARGS": "-noinput",
        "RABBITMQ_ALLOW_INPUT": "1",  # so that the script becomes the server instead of waiting for it
    }
    with program(EPMD, folder=folder, **end, **settings), program(RABBITMQ, folder=folder, **end, **settings) as node:
        url = f"amqp://guest:guest@127.0.0.1:{port}//"
        wait_for(lambda: node.poll() is not None or welcomes(url), 60)
        assert node.poll() is None, (folder / "log").read_text()
        yield url


def welcomes(url: str) -> bool:
    connection = Connection(url, connect_timeout=2)
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.release()
    return True


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


@pytest.mark.skipif(
    not (RABBITMQ.exists() and EPMD.exists()) and not os.environ.get("REQUIRE_SERVERS"),
    reason="RabbitMQ of the system is not installed",
)
def test_a_worker_hears_the_bell_through_rabbitmq(tmp_path: Path, own_database: str, rabbit_url: str) -> None:
    folder = tmp_path / "data"
    wrong = rabbit_url.replace("guest:guest", "guest:secret")
    status, said = end_of(start(folder, "worker", DATABASE_URL=own_database, BROKER_URL=wrong))
    assert status == 2
    assert said.startswith("grants: The broker that BROKER_URL names, 127.0.0.1:")
    assert "secret" not in said
    bell = Celery(broker=rabbit_url)
    with smtp_server() as (mailbox, mail_url), psycopg.connect(own_database, autocommit=True) as database:
        servers = {"DATABASE_URL": own_database, "BROKER_URL": rabbit_url, "MAIL_URL": mail_url}
        database.execute(MAIL, [MAILS])
        bell.send_task(DELIVER_MAIL, ignore_result=True)  # it waits in the broker until somebody comes
        with part(folder, "worker", "--processes", "1", **servers):
            wait_for(lambda: unsent(database) == 0, 60)
            database.execute(MAIL.replace("key ", "another key "), [MAILS])
            bell.send_task(DELIVER_MAIL, ignore_result=True)
            wait_for(lambda: unsent(database) == 0, 60)
        assert sorted(mailbox.copies.values()) == [1] * 2 * MAILS
    assert not (folder / "valkey").exists(), "a broker of our own was started though another was named"


def unsent(database: psycopg.Connection[tuple[int]]) -> int:
    found = database.execute("SELECT count(*) FROM outbox WHERE state <> 'sent'").fetchone()
    return found[0] if found else -1
