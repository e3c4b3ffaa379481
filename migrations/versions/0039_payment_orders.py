"""Payment orders for the bank, and its statements."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def _key() -> sa.Column:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False)


def _whole(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _text(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=null)


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.create_table(
        "payment_order",
        _key(),
        _text("reference"),
        _text("state"),
        _text("token"),
        sa.Column("execute_on", sa.Date(), nullable=False),
        _whole("assembled_by_id"),
        _moment("assembled_at"),
        _whole("released_by_id", null=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_sealed", sa.LargeBinary(), nullable=True),
        _text("file_sha256"),
        sa.CheckConstraint(
            "state IN ('assembled', 'released', 'dissolved')", name=op.f("ck_payment_order_state_is_known")
        ),
        sa.CheckConstraint(
            "released_by_id <> assembled_by_id", name=op.f("ck_payment_order_released_by_a_second_person")
        ),
        sa.CheckConstraint(
            "state <> 'released' OR (released_by_id IS NOT NULL AND file_sealed IS NOT NULL)",
            name=op.f("ck_payment_order_released_with_a_file"),
        ),
        _points("payment_order", "assembled_by_id", "person"),
        _points("payment_order", "released_by_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_order")),
        sa.UniqueConstraint("reference", name=op.f("uq_payment_order_reference")),
        sa.UniqueConstraint("token", name=op.f("uq_payment_order_token")),
    )
    op.create_table(
        "order_line",
        _key(),
        _whole("order_id"),
        _whole("disbursement_id"),
        _text("end_to_end"),
        sa.Column("stands", sa.Boolean(), nullable=False),
        _points("order_line", "order_id", "payment_order"),
        _points("order_line", "disbursement_id", "disbursement"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
        sa.UniqueConstraint("order_id", "disbursement_id", name=op.f("uq_order_line_order_id_disbursement_id")),
    )
    stands = sa.text("stands")
    op.create_index("uq_order_line_standing", "order_line", ["disbursement_id"], unique=True, postgresql_where=stands)
    op.create_index("ix_order_line_disbursement_id", "order_line", ["disbursement_id"])
    op.create_index("ix_order_line_end_to_end", "order_line", ["end_to_end"])
    op.create_table(
        "statement_shape",
        _key(),
        _text("shape"),
        sa.Column("columns", JSONB(), nullable=False),
        _whole("chosen_by_id"),
        _moment("chosen_at"),
        _points("statement_shape", "chosen_by_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_shape")),
        sa.UniqueConstraint("shape", name=op.f("uq_statement_shape_shape")),
    )
    op.create_table(
        "bank_statement",
        _key(),
        _text("reference"),
        _text("state"),
        _text("token"),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        _text("sha256"),
        _whole("brought_by_id"),
        _moment("brought_at"),
        sa.CheckConstraint(
            "state IN ('unread', 'read', 'applied', 'discarded')", name=op.f("ck_bank_statement_state_is_known")
        ),
        _points("bank_statement", "brought_by_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_statement")),
        sa.UniqueConstraint("token", name=op.f("uq_bank_statement_token")),
    )
    kept = sa.text("state <> 'discarded'")
    op.create_index("uq_bank_statement_taken", "bank_statement", ["reference"], unique=True, postgresql_where=kept)
    op.create_table(
        "statement_entry",
        _key(),
        _whole("statement_id"),
        _text("key"),
        sa.Column("booked_on", sa.Date(), nullable=False),
        _whole("amount_minor"),
        _text("currency"),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("is_credit", "is_return", "is_fee")),
        _text("end_to_end"),
        _text("bank_reference"),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        _text("reason"),
        _whole("fee_minor", null=True),
        _text("fee_currency", null=True),
        _text("verdict", null=True),
        _text("why"),
        _text("note"),
        _whole("disbursement_id", null=True),
        sa.CheckConstraint(
            "verdict IS NULL OR verdict IN ('paid', 'returned', 'fee', 'known', 'left')",
            name=op.f("ck_statement_entry_verdict_is_known"),
        ),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_statement_entry_amount_not_negative")),
        _points("statement_entry", "statement_id", "bank_statement"),
        _points("statement_entry", "disbursement_id", "disbursement"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_entry")),
        sa.UniqueConstraint("key", name=op.f("uq_statement_entry_key")),
    )
    op.create_index("ix_statement_entry_statement_id", "statement_entry", ["statement_id"])
    op.create_index("ix_statement_entry_disbursement_id", "statement_entry", ["disbursement_id"])


def downgrade() -> None:
    for table in ("statement_entry", "bank_statement", "statement_shape", "order_line", "payment_order"):
        op.drop_table(table)
