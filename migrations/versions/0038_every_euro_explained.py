"""Approved as it was, fees of the bank, money asked back, what other sources give."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

DIGEST = """
CREATE FUNCTION disbursement_digest(d disbursement) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(concat_ws(chr(31), d.amount_minor, d.currency, t.id, t.award_id, b.id, b.organization_id,
        encode(b.number_sealed, 'hex'), encode(b.holder_sealed, 'hex'), b.bic, b.bank_code), 'UTF8')), 'hex')
    FROM tranche t, bank_account b WHERE t.id = d.tranche_id AND b.id = d.bank_account_id
$$
"""

AS_APPROVED = """
CREATE FUNCTION keep_approved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'prepared' AND NEW.state = 'approved' THEN
        NEW.approved_digest := disbursement_digest(NEW);
    ELSIF NEW.approved_digest IS DISTINCT FROM OLD.approved_digest THEN
        RAISE EXCEPTION 'what was approved of a disbursement is never written anew' USING ERRCODE = 'restrict_violation';
    ELSIF NEW.state IN ('approved', 'paid') AND NEW.approved_digest IS DISTINCT FROM disbursement_digest(NEW) THEN
        RAISE EXCEPTION 'disbursement % is not what was approved', NEW.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_disbursement_as_approved';
    END IF;
    RETURN NEW;
END
$$
"""
# Only on the way to the money: what came of it afterwards (receipt, return) is told even about a row that somebody spoiled.

AS_APPROVED_TRIGGER = """
CREATE TRIGGER matches_approval BEFORE UPDATE ON disbursement FOR EACH ROW
    WHEN (NEW.state IN ('prepared', 'approved', 'paid') OR NEW.approved_digest IS DISTINCT FROM OLD.approved_digest)
    EXECUTE FUNCTION keep_approved()
"""

AS_ENTERED = """
CREATE FUNCTION keep_entered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a bank account stays what was entered; a change is a new one' USING ERRCODE = 'restrict_violation';
END
$$
"""

AS_ENTERED_TRIGGER = """
CREATE TRIGGER entered BEFORE UPDATE ON bank_account FOR EACH ROW
    WHEN ((OLD.organization_id, OLD.token, OLD.holder_sealed, OLD.number_sealed, OLD.last_four, OLD.bic, OLD.bank_code,
           OLD.currency, OLD.follows_another, OLD.entered_by_id, OLD.entered_at)
       IS DISTINCT FROM
          (NEW.organization_id, NEW.token, NEW.holder_sealed, NEW.number_sealed, NEW.last_four, NEW.bic, NEW.bank_code,
           NEW.currency, NEW.follows_another, NEW.entered_by_id, NEW.entered_at))
    EXECUTE FUNCTION keep_entered()
"""

KINDS = "'donor', 'envelope', 'committed', 'payable', 'paid', 'refunded'"
STATES = "state NOT IN ('approved', 'paid', 'confirmed', 'returned') OR approved_digest IS NOT NULL"


def upgrade() -> None:
    op.add_column("bank_account", sa.Column("bank_code", sa.Text(), server_default="", nullable=False))
    op.alter_column("bank_account", "bank_code", server_default=None)
    op.add_column("bank_account", sa.Column("follows_another", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.alter_column("bank_account", "follows_another", server_default=None)
    op.execute(
        "UPDATE bank_account b SET follows_another = true WHERE EXISTS"
        " (SELECT FROM bank_account e WHERE e.organization_id = b.organization_id AND e.id < b.id)"
    )
    op.execute(AS_ENTERED)
    op.execute(AS_ENTERED_TRIGGER)

    op.add_column("disbursement", sa.Column("approved_digest", sa.Text(), nullable=True))
    op.add_column("disbursement", sa.Column("short_reason", sa.Text(), server_default="", nullable=False))
    op.add_column("disbursement", sa.Column("released_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("disbursement", sa.Column("order_reference", sa.Text(), server_default="", nullable=False))
    for column in ("short_reason", "order_reference"):
        op.alter_column("disbursement", column, server_default=None)
    op.execute(DIGEST)
    op.execute(
        "UPDATE disbursement d SET approved_digest = disbursement_digest(d)"
        " WHERE state IN ('approved', 'paid', 'confirmed', 'returned')"
    )
    op.create_check_constraint(op.f("ck_disbursement_approved_as_it_was"), "disbursement", STATES)
    op.execute(AS_APPROVED)
    op.execute(AS_APPROVED_TRIGGER)

    op.drop_constraint(op.f("ck_account_kind_is_known"), "account", type_="check")
    op.create_check_constraint(op.f("ck_account_kind_is_known"), "account", f"kind IN ({KINDS}, 'fees')")

    op.create_table(
        "refund_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("received_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('asked', 'met', 'withdrawn')", name=op.f("ck_refund_request_state_is_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_request_amount_positive")),
        sa.CheckConstraint("received_minor >= 0", name=op.f("ck_refund_request_received_not_negative")),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_refund_request_award_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["person.id"], name=op.f("fk_refund_request_asked_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_request")),
    )
    op.create_index("ix_refund_request_award_id", "refund_request", ["award_id"])
    standing = sa.text("state = 'asked'")
    op.create_index("uq_refund_request_standing", "refund_request", ["award_id"], unique=True, postgresql_where=standing)

    op.create_table(
        "cofinancing",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("promised_minor", sa.BigInteger(), nullable=False),
        sa.Column("received_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("evidence_id", sa.BigInteger(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("told_by_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("promised_minor >= 0 AND received_minor >= 0", name=op.f("ck_cofinancing_not_negative")),
        sa.CheckConstraint(
            "received_minor = 0 OR evidence_id IS NOT NULL", name=op.f("ck_cofinancing_received_with_evidence")
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_cofinancing_award_id")),
        sa.ForeignKeyConstraint(["evidence_id"], ["stored_file.id"], name=op.f("fk_cofinancing_evidence_id")),
        sa.ForeignKeyConstraint(["told_by_id"], ["person.id"], name=op.f("fk_cofinancing_told_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cofinancing")),
        sa.UniqueConstraint("award_id", "source", name=op.f("uq_cofinancing_award_id_source")),
    )


def downgrade() -> None:
    op.drop_table("cofinancing")
    op.drop_table("refund_request")
    op.drop_constraint(op.f("ck_account_kind_is_known"), "account", type_="check")
    op.create_check_constraint(op.f("ck_account_kind_is_known"), "account", f"kind IN ({KINDS})")
    op.execute("DROP TRIGGER matches_approval ON disbursement")
    op.execute("DROP FUNCTION keep_approved")
    op.drop_constraint(op.f("ck_disbursement_approved_as_it_was"), "disbursement", type_="check")
    op.execute("DROP FUNCTION disbursement_digest")
    for column in ("order_reference", "released_at", "short_reason", "approved_digest"):
        op.drop_column("disbursement", column)
    op.execute("DROP TRIGGER entered ON bank_account")
    op.execute("DROP FUNCTION keep_entered")
    for column in ("follows_another", "bank_code"):
        op.drop_column("bank_account", column)
