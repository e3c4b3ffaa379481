"""Celery, as a doorbell: messages carry no data, nothing is scheduled by a message, a lost broker loses nothing."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import psycopg
import structlog
from celery import Celery, Task, current_app
from flask import Flask
from kombu.exceptions import OperationalError
from sqlalchemy.exc import SQLAlchemyError

from grants.core.db import db

log = structlog.get_logger()

F = TypeVar("F", bound=Callable[..., Any])


class DatabaseFailed(Exception):
    """The database refused something in a task; what it said of it holds the row, and is not told on."""


SCHEDULE: dict[str, dict[str, Any]] = {}
"""What beat does, filled by the tasks themselves."""


def every(interval: timedelta) -> Callable[[F], F]:
    """Run a task again and again. Two beats only double the ticks: the work itself is keyed."""

    def remember(task: F) -> F:
        name = task.name  # type: ignore[attr-defined]
        SCHEDULE[name] = {"task": name, "schedule": interval, "options": {"expires": interval.total_seconds()}}
        return task

    return remember


def make_celery(app: Flask) -> Celery:
    """The Celery application; every task runs inside the Flask application."""

    class InApplication(Task):
        abstract = True

        def __call__(self, *args: object, **kwargs: object) -> object:
            with app.app_context():
                try:
                    return super().__call__(*args, **kwargs)
                except (SQLAlchemyError, psycopg.Error):
                    log.exception("task_failed", task=self.name)
                    raise DatabaseFailed(self.name) from None  # for Celery writes down all that an error says
                finally:
                    db.session.remove()

    celery = Celery("grants", task_cls=InApplication, broker=app.config["BROKER_URL"], set_as_current=False)
    celery.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport_options(app.config["BROKER_URL"]),
        broker_connection_timeout=1,
        beat_schedule=SCHEDULE,
        timezone="UTC",
    )
    celery.set_default()
    app.extensions["celery"] = celery
    return celery


def _transport_options(broker_url: str) -> dict[str, Any]:
    """What the kind of broker understands. RabbitMQ gives an unfinished message back at once and needs no time for it."""
    if broker_url.startswith("amqp"):
        return {"confirm_publish": True}
    return {"socket_timeout": 1, "socket_connect_timeout": 1, "visibility_timeout": 300}


_bell: queue.Queue[str] = queue.Queue(maxsize=20)
_ringer: threading.Thread | None = None
_ringer_lock = threading.Lock()


def ring(task: str) -> None:
    """Tell a worker that ``task`` has something to do, without waiting for the broker.

    One thread per process does the telling; while it is busy (a broker that hangs) rings beyond a few are dropped,
    because the regular sweep finds the work anyway.
    """
    global _ringer
    with _ringer_lock:
        if _ringer is None or not _ringer.is_alive():
            _ringer = threading.Thread(target=_keep_ringing, name="doorbell", daemon=True)
            _ringer.start()
    with contextlib.suppress(queue.Full):
        _bell.put_nowait(task)


@cache
def bell_of(task: str) -> Callable[[], None]:
    """What rings for ``task``: the same each time, so that after a commit it rings once however often it was asked to."""
    return lambda: ring(task)


def _keep_ringing() -> None:
    while True:
        task = _bell.get()
        try:
            current_app.send_task(task, retry=False, ignore_result=True)
        except (OperationalError, OSError) as error:
            log.warning("doorbell_unheard", task=task, error=type(error).__name__)
