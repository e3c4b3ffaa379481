"""Coordinators type applications for organizations without a line, and these confirm them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WAYS = "'account', 'link', 'letter', 'visit', 'call'"
CONFIRMED = (
    "confirmed_at IS NULL OR (confirmed_way IS NOT NULL AND confirmed_name <> '' AND confirmed_on IS NOT NULL"
    " AND confirmed_hash IS NOT NULL)"
)


def upgrade() -> None:
    op.add_column("application", sa.Column("entered_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_application_entered_by_id"), "application", "person", ["entered_by_id"], ["id"]
    )
    op.create_index("ix_application_entered_by_id", "application", ["entered_by_id"])
    op.create_table(
        "assisted_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("entered_by_id", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("spoke_with", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("spoken_on", sa.Date(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=True),
        sa.Column("token_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_way", sa.Text(), nullable=True),
        sa.Column("confirmed_name", sa.Text(), nullable=False),
        sa.Column("confirmed_on", sa.Date(), nullable=True),
        sa.Column("confirmed_hash", sa.Text(), nullable=True),
        sa.Column("recorded_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            f"confirmed_way IS NULL OR confirmed_way IN ({WAYS})", name=op.f("ck_assisted_entry_confirmed_way_is_known")
        ),
        sa.CheckConstraint("spoke_with <> ''", name=op.f("ck_assisted_entry_spoke_with_somebody")),
        sa.CheckConstraint(CONFIRMED, name=op.f("ck_assisted_entry_confirmed_by_somebody")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_assisted_entry_application_id")),
        sa.ForeignKeyConstraint(["entered_by_id"], ["person.id"], name=op.f("fk_assisted_entry_entered_by_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["person.id"], name=op.f("fk_assisted_entry_recorded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assisted_entry")),
        sa.UniqueConstraint("application_id", name=op.f("uq_assisted_entry_application_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_assisted_entry_token_hash")),
    )


def downgrade() -> None:
    op.drop_table("assisted_entry")
    op.drop_index("ix_application_entered_by_id", table_name="application")
    op.drop_constraint(op.f("fk_application_entered_by_id"), "application", type_="foreignkey")
    op.drop_column("application", "entered_by_id")
