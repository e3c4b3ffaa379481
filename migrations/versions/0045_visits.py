"""Visits to grantees, their files and what was agreed there; what the risk of a grant asked for as a condition is a visit."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

# What was asked for and not done becomes a visit that is owed. What was done stays a condition that was met.
MOVED = """
INSERT INTO visit (award_id, number, key, state, kind, purpose, due_on, holds_payments, lead_id, went, met, findings, note, answer)
SELECT award_id, row_number() OVER (PARTITION BY award_id ORDER BY id), key, 'planned',
    CASE key WHEN 'visit' THEN 'on_site' ELSE 'remote' END, text, due_on, false, owner_id, '', '', '', '', ''
FROM condition WHERE key IS NOT NULL AND met_on IS NULL AND owner_id IS NOT NULL AND due_on IS NOT NULL
"""
GONE = "DELETE FROM condition WHERE key IS NOT NULL AND met_on IS NULL AND owner_id IS NOT NULL AND due_on IS NOT NULL"
BACK = """
INSERT INTO condition (award_id, key, text, owner_id, due_on, blocks_payment, evidence)
SELECT award_id, key, purpose, lead_id, due_on, false, '' FROM visit WHERE key IS NOT NULL AND state = 'planned'
"""


def _person(table: str, *columns: str) -> list[sa.ForeignKeyConstraint]:
    return [sa.ForeignKeyConstraint([c], ["person.id"], name=op.f(f"fk_{table}_{c}")) for c in columns]


def _key(table: str) -> list[sa.Column | sa.PrimaryKeyConstraint]:
    return [
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def _recorded(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "visit",
        *_key("visit"),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("holds_payments", sa.Boolean(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        _recorded("planned_at"),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_on", sa.Date(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("went", "met", "findings", "note")),
        sa.Column("shared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shared_by_id", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('planned', 'made', 'shared', 'answered', 'cancelled')", name=op.f("ck_visit_state_is_known")
        ),
        sa.CheckConstraint("kind IN ('on_site', 'remote')", name=op.f("ck_visit_kind_is_known")),
        sa.CheckConstraint("purpose <> ''", name=op.f("ck_visit_for_something")),
        sa.CheckConstraint(
            "state IN ('planned', 'cancelled')"
            " OR (made_on IS NOT NULL AND went <> '' AND met <> '' AND findings <> '')",
            name=op.f("ck_visit_made_is_written_down"),
        ),
        sa.CheckConstraint(
            "(state NOT IN ('shared', 'answered') OR shared_at IS NOT NULL)"
            " AND (shared_at IS NULL) = (shared_by_id IS NULL)",
            name=op.f("ck_visit_shared_by_someone"),
        ),
        sa.CheckConstraint(
            "(state <> 'answered' OR answered_at IS NOT NULL) AND (answered_at IS NULL) = (answered_by_id IS NULL)"
            " AND (answered_at IS NULL) = (answer = '')",
            name=op.f("ck_visit_answered_by_someone"),
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_visit_award_id")),
        *_person("visit", "lead_id", "shared_by_id", "answered_by_id"),
        sa.UniqueConstraint("award_id", "number", name=op.f("uq_visit_award_id_number")),
        sa.UniqueConstraint("award_id", "key", name=op.f("uq_visit_award_id_key")),
    )
    op.create_index("ix_visit_due_on", "visit", ["due_on"], postgresql_where=sa.text("state = 'planned'"))
    op.create_index("ix_visit_lead_id", "visit", ["lead_id", "state"])
    op.create_table(
        "agreed_change",
        *_key("agreed_change"),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("done_by_id", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.CheckConstraint("text <> ''", name=op.f("ck_agreed_change_of_something")),
        sa.CheckConstraint("(done_on IS NULL) = (done_by_id IS NULL)", name=op.f("ck_agreed_change_done_by_someone")),
        sa.CheckConstraint("done_on IS NULL OR evidence <> ''", name=op.f("ck_agreed_change_done_with_evidence")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_agreed_change_visit_id")),
        *_person("agreed_change", "done_by_id"),
    )
    op.create_index("ix_agreed_change_visit_id", "agreed_change", ["visit_id"])
    op.create_index("ix_agreed_change_due_on", "agreed_change", ["due_on"], postgresql_where=sa.text("done_on IS NULL"))
    op.create_table(
        "visit_file",
        *_key("visit_file"),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        _recorded("added_at"),
        sa.Column("added_by_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_file_visit_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_visit_file_file_id")),
        *_person("visit_file", "added_by_id"),
        sa.UniqueConstraint("visit_id", "number", name=op.f("uq_visit_file_visit_id_number")),
    )
    op.execute(MOVED)
    op.execute(GONE)
    op.drop_column("condition", "key")


def downgrade() -> None:
    op.add_column("condition", sa.Column("key", sa.Text(), nullable=True))
    op.execute(BACK)
    for table in ("visit_file", "agreed_change", "visit"):
        op.drop_table(table)
