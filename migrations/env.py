"""How Alembic reaches the database: through the engine of the application, one transaction a migration."""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import text

engine = current_app.extensions["migrate"].db.engine
metadata = current_app.extensions["migrate"].db.metadata


def run() -> None:
    """Run the migrations. Waiting for a lock fails after a while instead of stopping the whole product."""
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            compare_server_default=False,
            transaction_per_migration=True,
        )
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = 0"))
        connection.commit()
        with context.begin_transaction():
            context.run_migrations()


run()
