"""A world for each journey: an empty one with its people only, and a fund full of life."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import update

from config import Config
from grants.accounts.models import Person
from grants.app import create_app
from grants.core import clock
from grants.core.db import db, transaction
from grants.demo import people as persons
from tests.conftest import DEMONSTRATION, copied
from tests.journeys.world import World
from tests.mailserver import smtp_server

BEFORE = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.fixture
def world(live: Flask) -> Iterator[World]:
    """Everybody of the sample in a database of their own, with a mail server, before the first call."""
    with clock.at(BEFORE), transaction():
        persons.load(BEFORE)
    with smtp_server() as (mailbox, address):
        live.config["MAIL_URL"] = address
        yield World(live, mailbox)


@contextmanager
def copy_of_the_demonstration(running: Config, demonstration: Config) -> Iterator[World]:
    """The fund of the demonstration, today, in a copy of its own, where everybody reads English."""
    with copied(running, DEMONSTRATION) as address, smtp_server() as (mailbox, mail_url):
        own = create_app(replace(demonstration, database_url=address, mail_url=mail_url))
        with own.app_context():
            with transaction():
                db.session.execute(update(Person).values(language="en"))
            yield World(own, mailbox)
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def fund(running: Config, demonstration: Config) -> Iterator[World]:
    """The fund of the demonstration for one test alone."""
    with copy_of_the_demonstration(running, demonstration) as world:
        yield world


@pytest.fixture(scope="module")
def fund_to_look_at(running: Config, demonstration: Config) -> Iterator[World]:
    """The fund of the demonstration for tests that change nothing."""
    with copy_of_the_demonstration(running, demonstration) as world:
        yield world
