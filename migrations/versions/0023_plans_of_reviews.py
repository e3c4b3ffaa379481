"""Plans of reviews that a worker works out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review_plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("board", sa.Text(), nullable=True),
        sa.Column("proposal", JSONB(), nullable=True),
        sa.CheckConstraint("state IN ('working', 'ready', 'stopped')", name=op.f("ck_review_plan_state_is_known")),
        sa.CheckConstraint(
            "(state = 'ready') = (proposal IS NOT NULL)", name=op.f("ck_review_plan_ready_has_a_proposal")
        ),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_review_plan_call_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_review_plan_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_plan")),
        sa.UniqueConstraint("call_id", "person_id", name=op.f("uq_review_plan_call_id_person_id")),
    )
    op.create_index("ix_review_plan_person_id", "review_plan", ["person_id"])
    op.create_index("ix_review_plan_working", "review_plan", ["id"], postgresql_where=sa.text("state = 'working'"))


def downgrade() -> None:
    op.drop_table("review_plan")
