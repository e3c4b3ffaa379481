"""A meeting has an agenda and a chair, and its decision sheet is kept as it is signed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meeting", sa.Column("chair_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_meeting_chair_id"), "meeting", "person", ["chair_id"], ["id"])
    op.create_table(
        "agenda_point",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("noted", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('opening', 'application', 'others', 'closing', 'own')",
            name=op.f("ck_agenda_point_kind_is_known"),
        ),
        sa.CheckConstraint(
            "(kind = 'application') = (application_id IS NOT NULL)", name=op.f("ck_agenda_point_is_about_one_thing")
        ),
        sa.CheckConstraint("(kind = 'own') = (title <> '')", name=op.f("ck_agenda_point_says_what")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_agenda_point_meeting_id")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_agenda_point_application_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agenda_point")),
        sa.UniqueConstraint(
            "meeting_id", "application_id", name=op.f("uq_agenda_point_meeting_id_application_id")
        ),
    )
    op.create_index("ix_agenda_point_application_id", "agenda_point", ["application_id"])
    op.create_table(
        "decision_sheet",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_decision_sheet_meeting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision_sheet")),
        sa.UniqueConstraint("meeting_id", name=op.f("uq_decision_sheet_meeting_id")),
    )
    for when in ("kept BEFORE UPDATE OR DELETE ON decision_sheet FOR EACH ROW", "kept_whole BEFORE TRUNCATE ON decision_sheet"):
        op.execute(f"CREATE TRIGGER {when} EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    op.drop_table("decision_sheet")
    op.drop_table("agenda_point")
    op.drop_constraint(op.f("fk_meeting_chair_id"), "meeting", type_="foreignkey")
    op.drop_column("meeting", "chair_id")
