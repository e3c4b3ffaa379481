"""The closing letter of a grant, kept as words and as a document; what a grant gave back to its envelope."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
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


def downgrade() -> None:
    for column in ("letter_file_id", "letter_id"):
        op.drop_constraint(op.f(f"fk_closeout_{column}"), "closeout", type_="foreignkey")
    for column in ("letter_file_id", "letter_id", "released_minor"):
        op.drop_column("closeout", column)
    _letters(BEFORE)
