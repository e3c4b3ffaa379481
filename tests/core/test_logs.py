"""What goes wrong in the database is written down without the row that it went wrong with."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
import pytest
from celery import shared_task
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import PendingRollbackError

from grants.core import mail as post_office
from grants.core.db import db
from grants.core.jobs import DatabaseFailed
from grants.core.logs import where_it_went_wrong
from grants.core.mail import OutboxMail
from tests import factories as make

NAME, NUMBER = "Awa Diop", "DE89370400440532013000"
SPOILED = text("SELECT CAST(:name || :number AS integer)")


def fails(*_: Any, **__: Any) -> Any:
    db.session.execute(SPOILED, {"name": NAME, "number": NUMBER})


def unique() -> None:
    """Two rows of one name: the database tells the whole key in its details."""
    person = make.person(name=NAME, email=f"{NUMBER}@example.org")
    db.session.execute(
        text("INSERT INTO person SELECT (jsonb_populate_record(p, '{\"id\": 0}')).* FROM person p WHERE id = :id"),
        {"id": person.id},
    )


@pytest.mark.parametrize("act", [fails, unique])
def test_neither_a_name_nor_a_number_of_a_failed_statement_is_told(app: Flask, act: Any) -> None:
    with pytest.raises(Exception) as failed, db.session.begin_nested():  # noqa: PT011 - whichever it is
        act()
    error = failed.value
    # What a session says when it is used after that repeats the error in words of its own.
    told: list[BaseException] = [error, PendingRollbackError(f"Original exception was: {error}")]
    for one in told:
        written = where_it_went_wrong((type(one), one, one.__traceback__))
        assert type(one).__name__ in written
        assert NAME not in written
        assert NUMBER not in written
    assert "[parameters" not in str(error)


def test_a_task_that_fails_in_the_database_tells_celery_no_row(app: Flask, caplog: Any, capsys: Any) -> None:
    @shared_task(name="tests.fails")
    def task() -> None:
        with db.session.begin_nested():
            fails()

    with caplog.at_level(logging.DEBUG):
        ended = task.apply()
    assert isinstance(ended.result, DatabaseFailed)
    written = caplog.text + str(ended.traceback) + capsys.readouterr().err
    assert "DatabaseFailed" in caplog.text
    assert NAME not in written
    assert NUMBER not in written


@pytest.mark.parametrize("error", [fails, psycopg.errors.UniqueViolation(f"DETAIL: Key (name)=({NAME}, {NUMBER})")])
def test_the_outbox_keeps_no_row_of_a_failed_statement(
    live: Flask, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    def written(mail: Any) -> None:
        if isinstance(error, Exception):
            raise error
        error()

    mail = make.save(
        OutboxMail(
            key="k",
            kind="award_offered",
            about="X",
            to_person_id=0,
            to_address="a@example.org",
            language="en",
            subject="x",
            body="x",
        )
    )
    db.session.commit()
    monkeypatch.setattr(post_office, "as_message", written)
    assert post_office.deliver_due() == 0
    (said,) = db.session.scalars(select(OutboxMail.last_error).where(OutboxMail.id == mail.id))
    assert said is not None
    assert "[" in said
    assert NAME not in said
    assert NUMBER not in said
