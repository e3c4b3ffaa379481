from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InternalError

from grants.calls.workflow import CallState
from grants.core.db import db, transaction
from grants.core.rules import Refused
from grants.core.workflow import NoSuchMove
from grants.history import actions, queries
from tests import factories as make


def test_a_move_is_written_down_with_its_actor(app: Flask) -> None:
    somebody, call = make.person(), make.call(state=CallState.DRAFT)
    actions.record(call, "publish", by=somebody)
    (entry,) = queries.entries_about([("call", call.id)])
    assert (entry.actor_id, entry.from_state, entry.to_state, call.state) == (
        somebody.id,
        "draft",
        "published",
        "published",
    )


def test_a_move_that_the_workflow_does_not_have_changes_nothing(app: Flask) -> None:
    call = make.call(state=CallState.CANCELLED)
    with pytest.raises(NoSuchMove):
        actions.record(call, "publish", by=None)
    assert call.state == CallState.CANCELLED
    assert not queries.entries_about([("call", call.id)])


def test_a_move_that_needs_a_reason_is_refused_without_one(app: Flask) -> None:
    call = make.call()
    with pytest.raises(Refused):
        actions.record(call, "cancel", by=None, reason="  ")
    assert call.state == CallState.PUBLISHED


@pytest.mark.parametrize(
    "statement", ["UPDATE history_entry SET verb = 'x'", "DELETE FROM history_entry", "TRUNCATE history_entry CASCADE"]
)
def test_the_record_cannot_be_changed(app: Flask, statement: str) -> None:
    actions.note("call", 1, "looked", by=None)
    db.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    with pytest.raises((IntegrityError, InternalError), match="never changed"):
        db.session.execute(text(statement))


def test_a_forged_entry_is_found(live: Flask) -> None:
    for number in range(5):
        with transaction():
            actions.note("call", number, "looked", by=None)
    assert queries.broken_seals() == []
    with transaction():
        db.session.execute(text("ALTER TABLE history_entry DISABLE TRIGGER kept"))
        db.session.execute(text("UPDATE history_entry SET verb = 'forged' WHERE subject_id = 2"))
        db.session.execute(text("ALTER TABLE history_entry ENABLE TRIGGER kept"))
    assert queries.broken_seals() == [3]
