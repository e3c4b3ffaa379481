"""Holding a row: what others changed while it was waited for is seen, with all that hangs on the row."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import text

from grants.core.db import db, hold
from tests.factories import call


def test_a_row_that_is_held_is_read_anew_with_what_is_read_late_and_what_hangs_on_it(app: Flask) -> None:
    held = call()
    db.session.flush()
    assert "told_by_a_colleague" not in held.terms
    before = len(held.lots)
    assert before
    db.session.execute(
        text(
            "UPDATE call SET currency = 'CHF', terms = jsonb_set(terms::jsonb, '{told_by_a_colleague}', 'true') WHERE id = :id"
        ),
        {"id": held.id},
    )
    db.session.execute(text("DELETE FROM lot WHERE call_id = :id"), {"id": held.id})
    hold(held, "currency")
    assert held.currency == "CHF"
    assert len(held.lots) == before, "only what was asked for"
    hold(held)
    assert held.terms["told_by_a_colleague"] is True
    assert held.lots == []
