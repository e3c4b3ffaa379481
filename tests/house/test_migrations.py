"""The tables: one line of migrations, the models are what it makes, and what is a record stays one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import flask_migrate
import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from config import ROOT, Config
from grants.app import create_app
from grants.core.db import db
from grants.schema import empty, migrate
from tests.conftest import PRISTINE, copied, settings

RECORDS = (
    "history_entry",
    "history_seal",
    "receipt",
    "letter",
    "conflict_declaration",
    "year_declaration",
    "transfer",
    "refund",
    "correction",
    "remark",
    "decision_sheet",
    "scenario",
    "laid_before",
    "sanctions_check",
    "second_look",
    "award_version",
    "budget_notice",
    "report_version",
    "report_return",
)
"""Tables to which rows are added, and in which nothing is ever changed or removed."""

EMPTIED = "TRUNCATE {} CASCADE"

WITHOUT_INDEX = {
    "a person is never deleted, and nobody asks for all that one person did in one table": {
        "agreement.drawn_up_by_id", "agreement.signed_by_id", "agreement.copy_by_id", "agreement.countersigned_by_id",
        "condition.owner_id", "diligence.opened_by_id", "diligence.risk_judged_by_id", "diligence_point.judged_by_id",
        "diligence_point.handed_in_by_id", "sanctions_check.made_by_id", "second_look.made_by_id", "consent.asked_by_id",
        "consent.answered_by_id", "application.started_by_id", "application.submitted_by_id",
        "amendment.asked_by_id", "amendment.confirmed_by_id",
        "amendment.decided_by_id", "budget_notice.given_by_id", "application.certified_by_id", "receipt.certified_by_id",
        "assignment.asked_by_id", "attachment.attached_by_id", "bank_account.entered_by_id",
        "bank_account.verified_by_id", "closeout.closed_by_id", "erasure.proposed_by_id", "erasure.ended_by_id", "closeout.opened_by_id", "condition.met_by_id",
        "decision.proposed_by_id", "disbursement.approved_by_id", "disbursement.confirmed_by_id",
        "disbursement.prepared_by_id", "disbursement.sending_by_id", "finding.judged_by_id", "invitation.accepted_by_id", "invitation.invited_by_id",
        "meeting.called_by_id", "meeting.chair_id", "milestone.reached_by_id", "milestone.confirmed_by_id", "tranche.freed_by_id", "receipt.submitted_by_id", "refund.recorded_by_id", "refund_request.asked_by_id", "payment_order.assembled_by_id", "payment_order.released_by_id",
        "statement_shape.chosen_by_id", "bank_statement.brought_by_id", "cofinancing.told_by_id",
        "report.accepted_by_id", "report.submitted_by_id", "report_version.submitted_by_id",
        "report_return.returned_by_id", "report_line.verified_by_id", "report_document.added_by_id",
        "reported_change.saved_by_id", "role_grant.granted_by_id", "role_grant.revoked_by_id",
        "role_grant.proposed_by_id", "role_proposal.proposed_by_id", "role_proposal.answered_by_id",
        "joining_request.decided_by_id", "kept_document.added_by_id", "organization_identifier.added_by_id",
        "sponsorship.asked_by_id", "section_answers.saved_by_id", "section_revision.saved_by_id", "transfer.by_id", "vote.person_id", "remark.person_id",
        "working_copy.saved_by_id", "correction.made_by_id", "enquiry.answered_by_id", "upload.person_id", "draft_note.written_by_id",
        "draft_note.settled_by_id",
        "clarification.asked_by_id", "clarification.ended_by_id", "assisted_entry.entered_by_id",
        "assisted_entry.recorded_by_id", "answer_set_aside.typed_by_id", "complaint.made_by_id", "complaint.examiner_id",
        "letter_template.written_by_id", "scenario.saved_by_id", "laid_before.laid_by_id", "draw.bound_by_id", "draw.drawn_by_id",
        "report.entered_by_id", "write_up.entered_by_id", "write_up.recorded_by_id", "visit.shared_by_id", "visit.answered_by_id", "agreed_change.done_by_id", "visit_file.added_by_id",
        "column_mapping.saved_by_id", "award_import.sent_by_id",
    },
    "a file is reached from what it belongs to, and never deleted while that stands": {
        "agreement.file_id", "agreement.copy_id", "diligence_point.file_id", "earlier_paper.file_id", "attachment.file_id", "disbursement.proof_id", "dossier.file_id", "closeout.letter_file_id", "kept_document.file_id", "pack.file_id", "refund.proof_id", "cofinancing.evidence_id", "visit_file.file_id",
        "award_import.file_id", "list_file.file_id",
    },
    "a published call keeps its lists, and they are read from the other side": {
        "attachment.document_id", "booklet.document_id", "upload.document_id", "call.questionnaire_id", "finding.rule_id",
        "score.criterion_id", "report_line.budget_line_id", "report_document.budget_line_id",
    },
    "found through the person who declares": {"conflict_declaration.organization_id"},
    "found through the award or the call": {"account.call_id", "application.questionnaire_id"},
    "a receipt is never deleted, and asked for by its application": {
        "clarification.after_id", "clarification.before_id",
    },
    "found through the meeting": {"recusal.application_id"},
    "a letter is never deleted, and read with its decision or its close-out": {"decision.letter_id", "closeout.letter_id"},
    "found through the tranche": {"disbursement.bank_account_id"},
    "found through its accounts": {"transfer.disbursement_id"},
    "the rows that have not ended are indexed; the others are asked for only together with them": {
        "membership.organization_id", "role_grant.person_id", "role_proposal.person_id",
    },
}  # fmt: skip
"""Foreign keys without an index of their own, by the reason why none is needed."""


@pytest.fixture
def scratch(running: Config, tmp_path: Path) -> Iterator[Flask]:
    """The application on a migrated database of its own."""
    with copied(running, PRISTINE) as address:
        made = create_app(settings(replace(running, database_url=address), tmp_path))
        yield made
        with made.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


def test_there_is_one_line_of_migrations() -> None:
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert sorted(revisions) == [f"{number:04d}" for number in range(1, len(revisions) + 1)]


def test_the_models_are_what_the_migrations_make(scratch: Flask) -> None:
    with scratch.app_context():
        flask_migrate.check(directory=str(ROOT / "migrations"))


def shape(connection: Connection) -> list[tuple[str, ...]]:
    """Columns, constraints, indexes, functions and triggers, in words."""
    asked = (
        (
            "SELECT table_name, column_name, data_type, is_nullable, coalesce(column_default, '')"
            " FROM information_schema.columns WHERE table_schema = 'public'"
        ),
        (
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace"
        ),
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT proname::text, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    )
    return sorted(tuple(map(str, row)) for query in asked for row in connection.execute(text(query)))


def test_the_way_down_and_up_again_ends_where_it_began(scratch: Flask) -> None:
    with scratch.app_context(), db.engine.connect() as connection:
        before = shape(connection)
    with scratch.app_context():
        flask_migrate.downgrade(directory=str(ROOT / "migrations"), revision="base")
        with db.engine.connect() as connection:
            left = {line[0] for line in shape(connection)}
            assert left <= {"alembic_version"}, left
        db.engine.dispose()
    migrate(scratch)
    with scratch.app_context(), db.engine.connect() as connection:
        assert shape(connection) == before
    assert len(before) > 400
    empty(scratch)
    with scratch.app_context(), db.engine.connect() as connection:
        assert shape(connection) == before


def unindexed(connection: Connection) -> set[str]:
    """Columns of foreign keys with which no index that covers every row begins."""
    found, looked = set(), inspect(connection)
    for table in looked.get_table_names():
        starts = {
            index["column_names"][0]
            for index in looked.get_indexes(table)
            if not index.get("dialect_options", {}).get("postgresql_where")
        }
        starts |= {unique["column_names"][0] for unique in looked.get_unique_constraints(table)}
        starts |= set(looked.get_pk_constraint(table)["constrained_columns"][:1])
        for key in looked.get_foreign_keys(table):
            if key["constrained_columns"][0] not in starts:
                found.add(f"{table}.{key['constrained_columns'][0]}")
    return found


def test_every_foreign_key_has_an_index_or_a_reason(app: Flask) -> None:
    found = unindexed(db.session.connection())
    reasoned = {column for columns in WITHOUT_INDEX.values() for column in columns}
    assert not found - reasoned, "index them, or say in WITHOUT_INDEX why not"
    assert not reasoned - found, "these have an index, or are gone"


def test_records_are_the_tables_whose_triggers_refuse_a_change(app: Flask) -> None:
    asked = text(
        "SELECT tgrelid::regclass::text FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
        " WHERE proname = 'refuse_change' AND tgname = 'kept'"
    )
    assert set(db.session.scalars(asked)) == set(RECORDS)


@pytest.mark.parametrize("table", RECORDS)
@pytest.mark.parametrize("change", ["UPDATE {} SET {column} = {column}", "DELETE FROM {}", EMPTIED])
def test_a_record_is_neither_changed_nor_removed(app: Flask, table: str, change: str) -> None:
    """Tried on a row that was put there past all checks, so that there is one in every table."""
    connection = db.session.connection()
    columns = inspect(connection).get_columns(table)
    needed = [c for c in columns if not c["nullable"] and c["name"] != "id"]
    wanted = {c["name"]: _something(c["name"], str(c["type"]), n) for n, c in enumerate(needed, 1)}
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text(f"INSERT INTO {table} ({', '.join(wanted)}) VALUES ({', '.join(wanted.values())})"))
    connection.execute(text("SET LOCAL session_replication_role = origin"))
    with pytest.raises(DBAPIError, match="is a record"), connection.begin_nested():
        connection.execute(text(change.format(table, column=columns[-1]["name"])))
    assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 1


def _something(name: str, kind: str, number: int) -> str:
    plain = {
        "BIGINT": str(number),
        "TEXT": "'a'",
        "DATE": "current_date",
        "TIMESTAMP": "now()",
        "JSONB": "'{}'",
        "BOOLEAN": "true",
        "JSON": "'{}'",
        "ARRAY": "'{}'",
    }
    return {"grade": "'none'", "kind": "'award'", "outcome": "'no_match'", "names": "'{a}'"}.get(name, plain[kind])
