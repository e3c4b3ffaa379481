"""A payment sent by hand is taken on by one person before it is sent."""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("disbursement", sa.Column("sending_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_disbursement_sending_by_id"), "disbursement", "person", ["sending_by_id"], ["id"])
    op.create_check_constraint(
        op.f("ck_disbursement_sent_one_way"),
        "disbursement",
        "sending_by_id IS NULL OR (released_at IS NOT NULL AND order_reference = '')",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_disbursement_sent_one_way"), "disbursement", type_="check")
    op.drop_column("disbursement", "sending_by_id")
