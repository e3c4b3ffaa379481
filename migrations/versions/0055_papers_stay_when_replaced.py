"""What was handed in for a due diligence stays when another paper takes its place."""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "earlier_paper",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("point_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("handed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "source IN ('application', 'kept', 'sent', 'withheld')", name=op.f("ck_earlier_paper_source_is_known")
        ),
        sa.ForeignKeyConstraint(["point_id"], ["diligence_point.id"], name=op.f("fk_earlier_paper_point_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_earlier_paper_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earlier_paper")),
    )
    op.create_index("ix_earlier_paper_point_id", "earlier_paper", ["point_id"])


def downgrade() -> None:
    op.drop_table("earlier_paper")
