"""No payment stands for an instalment that was cancelled."""

from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_check_constraint(
        op.f("ck_tranche_cancelled_without_payment"), "tranche", "cancelled_on IS NULL OR NOT paid_for"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_tranche_cancelled_without_payment"), "tranche", type_="check")
