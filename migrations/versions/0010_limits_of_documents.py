"""A call may take fewer and smaller files for a document than is taken at all."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("largest_mb", "most_files"):
        op.add_column("document_asked", sa.Column(name, sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        op.f("ck_document_asked_limits_leave_something"), "document_asked", "largest_mb > 0 AND most_files > 0"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_document_asked_limits_leave_something"), "document_asked", type_="check")
    for name in ("most_files", "largest_mb"):
        op.drop_column("document_asked", name)
