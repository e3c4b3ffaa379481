"""Reports in depth: what was handed in stays, returned by section, costs verified by budget line with their papers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

RECORDS = ("report_version", "report_return")

# Until now only the last reason stood with the report; history has all of them.
RETURNED = """
INSERT INTO report_return (report_id, version, returned_at, returned_by_id, reason, parts)
SELECT DISTINCT ON (r.id, (h.details->>'version')::bigint)
    r.id, (h.details->>'version')::bigint, h.at, h.actor_id, h.reason, '{}'
FROM history_entry h JOIN report r ON r.report_due_id = h.subject_id
WHERE h.subject_kind = 'report_due' AND h.verb = 'return' AND h.reason <> '' AND h.actor_id IS NOT NULL
    AND h.details ? 'version'
ORDER BY r.id, (h.details->>'version')::bigint, h.id DESC
"""

LAST_REASON = """
UPDATE report SET returned_reason = last.reason FROM (
    SELECT DISTINCT ON (report_id) report_id, reason FROM report_return ORDER BY report_id, version DESC
) last WHERE last.report_id = report.id
"""

LEVELS = "'local', 'national', 'regional', 'international'"
STAGES = "'debate', 'commitment', 'decision', 'practice', 'lives'"

DAYS = ("period_from", "period_until", "rate_on")

PERIOD = {
    "period_in_order": "period_from <= period_until",
    "period_whole": "(period_from IS NULL) = (period_until IS NULL)",
}

VERIFIED = {
    "verified_within_spent": "verified_minor >= 0 AND ineligible_minor >= 0"
    " AND verified_minor + ineligible_minor <= spent_minor",
    "ineligible_with_a_reason": "(ineligible_minor = 0) = (ineligible_reason = '')",
    "verified_by_someone": "(verified_at IS NULL) = (verified_by_id IS NULL)",
    "verified_at_a_moment": "verified_at IS NOT NULL OR (verified_minor = 0 AND ineligible_minor = 0)",
}


def _key(table: str) -> list[sa.Column | sa.PrimaryKeyConstraint]:
    return [
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def _refers(table: str, column: str, to: str, *, nullable: bool = False) -> list[sa.Column | sa.ForeignKeyConstraint]:
    return [
        sa.Column(column, sa.BigInteger(), nullable=nullable),
        sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}")),
    ]


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False)


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "report_version",
        *_key("report_version"),
        *_refers("report_version", "report_id", "report"),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _moment("submitted_at"),
        *_refers("report_version", "submitted_by_id", "person"),
        sa.Column("content", JSONB(), nullable=False),
        sa.UniqueConstraint("report_id", "number", name=op.f("uq_report_version_report_id_number")),
    )
    op.create_table(
        "report_return",
        *_key("report_return"),
        *_refers("report_return", "report_id", "report"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        _moment("returned_at"),
        *_refers("report_return", "returned_by_id", "person"),
        _text("reason"),
        sa.Column("parts", JSONB(), nullable=False),
        sa.CheckConstraint("reason <> '' OR parts <> '{}'", name=op.f("ck_report_return_with_a_reason")),
        sa.UniqueConstraint("report_id", "version", name=op.f("uq_report_return_report_id_version")),
    )
    op.execute(RETURNED)
    for table in RECORDS:
        op.execute(
            f"CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"CREATE TRIGGER kept_whole BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()")
    op.drop_column("report", "returned_reason")
    for name in DAYS:
        op.add_column("report", sa.Column(name, sa.Date(), nullable=True))
    op.add_column("report", sa.Column("rate_source", sa.Text(), server_default="", nullable=False))
    op.add_column("report", sa.Column("figures_version", sa.BigInteger(), server_default="0", nullable=False))
    for name in ("rate_source", "figures_version"):
        op.alter_column("report", name, server_default=None)
    for name, rule in PERIOD.items():
        op.create_check_constraint(op.f(f"ck_report_{name}"), "report", rule)
    op.create_table(
        "report_document",
        *_key("report_document"),
        *_refers("report_document", "report_id", "report"),
        *_refers("report_document", "budget_line_id", "budget_line", nullable=True),
        *_refers("report_document", "file_id", "stored_file"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        _text("note"),
        _moment("added_at"),
        *_refers("report_document", "added_by_id", "person"),
        sa.UniqueConstraint("file_id", name=op.f("uq_report_document_file_id")),
    )
    op.create_index(
        "ix_report_document_report_id_budget_line_id", "report_document", ["report_id", "budget_line_id"]
    )
    op.create_table(
        "reported_change",
        *_key("reported_change"),
        *_refers("reported_change", "report_id", "report"),
        sa.Column("plan_point", sa.BigInteger(), nullable=False),
        *(_text(name) for name in ("country", "level", "stage", "what", "evidence", "link")),
        *_refers("reported_change", "file_id", "stored_file", nullable=True),
        _moment("saved_at"),
        *_refers("reported_change", "saved_by_id", "person"),
        sa.CheckConstraint(f"level IN ({LEVELS})", name=op.f("ck_reported_change_level_is_known")),
        sa.CheckConstraint(f"stage IN ({STAGES})", name=op.f("ck_reported_change_stage_is_known")),
        sa.CheckConstraint("plan_point BETWEEN 1 AND 8", name=op.f("ck_reported_change_plan_point_is_known")),
        sa.CheckConstraint("what <> ''", name=op.f("ck_reported_change_says_what")),
        sa.CheckConstraint(
            "evidence <> '' OR link <> '' OR file_id IS NOT NULL", name=op.f("ck_reported_change_shown_by_something")
        ),
        sa.UniqueConstraint("file_id", name=op.f("uq_reported_change_file_id")),
    )
    op.create_index("ix_reported_change_report_id", "reported_change", ["report_id"])
    op.create_index("ix_reported_change_plan_point_country", "reported_change", ["plan_point", "country"])
    for name, kind, default in (
        ("verified_minor", sa.BigInteger(), "0"),
        ("ineligible_minor", sa.BigInteger(), "0"),
        ("ineligible_reason", sa.Text(), ""),
    ):
        op.add_column("report_line", sa.Column(name, kind, server_default=default, nullable=False))
        op.alter_column("report_line", name, server_default=None)
    op.add_column("report_line", sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("report_line", sa.Column("verified_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_report_line_verified_by_id"), "report_line", "person", ["verified_by_id"], ["id"])
    for name, rule in VERIFIED.items():
        op.create_check_constraint(op.f(f"ck_report_line_{name}"), "report_line", rule)


def downgrade() -> None:
    op.add_column("report", sa.Column("returned_reason", sa.Text(), server_default="", nullable=False))
    op.alter_column("report", "returned_reason", server_default=None)
    op.execute(LAST_REASON)
    op.drop_table("reported_change")
    op.drop_table("report_document")
    for name in PERIOD:
        op.drop_constraint(op.f(f"ck_report_{name}"), "report", type_="check")
    for name in (*DAYS, "rate_source", "figures_version"):
        op.drop_column("report", name)
    for table in reversed(RECORDS):
        op.drop_table(table)
    for name in VERIFIED:
        op.drop_constraint(op.f(f"ck_report_line_{name}"), "report_line", type_="check")
    for name in ("verified_by_id", "verified_at", "ineligible_reason", "ineligible_minor", "verified_minor"):
        op.drop_column("report_line", name)
