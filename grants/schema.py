"""Whether the database has the tables that this code expects, and the way to get there."""

from __future__ import annotations

from pathlib import Path

import flask_migrate
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from sqlalchemy import text

from grants.core.db import db

_ONE_AT_A_TIME = 7_482_651
"""Any number, as long as every copy of the program takes the same advisory lock."""


class WrongSchema(Exception):
    """A database that this code must not touch as it is, said in words for the person who started the program."""


def migrate(app: Flask) -> None:
    """Bring the database up to date; of several programs started at once, one does it and the others wait."""
    with app.app_context(), db.engine.connect() as connection:
        connection.execute(text("SET statement_timeout = 0; SET lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": _ONE_AT_A_TIME})
        connection.commit()
        try:
            _refuse_newer_database()
            flask_migrate.upgrade(directory=str(_scripts().dir))
        finally:
            # Ending the connection, not returning it to the pool, is what gives the lock back.
            connection.invalidate()
            db.engine.dispose()


def require_current(app: Flask) -> None:
    """Refuse a database that is newer or older than the code."""
    with app.app_context():
        _refuse_newer_database()
        if _applied() != set(_scripts().get_heads()):
            raise WrongSchema("The database is not up to date; run `grants migrate` first.")
        # What comes next may fork, and a connection must not be shared by two processes.
        db.engine.dispose()


def empty(app: Flask) -> None:
    """Take everything out of the database and leave it up to date."""
    with app.app_context():
        db.session.remove()
        flask_migrate.downgrade(directory=str(_scripts().dir), revision="base")
    migrate(app)


def draft_migration(app: Flask, about: str) -> None:
    """Write down, under the next number, what separates the models from the database; a person finishes it."""
    with app.app_context():
        number = 1 + max((int(script.revision) for script in _scripts().walk_revisions()), default=0)
        flask_migrate.migrate(directory=str(_scripts().dir), message=about, rev_id=f"{number:04d}")


def _refuse_newer_database() -> None:
    unknown = _applied() - {script.revision for script in _scripts().walk_revisions()}
    if unknown:
        raise WrongSchema(
            f"The database is newer than this program (it was migrated to {', '.join(sorted(unknown))});"
            " run the version that migrated it, or a later one."
        )


def _applied() -> set[str]:
    with db.engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads())


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(current_app.extensions["migrate"].directory)))
