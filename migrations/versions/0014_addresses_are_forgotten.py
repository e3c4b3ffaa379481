"""The address of a visitor who asked about a call is removed some time after the decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NAME = "ck_enquiry_asked_by_one"


def upgrade() -> None:
    op.add_column("enquiry", sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f(NAME), "enquiry", type_="check")
    op.create_check_constraint(op.f(NAME), "enquiry", "num_nonnulls(asker_id, email, forgotten_at) = 1")


def downgrade() -> None:
    op.execute("UPDATE enquiry SET email = 'forgotten@example.invalid' WHERE forgotten_at IS NOT NULL")
    op.drop_constraint(op.f(NAME), "enquiry", type_="check")
    op.create_check_constraint(op.f(NAME), "enquiry", "(asker_id IS NULL) <> (email IS NULL)")
    op.drop_column("enquiry", "forgotten_at")
