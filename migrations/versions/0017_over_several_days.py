"""A committee decides live or over several days, by vote or by consent, and what is said in its discussion is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meeting", sa.Column("ends_at", sa.DateTime(timezone=True)))
    op.add_column("meeting", sa.Column("procedure", sa.Text(), server_default="vote", nullable=False))
    op.alter_column("meeting", "procedure", server_default=None)
    op.create_check_constraint(op.f("ck_meeting_procedure_is_known"), "meeting", "procedure IN ('vote', 'consent')")
    op.create_check_constraint(op.f("ck_meeting_ends_after_it_starts"), "meeting", "ends_at > starts_at")
    op.create_table(
        "remark",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("text <> ''", name=op.f("ck_remark_remark_says_something")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_remark_meeting_id")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_remark_application_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_remark_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remark")),
    )
    op.create_index("ix_remark_meeting_id", "remark", ["meeting_id", "application_id", "id"])
    op.create_index(op.f("ix_remark_application_id"), "remark", ["application_id"])
    op.execute("CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON remark FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute("CREATE TRIGGER kept_whole BEFORE TRUNCATE ON remark EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    op.drop_table("remark")
    for name in ("ends_after_it_starts", "procedure_is_known"):
        op.drop_constraint(op.f(f"ck_meeting_{name}"), "meeting", type_="check")
    op.drop_column("meeting", "procedure")
    op.drop_column("meeting", "ends_at")
