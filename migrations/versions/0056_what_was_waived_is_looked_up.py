"""Reports that were waived are found without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_report_due_waived", "report_due", ["award_id"], postgresql_where=sa.text("state = 'waived'")
    )


def downgrade() -> None:
    op.drop_index("ix_report_due_waived", table_name="report_due")
