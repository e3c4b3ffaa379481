"""A world for each journey: an empty one with its people only, and a fund full of life."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import sync_playwright
from sqlalchemy import update

from config import Config
from grants.accounts.models import Person
from grants.app import create_app
from grants.core import clock
from grants.core.db import db, transaction
from grants.demo import people as persons
from tests.conftest import DEMONSTRATION, copied
from tests.journeys.browsing import FLAGS, served
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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Debian's Chromium. It may be missing on a machine that does not insist."""
    path = shutil.which("chromium")
    if path is None and not os.environ.get("REQUIRE_BROWSER"):
        pytest.skip("Chromium is not installed")
    assert path, "REQUIRE_BROWSER is set and Chromium is not installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shown(fund_to_look_at: World) -> Iterator[tuple[World, str]]:
    """The demonstration on a web server, to look at."""
    with served(fund_to_look_at.app) as address:
        yield fund_to_look_at, address


@pytest.fixture
def house(fund: World) -> Iterator[tuple[World, str]]:
    """The demonstration on a web server, to live in."""
    with served(fund.app) as address:
        yield fund, address
