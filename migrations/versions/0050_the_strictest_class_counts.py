"""What belongs to an organization is never less confidential than the organization; what was tightened is counted."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

OWNED = ("application", "award", "past_award")

# The classes from the strictest to the loosest are in the order of the alphabet.
STRICTEST = """
CREATE FUNCTION strictest_class(one text, other text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT least(one COLLATE "C", other COLLATE "C")
$$
"""

AS_STRICT = """
CREATE FUNCTION as_strict_as_organization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.confidentiality := strictest_class(
        NEW.confidentiality,
        (SELECT confidentiality_default FROM organization WHERE id = NEW.organization_id)
    );
    RETURN NEW;
END $$
"""

WITH_ORGANIZATION = """
CREATE FUNCTION tighten_with_organization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE application SET confidentiality = NEW.confidentiality_default WHERE organization_id = NEW.id
        AND strictest_class(confidentiality, NEW.confidentiality_default) <> confidentiality;
    UPDATE award SET confidentiality = NEW.confidentiality_default WHERE organization_id = NEW.id
        AND strictest_class(confidentiality, NEW.confidentiality_default) <> confidentiality;
    UPDATE past_award SET confidentiality = NEW.confidentiality_default WHERE organization_id = NEW.id
        AND strictest_class(confidentiality, NEW.confidentiality_default) <> confidentiality;
    RETURN NULL;
END $$
"""

NOTED = """
CREATE FUNCTION note_tightening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tightening (subject_kind, subject_id) VALUES (TG_TABLE_NAME, NEW.id);
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "tightening",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tightening")),
    )
    for function in (STRICTEST, AS_STRICT, WITH_ORGANIZATION, NOTED):
        op.execute(function)
    for table in OWNED:
        op.execute(
            f"UPDATE {table} AS its SET confidentiality = o.confidentiality_default FROM organization AS o"
            " WHERE o.id = its.organization_id"
            " AND strictest_class(its.confidentiality, o.confidentiality_default) <> its.confidentiality"
        )
        op.execute(
            f"CREATE TRIGGER as_strict BEFORE INSERT OR UPDATE OF confidentiality, organization_id ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION as_strict_as_organization()"
        )
        op.execute(
            f"CREATE TRIGGER tightening_noted AFTER UPDATE ON {table} FOR EACH ROW"
            " WHEN (strictest_class(OLD.confidentiality, NEW.confidentiality) <> OLD.confidentiality)"
            " EXECUTE FUNCTION note_tightening()"
        )
    tightened = (
        "WHEN (strictest_class(OLD.confidentiality_default, NEW.confidentiality_default)"
        " <> OLD.confidentiality_default)"
    )
    for name, function in (
        ("tightened_together", "tighten_with_organization"),
        ("tightening_noted", "note_tightening"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} AFTER UPDATE OF confidentiality_default ON organization FOR EACH ROW"
            f" {tightened} EXECUTE FUNCTION {function}()"
        )
    op.add_column("dossier", sa.Column("confidentiality", sa.Text(), server_default="public", nullable=False))
    op.create_check_constraint(
        op.f("ck_dossier_confidentiality_is_known"),
        "dossier",
        "confidentiality IN ('public', 'name_withheld', 'fully_confidential')",
    )


def downgrade() -> None:
    op.drop_column("dossier", "confidentiality")
    for name in ("tightened_together", "tightening_noted"):
        op.execute(f"DROP TRIGGER {name} ON organization")
    for table in OWNED:
        op.execute(f"DROP TRIGGER tightening_noted ON {table}")
        op.execute(f"DROP TRIGGER as_strict ON {table}")
    for function in ("note_tightening", "tighten_with_organization", "as_strict_as_organization"):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DROP FUNCTION strictest_class(text, text)")
    op.drop_table("tightening")
