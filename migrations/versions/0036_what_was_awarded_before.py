"""Awards of earlier programmes are brought along: imports, mappings of columns, and organizations that came with them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

CONFIDENTIALITY = "confidentiality IN ('public', 'name_withheld', 'fully_confidential')"
STATES = "state IN ('prepared', 'asked', 'done', 'failed', 'undone')"


def _key(name: str = "id") -> sa.Column:
    return sa.Column(name, sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _recorded(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False)


def upgrade() -> None:
    op.add_column(
        "organization", sa.Column("is_from_past", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_table(
        "column_mapping",
        _key(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("header_fingerprint", sa.Text(), nullable=False),
        sa.Column("layout", postgresql.JSONB(), nullable=False),
        sa.Column("saved_by_id", sa.BigInteger(), nullable=False),
        _recorded("saved_at"),
        sa.ForeignKeyConstraint(["saved_by_id"], ["person.id"], name=op.f("fk_column_mapping_saved_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_column_mapping")),
        sa.UniqueConstraint("name", name=op.f("uq_column_mapping_name")),
    )
    op.create_index("ix_column_mapping_header_fingerprint", "column_mapping", ["header_fingerprint"])
    op.create_table(
        "award_import",
        _key(),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("header", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("header_fingerprint", sa.Text(), nullable=False),
        sa.Column("layout", postgresql.JSONB(), nullable=False),
        sa.Column("sent_by_id", sa.BigInteger(), nullable=True),
        _recorded("sent_at"),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("imported", sa.BigInteger(), nullable=False),
        sa.Column("present", sa.BigInteger(), nullable=False),
        sa.Column("refused", postgresql.JSONB(), nullable=False),
        sa.Column("totals_minor", postgresql.JSONB(), nullable=False),
        sa.Column("organization_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.CheckConstraint(STATES, name=op.f("ck_award_import_state_is_known")),
        sa.CheckConstraint(
            "state NOT IN ('done', 'undone') OR finished_at IS NOT NULL",
            name=op.f("ck_award_import_finished_at_a_moment"),
        ),
        sa.CheckConstraint("imported >= 0 AND present >= 0 AND done <= total", name=op.f("ck_award_import_counted")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_award_import_file_id")),
        sa.ForeignKeyConstraint(["sent_by_id"], ["person.id"], name=op.f("fk_award_import_sent_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_import")),
    )
    op.create_index("ix_award_import_asked", "award_import", ["id"], postgresql_where=sa.text("state = 'asked'"))
    op.create_index("ix_award_import_programme", "award_import", ["programme"])
    op.create_index(
        "ix_award_import_prepared", "award_import", ["sent_at"], postgresql_where=sa.text("state = 'prepared'")
    )
    op.create_table(
        "past_award",
        _key(),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("grantee", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("granted_on", sa.Date(), nullable=True),
        sa.Column("months", sa.BigInteger(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("confidentiality", sa.Text(), nullable=False),
        sa.Column("cells", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint(CONFIDENTIALITY, name=op.f("ck_past_award_confidentiality_is_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_past_award_amount_positive")),
        sa.CheckConstraint("months > 0", name=op.f("ck_past_award_months_positive")),
        sa.ForeignKeyConstraint(["import_id"], ["award_import.id"], name=op.f("fk_past_award_import_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_past_award_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_award")),
        sa.UniqueConstraint("reference", name=op.f("uq_past_award_reference")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_past_award_fingerprint")),
        sa.UniqueConstraint("import_id", "line", name=op.f("uq_past_award_import_id_line")),
    )
    op.create_index("ix_past_award_organization_id", "past_award", ["organization_id"])
    op.create_index("ix_past_award_region", "past_award", ["region"])


def downgrade() -> None:
    for table in ("past_award", "award_import", "column_mapping"):
        op.drop_table(table)
    op.drop_column("organization", "is_from_past")
