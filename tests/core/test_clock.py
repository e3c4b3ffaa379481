from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from grants.core import clock
from grants.core.db import db, transaction
from tests import factories as make

THEN = datetime(2027, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_python_and_the_database_live_at_the_same_moment(app: Flask) -> None:
    with clock.at(THEN):
        assert clock.now() == THEN
        assert db.session.scalar(select(func.app_now())) == THEN
    now = db.session.scalar(select(func.app_now()))
    assert now is not None
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_moment_holds_for_every_transaction_while_one_travels(live: Flask) -> None:
    with clock.at(THEN):
        for _ in range(2):
            with transaction():
                assert make.person().created_at == THEN
        with clock.at(THEN + timedelta(days=1)):
            assert db.session.scalar(select(func.app_now())) == THEN + timedelta(days=1)
        assert db.session.scalar(select(func.app_now())) == THEN


def test_a_moment_without_a_zone_is_no_moment() -> None:
    with pytest.raises(ValueError, match="time zone"), clock.at(datetime(2027, 1, 1)):  # noqa: DTZ001 - the point
        pass
