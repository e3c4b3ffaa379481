"""The database of the bench: the demonstration, and a thousand more grants copied from one of them."""

from __future__ import annotations

from typing import Any

from flask import Flask, session
from flask_login import login_user
from sqlalchemy import text

from grants import demo
from grants.accounts.models import Person
from grants.accounts.queries import person_by_reference
from grants.core.db import db, transaction
from tests.bench.meter import ADDRESS

FAR = 1_000_000
"""Copies get ids from here on, the same for a row and for what belongs to it."""


def load(app: Flask) -> None:
    """Load the demonstration."""
    with app.app_context():
        demo.load()


def copy(table: str, source: int, number: int, **changed: str) -> None:
    """Copy one row ``number`` times; ``changed`` gives SQL for columns, in which ``g`` counts the copies."""
    columns = [c.name for c in db.metadata.tables[table].columns if c.computed is None]
    changed.setdefault("id", f"{FAR} + g")
    chosen = ", ".join(changed.get(c, f't."{c}"') for c in columns)
    named = ", ".join(f'"{c}"' for c in columns)
    statement = f'INSERT INTO "{table}" ({named}) SELECT {chosen} FROM "{table}" t, generate_series(1, {number}) g'
    db.session.execute(text(f"{statement} WHERE t.id = {source}"))


def grow(app: Flask, number: int) -> None:
    """Add ``number`` organizations with an application, reviews, a decision and a running grant each."""
    with app.app_context(), transaction():
        award = _row("SELECT * FROM award WHERE state = 'active' ORDER BY id LIMIT 1")
        application = _row(f"SELECT * FROM application WHERE id = {award['application_id']}")
        waiting = _row("SELECT * FROM application WHERE reference = 'APP-005'")
        assignment = _row(f"SELECT * FROM assignment WHERE application_id = {waiting['id']} ORDER BY id LIMIT 1")
        due = _row(f"SELECT * FROM report_due WHERE award_id = {award['id']} ORDER BY id DESC LIMIT 1")
        tranche = _row(f"SELECT * FROM tranche WHERE award_id = {award['id']} ORDER BY number LIMIT 1")
        copy("organization", award["organization_id"], number, reference="'ORG-B' || g")
        copy("answer_sheet", application["answer_sheet_id"], number)
        same = {"organization_id": f"{FAR} + g", "answer_sheet_id": f"{FAR} + g"}
        copy("application", application["id"], number, reference="'APP-B' || g", **same)
        copy("decision", award["decision_id"], number, application_id=f"{FAR} + g")
        both = {"application_id": f"{FAR} + g", "decision_id": f"{FAR} + g", "organization_id": f"{FAR} + g"}
        copy("award", award["id"], number, reference="'GRANT-B' || g", **both)
        copy("report_due", due["id"], number, award_id=f"{FAR} + g")
        copy("tranche", tranche["id"], number, award_id=f"{FAR} + g", report_due_id="NULL")
        second = f"{2 * FAR} + g"
        copy("organization", waiting["organization_id"], number, id=second, reference="'ORG-C' || g")
        copy("answer_sheet", waiting["answer_sheet_id"], number, id=second)
        moved = {"organization_id": second, "answer_sheet_id": second}
        copy("application", waiting["id"], number, id=second, reference="'APP-C' || g", **moved)
        copy("assignment", assignment["id"], number, application_id=second, state="'accepted'")
    with app.app_context():
        connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("ANALYZE"))
        connection.close()


def _row(statement: str) -> dict[str, Any]:
    return dict(db.session.execute(text(statement)).mappings().one())


def person(reference: str) -> Person:
    """Somebody of the demonstration."""
    found = person_by_reference(reference)
    assert found is not None, reference
    return found


def cookie_of(app: Flask, reference: str) -> str:
    """The cookie of somebody who has signed in and opened a page with a form."""
    with app.test_request_context(method="POST", environ_base={"REMOTE_ADDR": ADDRESS}), transaction():
        login_user(person(reference), force=True)
        session["csrf_token"] = "c" * 40
        serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        return f"{app.config['SESSION_COOKIE_NAME']}={serializer.dumps(dict(session))}"
