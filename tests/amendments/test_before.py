"""Grants that were signed before versions were kept."""

from __future__ import annotations

from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config import ROOT
from grants.awards.models import Award, Condition
from grants.awards.queries import versions_of
from grants.core.db import db, transaction
from tests import factories as make
from tests.amendments.rows import scene

MIGRATIONS = ROOT / "migrations"


def before() -> str:
    """The revision before the one that begins to keep versions."""
    (script,) = Path(MIGRATIONS / "versions").glob("*_what_changes_in_a_grant.py")
    return f"{int(script.stem[:4]) - 1:04d}"


def test_their_first_version_is_written_from_what_stands_and_says_so(live: Flask) -> None:
    with transaction():
        made = scene()
        award_id = made.award.id
        # What the fund has to see to itself was never signed.
        inside = {"text": "Look at the accounts again", "owner_id": made.coordinator.id, "due_on": made.award.end_on}
        make.save(Condition(award_id=award_id, **inside))
        kept = versions_of(made.award)[0]
        terms, signed_at = kept.terms, kept.agreement.signed_at
    db.session.remove()
    db.engine.dispose()
    flask_migrate.downgrade(directory=str(MIGRATIONS), revision=before())
    flask_migrate.upgrade(directory=str(MIGRATIONS))
    (version,) = versions_of(db.session.get_one(Award, award_id))
    assert (version.number, version.reconstructed, version.made_at) == (1, True, signed_at)
    assert version.terms == terms


def test_a_version_is_changed_by_nobody(app: Flask) -> None:
    scene()
    for change in ("UPDATE award_version SET terms = '{}'", "DELETE FROM award_version", "TRUNCATE award_version"):
        with pytest.raises(DBAPIError, match="is a record"), db.session.begin_nested():
            db.session.execute(text(change))
