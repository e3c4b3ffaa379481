"""Parts of what was sent in can be opened again; applicants are asked for more, and fund staff write for who has no line."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ONLY = "ck_application_only_what_was_sent_in_is_reopened"


def upgrade() -> None:
    nothing = sa.text("'{}'")
    texts = postgresql.ARRAY(sa.Text())
    op.add_column("application", sa.Column("reopened", texts, server_default=nothing, nullable=False))
    op.create_check_constraint(op.f(ONLY), "application", "reopened = '{}' OR state = 'submitted'")
    op.create_table(
        "clarification",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("parts", texts, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("before_id", sa.BigInteger(), nullable=False),
        sa.Column("after_id", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("ended_by_id", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('asked', 'answered', 'closed')", name=op.f("ck_clarification_state_is_known")),
        sa.CheckConstraint(
            "state <> 'answered' OR after_id IS NOT NULL", name=op.f("ck_clarification_answered_has_a_receipt")
        ),
        sa.CheckConstraint("state = 'asked' OR ended_at IS NOT NULL", name=op.f("ck_clarification_ended_has_a_moment")),
        sa.CheckConstraint(
            "cardinality(parts) > 0 AND reason <> ''", name=op.f("ck_clarification_asks_for_something")
        ),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_clarification_application_id")),
        sa.ForeignKeyConstraint(["before_id"], ["receipt.id"], name=op.f("fk_clarification_before_id")),
        sa.ForeignKeyConstraint(["after_id"], ["receipt.id"], name=op.f("fk_clarification_after_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["person.id"], name=op.f("fk_clarification_asked_by_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["person.id"], name=op.f("fk_clarification_ended_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clarification")),
        sa.UniqueConstraint("application_id", "number", name=op.f("uq_clarification_application_id_number")),
    )
    asked = sa.text("state = 'asked'")
    op.create_index(
        "uq_clarification_one_open", "clarification", ["application_id"], unique=True, postgresql_where=asked
    )
    op.create_index("ix_clarification_due", "clarification", ["due_on"], postgresql_where=asked)


def downgrade() -> None:
    op.drop_table("clarification")
    op.drop_constraint(op.f(ONLY), "application", type_="check")
    op.drop_column("application", "reopened")
