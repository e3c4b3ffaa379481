"""Nobody is missed and nobody is told twice: a real SMTP server, a real broker, and kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from flask import Flask
from sqlalchemy import func, select

from config import ROOT, Config
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.mail import DELIVER_MAIL, Delivery, Mail, OutboxMail, deliver_due, post
from grants.reminders.actions import sweep
from tests import factories as make
from tests.mailserver import smtp_server


@pytest.fixture
def broker(running: Config) -> str:
    """The broker of this test process, empty."""
    redis.Redis.from_url(running.broker_url).flushdb()
    return running.broker_url


@contextmanager
def process(part: str, app: Flask, mail_url: str, broker: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``grants worker`` (of one process) or ``grants beat`` on the test's database, in a group of its own."""
    settings = {
        "DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "BROKER_URL": broker,
        "MAIL_URL": mail_url,
        "DATA_DIR": str(folder),
        "SECRET_KEY": "s" * 64,
    }
    one_process = ["--processes", "1"] if part == "worker" else []
    command = [str(Path(sys.executable).parent / "grants"), part, *one_process]
    with (folder / f"{part}.log").open("ab") as output:
        started = subprocess.Popen(
            command, env=os.environ | settings, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGTERM)
            try:
                started.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait(5)


def wait_until(met: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something is so; fails when it does not become so."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def owe(number: int) -> list[str]:
    """Put mails into the outbox; their Message-IDs."""
    with transaction():
        somebody = make.person()
        for n in range(number):
            about = f"GRANT-{n}"
            context = {"reference": about, "due": clock.today("UTC"), "late": False, "zone": "UTC"}
            post(Mail("reminder_milestone_due", to=somebody, about=about, offset=0, context=context))
    return [mail.message_id for mail in db.session.scalars(select(OutboxMail))]


def ring(app: Flask, broker: str) -> None:
    celery = app.extensions["celery"]
    with celery.connection_for_write(broker) as connection:
        celery.send_task(DELIVER_MAIL, connection=connection, ignore_result=True)


def unsent() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(OutboxMail.state != Delivery.SENT)) or 0


def test_a_worker_killed_in_the_middle_loses_nothing_and_repeats_at_most_one_copy_a_kill(
    live: Flask, broker: str, tmp_path: Path
) -> None:
    live.config["MAIL_URL"] = "smtp://127.0.0.1:1"
    expected = owe(40)
    kills = 0
    with smtp_server() as (mailbox, address):
        mailbox.delay = 0.05
        for stop_after in (5, 15, 25):
            with process("worker", live, address, broker, tmp_path) as worker:
                ring(live, broker)
                wait_until(lambda: len(mailbox.mails) >= stop_after)  # noqa: B023 - asked at once
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait(5)
                kills += 1
        mailbox.delay = 0.0
        with process("worker", live, address, broker, tmp_path):
            wait_until(lambda: ring(live, broker) or unsent() == 0)
    assert set(mailbox.copies) == set(expected)
    assert sum(mailbox.copies.values()) - len(expected) <= kills
    assert max(mailbox.copies.values()) <= 2


def test_a_flushed_broker_loses_nothing(live: Flask, broker: str, tmp_path: Path) -> None:
    expected = owe(20)
    with smtp_server() as (mailbox, address):
        mailbox.delay = 0.02
        ring(live, broker)
        redis.Redis.from_url(broker).flushdb()
        with process("worker", live, address, broker, tmp_path):
            ring(live, broker)
            wait_until(lambda: len(mailbox.mails) >= 5)
            redis.Redis.from_url(broker).flushdb()
            wait_until(lambda: ring(live, broker) or unsent() == 0)
    assert dict(mailbox.copies) == dict.fromkeys(expected, 1)


def test_two_beats_and_two_workers_tell_everybody_once(live: Flask, broker: str, tmp_path: Path) -> None:
    with transaction():
        at = clock.now()
        owner = make.person(timezone="UTC")
        call = make.call(opens_at=at - timedelta(days=20), closes_at=at + timedelta(days=2, hours=12))
        draft = {"state": "draft", "submitted_at": None, "content_hash": None, "started_at": at - timedelta(days=10)}
        for _ in range(5):
            make.application(call, make.organization(owner), owner, **draft)
    with smtp_server() as (mailbox, address):
        parts = [process(part, live, address, broker, tmp_path) for part in ("worker", "worker", "beat", "beat")]
        with parts[0], parts[1], parts[2], parts[3]:
            wait_until(lambda: len(mailbox.mails) >= 5, seconds=90)
            time.sleep(3)
    assert sorted(mailbox.copies.values()) == [1] * 5
    assert all("draft" in mail["Subject"].lower() for mail in mailbox.mails)


def test_a_day_without_reminders_is_caught_up_once(live: Flask) -> None:
    with transaction():
        owner = make.person(timezone="UTC")
        call = make.call()
        started = call.closes_at - timedelta(days=30)
        sheet = {"state": "draft", "submitted_at": None, "content_hash": None, "started_at": started}
        make.application(call, make.organization(owner), owner, **sheet)
    at = call.closes_at
    assert [sweep(at - timedelta(days=d)).posted for d in (15, 14, 13.5)] == [0, 1, 0]
    assert [sweep(at - timedelta(days=d)).posted for d in (6, 5.5)] == [1, 0]
    assert sweep(at - timedelta(days=0.5)).posted == 1
    keys = list(db.session.scalars(select(OutboxMail.key).order_by(OutboxMail.id)))
    assert [key.split("|")[3] for key in keys] == ["-14", "-7", "-1"]


def test_a_moved_deadline_tells_people_again_on_purpose(live: Flask) -> None:
    with transaction():
        owner = make.person(timezone="UTC")
        call = make.call()
        draft = {"state": "draft", "submitted_at": None, "content_hash": None, "started_at": call.opens_at}
        make.application(call, make.organization(owner), owner, **draft)
    assert sweep(call.closes_at - timedelta(days=6)).posted == 1
    with transaction():
        call.closes_at += timedelta(days=5)
        db.session.add(call)
    assert sweep(call.closes_at - timedelta(days=6)).posted == 1


def test_a_refused_server_is_tried_again_and_a_refused_person_is_not(live: Flask) -> None:
    owe(2)
    with smtp_server() as (mailbox, address):
        live.config["MAIL_URL"] = address
        mailbox.answers = ["451 come back later"]
        assert deliver_due() == 1
        waiting = db.session.scalars(select(OutboxMail).where(OutboxMail.state == Delivery.DUE)).one()
        assert (waiting.attempts, "451" in (waiting.last_error or "")) == (1, True)
        assert deliver_due() == 0, "a second attempt waits a while"


def test_mail_is_in_the_language_of_the_person_and_its_subject_cannot_smuggle_headers(live: Flask) -> None:
    with transaction():
        somebody = make.person(language="en")
        context = {"reference": "X\r\nBcc: evil@example.org", "due": clock.today("UTC"), "late": False, "zone": "UTC"}
        post(Mail("reminder_milestone_due", to=somebody, about="x", context=context))
    with smtp_server() as (mailbox, address):
        live.config["MAIL_URL"] = address
        deliver_due()
    (mail,) = mailbox.mails
    assert (mail["To"], mail["Bcc"], mail["Content-Language"]) == (somebody.email, None, "en")
