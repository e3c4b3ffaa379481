"""Calls are written in the browser, tried, and corrected after they are published; their documents keep their order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DOCUMENTS = (
    *(("call", name) for name in ("terms", "grid", "budget", "plan_of_action")),
    ("questionnaire", "definition"),
)
"""What is kept with its keys in the order in which they were written."""


def upgrade() -> None:
    for table, column in DOCUMENTS:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE json USING {column}::json")
    op.add_column("call", sa.Column("edition", sa.BigInteger(), server_default=sa.text("1"), nullable=False))
    op.add_column("application", sa.Column("questionnaire_id", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE application SET questionnaire_id = answer_sheet.questionnaire_id FROM answer_sheet"
        " WHERE answer_sheet.id = application.answer_sheet_id"
    )
    op.alter_column("application", "questionnaire_id", nullable=False)
    op.create_foreign_key(
        op.f("fk_application_questionnaire_id"), "application", "questionnaire", ["questionnaire_id"], ["id"]
    )
    op.create_table(
        "working_copy",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("documents", sa.JSON(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("saved_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_working_copy_call_id")),
        sa.ForeignKeyConstraint(["saved_by_id"], ["person.id"], name=op.f("fk_working_copy_saved_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_working_copy")),
        sa.UniqueConstraint("call_id", name=op.f("uq_working_copy_call_id")),
    )
    op.create_table(
        "correction",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("former_questionnaire_id", sa.BigInteger(), nullable=False),
        sa.Column("questionnaire_id", sa.BigInteger(), nullable=False),
        sa.Column("former", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("made_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_correction_call_id")),
        sa.ForeignKeyConstraint(
            ["former_questionnaire_id"], ["questionnaire.id"], name=op.f("fk_correction_former_questionnaire_id")
        ),
        sa.ForeignKeyConstraint(
            ["questionnaire_id"], ["questionnaire.id"], name=op.f("fk_correction_questionnaire_id")
        ),
        sa.ForeignKeyConstraint(["made_by_id"], ["person.id"], name=op.f("fk_correction_made_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        sa.UniqueConstraint("call_id", "number", name=op.f("uq_correction_call_id_number")),
    )
    op.create_index("ix_correction_former_questionnaire_id", "correction", ["former_questionnaire_id"])
    op.create_index("ix_correction_questionnaire_id", "correction", ["questionnaire_id"])
    op.execute(
        "CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON correction FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute("CREATE TRIGGER kept_whole BEFORE TRUNCATE ON correction EXECUTE FUNCTION refuse_change()")
    op.create_table(
        "answer_set_aside",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("answer_sheet_id", sa.BigInteger(), nullable=False),
        sa.Column("questionnaire_id", sa.BigInteger(), nullable=False),
        sa.Column("question_key", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("set_aside_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_sheet_id"], ["answer_sheet.id"], name=op.f("fk_answer_set_aside_answer_sheet_id")
        ),
        sa.ForeignKeyConstraint(
            ["questionnaire_id"], ["questionnaire.id"], name=op.f("fk_answer_set_aside_questionnaire_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_set_aside")),
        sa.UniqueConstraint(
            "answer_sheet_id",
            "questionnaire_id",
            "question_key",
            name=op.f("uq_answer_set_aside_answer_sheet_id_questionnaire_id_question_key"),
        ),
    )
    op.create_index("ix_answer_set_aside_questionnaire_id", "answer_set_aside", ["questionnaire_id"])
    op.create_table(
        "trial",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("answer_sheet_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_trial_call_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_trial_person_id")),
        sa.ForeignKeyConstraint(["answer_sheet_id"], ["answer_sheet.id"], name=op.f("fk_trial_answer_sheet_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
        sa.UniqueConstraint("call_id", "person_id", name=op.f("uq_trial_call_id_person_id")),
        sa.UniqueConstraint("answer_sheet_id", name=op.f("uq_trial_answer_sheet_id")),
    )
    op.create_index("ix_trial_person_id", "trial", ["person_id"])


def downgrade() -> None:
    for table in ("trial", "answer_set_aside", "correction", "working_copy"):
        op.drop_table(table)
    op.drop_column("application", "questionnaire_id")
    op.drop_column("call", "edition")
    for table, column in DOCUMENTS:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE jsonb USING {column}::jsonb")
