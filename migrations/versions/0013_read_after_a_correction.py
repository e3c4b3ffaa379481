"""What was typed on a page from before a correction finds its place, and people have read what was corrected."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ASKED = ["answer_sheet_id", "questionnaire_id", "question_key"]
FORMER = "uq_answer_set_aside_answer_sheet_id_questionnaire_id_question_key"
NOW = "uq_answer_set_aside_once"


def upgrade() -> None:
    op.add_column("answer_set_aside", sa.Column("typed_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_answer_set_aside_typed_by_id"), "answer_set_aside", "person", ["typed_by_id"], ["id"])
    op.drop_constraint(op.f(FORMER), "answer_set_aside", type_="unique")
    op.create_unique_constraint(
        op.f(NOW), "answer_set_aside", [*ASKED, "typed_by_id"], postgresql_nulls_not_distinct=True
    )
    op.create_table(
        "changes_read",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("section_key", sa.Text(), nullable=False),
        sa.Column("questionnaire_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_changes_read_application_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_changes_read_person_id")),
        sa.ForeignKeyConstraint(
            ["questionnaire_id"], ["questionnaire.id"], name=op.f("fk_changes_read_questionnaire_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes_read")),
        sa.UniqueConstraint(
            "application_id",
            "person_id",
            "section_key",
            name=op.f("uq_changes_read_application_id_person_id_section_key"),
        ),
    )
    op.create_index("ix_changes_read_person_id", "changes_read", ["person_id"])
    op.create_index("ix_changes_read_questionnaire_id", "changes_read", ["questionnaire_id"])


def downgrade() -> None:
    op.drop_table("changes_read")
    op.execute("DELETE FROM answer_set_aside WHERE typed_by_id IS NOT NULL")
    op.drop_constraint(op.f(NOW), "answer_set_aside", type_="unique")
    op.drop_column("answer_set_aside", "typed_by_id")
    op.create_unique_constraint(op.f(FORMER), "answer_set_aside", ASKED)
