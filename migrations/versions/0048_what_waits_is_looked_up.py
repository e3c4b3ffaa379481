"""What awaits people is looked up by indexes of what waits, however much lies behind it."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    running = sa.text("state IN ('active', 'suspended')")
    op.create_index("ix_award_end_on", "award", ["end_on"], postgresql_where=running)
    owed = sa.text("required AND state IN ('owed', 'returned')")
    op.create_index("ix_report_due_owed", "report_due", ["due_on"], postgresql_where=owed)
    op.create_index("ix_decision_taken", "decision", ["meeting_id"], postgresql_where=sa.text("state = 'taken'"))
    op.create_index("ix_call_closes_at", "call", ["closes_at"])


def downgrade() -> None:
    op.drop_index("ix_call_closes_at", "call")
    op.drop_index("ix_decision_taken", "decision")
    op.drop_index("ix_report_due_owed", "report_due")
    op.drop_index("ix_award_end_on", "award")
