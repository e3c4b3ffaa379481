"""An envelope that changes reaches the ledger, bookings are taken back, and the database keeps plans within their awards."""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

REFILL = """
CREATE FUNCTION refill_envelope(of_call call) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    pot account;
    donor account;
    filled bigint;
    times bigint;
BEGIN
    SELECT * INTO pot FROM account WHERE kind = 'envelope' AND call_id = of_call.id AND award_id IS NULL;
    SELECT * INTO donor FROM account WHERE kind = 'donor' AND call_id = of_call.id AND award_id IS NULL;
    SELECT coalesce(sum(CASE WHEN debit_account_id = donor.id THEN amount_minor ELSE -amount_minor END), 0), count(*)
        INTO filled, times FROM transfer
        WHERE (debit_account_id = donor.id AND credit_account_id = pot.id)
           OR (debit_account_id = pot.id AND credit_account_id = donor.id);
    IF times = 0 THEN
        RETURN;
    ELSIF of_call.envelope_minor > filled THEN
        INSERT INTO transfer (key, debit_account_id, credit_account_id, amount_minor, currency, memo)
        VALUES (format('fund:%s:%s', of_call.reference, times + 1), donor.id, pot.id, of_call.envelope_minor - filled,
                pot.currency, 'fund');
    ELSIF of_call.envelope_minor < filled THEN
        INSERT INTO transfer (key, debit_account_id, credit_account_id, amount_minor, currency, memo)
        VALUES (format('lower:%s:%s', of_call.reference, times + 1), pot.id, donor.id, filled - of_call.envelope_minor,
                pot.currency, 'lower');
    END IF;
END
$$
"""
# Before the first agreement nothing was filled yet. Less than what was committed is refused by the pot itself.

KEEP_ENVELOPE = """
CREATE FUNCTION keep_envelope() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refill_envelope(NEW);
    RETURN NULL;
END
$$
"""

KEEP_ENVELOPE_TRIGGER = """
CREATE TRIGGER envelope AFTER UPDATE OF envelope_minor ON call FOR EACH ROW
    WHEN (NEW.envelope_minor <> OLD.envelope_minor) EXECUTE FUNCTION keep_envelope()
"""

ONCE = """
CREATE FUNCTION keep_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    corrected refund;
BEGIN
    PERFORM 1 FROM award WHERE id = NEW.award_id FOR NO KEY UPDATE;
    IF NEW.corrects_id IS NOT NULL THEN
        SELECT * INTO corrected FROM refund WHERE id = NEW.corrects_id;
        IF corrected.corrects_id IS NOT NULL OR (corrected.award_id, corrected.currency, -corrected.amount_minor)
            IS DISTINCT FROM (NEW.award_id, NEW.currency, NEW.amount_minor) THEN
            RAISE EXCEPTION 'a refund is taken back whole, and once'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_refund_taken_back_whole';
        END IF;
    ELSIF EXISTS (
        SELECT FROM refund r WHERE r.award_id = NEW.award_id AND r.corrects_id IS NULL
            AND lower(btrim(r.bank_reference)) = lower(btrim(NEW.bank_reference))
            AND NOT EXISTS (SELECT FROM refund c WHERE c.corrects_id = r.id)
    ) THEN
        RAISE EXCEPTION 'this refund is recorded already'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'uq_refund_bank_reference';
    END IF;
    RETURN NEW;
END
$$
"""

ONCE_TRIGGER = "CREATE TRIGGER once BEFORE INSERT ON refund FOR EACH ROW EXECUTE FUNCTION keep_refund()"

WITHIN = """
CREATE FUNCTION keep_within_award() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    plan tranche;
    whole award;
BEGIN
    IF TG_TABLE_NAME = 'tranche' THEN
        SELECT * INTO plan FROM tranche WHERE id = NEW.id;
    ELSE
        SELECT * INTO plan FROM tranche WHERE id = NEW.tranche_id;
    END IF;
    IF plan.id IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT * INTO whole FROM award WHERE id = plan.award_id;
    IF plan.currency <> whole.currency OR (
        SELECT sum(amount_minor) FROM tranche WHERE award_id = whole.id AND cancelled_on IS NULL
    ) > whole.amount_minor THEN
        RAISE EXCEPTION 'the instalments of % are above the award', whole.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_tranche_within_award';
    END IF;
    IF EXISTS (
        SELECT FROM disbursement WHERE tranche_id = plan.id AND state NOT IN ('returned', 'cancelled')
            AND (amount_minor > plan.amount_minor OR currency <> plan.currency)
    ) THEN
        RAISE EXCEPTION 'a payment of % is above its instalment', whole.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_disbursement_within_tranche';
    END IF;
    RETURN NULL;
END
$$
"""
# Looked at when the transaction ends: a plan may be moved from one instalment to another within it.


def upgrade() -> None:
    op.execute(REFILL)
    op.execute(KEEP_ENVELOPE)
    op.execute(KEEP_ENVELOPE_TRIGGER)
    op.execute("SELECT refill_envelope(call) FROM call")

    op.add_column("refund", sa.Column("corrects_id", sa.BigInteger(), nullable=True))
    op.add_column("refund", sa.Column("request_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_refund_corrects_id"), "refund", "refund", ["corrects_id"], ["id"])
    op.create_foreign_key(op.f("fk_refund_request_id"), "refund", "refund_request", ["request_id"], ["id"])
    op.create_index("ix_refund_request_id", "refund", ["request_id"])
    op.create_unique_constraint(op.f("uq_refund_corrects_id"), "refund", ["corrects_id"])
    op.drop_constraint(op.f("ck_refund_amount_positive"), "refund", type_="check")
    op.create_check_constraint(
        op.f("ck_refund_amount_positive"),
        "refund",
        "(corrects_id IS NULL AND amount_minor > 0) OR (corrects_id IS NOT NULL AND amount_minor < 0)",
    )
    op.execute(ONCE)
    op.execute(ONCE_TRIGGER)

    op.execute(WITHIN)
    for table, columns in (
        ("tranche", "amount_minor, award_id, currency, cancelled_on"),
        ("disbursement", "tranche_id, amount_minor, state"),
    ):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER within_award AFTER INSERT OR UPDATE OF {columns} ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_within_award()"
        )

    # What stands in an order that was not released goes no other way either.
    op.execute(
        "UPDATE disbursement d SET order_reference = o.reference FROM order_line l JOIN payment_order o ON o.id = l.order_id"
        " WHERE l.disbursement_id = d.id AND l.stands AND o.state = 'assembled' AND d.order_reference = ''"
    )

    op.add_column("statement_entry", sa.Column("refund_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_statement_entry_refund_id"), "statement_entry", "refund", ["refund_id"], ["id"])
    op.create_index("ix_statement_entry_refund_id", "statement_entry", ["refund_id"])
    op.drop_constraint(op.f("ck_statement_entry_verdict_is_known"), "statement_entry", type_="check")
    op.create_check_constraint(
        op.f("ck_statement_entry_verdict_is_known"),
        "statement_entry",
        "verdict IS NULL OR verdict IN ('paid', 'returned', 'refunded', 'fee', 'known', 'left', 'taken_back')",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_statement_entry_verdict_is_known"), "statement_entry", type_="check")
    op.create_check_constraint(
        op.f("ck_statement_entry_verdict_is_known"),
        "statement_entry",
        "verdict IS NULL OR verdict IN ('paid', 'returned', 'fee', 'known', 'left')",
    )
    op.drop_index("ix_statement_entry_refund_id", table_name="statement_entry")
    op.drop_column("statement_entry", "refund_id")
    for table in ("tranche", "disbursement"):
        op.execute(f"DROP TRIGGER within_award ON {table}")
    op.execute("DROP FUNCTION keep_within_award")
    op.execute("DROP TRIGGER once ON refund")
    op.execute("DROP FUNCTION keep_refund")
    op.drop_constraint(op.f("ck_refund_amount_positive"), "refund", type_="check")
    op.create_check_constraint(op.f("ck_refund_amount_positive"), "refund", "amount_minor > 0")
    op.drop_index("ix_refund_request_id", table_name="refund")
    op.drop_constraint(op.f("uq_refund_corrects_id"), "refund", type_="unique")
    for column in ("request_id", "corrects_id"):
        op.drop_column("refund", column)
    op.execute("DROP TRIGGER envelope ON call")
    op.execute("DROP FUNCTION keep_envelope")
    op.execute("DROP FUNCTION refill_envelope")
