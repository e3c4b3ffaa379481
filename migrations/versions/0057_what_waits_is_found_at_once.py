"""What waits for somebody is found at once: unverified accounts, submitted applications, conditions of one person."""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_application_submitted": ("application", ["call_id"], "state = 'submitted'"),
    "ix_bank_account_unverified": ("bank_account", ["organization_id"], "state = 'unverified'"),
    "ix_condition_unmet_of_owner": ("condition", ["owner_id", "due_on"], "met_on IS NULL"),
}


def upgrade() -> None:
    for name, (table, columns, where) in INDEXES.items():
        op.create_index(name, table, columns, postgresql_where=sa.text(where))


def downgrade() -> None:
    for name, (table, _columns, _where) in INDEXES.items():
        op.drop_index(name, table_name=table)
