"""What the fund sees to itself was never signed: it does not stand in the versions of agreements that grantees compare."""

from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

# Such conditions are those with an owner; some of them have become visits.
INSIDE = """
UPDATE award_version AS version SET terms = jsonb_set(terms, '{conditions}', (
    SELECT coalesce(jsonb_agg(one ORDER BY place), '[]')
    FROM jsonb_array_elements(terms -> 'conditions') WITH ORDINALITY AS told(one, place)
    WHERE one ->> 'text' NOT IN (SELECT text FROM inside WHERE award_id = version.award_id)
))
WHERE EXISTS (
    SELECT FROM inside, jsonb_array_elements(terms -> 'conditions') AS one
    WHERE inside.award_id = version.award_id AND one ->> 'text' = inside.text
)
"""
OURS = """
WITH inside AS (
    SELECT award_id, text FROM condition WHERE owner_id IS NOT NULL
    UNION SELECT award_id, purpose FROM visit WHERE key IS NOT NULL
)
"""


def upgrade() -> None:
    op.execute("ALTER TABLE award_version DISABLE TRIGGER kept")
    op.execute(OURS + INSIDE)
    op.execute("ALTER TABLE award_version ENABLE TRIGGER kept")


def downgrade() -> None:
    """What was taken out stays out."""
