"""Who is awarded less than asked for hands in a new budget of exactly that amount."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "new_budget",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("answer_sheet_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("returned_reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('asked', 'handed_in', 'returned', 'accepted')", name=op.f("ck_new_budget_state_is_known")
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_new_budget_award_id")),
        sa.ForeignKeyConstraint(
            ["answer_sheet_id"], ["answer_sheet.id"], name=op.f("fk_new_budget_answer_sheet_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_new_budget")),
        sa.UniqueConstraint("award_id", name=op.f("uq_new_budget_award_id")),
        sa.UniqueConstraint("answer_sheet_id", name=op.f("uq_new_budget_answer_sheet_id")),
    )


def downgrade() -> None:
    op.drop_table("new_budget")
