"""The real engine for every test: PostgreSQL migrated once, a savepoint a test; or a whole database of one's own."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask_migrate import upgrade
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from psycopg._preparing import PrepareManager
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from config import Config
from grants import demo
from grants.app import create_app
from grants.core import mail
from grants.core.db import db
from grants.core.languages import LANGUAGES, speaking
from grants.core.servers import servers
from tests.http import Browser

present = hypothesis.settings.get_profile(hypothesis.settings.get_current_profile_name())
slow = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("unhurried", present, deadline=None, suppress_health_check=slow)
hypothesis.settings.load_profile("unhurried")  # no test fails because the machine had something else to do

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


PRISTINE = "pristine"
"""A migrated, empty database that nobody connects to, so that it can be copied at any time."""

DEMONSTRATION = "demonstration"
"""The same with the demonstration in it, for tests that ask for it."""


BY_FILES = "STRATEGY FILE_COPY"
"""A database is copied as its files: ten times faster than page by page through the journal."""


def _as_administrator(address: str, statement: str) -> None:
    engine = create_engine(make_url(address).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def settings(config: Config, folder: Path, **more: Any) -> Config:
    """Settings for a test: files and mail in a folder, and a password hash that costs nothing."""
    plain = ["plaintext"]  # alone, for a password of thirteen letters looks like an old hash
    extra = {"TESTING": True, "SECURITY_PASSWORD_HASH": "plaintext"}
    extra |= {"SECURITY_PASSWORD_SINGLE_HASH": plain, "SECURITY_PASSWORD_SCHEMES": plain}
    return replace(
        config,
        data_dir=folder,
        mail_url=f"file://{folder}/mail",
        storage_url=f"file://{folder}/files",
        secret_key="s" * 64,
        field_keys=("k1:" + "00" * 32,),
        extra=extra,
        **more,
    )


class _CompiledOnce(BytecodeCache):
    """Templates, compiled once for all applications of this process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.code


Flask.jinja_options = {"bytecode_cache": _CompiledOnce()}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """PostgreSQL and Valkey of this test process, with a migrated database to copy."""
    folder = tmp_path_factory.mktemp("servers")
    os.environ["DATABASE_FSYNC"] = "off"
    with servers(Config.from_environment({}, data_dir=folder)) as config:
        template = create_app(settings(config, folder))
        with template.app_context():
            upgrade()
            db.engine.dispose()
        _as_administrator(config.database_url, f"CREATE DATABASE {PRISTINE} TEMPLATE pilot_fund {BY_FILES}")
        yield config


@pytest.fixture(scope="session")
def wired(running: Config, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application on the migrated database."""
    return create_app(settings(running, tmp_path_factory.mktemp("data")))


class _Kept(PrepareManager):
    """Statements stay prepared when something is rolled back: the tables stay as they are, only rows come and go."""

    prepare_threshold = 1
    prepared_max = 1500

    def clear(self) -> bool:
        return False


def plan_once(connection: Connection) -> Connection:
    """Have each statement planned once for all the tests of this process, and not anew after each rollback."""
    driver = connection.connection.driver_connection
    if not isinstance(driver._prepared, _Kept):
        connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
        connection.commit()
        driver._prepared = _Kept()
    return connection


@pytest.fixture
def app(wired: Flask) -> Iterator[Flask]:
    """The application inside one transaction that is rolled back: commits become savepoints.

    Tasks that a test calls run in it as well, whatever other application was made in this process since.
    """
    wired.extensions["celery"].set_default()
    with wired.app_context():
        engines = db._app_engines[wired]
        real = dict(engines)
        connection = plan_once(real[None].connect())
        outer = connection.begin()
        engines.update(dict.fromkeys(engines, connection))
        db.session.remove()
        db.session.configure(join_transaction_mode="create_savepoint")
        try:
            yield wired
        finally:
            db.session.remove()
            engines.update(real)
            outer.rollback()
            connection.close()


@contextmanager
def copied(running: Config, template: str) -> Iterator[str]:
    """The address of a copy of a database to which nobody is connected; it goes when it is no longer needed."""
    name = f"own_{datetime.now(UTC):%H%M%S%f}"
    _as_administrator(running.database_url, f"CREATE DATABASE {name} TEMPLATE {template} {BY_FILES}")
    try:
        yield make_url(running.database_url).set(database=name).render_as_string(hide_password=False)
    finally:
        _as_administrator(running.database_url, f"DROP DATABASE {name} WITH (FORCE)")


ENOUGH_MAILS = 6


@contextmanager
def in_every_language(into: dict[str, list[dict[str, str]]]) -> Iterator[None]:
    """Write the first few mails of each template in all languages, and keep what they say."""
    written = mail._written

    def write(template: str, **context: Any) -> str:
        told = into.setdefault(Path(template).stem, [])
        if len(told) < ENOUGH_MAILS:
            told.append({})
            for language in LANGUAGES:
                with speaking(language):
                    told[-1][language] = written(template, **context)
        return written(template, **context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mail, "_written", write)
        yield


@pytest.fixture
def own_database(running: Config) -> Iterator[str]:
    """The address of a fresh database for tests in which several processes or threads really commit."""
    with copied(running, PRISTINE) as address:
        yield address


@pytest.fixture(scope="session")
def written_mails() -> dict[str, list[dict[str, str]]]:
    """What the mails of the demonstration say: by template, and then by language. Ask for ``demonstration`` as well."""
    return {}


@pytest.fixture(scope="session")
def demonstration(
    running: Config, tmp_path_factory: pytest.TempPathFactory, written_mails: dict[str, list[dict[str, str]]]
) -> Config:
    """Settings of a database that holds the demonstration, to be copied: nobody stays connected to it."""
    _as_administrator(running.database_url, f"CREATE DATABASE {DEMONSTRATION} TEMPLATE {PRISTINE} {BY_FILES}")
    address = make_url(running.database_url).set(database=DEMONSTRATION).render_as_string(hide_password=False)
    config = settings(replace(running, database_url=address), tmp_path_factory.mktemp("demonstration"))
    loading = create_app(config)
    with loading.app_context(), in_every_language(written_mails):
        demo.load()
        db.session.remove()
        db.engine.dispose()
    return config


@pytest.fixture
def live(running: Config, own_database: str, tmp_path: Path) -> Iterator[Flask]:
    """The application on a database of its own, where commits are commits."""
    own = create_app(settings(replace(running, database_url=own_database), tmp_path))
    with own.app_context():
        yield own
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A visitor who checks every page they are given."""
    return Browser(app)


def pytest_collection_finish() -> None:
    """What was imported stays: looking through all of it for garbage again and again costs a sixth of every test."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture(autouse=True, scope="session")
def _no_outside_world() -> Iterator[None]:
    """Tests talk to this machine only."""
    real = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test reached for {address[0]}")
        real(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = real  # type: ignore[method-assign]
