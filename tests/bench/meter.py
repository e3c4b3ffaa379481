"""Measuring one request: CPU in this process and in its database backend, queries, bytes on the line."""

from __future__ import annotations

import gc
import gzip
import io
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from flask import Flask
from sqlalchemy import event, text

from grants.core.db import db
from tests.bench import yardstick

ADDRESS = "127.0.0.1"
"""Where the measured requests come from."""


@dataclass
class Backend:
    """The database process that serves our one connection."""

    pid: int

    def cpu(self) -> float:
        """CPU seconds it has used; to the nanosecond where the system tells."""
        schedule = Path(f"/proc/{self.pid}/schedstat")
        if schedule.exists():
            return int(schedule.read_text().split()[0]) / 1e9
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


class Backends:
    """All backends of an application taken together: the one it reads on and the one it writes on."""

    def __init__(self, backends: list[Backend]) -> None:
        self.backends = backends

    def cpu(self) -> float:
        """CPU seconds they have used."""
        return sum(backend.cpu() for backend in self.backends)


def backends_of(app: Flask) -> Backends:
    """The backends of the application's pooled connections (the bench uses one of each engine)."""
    pids = []
    with app.app_context():
        for engine in db.engines.values():
            with engine.connect() as connection:
                pids.append(connection.scalar(text("SELECT pg_backend_pid()")))
    return Backends([Backend(int(pid)) for pid in pids])


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The body as its reader gets it."""
        return (gzip.decompress(self.body) if "Content-Encoding" in self.headers else self.body).decode()


def call(
    app: Flask,
    path: str,
    *,
    cookie: str = "",
    form: bytes | None = None,
    accept: str = "text/html",
    encoding: str = "identity",
) -> Answer:
    """One request straight through the WSGI door, as a server would make it, without a test client around it."""
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REMOTE_ADDR": ADDRESS,
        "REQUEST_METHOD": "GET" if form is None else "POST",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_COOKIE": cookie,
        "HTTP_ACCEPT": accept,
        "HTTP_ACCEPT_ENCODING": encoding,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(form or b""),
        "wsgi.errors": io.StringIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if form is not None:
        environ |= {"CONTENT_LENGTH": str(len(form)), "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    begun: list[Any] = []
    parts = app.wsgi_app(environ, lambda status, headers, *_: begun.extend((status, headers)))
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    return Answer(int(begun[0].split()[0]), body, dict(begun[1]))


@contextmanager
def counted_queries(app: Flask) -> Iterator[list[str]]:
    """The statements sent meanwhile, without those that only keep the transaction."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    with app.app_context():
        engines = list(db.engines.values())
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


class Yardstick:
    """The yardstick page of a database, to measure others by."""

    def __init__(self, app: Flask) -> None:
        self._app = yardstick.make(app.config["SQLALCHEMY_DATABASE_URI"], "STF-07")
        with self._app.app_context():
            session = self._app.extensions["sqlalchemy"].session
            self._backend = Backend(session.execute(text("SELECT pg_backend_pid()")).scalar())
        self.seconds = statistics.median(self._batch(150) for _ in range(3))

    def _batch(self, times: int) -> float:
        return _batch(lambda: call(self._app, "/"), self._backend, times)

    def multiple(
        self,
        once: Callable[[], object],
        backend: Backend | Backends,
        *,
        times: int = 15,
        batches: int = 13,
        before: Callable[[], object] | None = None,
    ) -> float:
        """How many yardstick pages one call costs, in CPU seconds of this process and of the database.

        Each batch is measured between two of the yardstick, so that a slow moment of the machine slows both sides; the
        median of the batches counts. ``before`` prepares each call and is not counted.
        """
        for _ in range(3 if before is None else 0):
            once()
        found = []
        gc.collect()
        gc.disable()
        try:
            ours = self._batch(30)
            for _ in range(batches):
                theirs = _batch(once, backend, times) if before is None else _prepared(once, backend, times, before)
                between, ours = ours, self._batch(30)
                found.append(2 * theirs / (between + ours))
        finally:
            gc.enable()
        return statistics.median(found)


def _batch(once: Callable[[], object], backend: Backend | Backends, times: int) -> float:
    here, there = time.process_time(), backend.cpu()
    for _ in range(times):
        once()
    return (time.process_time() - here + backend.cpu() - there) / times


def _prepared(
    once: Callable[[], object], backend: Backend | Backends, times: int, before: Callable[[], object]
) -> float:
    total = 0.0
    for _ in range(times):
        before()
        total += _batch(once, backend, 1)
    return total / times


def kilobytes(body: bytes) -> float:
    """What the page weighs on the line."""
    return round(len(gzip.compress(body, 5)) / 1000, 1)
