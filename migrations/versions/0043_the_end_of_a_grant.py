"""The closing letter of a grant, what it gave back to its envelope, and the erasure of what it holds about people."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

BEFORE = ["award", "reserve", "decline", "ineligible", "agreement", "suspension", "resumption", "termination"]


def _letters(kinds: list[str]) -> None:
    words = ", ".join(f"'{kind}'" for kind in kinds)
    for table in ("letter", "letter_template"):
        name = op.f(f"ck_{table}_kind_is_known")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"kind IN ({words})")


def upgrade() -> None:
    _letters([*BEFORE, "closing"])
    op.add_column("closeout", sa.Column("released_minor", sa.BigInteger(), nullable=True))
    for column, table in (("letter_id", "letter"), ("letter_file_id", "stored_file")):
        op.add_column("closeout", sa.Column(column, sa.BigInteger(), nullable=True))
        op.create_foreign_key(op.f(f"fk_closeout_{column}"), "closeout", table, [column], ["id"])
    op.create_index(
        "ix_closeout_keep_until", "closeout", ["keep_until"], postgresql_where=sa.text("keep_until IS NOT NULL")
    )
    op.create_table(
        "erasure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("proposed_by_id", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.BigInteger(), nullable=True),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("mails", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('proposed', 'carried_out', 'withdrawn')", name=op.f("ck_erasure_state_is_known")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by_id IS NULL)", name=op.f("ck_erasure_ended_by_someone")),
        sa.CheckConstraint("state = 'proposed' OR ended_at IS NOT NULL", name=op.f("ck_erasure_ended_at_a_moment")),
        sa.CheckConstraint(
            "state <> 'carried_out' OR ended_by_id <> proposed_by_id",
            name=op.f("ck_erasure_carried_out_by_a_second_person"),
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_erasure_award_id")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["person.id"], name=op.f("fk_erasure_proposed_by_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["person.id"], name=op.f("fk_erasure_ended_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    op.create_index("ix_erasure_award_id", "erasure", ["award_id"])
    op.create_index(
        "uq_erasure_proposed", "erasure", ["award_id"], unique=True, postgresql_where=sa.text("state = 'proposed'")
    )


def downgrade() -> None:
    op.drop_table("erasure")
    op.drop_index("ix_closeout_keep_until", "closeout")
    for column in ("letter_file_id", "letter_id"):
        op.drop_constraint(op.f(f"fk_closeout_{column}"), "closeout", type_="foreignkey")
    for column in ("letter_file_id", "letter_id", "released_minor"):
        op.drop_column("closeout", column)
    _letters(BEFORE)
