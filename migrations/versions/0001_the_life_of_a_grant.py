"""The life of a grant."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CLOCK = """
CREATE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(nullif(current_setting('grants.now', true), '')::timestamptz, clock_timestamp())
$$
"""
# The clock of every deadline: the real one, unless this transaction travels (tests and the demonstration).

KEPT = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is a record: rows are added, never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$
"""

RECORDS = ("history_entry", "history_seal", "receipt", "conflict_declaration", "transfer", "refund")

DIGEST = """
CREATE FUNCTION history_digest(previous text, e history_entry) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to(concat_ws(chr(31), previous, e.id,
        to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), coalesce(e.actor_id::text, '-'),
        e.subject_kind, e.subject_id, e.verb, coalesce(e.from_state, '-'), coalesce(e.to_state, '-'),
        coalesce(e.reason, '-'), e.details::text), 'UTF8')), 'hex')
$$
"""

SEAL = """
CREATE FUNCTION seal_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head history_seal;
BEGIN
    PERFORM pg_advisory_xact_lock(4712);
    SELECT * INTO head FROM history_seal ORDER BY position DESC LIMIT 1;
    INSERT INTO history_seal (position, entry_id, digest, sealed_at)
    VALUES (coalesce(head.position, 0) + 1, NEW.id, history_digest(coalesce(head.digest, ''), NEW), clock_timestamp());
    RETURN NULL;
END
$$
"""

SEAL_TRIGGER = """
CREATE CONSTRAINT TRIGGER seal AFTER INSERT ON history_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION seal_history()
"""

TOTALS = """
CREATE FUNCTION keep_totals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM account WHERE id IN (NEW.debit_account_id, NEW.credit_account_id)
               AND currency <> NEW.currency) THEN
        RAISE EXCEPTION 'a transfer stays in one currency' USING ERRCODE = 'check_violation';
    END IF;
    -- Both rows in the order of their ids, and with the lock that foreign keys do not mind: two transfers between the
    -- same pots never wait for each other in a ring.
    PERFORM 1 FROM account WHERE id IN (NEW.debit_account_id, NEW.credit_account_id) ORDER BY id FOR NO KEY UPDATE;
    UPDATE account SET debits_minor = debits_minor + NEW.amount_minor WHERE id = NEW.debit_account_id;
    UPDATE account SET credits_minor = credits_minor + NEW.amount_minor WHERE id = NEW.credit_account_id;
    RETURN NULL;
END
$$
"""

TOTALS_TRIGGER = """
CREATE TRIGGER totals AFTER INSERT ON transfer FOR EACH ROW EXECUTE FUNCTION keep_totals()
"""

DEADLINE = """
CREATE FUNCTION keep_deadline() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    deadline timestamptz;
BEGIN
    SELECT closes_at INTO deadline FROM call WHERE id = NEW.call_id;
    IF NEW.submitted_at IS NULL OR NEW.submitted_at >= deadline THEN
        RAISE EXCEPTION 'the call has closed' USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_application_on_time';
    END IF;
    RETURN NEW;
END
$$
"""
# The statement that submits asks for the deadline itself; this holds every other way in to the same rule.

DEADLINE_TRIGGER = """
CREATE TRIGGER on_time BEFORE UPDATE ON application FOR EACH ROW
    WHEN (OLD.state = 'draft' AND NEW.state = 'submitted') EXECUTE FUNCTION keep_deadline()
"""

BY_TRANSFERS_ONLY = """
CREATE TRIGGER by_transfers_only BEFORE UPDATE OR DELETE ON account FOR EACH ROW
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change()
"""
# The totals of a pot change through transfers, never by hand.

STARTS_EMPTY = """
CREATE TRIGGER starts_empty BEFORE INSERT ON account FOR EACH ROW
    WHEN (NEW.debits_minor <> 0 OR NEW.credits_minor <> 0) EXECUTE FUNCTION refuse_change()
"""

FROZEN = """
CREATE FUNCTION keep_prepared() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.reference, NEW.tranche_id, NEW.bank_account_id, NEW.amount_minor, NEW.currency, NEW.prepared_by_id)
        IS DISTINCT FROM
       (OLD.reference, OLD.tranche_id, OLD.bank_account_id, OLD.amount_minor, OLD.currency, OLD.prepared_by_id)
       OR (OLD.state <> 'prepared' AND NEW.approved_by_id IS DISTINCT FROM OLD.approved_by_id) THEN
        RAISE EXCEPTION 'amount, account and people of a disbursement stay what was prepared and approved'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$
"""

FROZEN_TRIGGER = """
CREATE TRIGGER frozen BEFORE UPDATE ON disbursement FOR EACH ROW EXECUTE FUNCTION keep_prepared()
"""

DECIDED = """
CREATE FUNCTION keep_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM decision WHERE application_id = NEW.id AND state IN ('taken', 'released')) THEN
        RAISE EXCEPTION 'the committee has decided about application %', NEW.reference
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ck_application_decided';
    END IF;
    RETURN NEW;
END
$$
"""
# An application that was decided about stays eligible, whichever way its state is changed.

DECIDED_TRIGGER = """
CREATE TRIGGER decided BEFORE UPDATE ON application FOR EACH ROW
    WHEN (OLD.state = 'eligible' AND NEW.state <> 'eligible') EXECUTE FUNCTION keep_decided()
"""


def upgrade() -> None:
    op.execute(CLOCK)
    op.create_table(
        "failed_sign_in",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email_hash", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_sign_in")),
    )
    op.create_index("ix_failed_sign_in_email_hash_at", "failed_sign_in", ["email_hash", "at"], unique=False)
    op.create_table(
        "organization",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("acronym", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("legal_form", sa.Text(), nullable=False),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("registration_number", sa.Text(), nullable=True),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column("fiscal_sponsor", sa.Text(), nullable=True),
        sa.Column("founded_on", sa.Date(), nullable=True),
        sa.Column("income_last_year_minor", sa.BigInteger(), nullable=True),
        sa.Column("income_currency", sa.Text(), nullable=False),
        sa.Column("staff_paid", sa.BigInteger(), nullable=True),
        sa.Column("volunteers", sa.BigInteger(), nullable=True),
        sa.Column("migrant_led", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=False),
        sa.Column("legal_representative", sa.Text(), nullable=False),
        sa.Column("mission", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("confidentiality_default", sa.Text(), nullable=False),
        sa.Column("risk", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint(
            "confidentiality_default IN ('public', 'name_withheld', 'fully_confidential')",
            name=op.f("ck_organization_confidentiality_default_is_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
        sa.UniqueConstraint("reference", name=op.f("uq_organization_reference")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("to_person_id", sa.BigInteger(), nullable=False),
        sa.Column("to_address", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('due', 'sent', 'failed')", name=op.f("ck_outbox_state_is_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(
        "ix_outbox_due", "outbox", ["next_at", "id"], unique=False, postgresql_where=sa.text("state = 'due'")
    )
    op.create_index("ix_outbox_to_person", "outbox", ["to_person_id", "id"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("is_demonstration", sa.Boolean(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fs_uniquifier", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_person_fs_uniquifier")),
        sa.UniqueConstraint("reference", name=op.f("uq_person_reference")),
    )
    op.create_index("uq_person_email_lower", "person", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "questionnaire",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("title", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questionnaire")),
        sa.UniqueConstraint("key", "version", name=op.f("uq_questionnaire_key_version")),
    )
    op.create_table(
        "stored_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("size >= 0", name=op.f("ck_stored_file_size_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_file")),
        sa.UniqueConstraint("key", name=op.f("uq_stored_file_key")),
    )
    op.create_table(
        "sweep_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("found", sa.BigInteger(), nullable=False),
        sa.Column("posted", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_run")),
    )
    op.create_index("ix_sweep_run_ran_at", "sweep_run", ["ran_at"], unique=False)
    op.create_table(
        "answer_sheet",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("questionnaire_id", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["questionnaire_id"], ["questionnaire.id"], name=op.f("fk_answer_sheet_questionnaire_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_sheet")),
    )
    op.create_index(op.f("ix_answer_sheet_questionnaire_id"), "answer_sheet", ["questionnaire_id"], unique=False)
    op.create_table(
        "bank_account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("holder_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("number_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_four", sa.Text(), nullable=False),
        sa.Column("bic", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("entered_by_id", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("verified_by_id", sa.BigInteger(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'verified' OR verified_by_id IS NOT NULL", name=op.f("ck_bank_account_verified_by_someone")
        ),
        sa.CheckConstraint(
            "state IN ('unverified', 'verified', 'blocked')", name=op.f("ck_bank_account_state_is_known")
        ),
        sa.CheckConstraint("verified_by_id <> entered_by_id", name=op.f("ck_bank_account_verified_by_a_second_person")),
        sa.ForeignKeyConstraint(["entered_by_id"], ["person.id"], name=op.f("fk_bank_account_entered_by_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_bank_account_organization_id")),
        sa.ForeignKeyConstraint(["verified_by_id"], ["person.id"], name=op.f("fk_bank_account_verified_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_account")),
        sa.UniqueConstraint("token", name=op.f("uq_bank_account_token")),
    )
    op.create_index(op.f("ix_bank_account_organization_id"), "bank_account", ["organization_id"], unique=False)
    op.create_index(
        "uq_bank_account_live",
        "bank_account",
        ["organization_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'blocked'"),
    )
    op.create_table(
        "call",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("programme", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("title", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("authoritative_language", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("questions_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answers_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_until", sa.Date(), nullable=True),
        sa.Column("reviews_due_on", sa.Date(), nullable=True),
        sa.Column("meeting_on", sa.Date(), nullable=True),
        sa.Column("notify_until", sa.Date(), nullable=True),
        sa.Column("complaints_until", sa.Date(), nullable=True),
        sa.Column("sign_until", sa.Date(), nullable=True),
        sa.Column("earliest_start_on", sa.Date(), nullable=True),
        sa.Column("latest_end_on", sa.Date(), nullable=True),
        sa.Column("reserve_valid_until", sa.Date(), nullable=True),
        sa.Column("envelope_minor", sa.BigInteger(), nullable=False),
        sa.Column("grant_min_minor", sa.BigInteger(), nullable=False),
        sa.Column("grant_max_minor", sa.BigInteger(), nullable=False),
        sa.Column("months_min", sa.BigInteger(), nullable=False),
        sa.Column("months_max", sa.BigInteger(), nullable=False),
        sa.Column("eligible_countries", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("questionnaire_id", sa.BigInteger(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("grid", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("budget", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("plan_of_action", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'published', 'cancelled')", name=op.f("ck_call_state_is_known")),
        sa.CheckConstraint("envelope_minor >= 0", name=op.f("ck_call_envelope_not_negative")),
        sa.CheckConstraint("grant_min_minor <= grant_max_minor", name=op.f("ck_call_limits_in_order")),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("ck_call_opens_before_it_closes")),
        sa.ForeignKeyConstraint(["questionnaire_id"], ["questionnaire.id"], name=op.f("fk_call_questionnaire_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
        sa.UniqueConstraint("reference", name=op.f("uq_call_reference")),
    )
    op.create_index("ix_call_state_closes_at", "call", ["state", "closes_at"], unique=False)
    op.create_table(
        "history_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_history_entry_actor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_entry")),
    )
    op.create_index(op.f("ix_history_entry_actor_id"), "history_entry", ["actor_id"], unique=False)
    op.create_index("ix_history_entry_subject", "history_entry", ["subject_kind", "subject_id", "id"], unique=False)
    op.create_table(
        "invitation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("may_sign", sa.Boolean(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("invited_by_id", sa.BigInteger(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("role IN ('owner', 'editor')", name=op.f("ck_invitation_role_is_known")),
        sa.ForeignKeyConstraint(["accepted_by_id"], ["person.id"], name=op.f("fk_invitation_accepted_by_id")),
        sa.ForeignKeyConstraint(["invited_by_id"], ["person.id"], name=op.f("fk_invitation_invited_by_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_invitation_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    op.create_index(op.f("ix_invitation_organization_id"), "invitation", ["organization_id"], unique=False)
    op.create_table(
        "membership",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("may_sign", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('owner', 'editor')", name=op.f("ck_membership_role_is_known")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_membership_organization_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_membership_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_person_id"), "membership", ["person_id"], unique=False)
    op.create_index(
        "uq_membership_live",
        "membership",
        ["organization_id", "person_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "reviewer_profile",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("expertise", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("regions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("lots", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_reviewer_profile_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviewer_profile")),
        sa.UniqueConstraint("person_id", name=op.f("uq_reviewer_profile_person_id")),
    )
    op.create_table(
        "role_grant",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("regions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("granted_by_id", sa.BigInteger(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "role IN ('regional_coordinator', 'global_coordinator', 'finance_officer', 'committee_member', 'reviewer', 'auditor', 'administrator')",
            name=op.f("ck_role_grant_role_is_known"),
        ),
        sa.ForeignKeyConstraint(["granted_by_id"], ["person.id"], name=op.f("fk_role_grant_granted_by_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_role_grant_person_id")),
        sa.ForeignKeyConstraint(["revoked_by_id"], ["person.id"], name=op.f("fk_role_grant_revoked_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
    )
    op.create_index(
        "uq_role_grant_live",
        "role_grant",
        ["person_id", "role"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_session_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_session_key_hash")),
    )
    op.create_index(op.f("ix_session_person_id"), "session", ["person_id"], unique=False)
    op.create_table(
        "application",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("answer_sheet_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("started_by_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_by_id", sa.BigInteger(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("lot_key", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("plan_points", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("countries", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("requested_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=True),
        sa.Column("months", sa.BigInteger(), nullable=True),
        sa.Column("confidentiality", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "confidentiality IN ('public', 'name_withheld', 'fully_confidential')",
            name=op.f("ck_application_confidentiality_is_known"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'eligible', 'ineligible', 'withdrawn')",
            name=op.f("ck_application_state_is_known"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'withdrawn') OR submitted_at IS NOT NULL",
            name=op.f("ck_application_submitted_has_a_moment"),
        ),
        sa.CheckConstraint("requested_minor >= 0", name=op.f("ck_application_request_not_negative")),
        sa.CheckConstraint(
            "submitted_at IS NULL OR content_hash IS NOT NULL", name=op.f("ck_application_submitted_has_a_hash")
        ),
        sa.ForeignKeyConstraint(["answer_sheet_id"], ["answer_sheet.id"], name=op.f("fk_application_answer_sheet_id")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_application_call_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_application_organization_id")),
        sa.ForeignKeyConstraint(["started_by_id"], ["person.id"], name=op.f("fk_application_started_by_id")),
        sa.ForeignKeyConstraint(["submitted_by_id"], ["person.id"], name=op.f("fk_application_submitted_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint("answer_sheet_id", name=op.f("uq_application_answer_sheet_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_application_reference")),
    )
    op.create_index("ix_application_call_id_state", "application", ["call_id", "state"], unique=False)
    op.create_index("ix_application_organization_id", "application", ["organization_id"], unique=False)
    op.create_index(
        "uq_application_one_live_per_organization",
        "application",
        ["call_id", "organization_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'withdrawn'"),
    )
    op.create_table(
        "conflict_declaration",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=True),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("grade = 'none' OR reason <> ''", name=op.f("ck_conflict_declaration_a_tie_has_a_reason")),
        sa.CheckConstraint(
            "grade IN ('none', 'knows', 'conflict')", name=op.f("ck_conflict_declaration_grade_is_known")
        ),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_conflict_declaration_call_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_conflict_declaration_organization_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_conflict_declaration_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflict_declaration")),
    )
    op.create_index(
        "ix_conflict_declaration_person_id", "conflict_declaration", ["person_id", "organization_id"], unique=False
    )
    op.create_table(
        "criterion",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("weight", sa.BigInteger(), nullable=False),
        sa.Column("text", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("anchors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("weight > 0", name=op.f("ck_criterion_weight_positive")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_criterion_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_criterion")),
        sa.UniqueConstraint("call_id", "key", name=op.f("uq_criterion_call_id_key")),
    )
    op.create_table(
        "document_asked",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("formats", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("required_when", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("sensitive", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_document_asked_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_asked")),
        sa.UniqueConstraint("call_id", "key", name=op.f("uq_document_asked_call_id_key")),
    )
    op.create_table(
        "eligibility_rule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column("on_fail", sa.Text(), nullable=False),
        sa.Column("manual_if", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("derived", sa.Boolean(), nullable=False),
        sa.Column("text", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_eligibility_rule_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eligibility_rule")),
        sa.UniqueConstraint("call_id", "key", name=op.f("uq_eligibility_rule_call_id_key")),
    )
    op.create_table(
        "history_seal",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["history_entry.id"], name=op.f("fk_history_seal_entry_id")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_history_seal")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_history_seal_entry_id")),
    )
    op.create_table(
        "lot",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("plan_points", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("min_awards", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_lot_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot")),
        sa.UniqueConstraint("call_id", "key", name=op.f("uq_lot_call_id_key")),
    )
    op.create_table(
        "meeting",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quorum", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.Text(), nullable=False),
        sa.Column("called_by_id", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('planned', 'opened', 'closed')", name=op.f("ck_meeting_state_is_known")),
        sa.CheckConstraint("quorum > 0", name=op.f("ck_meeting_quorum_positive")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_meeting_call_id")),
        sa.ForeignKeyConstraint(["called_by_id"], ["person.id"], name=op.f("fk_meeting_called_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting")),
        sa.UniqueConstraint("reference", name=op.f("uq_meeting_reference")),
    )
    op.create_index("ix_meeting_call_id", "meeting", ["call_id"], unique=False)
    op.create_table(
        "region_envelope",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("label", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("indicative_minor", sa.BigInteger(), nullable=False),
        sa.Column("floor_minor", sa.BigInteger(), nullable=False),
        sa.Column("ceiling_minor", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_region_envelope_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_region_envelope")),
        sa.UniqueConstraint("call_id", "region", name=op.f("uq_region_envelope_call_id_region")),
    )
    op.create_table(
        "section_answers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("answer_sheet_id", sa.BigInteger(), nullable=False),
        sa.Column("section_key", sa.Text(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("saved_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answer_sheet_id"], ["answer_sheet.id"], name=op.f("fk_section_answers_answer_sheet_id")
        ),
        sa.ForeignKeyConstraint(["saved_by_id"], ["person.id"], name=op.f("fk_section_answers_saved_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_answers")),
        sa.UniqueConstraint(
            "answer_sheet_id", "section_key", name=op.f("uq_section_answers_answer_sheet_id_section_key")
        ),
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("reviewer_id", sa.BigInteger(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('asked', 'accepted', 'completed', 'declined', 'recused', 'released')",
            name=op.f("ck_assignment_state_is_known"),
        ),
        sa.CheckConstraint("round IN (1, 2)", name=op.f("ck_assignment_round_is_one_or_two")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_assignment_application_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["person.id"], name=op.f("fk_assignment_asked_by_id")),
        sa.ForeignKeyConstraint(["reviewer_id"], ["person.id"], name=op.f("fk_assignment_reviewer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    op.create_index(op.f("ix_assignment_application_id"), "assignment", ["application_id"], unique=False)
    op.create_index("ix_assignment_reviewer_id_state", "assignment", ["reviewer_id", "state"], unique=False)
    op.create_index(
        "uq_assignment_live",
        "assignment",
        ["application_id", "reviewer_id"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('declined', 'recused', 'released')"),
    )
    op.create_table(
        "attachment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.Column("withheld_reason", sa.Text(), nullable=True),
        sa.Column("attached_by_id", sa.BigInteger(), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("(file_id IS NULL) <> (withheld_reason IS NULL)", name=op.f("ck_attachment_file_or_reason")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_attachment_application_id")),
        sa.ForeignKeyConstraint(["attached_by_id"], ["person.id"], name=op.f("fk_attachment_attached_by_id")),
        sa.ForeignKeyConstraint(["document_id"], ["document_asked.id"], name=op.f("fk_attachment_document_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_attachment_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index("ix_attachment_application_id", "attachment", ["application_id"], unique=False)
    op.create_table(
        "decision",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("conditions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("feedback", sa.Text(), nullable=False),
        sa.Column("score", sa.Text(), nullable=True),
        sa.Column("rank", sa.BigInteger(), nullable=True),
        sa.Column("proposed_by_id", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(outcome = 'award') = (amount_minor > 0)", name=op.f("ck_decision_an_award_has_an_amount")),
        sa.CheckConstraint("outcome IN ('award', 'reserve', 'decline')", name=op.f("ck_decision_outcome_is_known")),
        sa.CheckConstraint(
            "state <> 'released' OR released_at IS NOT NULL", name=op.f("ck_decision_released_has_a_moment")
        ),
        sa.CheckConstraint("state IN ('proposed', 'taken', 'released')", name=op.f("ck_decision_state_is_known")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_decision_application_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_decision_meeting_id")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["person.id"], name=op.f("fk_decision_proposed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
        sa.UniqueConstraint("application_id", name=op.f("uq_decision_application_id")),
    )
    op.create_index("ix_decision_meeting_id", "decision", ["meeting_id"], unique=False)
    op.create_table(
        "finding",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("judged", sa.Boolean(), nullable=False),
        sa.Column("judged_by_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint(
            "NOT judged OR (judged_by_id IS NOT NULL AND reason <> '')", name=op.f("ck_finding_judged_by_someone")
        ),
        sa.CheckConstraint("outcome IN ('passed', 'failed', 'to_judge')", name=op.f("ck_finding_outcome_is_known")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_finding_application_id")),
        sa.ForeignKeyConstraint(["judged_by_id"], ["person.id"], name=op.f("fk_finding_judged_by_id")),
        sa.ForeignKeyConstraint(["rule_id"], ["eligibility_rule.id"], name=op.f("fk_finding_rule_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
        sa.UniqueConstraint("application_id", "rule_id", name=op.f("uq_finding_application_id_rule_id")),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_by_id", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_receipt_application_id")),
        sa.ForeignKeyConstraint(["submitted_by_id"], ["person.id"], name=op.f("fk_receipt_submitted_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("number", name=op.f("uq_receipt_number")),
    )
    op.create_index(op.f("ix_receipt_application_id"), "receipt", ["application_id"], unique=False)
    op.create_table(
        "recusal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recused_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_recusal_recusal_has_a_reason")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_recusal_application_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_recusal_meeting_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_recusal_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recusal")),
        sa.UniqueConstraint(
            "meeting_id", "application_id", "person_id", name=op.f("uq_recusal_meeting_id_application_id_person_id")
        ),
    )
    op.create_index(op.f("ix_recusal_person_id"), "recusal", ["person_id"], unique=False)
    op.create_table(
        "seat",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("meeting_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_seat_meeting_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_seat_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
        sa.UniqueConstraint("meeting_id", "person_id", name=op.f("uq_seat_meeting_id_person_id")),
    )
    op.create_index(op.f("ix_seat_person_id"), "seat", ["person_id"], unique=False)
    op.create_table(
        "section_revision",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("section_answers_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["saved_by_id"], ["person.id"], name=op.f("fk_section_revision_saved_by_id")),
        sa.ForeignKeyConstraint(
            ["section_answers_id"], ["section_answers.id"], name=op.f("fk_section_revision_section_answers_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_revision")),
        sa.UniqueConstraint(
            "section_answers_id", "version", name=op.f("uq_section_revision_section_answers_id_version")
        ),
    )
    op.create_table(
        "award",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("decision_id", sa.BigInteger(), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("lot_key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("confidentiality", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("sign_by", sa.Date(), nullable=True),
        sa.Column("start_on", sa.Date(), nullable=True),
        sa.Column("end_on", sa.Date(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "confidentiality IN ('public', 'name_withheld', 'fully_confidential')",
            name=op.f("ck_award_confidentiality_is_known"),
        ),
        sa.CheckConstraint(
            "state IN ('offered', 'accepted', 'sent', 'active', 'suspended', 'closed', 'terminated', 'refused', 'lapsed')",
            name=op.f("ck_award_state_is_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_award_amount_positive")),
        sa.CheckConstraint(
            "start_on IS NULL OR end_on IS NULL OR start_on <= end_on", name=op.f("ck_award_starts_before_it_ends")
        ),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_award_application_id")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_award_call_id")),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"], name=op.f("fk_award_decision_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_award_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award")),
        sa.UniqueConstraint("application_id", name=op.f("uq_award_application_id")),
        sa.UniqueConstraint("decision_id", name=op.f("uq_award_decision_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_award_reference")),
    )
    op.create_index("ix_award_call_id", "award", ["call_id"], unique=False)
    op.create_index("ix_award_organization_id", "award", ["organization_id"], unique=False)
    op.create_index("ix_award_region_state", "award", ["region", "state"], unique=False)
    op.create_index("ix_award_state_id", "award", ["state", "id"], unique=False)
    op.create_table(
        "review",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("for_applicant", sa.Text(), nullable=False),
        sa.Column("recommendation", sa.Text(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "recommendation IS NULL OR recommendation IN ('fund', 'fund_with_conditions', 'do_not_fund')",
            name=op.f("ck_review_recommendation_is_known"),
        ),
        sa.CheckConstraint("submitted_at IS NULL OR total IS NOT NULL", name=op.f("ck_review_submitted_has_a_total")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"], name=op.f("fk_review_assignment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
        sa.UniqueConstraint("assignment_id", name=op.f("uq_review_assignment_id")),
    )
    op.create_table(
        "vote",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("decision_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("cast_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("choice IN ('for', 'against', 'abstain')", name=op.f("ck_vote_choice_is_known")),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"], name=op.f("fk_vote_decision_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_vote_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
        sa.UniqueConstraint("decision_id", "person_id", name=op.f("uq_vote_decision_id_person_id")),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=True),
        sa.Column("debits_minor", sa.BigInteger(), nullable=False),
        sa.Column("credits_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "balance_minor",
            sa.BigInteger(),
            sa.Computed("credits_minor - debits_minor", persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint("kind = 'donor' OR balance_minor >= 0", name=op.f("ck_account_never_overdrawn")),
        sa.CheckConstraint(
            "kind IN ('donor', 'envelope', 'committed', 'payable', 'paid', 'refunded')",
            name=op.f("ck_account_kind_is_known"),
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_account_award_id")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_account_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint(
            "kind",
            "call_id",
            "award_id",
            name=op.f("uq_account_kind_call_id_award_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_account_award_id", "account", ["award_id"], unique=False)
    op.create_table(
        "agreement",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("drawn_up_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("drawn_up_by_id", sa.BigInteger(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.CheckConstraint("(signed_at IS NULL) = (signed_by_id IS NULL)", name=op.f("ck_agreement_signed_by_someone")),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_agreement_award_id")),
        sa.ForeignKeyConstraint(["drawn_up_by_id"], ["person.id"], name=op.f("fk_agreement_drawn_up_by_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_agreement_file_id")),
        sa.ForeignKeyConstraint(["signed_by_id"], ["person.id"], name=op.f("fk_agreement_signed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
        sa.UniqueConstraint("award_id", "version", name=op.f("uq_agreement_award_id_version")),
    )
    op.create_table(
        "budget_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("title", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_budget_line_not_negative")),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_budget_line_award_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_line")),
        sa.UniqueConstraint("award_id", "heading", name=op.f("uq_budget_line_award_id_heading")),
    )
    op.create_table(
        "closeout",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("opened_by_id", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=True),
        sa.Column("spent_minor", sa.BigInteger(), nullable=True),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("closed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("keep_until", sa.Date(), nullable=True),
        sa.CheckConstraint("state IN ('opened', 'done')", name=op.f("ck_closeout_state_is_known")),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_closeout_award_id")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["person.id"], name=op.f("fk_closeout_closed_by_id")),
        sa.ForeignKeyConstraint(["opened_by_id"], ["person.id"], name=op.f("fk_closeout_opened_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closeout")),
        sa.UniqueConstraint("award_id", name=op.f("uq_closeout_award_id")),
    )
    op.create_table(
        "condition",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("blocks_payment", sa.Boolean(), nullable=False),
        sa.Column("met_on", sa.Date(), nullable=True),
        sa.Column("met_by_id", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.CheckConstraint("(met_on IS NULL) = (met_by_id IS NULL)", name=op.f("ck_condition_met_by_someone")),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_condition_award_id")),
        sa.ForeignKeyConstraint(["met_by_id"], ["person.id"], name=op.f("fk_condition_met_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_condition")),
    )
    op.create_index("ix_condition_award_id", "condition", ["award_id"], unique=False)
    op.create_table(
        "milestone",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("reached_on", sa.Date(), nullable=True),
        sa.Column("reached_by_id", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(reached_on IS NULL) = (reached_by_id IS NULL)", name=op.f("ck_milestone_reached_by_someone")
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_milestone_award_id")),
        sa.ForeignKeyConstraint(["reached_by_id"], ["person.id"], name=op.f("fk_milestone_reached_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone")),
    )
    op.create_index("ix_milestone_award_id", "milestone", ["award_id"], unique=False)
    op.create_index("ix_milestone_due_on", "milestone", ["due_on"], unique=False)
    op.create_table(
        "refund",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.Column("proof_id", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("recorded_by_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_amount_positive")),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_refund_award_id")),
        sa.ForeignKeyConstraint(["proof_id"], ["stored_file.id"], name=op.f("fk_refund_proof_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["person.id"], name=op.f("fk_refund_recorded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("reference", name=op.f("uq_refund_reference")),
    )
    op.create_index("ix_refund_award_id", "refund", ["award_id"], unique=False)
    op.create_table(
        "report_due",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('narrative_light', 'narrative', 'narrative_and_financial')",
            name=op.f("ck_report_due_kind_is_known"),
        ),
        sa.CheckConstraint(
            "state IN ('owed', 'submitted', 'returned', 'accepted', 'waived')",
            name=op.f("ck_report_due_state_is_known"),
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_report_due_award_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_due")),
        sa.UniqueConstraint("award_id", "key", name=op.f("uq_report_due_award_id_key")),
    )
    op.create_index("ix_report_due_due_on_state", "report_due", ["due_on", "state"], unique=False)
    op.create_table(
        "score",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("review_id", sa.BigInteger(), nullable=False),
        sa.Column("criterion_id", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["criterion_id"], ["criterion.id"], name=op.f("fk_score_criterion_id")),
        sa.ForeignKeyConstraint(["review_id"], ["review.id"], name=op.f("fk_score_review_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score")),
        sa.UniqueConstraint("review_id", "criterion_id", name=op.f("uq_score_review_id_criterion_id")),
    )
    op.create_table(
        "report",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("report_due_id", sa.BigInteger(), nullable=False),
        sa.Column("answer_sheet_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_by_id", sa.BigInteger(), nullable=True),
        sa.Column("returned_reason", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["accepted_by_id"], ["person.id"], name=op.f("fk_report_accepted_by_id")),
        sa.ForeignKeyConstraint(["answer_sheet_id"], ["answer_sheet.id"], name=op.f("fk_report_answer_sheet_id")),
        sa.ForeignKeyConstraint(["report_due_id"], ["report_due.id"], name=op.f("fk_report_report_due_id")),
        sa.ForeignKeyConstraint(["submitted_by_id"], ["person.id"], name=op.f("fk_report_submitted_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("answer_sheet_id", name=op.f("uq_report_answer_sheet_id")),
        sa.UniqueConstraint("report_due_id", name=op.f("uq_report_report_due_id")),
    )
    op.create_table(
        "tranche",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("report_due_id", sa.BigInteger(), nullable=True),
        sa.Column("min_spent_percent", sa.BigInteger(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("hold_after_days", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "trigger IN ('agreement_signed', 'interim_report_approved', 'final_report_approved')",
            name=op.f("ck_tranche_trigger_is_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_tranche_amount_positive")),
        sa.CheckConstraint("hold_after_days >= 0", name=op.f("ck_tranche_hold_not_negative")),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_tranche_award_id")),
        sa.ForeignKeyConstraint(["report_due_id"], ["report_due.id"], name=op.f("fk_tranche_report_due_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tranche")),
        sa.UniqueConstraint("award_id", "number", name=op.f("uq_tranche_award_id_number")),
    )
    op.create_index("ix_tranche_report_due_id", "tranche", ["report_due_id"], unique=False)
    op.create_table(
        "disbursement",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("tranche_id", sa.BigInteger(), nullable=False),
        sa.Column("bank_account_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("prepared_by_id", sa.BigInteger(), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("approved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.Column("proof_id", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("received_minor", sa.BigInteger(), nullable=True),
        sa.Column("received_currency", sa.Text(), nullable=True),
        sa.Column("received_rate", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.CheckConstraint(
            "state IN ('prepared', 'approved', 'paid', 'confirmed', 'returned', 'cancelled')",
            name=op.f("ck_disbursement_state_is_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'paid', 'confirmed', 'returned') OR approved_by_id IS NOT NULL",
            name=op.f("ck_disbursement_approved_by_someone"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('paid', 'confirmed', 'returned') OR (paid_on IS NOT NULL AND proof_id IS NOT NULL)",
            name=op.f("ck_disbursement_paid_with_a_proof"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_disbursement_amount_positive")),
        sa.CheckConstraint(
            "approved_by_id <> prepared_by_id", name=op.f("ck_disbursement_approved_by_a_second_person")
        ),
        sa.ForeignKeyConstraint(["approved_by_id"], ["person.id"], name=op.f("fk_disbursement_approved_by_id")),
        sa.ForeignKeyConstraint(["bank_account_id"], ["bank_account.id"], name=op.f("fk_disbursement_bank_account_id")),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["person.id"], name=op.f("fk_disbursement_confirmed_by_id")),
        sa.ForeignKeyConstraint(["prepared_by_id"], ["person.id"], name=op.f("fk_disbursement_prepared_by_id")),
        sa.ForeignKeyConstraint(["proof_id"], ["stored_file.id"], name=op.f("fk_disbursement_proof_id")),
        sa.ForeignKeyConstraint(["tranche_id"], ["tranche.id"], name=op.f("fk_disbursement_tranche_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disbursement")),
        sa.UniqueConstraint("reference", name=op.f("uq_disbursement_reference")),
    )
    op.create_index("ix_disbursement_state", "disbursement", ["state"], unique=False)
    op.create_index(op.f("ix_disbursement_tranche_id"), "disbursement", ["tranche_id"], unique=False)
    op.create_index(
        "uq_disbursement_one_live_per_tranche",
        "disbursement",
        ["tranche_id"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('returned', 'cancelled')"),
    )
    op.create_table(
        "report_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("budget_line_id", sa.BigInteger(), nullable=False),
        sa.Column("local_minor", sa.BigInteger(), nullable=False),
        sa.Column("local_currency", sa.Text(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("spent_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.CheckConstraint("rate > 0", name=op.f("ck_report_line_rate_positive")),
        sa.CheckConstraint("spent_minor >= 0 AND local_minor >= 0", name=op.f("ck_report_line_not_negative")),
        sa.ForeignKeyConstraint(["budget_line_id"], ["budget_line.id"], name=op.f("fk_report_line_budget_line_id")),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_report_line_report_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_line")),
        sa.UniqueConstraint("report_id", "budget_line_id", name=op.f("uq_report_line_report_id_budget_line_id")),
    )
    op.create_table(
        "transfer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("debit_account_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_account_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("memo", sa.Text(), nullable=False),
        sa.Column("disbursement_id", sa.BigInteger(), nullable=True),
        sa.Column("by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_transfer_amount_positive")),
        sa.CheckConstraint("debit_account_id <> credit_account_id", name=op.f("ck_transfer_between_two_accounts")),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_transfer_by_id")),
        sa.ForeignKeyConstraint(["credit_account_id"], ["account.id"], name=op.f("fk_transfer_credit_account_id")),
        sa.ForeignKeyConstraint(["debit_account_id"], ["account.id"], name=op.f("fk_transfer_debit_account_id")),
        sa.ForeignKeyConstraint(["disbursement_id"], ["disbursement.id"], name=op.f("fk_transfer_disbursement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
        sa.UniqueConstraint("key", name=op.f("uq_transfer_key")),
    )
    op.create_index("ix_transfer_credit_account_id", "transfer", ["credit_account_id"], unique=False)
    op.create_index("ix_transfer_debit_account_id", "transfer", ["debit_account_id"], unique=False)
    op.execute(KEPT)
    op.execute(DIGEST)
    op.execute(SEAL)
    op.execute(SEAL_TRIGGER)
    op.execute(TOTALS)
    op.execute(TOTALS_TRIGGER)
    op.execute(DEADLINE)
    op.execute(DEADLINE_TRIGGER)
    op.execute(DECIDED)
    op.execute(DECIDED_TRIGGER)
    op.execute(BY_TRANSFERS_ONLY)
    op.execute(STARTS_EMPTY)
    op.execute(FROZEN)
    op.execute(FROZEN_TRIGGER)
    for table in RECORDS:
        op.execute(
            f"CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"CREATE TRIGGER kept_whole BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    op.execute("DROP TRIGGER on_time ON application")
    op.execute("DROP TRIGGER decided ON application")
    op.execute("DROP TRIGGER totals ON transfer")
    op.execute("DROP TRIGGER frozen ON disbursement")
    op.execute("DROP TRIGGER seal ON history_entry")
    op.execute("DROP FUNCTION history_digest")
    op.drop_index("ix_transfer_debit_account_id", table_name="transfer")
    op.drop_index("ix_transfer_credit_account_id", table_name="transfer")
    op.drop_table("transfer")
    op.drop_table("report_line")
    op.drop_index(
        "uq_disbursement_one_live_per_tranche",
        table_name="disbursement",
        postgresql_where=sa.text("state NOT IN ('returned', 'cancelled')"),
    )
    op.drop_index(op.f("ix_disbursement_tranche_id"), table_name="disbursement")
    op.drop_index("ix_disbursement_state", table_name="disbursement")
    op.drop_table("disbursement")
    op.drop_index("ix_tranche_report_due_id", table_name="tranche")
    op.drop_table("tranche")
    op.drop_table("report")
    op.drop_table("score")
    op.drop_index("ix_report_due_due_on_state", table_name="report_due")
    op.drop_table("report_due")
    op.drop_index("ix_refund_award_id", table_name="refund")
    op.drop_table("refund")
    op.drop_index("ix_milestone_due_on", table_name="milestone")
    op.drop_index("ix_milestone_award_id", table_name="milestone")
    op.drop_table("milestone")
    op.drop_index("ix_condition_award_id", table_name="condition")
    op.drop_table("condition")
    op.drop_table("closeout")
    op.drop_table("budget_line")
    op.drop_table("agreement")
    op.drop_index("ix_account_award_id", table_name="account")
    op.drop_table("account")
    op.drop_table("vote")
    op.drop_table("review")
    op.drop_index("ix_award_state_id", table_name="award")
    op.drop_index("ix_award_region_state", table_name="award")
    op.drop_index("ix_award_organization_id", table_name="award")
    op.drop_index("ix_award_call_id", table_name="award")
    op.drop_table("award")
    op.drop_table("section_revision")
    op.drop_index(op.f("ix_seat_person_id"), table_name="seat")
    op.drop_table("seat")
    op.drop_index(op.f("ix_recusal_person_id"), table_name="recusal")
    op.drop_table("recusal")
    op.drop_index(op.f("ix_receipt_application_id"), table_name="receipt")
    op.drop_table("receipt")
    op.drop_table("finding")
    op.drop_index("ix_decision_meeting_id", table_name="decision")
    op.drop_table("decision")
    op.drop_index("ix_attachment_application_id", table_name="attachment")
    op.drop_table("attachment")
    op.drop_index(
        "uq_assignment_live",
        table_name="assignment",
        postgresql_where=sa.text("state NOT IN ('declined', 'recused', 'released')"),
    )
    op.drop_index("ix_assignment_reviewer_id_state", table_name="assignment")
    op.drop_index(op.f("ix_assignment_application_id"), table_name="assignment")
    op.drop_table("assignment")
    op.drop_table("section_answers")
    op.drop_table("region_envelope")
    op.drop_index("ix_meeting_call_id", table_name="meeting")
    op.drop_table("meeting")
    op.drop_table("lot")
    op.drop_table("history_seal")
    op.drop_table("eligibility_rule")
    op.drop_table("document_asked")
    op.drop_table("criterion")
    op.drop_index("ix_conflict_declaration_person_id", table_name="conflict_declaration")
    op.drop_table("conflict_declaration")
    op.drop_index(
        "uq_application_one_live_per_organization",
        table_name="application",
        postgresql_where=sa.text("state <> 'withdrawn'"),
    )
    op.drop_index("ix_application_organization_id", table_name="application")
    op.drop_index("ix_application_call_id_state", table_name="application")
    op.drop_table("application")
    op.drop_index(op.f("ix_session_person_id"), table_name="session")
    op.drop_table("session")
    op.drop_index("uq_role_grant_live", table_name="role_grant", postgresql_where=sa.text("revoked_at IS NULL"))
    op.drop_table("role_grant")
    op.drop_table("reviewer_profile")
    op.drop_index("uq_membership_live", table_name="membership", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index(op.f("ix_membership_person_id"), table_name="membership")
    op.drop_table("membership")
    op.drop_index(op.f("ix_invitation_organization_id"), table_name="invitation")
    op.drop_table("invitation")
    op.drop_index("ix_history_entry_subject", table_name="history_entry")
    op.drop_index(op.f("ix_history_entry_actor_id"), table_name="history_entry")
    op.drop_table("history_entry")
    op.drop_index("ix_call_state_closes_at", table_name="call")
    op.drop_table("call")
    op.drop_index("uq_bank_account_live", table_name="bank_account", postgresql_where=sa.text("state <> 'blocked'"))
    op.drop_index(op.f("ix_bank_account_organization_id"), table_name="bank_account")
    op.drop_table("bank_account")
    op.drop_index(op.f("ix_answer_sheet_questionnaire_id"), table_name="answer_sheet")
    op.drop_table("answer_sheet")
    op.drop_index("ix_sweep_run_ran_at", table_name="sweep_run")
    op.drop_table("sweep_run")
    op.drop_table("stored_file")
    op.drop_table("questionnaire")
    op.drop_index("uq_person_email_lower", table_name="person")
    op.drop_table("person")
    op.drop_index("ix_outbox_to_person", table_name="outbox")
    op.drop_index("ix_outbox_due", table_name="outbox", postgresql_where=sa.text("state = 'due'"))
    op.drop_table("outbox")
    op.drop_table("organization")
    op.drop_index("ix_failed_sign_in_email_hash_at", table_name="failed_sign_in")
    op.drop_table("failed_sign_in")
    for function in (
        "seal_history",
        "keep_totals",
        "keep_deadline",
        "keep_decided",
        "keep_prepared",
        "refuse_change",
        "app_now",
    ):
        op.execute(f"DROP FUNCTION {function}")
