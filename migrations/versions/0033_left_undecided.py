"""Proposals that are left undecided, meetings that are moved or cancelled, letters without a signature that cannot be had."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

STANDING, STATE, MEETING = "uq_decision_standing", "ck_decision_state_is_known", "ck_meeting_state_is_known"
LEFT = "ck_decision_left_for_a_reason"
WORDS = (("meeting", "lifted_because"), ("seat", "unsigned_because"), ("decision", "left_because"))


def _stands(condition: str) -> None:
    op.drop_index(STANDING, table_name="decision")
    op.create_index(STANDING, "decision", ["application_id"], unique=True, postgresql_where=sa.text(condition))


def _states(name: str, table: str, states: str) -> None:
    op.drop_constraint(op.f(name), table, type_="check")
    op.create_check_constraint(op.f(name), table, f"state IN ({states})")


def upgrade() -> None:
    for table, name in WORDS:
        op.add_column(table, sa.Column(name, sa.Text(), nullable=False, server_default=""))
        op.alter_column(table, name, server_default=None)
    op.add_column("decision", sa.Column("expected", sa.Text(), nullable=True))
    _states(STATE, "decision", "'proposed', 'taken', 'released', 'set_aside', 'succeeded', 'left'")
    _states(MEETING, "meeting", "'planned', 'opened', 'closed', 'cancelled'")
    op.create_check_constraint(op.f(LEFT), "decision", "state <> 'left' OR left_because <> ''")
    _stands("state NOT IN ('set_aside', 'left') AND taken_up_at IS NULL")


def downgrade() -> None:
    op.execute("DELETE FROM vote USING decision WHERE vote.decision_id = decision.id AND decision.state = 'left'")
    op.execute("DELETE FROM decision WHERE state = 'left'")
    op.execute("UPDATE meeting SET state = 'closed' WHERE state = 'cancelled'")
    _stands("state <> 'set_aside' AND taken_up_at IS NULL")
    op.drop_constraint(op.f(LEFT), "decision", type_="check")
    _states(MEETING, "meeting", "'planned', 'opened', 'closed'")
    _states(STATE, "decision", "'proposed', 'taken', 'released', 'set_aside', 'succeeded'")
    op.drop_column("decision", "expected")
    for table, name in WORDS:
        op.drop_column(table, name)
