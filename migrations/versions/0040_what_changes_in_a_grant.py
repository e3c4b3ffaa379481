"""What changes in a grant: versions of what was signed, amendments, notices of budget changes, letters about its standing."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

RECORDS = ("award_version", "budget_notice")

LETTERS = ["award", "reserve", "decline", "ineligible", "agreement"]
STANDING = ["suspension", "resumption", "termination"]

STATES = (
    "'requested', 'approved', 'revised', 'returned', 'drawn_up', 'signed', 'granted', 'refused', 'withdrawn', 'lapsed'"
)
OPEN = "state IN ('requested', 'approved', 'revised', 'returned', 'drawn_up')"

# What stands now is all that is known of grants that were signed before versions were kept; the row says so.
BEFORE = """
INSERT INTO award_version (award_id, number, agreement_id, made_at, reconstructed, terms)
SELECT a.id, 1, g.id, g.signed_at, true, jsonb_build_object(
    'minor', a.amount_minor, 'currency', a.currency, 'start_on', a.start_on, 'end_on', a.end_on, 'scope', '',
    'budget', (SELECT coalesce(jsonb_agg(jsonb_build_object('heading', heading, 'title', title, 'minor', amount_minor)
        ORDER BY position), '[]') FROM budget_line WHERE award_id = a.id),
    'milestones', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'title', title, 'due_on', due_on)
        ORDER BY due_on, id), '[]') FROM milestone WHERE award_id = a.id),
    'tranches', (SELECT coalesce(jsonb_agg(jsonb_build_object('number', number, 'minor', amount_minor, 'trigger', trigger,
        'min_spent_percent', min_spent_percent, 'due_on', due_on) ORDER BY number), '[]') FROM tranche WHERE award_id = a.id),
    'reports', (SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'label', label, 'kind', kind, 'required', required,
        'due_on', due_on) ORDER BY due_on), '[]') FROM report_due WHERE award_id = a.id),
    'conditions', (SELECT coalesce(jsonb_agg(jsonb_build_object('text', text, 'due_on', due_on) ORDER BY id), '[]')
        FROM condition WHERE award_id = a.id))
FROM award a
JOIN LATERAL (SELECT id, signed_at FROM agreement WHERE award_id = a.id AND signed_at IS NOT NULL ORDER BY version DESC
    LIMIT 1) g ON true
"""


def _letters(kinds: list[str]) -> None:
    words = ", ".join(f"'{kind}'" for kind in kinds)
    for table in ("letter", "letter_template"):
        name = op.f(f"ck_{table}_kind_is_known")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"kind IN ({words})")


def _someone(table: str, *columns: str) -> list[sa.ForeignKeyConstraint]:
    return [sa.ForeignKeyConstraint([c], ["person.id"], name=op.f(f"fk_{table}_{c}")) for c in columns]


def _moment(name: str, *, recorded: bool = False, nullable: bool = True) -> sa.Column:
    default = sa.text("app_now()") if recorded else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable and not recorded)


def upgrade() -> None:
    op.add_column("tranche", sa.Column("cancelled_on", sa.Date(), nullable=True))
    _letters(LETTERS + STANDING)
    op.create_table(
        "award_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("agreement_id", sa.BigInteger(), nullable=False),
        sa.Column("terms", JSONB(), nullable=False),
        _moment("made_at", recorded=True),
        sa.Column("reconstructed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_award_version_award_id")),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_award_version_agreement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_version")),
        sa.UniqueConstraint("award_id", "number", name=op.f("uq_award_version_award_id_number")),
        sa.UniqueConstraint("agreement_id", name=op.f("uq_award_version_agreement_id")),
    )
    op.execute(BEFORE)
    op.create_table(
        "amendment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kinds", ARRAY(sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=True),
        sa.Column("moves", JSONB(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        _moment("asked_at", recorded=True),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=False),
        sa.Column("assisted", sa.Boolean(), nullable=False),
        _moment("confirmed_at"),
        sa.Column("confirmed_by_id", sa.BigInteger(), nullable=True),
        _moment("decided_at"),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("revision", JSONB(), nullable=False),
        _moment("waits_since", nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("agreement_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_amendment_state_is_known")),
        sa.CheckConstraint(
            "cardinality(kinds) > 0 AND kinds <@ ARRAY['no_cost_extension', 'budget_change', 'scope_change']::text[]",
            name=op.f("ck_amendment_kinds_are_known"),
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_amendment_with_a_reason")),
        sa.CheckConstraint(
            "(confirmed_at IS NULL) = (confirmed_by_id IS NULL)", name=op.f("ck_amendment_confirmed_by_someone")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by_id IS NULL)", name=op.f("ck_amendment_decided_by_someone")
        ),
        sa.CheckConstraint(
            "state NOT IN ('drawn_up', 'signed') OR agreement_id IS NOT NULL",
            name=op.f("ck_amendment_drawn_up_as_a_document"),
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_amendment_award_id")),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_amendment_agreement_id")),
        *_someone("amendment", "asked_by_id", "confirmed_by_id", "decided_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_amendment")),
        sa.UniqueConstraint("award_id", "number", name=op.f("uq_amendment_award_id_number")),
    )
    op.create_index("uq_amendment_open", "amendment", ["award_id"], unique=True, postgresql_where=sa.text(OPEN))
    op.create_index("ix_amendment_agreement_id", "amendment", ["agreement_id"])
    op.create_index("ix_amendment_state_id", "amendment", ["state", "id"])
    op.create_table(
        "budget_notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("moves", JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _moment("given_at", recorded=True),
        sa.Column("given_by_id", sa.BigInteger(), nullable=False),
        sa.Column("amendment_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_budget_notice_award_id")),
        sa.ForeignKeyConstraint(["amendment_id"], ["amendment.id"], name=op.f("fk_budget_notice_amendment_id")),
        *_someone("budget_notice", "given_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_notice")),
        sa.UniqueConstraint("award_id", "number", name=op.f("uq_budget_notice_award_id_number")),
    )
    op.create_index("ix_budget_notice_amendment_id", "budget_notice", ["amendment_id"])
    for table in RECORDS:
        op.execute(
            f"CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"CREATE TRIGGER kept_whole BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    for table in ("budget_notice", "amendment", "award_version"):
        op.drop_table(table)
    _letters(LETTERS)
    op.drop_column("tranche", "cancelled_on")
