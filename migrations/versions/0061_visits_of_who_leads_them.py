"""The visits that a person leads are found by their day."""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_visit_of_lead", "visit", ["lead_id", "due_on"], postgresql_where=sa.text("state = 'planned'"))


def downgrade() -> None:
    op.drop_index("ix_visit_of_lead", table_name="visit")
