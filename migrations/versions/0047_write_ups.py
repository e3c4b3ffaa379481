"""Reports that the fund writes up for grantees, and how these confirm them."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

WAYS = "'account', 'link', 'letter', 'visit', 'call'"


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def upgrade() -> None:
    op.add_column("report", sa.Column("entered_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_report_entered_by_id"), "report", "person", ["entered_by_id"], ["id"])
    op.create_table(
        "write_up",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("entered_by_id", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("spoke_with", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("spoken_on", sa.Date(), nullable=False),
        _moment("asked_at"),
        sa.Column("token_hash", sa.Text(), nullable=True),
        _moment("token_until"),
        _moment("confirmed_at"),
        sa.Column("confirmed_way", sa.Text(), nullable=True),
        sa.Column("confirmed_name", sa.Text(), nullable=False),
        sa.Column("confirmed_on", sa.Date(), nullable=True),
        sa.Column("confirmed_hash", sa.Text(), nullable=True),
        sa.Column("recorded_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            f"confirmed_way IS NULL OR confirmed_way IN ({WAYS})", name=op.f("ck_write_up_confirmed_way_is_known")
        ),
        sa.CheckConstraint("spoke_with <> ''", name=op.f("ck_write_up_spoke_with_somebody")),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR (confirmed_way IS NOT NULL AND confirmed_name <> '' AND confirmed_on IS NOT NULL"
            " AND confirmed_hash IS NOT NULL)",
            name=op.f("ck_write_up_confirmed_by_somebody"),
        ),
        sa.CheckConstraint("recorded_by_id <> entered_by_id", name=op.f("ck_write_up_recorded_by_another")),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_write_up_report_id")),
        sa.ForeignKeyConstraint(["entered_by_id"], ["person.id"], name=op.f("fk_write_up_entered_by_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["person.id"], name=op.f("fk_write_up_recorded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_up")),
        sa.UniqueConstraint("report_id", name=op.f("uq_write_up_report_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_write_up_token_hash")),
    )


def downgrade() -> None:
    op.drop_table("write_up")
    op.drop_constraint(op.f("fk_report_entered_by_id"), "report", type_="foreignkey")
    op.drop_column("report", "entered_by_id")
