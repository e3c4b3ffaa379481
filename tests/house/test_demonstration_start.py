"""The demonstration is whole or absent, whatever happens while it is loaded, and never takes the place of real people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from config import Config
from grants import demo
from grants.accounts.models import Person
from grants.app import create_app
from grants.core.db import db, transaction
from grants.core.rules import Refused
from grants.up import load_demonstration
from tests import factories
from tests.conftest import settings


@pytest.fixture
def config(running: Config, own_database: str, tmp_path: Path) -> Config:
    return settings(replace(running, database_url=own_database), tmp_path)


@pytest.fixture
def application(config: Config) -> Iterator[Flask]:
    """The application outside its context, as a command has it."""
    app = create_app(config)
    yield app
    with app.app_context():
        db.engine.dispose()


def people() -> int:
    return db.session.scalar(select(func.count()).select_from(Person)) or 0


@pytest.fixture
def cut_short(application: Flask, config: Config, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A demonstration of one person, interrupted after its first transaction; how many it found at each beginning."""
    found: list[int] = []

    def load(progress: Callable[[str], None]) -> None:
        found.append(people())
        db.session.rollback()
        if found[-1]:
            raise Refused
        with transaction():
            factories.person(is_demonstration=True)
        if len(found) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(demo, "load", load)
    with pytest.raises(KeyboardInterrupt):
        load_demonstration(application, config, str)
    return found


def test_one_that_was_cut_short_is_begun_again(application: Flask, config: Config, cut_short: list[int]) -> None:
    said: list[str] = []
    load_demonstration(application, config, said.append)
    assert cut_short == [0, 0]
    assert said == ["The demonstration was cut short; beginning it again"]
    with pytest.raises(Refused):
        load_demonstration(application, config, said.append)


def test_what_real_people_have_done_is_never_cleared_away(
    application: Flask, config: Config, cut_short: list[int]
) -> None:
    with application.app_context(), transaction():
        factories.person()
    with pytest.raises(Refused):
        load_demonstration(application, config, str)
    with application.app_context():
        assert people() == 2
