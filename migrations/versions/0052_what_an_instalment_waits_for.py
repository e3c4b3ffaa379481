"""An instalment waits for a milestone and a day of its own, and is freed of a waived report by a decision; an agreement knows
the plan it was drawn up with."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("milestone", sa.Column("confirmed_on", sa.Date(), nullable=True))
    op.add_column("milestone", sa.Column("confirmed_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_milestone_confirmed_by_id"), "milestone", "person", ["confirmed_by_id"], ["id"])
    op.create_check_constraint(
        op.f("ck_milestone_confirmed_by_someone"), "milestone", "(confirmed_on IS NULL) = (confirmed_by_id IS NULL)"
    )
    op.create_check_constraint(
        op.f("ck_milestone_confirmed_when_reached"), "milestone", "confirmed_on IS NULL OR reached_on IS NOT NULL"
    )
    op.add_column("tranche", sa.Column("milestone_id", sa.BigInteger(), nullable=True))
    op.add_column("tranche", sa.Column("not_before", sa.Date(), nullable=True))
    op.add_column("tranche", sa.Column("by_hand", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("tranche", sa.Column("freed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tranche", sa.Column("freed_by_id", sa.BigInteger(), nullable=True))
    op.add_column("tranche", sa.Column("freed_reason", sa.Text(), server_default="", nullable=False))
    op.create_foreign_key(op.f("fk_tranche_milestone_id"), "tranche", "milestone", ["milestone_id"], ["id"])
    op.create_foreign_key(op.f("fk_tranche_freed_by_id"), "tranche", "person", ["freed_by_id"], ["id"])
    op.create_check_constraint(
        op.f("ck_tranche_freed_with_a_reason"),
        "tranche",
        "(freed_at IS NULL) = (freed_by_id IS NULL) AND (freed_at IS NULL) = (freed_reason = '')",
    )
    op.create_index("ix_tranche_milestone_id", "tranche", ["milestone_id"])
    op.add_column("agreement", sa.Column("plan_mark", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("agreement", "plan_mark")
    op.drop_index("ix_tranche_milestone_id", "tranche")
    op.drop_constraint(op.f("ck_tranche_freed_with_a_reason"), "tranche")
    for column in ("freed_reason", "freed_by_id", "freed_at", "by_hand", "not_before", "milestone_id"):
        op.drop_column("tranche", column)
    op.drop_constraint(op.f("ck_milestone_confirmed_when_reached"), "milestone")
    op.drop_constraint(op.f("ck_milestone_confirmed_by_someone"), "milestone")
    op.drop_column("milestone", "confirmed_by_id")
    op.drop_column("milestone", "confirmed_on")
