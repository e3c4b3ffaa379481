"""Our own PostgreSQL and Valkey: found by all who need them, gone with the last, and back after anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from config import Config
from grants.core.engines.engine import ServerFailed
from grants.core.engines.locks import FileLock
from grants.core.engines.patience import Patience
from grants.core.servers import lost_servers, servers


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("DATABASE_FSYNC", "off")
    return Config.from_environment({}, data_dir=tmp_path)


@pytest.fixture
def database_only(config: Config) -> Config:
    """Settings that name a broker, so that only PostgreSQL is ours."""
    return Config.from_environment({"BROKER_URL": "redis://127.0.0.1:1/0"}, data_dir=config.data_dir)


def wait_for(what: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def postmaster(config: Config) -> Path:
    return config.data_dir / "postgresql" / "cluster" / "postmaster.pid"


def test_the_last_user_out_stops_the_servers(config: Config) -> None:
    said: list[str] = []
    with servers(config, said.append) as first:
        with servers(config, said.append) as second:
            assert second == first
            assert [line.partition(" ready in ")[0] for line in said] == ["PostgreSQL", "Valkey"]
        assert answers(first.database_url)
        assert lost_servers(config) == []
    assert not answers(first.database_url)
    assert lost_servers(config) == ["PostgreSQL", "Valkey"]
    with servers(config) as again:
        assert again == first


def test_nobody_without_the_password_gets_in(database_only: Config) -> None:
    with servers(database_only) as config:
        assert answers(config.database_url)
        password = (config.data_dir / "postgresql" / "password").read_text()
        assert not answers(config.database_url.replace(password, "guessed"))
        assert (config.data_dir / "postgresql" / "password").stat().st_mode & 0o077 == 0


def test_letters_of_all_our_languages_are_letters(database_only: Config) -> None:
    with servers(database_only) as config, psycopg.connect(config.database_url) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        assert connection.execute("SELECT 'ÉDUCATION' ILIKE 'éducation', similarity('تعليم', 'تعليم')").fetchone() == (
            True,
            1,
        )


def test_a_server_that_dies_comes_back_under_its_address(database_only: Config) -> None:
    with servers(database_only) as config:
        os.kill(int(postmaster(config).read_text().split()[0]), signal.SIGKILL)
        wait_for(lambda: not answers(config.database_url))
        wait_for(lambda: answers(config.database_url))


def test_a_server_is_stopped_when_its_only_user_is_killed(database_only: Config) -> None:
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(database_only.data_dir)], stdout=subprocess.PIPE, text=True
    )
    assert user.stdout
    url = user.stdout.readline().strip()
    assert answers(url)
    user.kill()
    user.communicate()
    wait_for(lambda: not answers(url))
    wait_for(lambda: lost_servers(database_only) == ["PostgreSQL"])


USER = """
import sys, time
from config import Config
from grants.core.servers import servers
with servers(Config.from_environment({"BROKER_URL": "redis://127.0.0.1:1/0"}, data_dir=sys.argv[1])) as config:
    print(config.database_url, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A program that has been given the number of a server of long ago."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_the_number_of_a_server_of_long_ago_may_belong_to_somebody_else(
    database_only: Config, bystander: subprocess.Popen[bytes]
) -> None:
    with servers(database_only) as config:
        left = postmaster(config).read_text()
    _, _, rest = left.partition("\n")
    postmaster(database_only).write_text(f"{bystander.pid}\n{rest}")
    with servers(database_only) as config:
        assert answers(config.database_url)
    assert bystander.poll() is None


def test_what_a_power_cut_leaves_is_no_obstacle(database_only: Config) -> None:
    with servers(database_only):
        pass
    postmaster(database_only).touch()
    with servers(database_only) as config:
        assert answers(config.database_url)


def test_a_server_that_cannot_start_says_why(database_only: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with servers(database_only):
        pass
    (database_only.data_dir / "postgresql" / "cluster" / "PG_VERSION").write_text("12\n")
    with pytest.raises(ServerFailed, match=r"PostgreSQL did not start: .*FATAL.*server\.log\)"), servers(database_only):
        pass


def test_a_lock_is_free_when_its_holder_is_gone(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock") as mine, FileLock(tmp_path / "lock") as other:
        assert mine.take(wait=False)
        mine.write_note("a long note")
        mine.write_note("mine")
        assert not other.take(wait=False)
        assert not other.take(shared=True, wait=False)
        assert other.read_note() == "mine"
    with FileLock(tmp_path / "lock") as other:
        assert other.take(wait=False)


def test_patience_grows_shorter_with_every_death_and_returns_with_time() -> None:
    now = 0.0
    patience = Patience(lambda: now)
    assert [patience.wait_after_death() for _ in range(5)] == [0.5, 1, 2, 4, None]
    now = 61.0
    assert patience.wait_after_death() == 0.5
