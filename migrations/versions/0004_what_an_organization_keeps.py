"""Organizations keep their documents and identifiers, are joined on request, have fiscal sponsors, and are compared."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PLAIN_NAME = """
CREATE FUNCTION plain_name(name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN trim(regexp_replace(lower(unaccent('unaccent', name)), '[^[:alnum:]]+', ' ', 'g'))
"""
# A name without accents, case and punctuation. The dictionary is named, so that it is as immutable as it says.

PLAIN_NUMBER = """
CREATE FUNCTION plain_number(number text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN nullif(upper(regexp_replace(number, '[^[:alnum:]]', '', 'g')), '')
"""

WEB_DOMAIN = r"""
CREATE FUNCTION web_domain(address text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN nullif(regexp_replace(lower(trim(address)), '^(.*@|[a-z]+://)?(www\.)?([^/:?#]*).*$', '\3'), '')
"""
# Of an e-mail address or of a website: where both live.

KNOWN_IDENTIFIERS = """
INSERT INTO organization_identifier (organization_id, list_code, number)
SELECT id, upper(known[1]), known[2]
FROM organization, regexp_match(identifier, '^([A-Za-z]{2}-[A-Za-z0-9_]+)-(\\S+)$') AS known
WHERE known IS NOT NULL
"""


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS unaccent")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    for function in (PLAIN_NAME, PLAIN_NUMBER, WEB_DOMAIN):
        op.execute(function)
    _organization()
    _requests_and_documents()
    _identifiers_and_sponsors()
    _resemblances()


def _organization() -> None:
    for name, kind, start in (
        ("phone", sa.Text(), "''"),
        ("website", sa.Text(), "''"),
        ("previous_grants", postgresql.JSONB(astext_type=sa.Text()), "'[]'"),
    ):
        op.add_column("organization", sa.Column(name, kind, nullable=False, server_default=sa.text(start)))
        op.alter_column("organization", name, server_default=None)
    changed = sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False)
    op.add_column("organization", changed)
    for name in ("fiscal_sponsor_id", "duplicate_of_id"):
        op.add_column("organization", sa.Column(name, sa.BigInteger(), nullable=True))
        op.create_foreign_key(op.f(f"fk_organization_{name}"), "organization", "organization", [name], ["id"])
        op.create_index(op.f(f"ix_organization_{name}"), "organization", [name])
    op.create_check_constraint(op.f("ck_organization_sponsor_is_another"), "organization", "fiscal_sponsor_id <> id")
    op.create_check_constraint(op.f("ck_organization_duplicate_of_another"), "organization", "duplicate_of_id <> id")
    op.execute("CREATE INDEX ix_organization_plain_name ON organization USING gin (plain_name(name) gin_trgm_ops)")
    op.create_index("ix_organization_plain_number", "organization", [sa.text("plain_number(registration_number)")])
    op.create_index("ix_organization_email_domain", "organization", [sa.text("web_domain(email)")])
    op.create_index("ix_organization_website_domain", "organization", [sa.text("web_domain(website)")])


def _requests_and_documents() -> None:
    op.create_table(
        "joining_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state NOT IN ('accepted', 'declined') OR decided_by_id IS NOT NULL",
            name=op.f("ck_joining_request_decided_by_somebody"),
        ),
        sa.CheckConstraint(
            "state <> 'declined' OR reason IS NOT NULL", name=op.f("ck_joining_request_declined_with_a_reason")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'accepted', 'declined', 'withdrawn')", name=op.f("ck_joining_request_state_is_known")
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_joining_request_decided_by_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_joining_request_organization_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_joining_request_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joining_request")),
    )
    op.create_index(op.f("ix_joining_request_organization_id"), "joining_request", ["organization_id"])
    op.create_index(op.f("ix_joining_request_person_id"), "joining_request", ["person_id"])
    op.create_index(
        "uq_joining_request_waiting",
        "joining_request",
        ["organization_id", "person_id"],
        unique=True,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "kept_document",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("added_by_id", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('registration_certificate', 'statutes', 'board_list', 'accounts_last_year', 'audit_report',"
            " 'safeguarding_policy', 'other')",
            name=op.f("ck_kept_document_kind_is_known"),
        ),
        sa.CheckConstraint("state IN ('kept', 'removed')", name=op.f("ck_kept_document_state_is_known")),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_kept_document_ends_after_it_begins")),
        sa.ForeignKeyConstraint(["added_by_id"], ["person.id"], name=op.f("fk_kept_document_added_by_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_kept_document_file_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_kept_document_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_document")),
    )
    op.create_index(op.f("ix_kept_document_organization_id"), "kept_document", ["organization_id"])
    op.create_index(
        "ix_kept_document_valid_until", "kept_document", ["valid_until"], postgresql_where=sa.text("state = 'kept'")
    )


def _identifiers_and_sponsors() -> None:
    op.create_table(
        "organization_identifier",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("list_code", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("added_by_id", sa.BigInteger(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.ForeignKeyConstraint(["added_by_id"], ["person.id"], name=op.f("fk_organization_identifier_added_by_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_organization_identifier_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization_identifier")),
        sa.UniqueConstraint(
            "organization_id",
            "list_code",
            "number",
            name=op.f("uq_organization_identifier_organization_id_list_code_number"),
        ),
    )
    op.create_index(
        "ix_organization_identifier_number", "organization_identifier", ["list_code", sa.text("plain_number(number)")]
    )
    op.execute(KNOWN_IDENTIFIERS)
    op.create_table(
        "sponsorship",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("sponsor_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("organization_id <> sponsor_id", name=op.f("ck_sponsorship_sponsor_is_another")),
        sa.CheckConstraint(
            "state IN ('asked', 'consented', 'declined', 'withdrawn', 'ended')",
            name=op.f("ck_sponsorship_state_is_known"),
        ),
        sa.ForeignKeyConstraint(["asked_by_id"], ["person.id"], name=op.f("fk_sponsorship_asked_by_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_sponsorship_organization_id")),
        sa.ForeignKeyConstraint(["sponsor_id"], ["organization.id"], name=op.f("fk_sponsorship_sponsor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sponsorship")),
    )
    op.create_index(op.f("ix_sponsorship_organization_id"), "sponsorship", ["organization_id"])
    op.create_index(op.f("ix_sponsorship_sponsor_id"), "sponsorship", ["sponsor_id"])
    op.create_index(
        "uq_sponsorship_live",
        "sponsorship",
        ["organization_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('asked', 'consented')"),
    )


def _resemblances() -> None:
    op.create_table(
        "resemblance",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("second_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("alike", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("similarity", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_resemblance_each_pair_once")),
        sa.CheckConstraint("state IN ('found', 'same', 'different')", name=op.f("ck_resemblance_state_is_known")),
        sa.ForeignKeyConstraint(["first_id"], ["organization.id"], name=op.f("fk_resemblance_first_id")),
        sa.ForeignKeyConstraint(["second_id"], ["organization.id"], name=op.f("fk_resemblance_second_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resemblance")),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_resemblance_first_id_second_id")),
    )
    op.create_index(op.f("ix_resemblance_second_id"), "resemblance", ["second_id"])
    op.create_table(
        "comparison",
        sa.Column("organization_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_comparison_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_comparison")),
    )


def downgrade() -> None:
    for table in (
        *("comparison", "resemblance", "sponsorship", "organization_identifier", "kept_document"),
        "joining_request",
    ):
        op.drop_table(table)
    for name in ("plain_name", "plain_number", "email_domain", "website_domain"):
        op.drop_index(f"ix_organization_{name}", table_name="organization")
    for name in ("duplicate_of_id", "fiscal_sponsor_id", "changed_at", "previous_grants", "website", "phone"):
        op.drop_column("organization", name)
    for function in ("web_domain", "plain_number", "plain_name"):
        op.execute(f"DROP FUNCTION {function}(text)")
    op.execute("DROP EXTENSION IF EXISTS pg_trgm")
    op.execute("DROP EXTENSION IF EXISTS unaccent")
