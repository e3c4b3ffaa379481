"""Mails that failed are found at once, and can be set aside."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KNOWN = "ck_outbox_state_is_known"


def upgrade() -> None:
    op.drop_constraint(op.f(KNOWN), "outbox", type_="check")
    op.create_check_constraint(op.f(KNOWN), "outbox", "state IN ('due', 'sent', 'failed', 'set_aside')")
    op.create_index("ix_outbox_failed", "outbox", ["id"], postgresql_where=sa.text("state = 'failed'"))


def downgrade() -> None:
    op.drop_index("ix_outbox_failed", table_name="outbox", postgresql_where=sa.text("state = 'failed'"))
    op.execute("UPDATE outbox SET state = 'failed' WHERE state = 'set_aside'")
    op.drop_constraint(op.f(KNOWN), "outbox", type_="check")
    op.create_check_constraint(op.f(KNOWN), "outbox", "state IN ('due', 'sent', 'failed')")
