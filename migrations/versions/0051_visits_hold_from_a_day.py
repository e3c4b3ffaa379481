"""What waits for a visit goes on waiting when its day is moved."""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

FROM = """
UPDATE visit SET holds_from = LEAST(due_on, (
    SELECT min((details ->> 'before')::date) FROM history_entry
    WHERE subject_kind = 'visit' AND subject_id = visit.id AND verb = 'move'
)) WHERE holds_payments
"""


def upgrade() -> None:
    op.add_column("visit", sa.Column("holds_from", sa.Date(), nullable=True))
    op.execute(FROM)
    op.create_check_constraint(
        op.f("ck_visit_holds_from_a_day_before"),
        "visit",
        "holds_payments = (holds_from IS NOT NULL) AND holds_from <= due_on",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_visit_holds_from_a_day_before"), "visit")
    op.drop_column("visit", "holds_from")
