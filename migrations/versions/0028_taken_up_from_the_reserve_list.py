"""A decision on the reserve list is taken up by another meeting; money of offers that are refused or lapse is free again."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

STANDING, STATE = "uq_decision_standing", "ck_decision_state_is_known"


def upgrade() -> None:
    for name in ("taken_up_at", "freed_at"):
        op.add_column("decision", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f(STATE), "decision", type_="check")
    states = "state IN ('proposed', 'taken', 'released', 'set_aside', 'succeeded')"
    op.create_check_constraint(op.f(STATE), "decision", states)
    op.create_check_constraint(
        op.f("ck_decision_taken_up_from_the_reserve"), "decision", "taken_up_at IS NULL OR outcome = 'reserve'"
    )
    op.create_check_constraint(
        op.f("ck_decision_freed_was_awarded"), "decision", "freed_at IS NULL OR outcome = 'award'"
    )
    op.drop_index(STANDING, table_name="decision")
    stands = sa.text("state <> 'set_aside' AND taken_up_at IS NULL")
    op.create_index(STANDING, "decision", ["application_id"], unique=True, postgresql_where=stands)


def downgrade() -> None:
    op.drop_index(STANDING, table_name="decision")
    op.create_index(
        STANDING, "decision", ["application_id"], unique=True, postgresql_where=sa.text("state <> 'set_aside'")
    )
    for name in ("freed_was_awarded", "taken_up_from_the_reserve", "state_is_known"):
        op.drop_constraint(op.f(f"ck_decision_{name}"), "decision", type_="check")
    op.create_check_constraint(
        op.f(STATE), "decision", "state IN ('proposed', 'taken', 'released', 'set_aside')"
    )
    for name in ("freed_at", "taken_up_at"):
        op.drop_column("decision", name)
