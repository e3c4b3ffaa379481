"""Administrators and finance officers are proposed by one administrator and confirmed by another."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

ROLES = (
    "administrator", "auditor", "committee_member", "finance_officer", "global_coordinator", "regional_coordinator",
    "reviewer",
)  # fmt: skip


# A trigger and no constraint: what one administrator gave before stays as it was.
TAKES_TWO = """
CREATE FUNCTION role_takes_two() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.role IN ('administrator', 'finance_officer') AND NEW.granted_by_id IS NOT NULL
        AND (NEW.proposed_by_id IS NULL OR NEW.proposed_by_id = NEW.granted_by_id) THEN
        RAISE EXCEPTION 'this role is proposed by one administrator and confirmed by another' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
"""


def upgrade() -> None:
    op.add_column("role_grant", sa.Column("proposed_by_id", sa.BigInteger(), nullable=True))
    name = op.f("fk_role_grant_proposed_by_id_person")
    op.create_foreign_key(name, "role_grant", "person", ["proposed_by_id"], ["id"])
    op.execute(TAKES_TWO)
    op.execute(
        "CREATE TRIGGER takes_two BEFORE INSERT OR UPDATE OF person_id, role, proposed_by_id, granted_by_id"
        " ON role_grant FOR EACH ROW EXECUTE FUNCTION role_takes_two()"
    )
    op.create_table(
        "role_proposal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("regions", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("proposed_by_id", sa.BigInteger(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("answered_by_id", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN (" + ", ".join(f"'{role}'" for role in ROLES) + ")", name=op.f("ck_role_proposal_role_is_known")
        ),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (answered_by_id IS NULL)", name=op.f("ck_role_proposal_answered_by_somebody")
        ),
        sa.CheckConstraint(
            "NOT confirmed OR answered_by_id <> proposed_by_id", name=op.f("ck_role_proposal_confirmed_by_another")
        ),
        sa.CheckConstraint(
            "NOT confirmed OR answered_by_id <> person_id", name=op.f("ck_role_proposal_not_confirmed_by_oneself")
        ),
        *(
            sa.ForeignKeyConstraint([column], ["person.id"], name=op.f(f"fk_role_proposal_{column}_person"))
            for column in ("person_id", "proposed_by_id", "answered_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_proposal")),
    )
    op.create_index(
        "uq_role_proposal_open",
        "role_proposal",
        ["person_id", "role"],
        unique=True,
        postgresql_where=sa.text("answered_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("role_proposal")
    op.execute("DROP TRIGGER takes_two ON role_grant")
    op.execute("DROP FUNCTION role_takes_two()")
    op.drop_column("role_grant", "proposed_by_id")
