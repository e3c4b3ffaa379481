"""Lists are taken out as files, and kept as filtered under a name."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "list_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("rights", sa.Text(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'ready', 'failed', 'gone')", name=op.f("ck_list_file_state_is_known")
        ),
        sa.CheckConstraint("kind IN ('csv', 'xlsx')", name=op.f("ck_list_file_kind_is_known")),
        sa.CheckConstraint("(state = 'ready') = (file_id IS NOT NULL)", name=op.f("ck_list_file_ready_with_a_file")),
        sa.CheckConstraint("done <= total", name=op.f("ck_list_file_counted")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_list_file_person_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_list_file_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_file")),
    )
    op.create_index("ix_list_file_person_id", "list_file", ["person_id"])
    op.create_index(
        "uq_list_file_being_made", "list_file", ["person_id"], unique=True, postgresql_where=sa.text("state = 'asked'")
    )
    op.create_index("ix_list_file_kept", "list_file", ["asked_at"], postgresql_where=sa.text("state <> 'gone'"))
    op.create_table(
        "kept_filter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_kept_filter_named")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_kept_filter_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_filter")),
        sa.UniqueConstraint("person_id", "endpoint", "name", name=op.f("uq_kept_filter_person_id_endpoint_name")),
    )


def downgrade() -> None:
    op.drop_table("kept_filter")
    op.drop_table("list_file")
