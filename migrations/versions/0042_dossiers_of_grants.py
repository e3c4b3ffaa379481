"""Dossiers: everything of a grant in one archive, made for one reader."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dossier",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("shown", ARRAY(sa.Text()), nullable=False),
        sa.Column("hidden_ids", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'ready', 'failed', 'expired')", name=op.f("ck_dossier_state_is_known")
        ),
        sa.CheckConstraint("0 <= done AND done <= total", name=op.f("ck_dossier_counts_fit")),
        sa.CheckConstraint(
            "state <> 'ready' OR (made_at IS NOT NULL AND manifest <> '')", name=op.f("ck_dossier_ready_is_made")
        ),
        sa.CheckConstraint(
            "state = 'ready' OR file_id IS NULL", name=op.f("ck_dossier_only_a_ready_one_has_a_file")
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_dossier_award_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_dossier_person_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_dossier_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dossier")),
        sa.UniqueConstraint("award_id", "person_id", name=op.f("uq_dossier_award_id_person_id")),
    )
    op.create_index("ix_dossier_person_id", "dossier", ["person_id"])
    op.create_index("ix_dossier_asked", "dossier", ["id"], postgresql_where=sa.text("state = 'asked'"))
    op.create_index("ix_dossier_made_at", "dossier", ["made_at"], postgresql_where=sa.text("state = 'ready'"))


def downgrade() -> None:
    op.drop_table("dossier")
