"""Applicants complain, and a decision that was set aside gives way to another one."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

STATES = {
    "decision": ("proposed", "taken", "released", "set_aside"),
    "assignment": ("asked", "accepted", "completed", "declined", "recused", "released", "replaced"),
}
OPEN = "state IN ('received', 'taken_up')"


def _known(table: str, states: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_state_is_known")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, "state IN ({})".format(", ".join(f"'{state}'" for state in states)))


def upgrade() -> None:
    for table, states in STATES.items():
        _known(table, states)
    op.drop_constraint(op.f("uq_decision_application_id"), "decision", type_="unique")
    op.create_index("ix_decision_application_id", "decision", ["application_id"])
    op.create_index(
        "uq_decision_standing",
        "decision",
        ["application_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'set_aside'"),
    )
    op.create_table(
        "complaint",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("decision_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("made_by_id", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("examiner_id", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'taken_up', 'upheld', 'dismissed', 'withdrawn')",
            name=op.f("ck_complaint_state_is_known"),
        ),
        sa.CheckConstraint("text <> ''", name=op.f("ck_complaint_says_something")),
        sa.CheckConstraint(
            "state NOT IN ('taken_up', 'upheld', 'dismissed') OR examiner_id IS NOT NULL",
            name=op.f("ck_complaint_taken_up_by_somebody"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('upheld', 'dismissed') OR (answer <> '' AND answered_at IS NOT NULL)",
            name=op.f("ck_complaint_answered_in_words"),
        ),
        sa.CheckConstraint("examiner_id <> made_by_id", name=op.f("ck_complaint_examined_by_another")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_complaint_application_id")),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"], name=op.f("fk_complaint_decision_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["person.id"], name=op.f("fk_complaint_made_by_id")),
        sa.ForeignKeyConstraint(["examiner_id"], ["person.id"], name=op.f("fk_complaint_examiner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
        sa.UniqueConstraint("reference", name=op.f("uq_complaint_reference")),
    )
    op.create_index("ix_complaint_application_id", "complaint", ["application_id"])
    op.create_index("ix_complaint_decision_id", "complaint", ["decision_id"])
    op.create_index("ix_complaint_due", "complaint", ["answer_by"], postgresql_where=sa.text(OPEN))
    op.create_index(
        "uq_complaint_one_open", "complaint", ["application_id"], unique=True, postgresql_where=sa.text(OPEN)
    )


def downgrade() -> None:
    op.drop_table("complaint")
    # Only one decision about an application can stay.
    op.execute(
        "DELETE FROM vote USING decision WHERE vote.decision_id = decision.id AND decision.state = 'set_aside'"
    )
    op.execute("DELETE FROM decision WHERE state = 'set_aside'")
    op.execute("UPDATE assignment SET state = 'released' WHERE state = 'replaced'")
    op.drop_index("uq_decision_standing", table_name="decision", postgresql_where=sa.text("state <> 'set_aside'"))
    op.drop_index("ix_decision_application_id", table_name="decision")
    op.create_unique_constraint(op.f("uq_decision_application_id"), "decision", ["application_id"])
    for table, states in STATES.items():
        _known(table, states[:-1])
