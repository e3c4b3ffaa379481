"""Scenarios of what could be awarded, and the draw near the money line."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

RECORDS = ("scenario", "laid_before")


def upgrade() -> None:
    op.create_table(
        "draw",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=True),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("bound_by_id", sa.BigInteger(), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("drawn_by_id", sa.BigInteger(), nullable=True),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('bound', 'drawn')", name=op.f("ck_draw_state_is_known")),
        sa.CheckConstraint(
            "state <> 'drawn' OR (seed IS NOT NULL AND drawn_at IS NOT NULL)", name=op.f("ck_draw_disclosed_when_drawn")
        ),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_draw_call_id")),
        sa.ForeignKeyConstraint(["bound_by_id"], ["person.id"], name=op.f("fk_draw_bound_by_id")),
        sa.ForeignKeyConstraint(["drawn_by_id"], ["person.id"], name=op.f("fk_draw_drawn_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw")),
        sa.UniqueConstraint("call_id", name=op.f("uq_draw_call_id")),
    )
    op.create_table(
        "scenario",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("budget_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("limits", postgresql.JSONB(), nullable=False),
        sa.Column("lifted", postgresql.JSONB(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("why", postgresql.JSONB(), nullable=False),
        sa.Column("proposed", sa.Boolean(), nullable=False),
        sa.Column("saved_by_id", sa.BigInteger(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_scenario_has_a_name")),
        sa.CheckConstraint("budget_minor >= 0", name=op.f("ck_scenario_budget_not_negative")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_scenario_call_id")),
        sa.ForeignKeyConstraint(["saved_by_id"], ["person.id"], name=op.f("fk_scenario_saved_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenario")),
        sa.UniqueConstraint("call_id", "number", name=op.f("uq_scenario_call_id_number")),
    )
    op.create_table(
        "laid_before",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("scenario_id", sa.BigInteger(), nullable=False),
        sa.Column("laid_by_id", sa.BigInteger(), nullable=False),
        sa.Column("laid_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_laid_before_meeting_id")),
        sa.ForeignKeyConstraint(["scenario_id"], ["scenario.id"], name=op.f("fk_laid_before_scenario_id")),
        sa.ForeignKeyConstraint(["laid_by_id"], ["person.id"], name=op.f("fk_laid_before_laid_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_laid_before")),
    )
    op.create_index("ix_laid_before_meeting_id", "laid_before", ["meeting_id", "id"])
    op.create_index(op.f("ix_laid_before_scenario_id"), "laid_before", ["scenario_id"])
    for table in RECORDS:
        op.execute(
            f"CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"CREATE TRIGGER kept_whole BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    for table in ("laid_before", "scenario", "draw"):
        op.drop_table(table)
