"""Letters are worded for each call and language, and kept as they were sent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KNOWN = "kind IN ('award', 'reserve', 'decline', 'ineligible')"


def upgrade() -> None:
    op.create_table(
        "letter_template",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("opening", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("closing", sa.Text(), nullable=False),
        sa.Column("written_by_id", sa.BigInteger(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint(KNOWN, name=op.f("ck_letter_template_kind_is_known")),
        sa.CheckConstraint(
            "opening <> '' AND outcome <> '' AND closing <> ''", name=op.f("ck_letter_template_is_whole")
        ),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_letter_template_call_id")),
        sa.ForeignKeyConstraint(["written_by_id"], ["person.id"], name=op.f("fk_letter_template_written_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_template")),
        sa.UniqueConstraint("call_id", "kind", "language", name=op.f("uq_letter_template_call_id_kind_language")),
    )
    op.create_table(
        "letter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("opening", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("closing", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint(KNOWN, name=op.f("ck_letter_kind_is_known")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_letter_application_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
    )
    op.create_index("ix_letter_application_id", "letter", ["application_id", "kind"])
    op.execute("CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON letter FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute("CREATE TRIGGER kept_whole BEFORE TRUNCATE ON letter EXECUTE FUNCTION refuse_change()")
    op.add_column("decision", sa.Column("letter_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_decision_letter_id"), "decision", "letter", ["letter_id"], ["id"])


def downgrade() -> None:
    op.drop_constraint(op.f("fk_decision_letter_id"), "decision", type_="foreignkey")
    op.drop_column("decision", "letter_id")
    op.drop_table("letter")
    op.drop_table("letter_template")
