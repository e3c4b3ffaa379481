"""A reviewer who says no to a review says for what kind of reason."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

NAME = "ck_assignment_declined_for_is_known"


def upgrade() -> None:
    op.add_column("assignment", sa.Column("declined_for", sa.Text(), nullable=True))
    kinds = "declined_for IS NULL OR declined_for IN ('conflict', 'not_my_field', 'too_many')"
    op.create_check_constraint(op.f(NAME), "assignment", kinds)


def downgrade() -> None:
    op.drop_constraint(op.f(NAME), "assignment", type_="check")
    op.drop_column("assignment", "declined_for")
