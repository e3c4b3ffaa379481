"""A signatory certifies an application before it is sent in, and the receipt says who did."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BY_SOMEBODY = "(certified_at IS NULL) = (certified_by_id IS NULL)"


def upgrade() -> None:
    for table in ("application", "receipt"):
        op.add_column(table, sa.Column("certified_at", sa.DateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column("certified_by_id", sa.BigInteger(), nullable=True))
        op.create_foreign_key(op.f(f"fk_{table}_certified_by_id"), table, "person", ["certified_by_id"], ["id"])
        op.create_check_constraint(op.f(f"ck_{table}_certified_by_somebody"), table, BY_SOMEBODY)
    op.add_column("application", sa.Column("certified_hash", sa.Text(), nullable=True))
    op.add_column("application", sa.Column("certification_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_application_certified_at_a_moment"),
        "application",
        "certified_hash IS NULL OR certified_at IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_application_certified_at_a_moment"), "application", type_="check")
    op.drop_column("application", "certification_asked_at")
    op.drop_column("application", "certified_hash")
    for table in ("receipt", "application"):
        op.drop_constraint(op.f(f"ck_{table}_certified_by_somebody"), table, type_="check")
        op.drop_constraint(op.f(f"fk_{table}_certified_by_id"), table, type_="foreignkey")
        op.drop_column(table, "certified_by_id")
        op.drop_column(table, "certified_at")
