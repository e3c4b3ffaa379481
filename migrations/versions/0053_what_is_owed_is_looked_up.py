"""What is owed is looked up by the days of what is still open, however much was done before.

Whether a payment stands for an instalment is kept beside it by the database.
"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

STANDS = "EXISTS (SELECT FROM disbursement WHERE tranche_id = tranche.id AND state NOT IN ('returned', 'cancelled'))"

KEEP = f"""
CREATE FUNCTION keep_paid_for() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tranche SET paid_for = NOT paid_for WHERE id = NEW.tranche_id AND paid_for <> {STANDS};
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.add_column("tranche", sa.Column("paid_for", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(f"UPDATE tranche SET paid_for = true WHERE {STANDS}")
    op.execute(KEEP)
    op.execute(
        "CREATE TRIGGER paid_for AFTER INSERT OR UPDATE OF state ON disbursement"
        " FOR EACH ROW EXECUTE FUNCTION keep_paid_for()"
    )
    still = sa.text("cancelled_on IS NULL AND NOT paid_for")
    op.create_index("ix_tranche_to_pay", "tranche", ["due_on"], postgresql_where=still)
    op.create_index("ix_milestone_ahead", "milestone", ["due_on"], postgresql_where=sa.text("reached_on IS NULL"))
    submitted = sa.text("state = 'submitted'")
    op.create_index("ix_report_due_submitted", "report_due", ["award_id"], postgresql_where=submitted)
    op.create_index("ix_visit_made", "visit", ["made_on"], postgresql_where=sa.text("state = 'made'"))


def downgrade() -> None:
    op.drop_index("ix_visit_made", "visit")
    op.drop_index("ix_report_due_submitted", "report_due")
    op.drop_index("ix_milestone_ahead", "milestone")
    op.drop_index("ix_tranche_to_pay", "tranche")
    op.execute("DROP TRIGGER paid_for ON disbursement")
    op.execute("DROP FUNCTION keep_paid_for")
    op.drop_column("tranche", "paid_for")
