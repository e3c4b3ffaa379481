"""Answers in other languages, beside the original."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answer_translation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("question_key", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("original_hash", sa.Text(), nullable=False),
        sa.Column("translated_by_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "translated_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False
        ),
        sa.CheckConstraint(
            "provenance IN ('human', 'machine', 'checked')", name=op.f("ck_answer_translation_provenance")
        ),
        sa.CheckConstraint("words <> ''", name=op.f("ck_answer_translation_says_something")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_answer_translation_application_id")
        ),
        sa.ForeignKeyConstraint(
            ["translated_by_id"], ["person.id"], name=op.f("fk_answer_translation_translated_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_translation")),
    )
    op.create_index(
        "ix_answer_translation_application_id", "answer_translation", ["application_id", "question_key", "language"]
    )
    op.create_index("ix_answer_translation_translated_by_id", "answer_translation", ["translated_by_id"])


def downgrade() -> None:
    op.drop_table("answer_translation")
