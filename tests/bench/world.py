"""The database of the bench: the demonstration, and a thousand more grants copied from one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask, session
from flask_login import login_user
from flask_migrate import upgrade
from sqlalchemy import text

from config import Config
from grants import demo
from grants.accounts.models import Person
from grants.accounts.queries import person_by_reference
from grants.app import create_app
from grants.core.db import db, transaction
from grants.core.servers import servers
from tests.bench.meter import ADDRESS

FAR = 1_000_000
"""Copies get ids from here on, the same for a row and for what belongs to it."""


@contextmanager
def opened(folder: Path, *, durable: bool = False) -> Iterator[Flask]:
    """The product on the data of a folder. Its database writes to the disk only when it must be ``durable``."""
    os.environ["DATABASE_FSYNC"] = "on" if durable else "off"
    with servers(Config.from_environment({}, data_dir=folder)) as config:
        app = create_app(config)
        yield app
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose()


def make(folder: Path) -> None:
    """Load the demonstration into a new folder."""
    with opened(folder) as app, app.app_context():
        upgrade()
        demo.load()


def copy(table: str, source: int, number: int, /, **changed: str) -> None:
    """Copy one row ``number`` times; ``changed`` gives SQL for columns, in which ``g`` counts the copies."""
    columns = [c.name for c in db.metadata.tables[table].columns if c.computed is None]
    changed.setdefault("id", f"{FAR} + g")
    chosen = ", ".join(changed.get(c, f't."{c}"') for c in columns)
    named = ", ".join(f'"{c}"' for c in columns)
    statement = f'INSERT INTO "{table}" ({named}) SELECT {chosen} FROM "{table}" t, generate_series(1, {number}) g'
    db.session.execute(text(f"{statement} WHERE t.id = {source}"))


def copy_application(app: Flask, reference: str, number: int) -> list[str]:
    """Copy an application with all that belongs to it, each for an organization and an owner of its own.

    Says the references of the copies; their owners are called alike (``USR-…`` instead of ``APP-…``).
    """
    mark = f"{reference}-"
    with app.app_context(), transaction():
        source = row_of(f"SELECT * FROM application WHERE reference = '{reference}'")
        belongs = f"organization_id = {source['organization_id']} AND may_sign ORDER BY id LIMIT 1"
        member = row_of(f"SELECT * FROM membership WHERE ended_at IS NULL AND {belongs}")
        named = {name: f"'{mark.replace('APP', name)}' || g" for name in ("APP", "ORG", "USR")}
        secret = "md5(random()::text) || md5(random()::text)"
        email = "'owner' || g || '@crowd.example'"
        copy("person", member["person_id"], number, reference=named["USR"], email=email, fs_uniquifier=secret)
        name = {"name": "md5(g::text)", "registration_number": "NULL", "email": "''", "website": "''"}
        copy("organization", source["organization_id"], number, reference=named["ORG"], **name)
        known = f"SELECT {FAR} + g, now() FROM generate_series(1, {number}) g"
        db.session.execute(text(f"INSERT INTO comparison (organization_id, compared_at) {known}"))
        copy("membership", member["id"], number, organization_id=f"{FAR} + g", person_id=f"{FAR} + g")
        copy("answer_sheet", source["answer_sheet_id"], number)
        own = dict.fromkeys(("organization_id", "answer_sheet_id", "started_by_id"), f"{FAR} + g")
        copy("application", source["id"], number, reference=named["APP"], **own)
        for table, column in (("section_answers", "answer_sheet_id"), ("attachment", "application_id")):
            owner = source["id"] if column == "application_id" else source[column]
            fresh = f"nextval(pg_get_serial_sequence('{table}', 'id'))"
            for row in db.session.scalars(text(f"SELECT id FROM {table} WHERE {column} = {owner}")).all():
                copy(table, row, number, id=fresh, **{column: f"{FAR} + g"})
    _analyze(app)
    return [f"{mark}{g}" for g in range(1, number + 1)]


def grow(app: Flask, number: int) -> None:
    """Add ``number`` organizations with an application, reviews, a decision and a running grant each."""
    with app.app_context(), transaction():
        award = row_of("SELECT * FROM award WHERE state = 'active' ORDER BY id LIMIT 1")
        application = row_of(f"SELECT * FROM application WHERE id = {award['application_id']}")
        waiting = row_of("SELECT * FROM application WHERE reference = 'APP-005'")
        assignment = row_of(f"SELECT * FROM assignment WHERE application_id = {waiting['id']} ORDER BY id LIMIT 1")
        due = row_of(f"SELECT * FROM report_due WHERE award_id = {award['id']} ORDER BY id DESC LIMIT 1")
        tranche = row_of(f"SELECT * FROM tranche WHERE award_id = {award['id']} ORDER BY number LIMIT 1")
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
        db.session.execute(
            text(
                "INSERT INTO conflict_declaration (person_id, organization_id, call_id, grade, reason)"
                " SELECT DISTINCT s.person_id, a.organization_id, m.call_id, 'none', '' FROM seat s"
                " JOIN meeting m ON m.id = s.meeting_id JOIN application a ON a.call_id = m.call_id AND a.id > :far"
            ),
            {"far": FAR},
        )
    _analyze(app)


def _analyze(app: Flask) -> None:
    with app.app_context():
        connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("ANALYZE"))
        connection.close()


def review_to_write(app: Flask, reference: str) -> int | None:
    """The assignment that somebody has accepted and not yet written, if there is one."""
    statement = (
        "SELECT min(s.id) FROM assignment s JOIN person p ON p.id = s.reviewer_id"
        " WHERE s.state = 'accepted' AND p.reference = :reference"
    )
    with app.app_context():
        found: int | None = db.session.scalar(text(statement), {"reference": reference})
        return found


@contextmanager
def blind(app: Flask) -> Iterator[None]:
    """Let every call hide its applicants from reviewers for a while."""
    visible = "jsonb_set(grid::jsonb, '{assessors,blind}', '{\"organization_visible\": false}')"
    for grid in (visible, "grid::jsonb #- '{assessors,blind}'"):
        with app.app_context(), transaction():
            db.session.execute(text(f"UPDATE call SET grid = ({grid})::json WHERE grid::jsonb ? 'assessors'"))
        if grid == visible:
            yield


def make_draft(app: Flask, reference: str) -> None:
    """Make a draft of an application that was sent in, in a call that is still open."""
    with app.app_context(), transaction():
        later = "UPDATE call SET closes_at = now() + interval '9 days' WHERE id = (SELECT call_id FROM application WHERE reference = :reference)"
        back = (
            "UPDATE application SET state = 'draft', submitted_at = NULL, content_hash = NULL, submitted_by_id = NULL,"
            " certified_at = NULL, certified_by_id = NULL, certified_hash = NULL WHERE reference = :reference"
        )
        for statement in (later, back):
            db.session.execute(text(statement), {"reference": reference})


def row_of(statement: str) -> dict[str, Any]:
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
