"""A confirmation of what the fund typed is written down by somebody else than who typed it."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NAME = "ck_assisted_entry_recorded_by_another"


def upgrade() -> None:
    # What one person both typed and declared confirmed has to be confirmed again; the record of it stays.
    op.execute(
        "UPDATE assisted_entry SET confirmed_at = NULL, confirmed_way = NULL, confirmed_name = '', confirmed_on = NULL,"
        " confirmed_hash = NULL, recorded_by_id = NULL WHERE recorded_by_id = entered_by_id"
    )
    op.create_check_constraint(op.f(NAME), "assisted_entry", "recorded_by_id <> entered_by_id")


def downgrade() -> None:
    op.drop_constraint(op.f(NAME), "assisted_entry", type_="check")
