"""Accounts that are one organization are as confidential as the strictest of them when they are linked or one is tightened."""

from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

LINKED = """
CREATE FUNCTION tighten_linked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head bigint := coalesce(NEW.duplicate_of_id, NEW.id);
    tightest text;
BEGIN
    SELECT min(confidentiality_default COLLATE "C") INTO tightest FROM organization
        WHERE id = head OR duplicate_of_id = head;
    UPDATE organization SET confidentiality_default = tightest WHERE (id = head OR duplicate_of_id = head)
        AND strictest_class(confidentiality_default, tightest) <> confidentiality_default;
    RETURN NULL;
END $$
"""
# What was loosened with consent stays loose until something is tightened again: each account consents for itself.


def upgrade() -> None:
    op.execute(LINKED)
    op.execute(
        "CREATE TRIGGER linked AFTER UPDATE OF duplicate_of_id ON organization FOR EACH ROW"
        " WHEN (NEW.duplicate_of_id IS NOT NULL AND NEW.duplicate_of_id IS DISTINCT FROM OLD.duplicate_of_id)"
        " EXECUTE FUNCTION tighten_linked()"
    )
    op.execute(
        "CREATE TRIGGER tightened_linked AFTER UPDATE OF confidentiality_default ON organization FOR EACH ROW"
        " WHEN (strictest_class(OLD.confidentiality_default, NEW.confidentiality_default)"
        " <> OLD.confidentiality_default) EXECUTE FUNCTION tighten_linked()"
    )
    # Those that are linked by now.
    op.execute("UPDATE organization SET confidentiality_default = tightest.class FROM ("
        "SELECT coalesce(duplicate_of_id, id) AS head, min(confidentiality_default COLLATE \"C\") AS class"
        " FROM organization GROUP BY 1 HAVING count(*) > 1) AS tightest"
        " WHERE coalesce(duplicate_of_id, id) = tightest.head"
        " AND strictest_class(confidentiality_default, tightest.class) <> confidentiality_default"
    )


def downgrade() -> None:
    for name in ("linked", "tightened_linked"):
        op.execute(f"DROP TRIGGER {name} ON organization")
    op.execute("DROP FUNCTION tighten_linked()")
