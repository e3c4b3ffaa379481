"""Partners that an application names are looked up by name, where every application to the call was compared."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

COMPARED = """
SELECT n.person_id, a.id, a.organization_id, 'partner', n.id
FROM named AS n
JOIN application AS own ON own.organization_id = n.id AND own.partners <> '{}'
JOIN organization AS o ON plain_name(o.name) = ANY (plain_names(own.partners)) AND plain_name(o.name) <> '' AND o.id <> n.id
JOIN application AS a ON a.organization_id = o.id AND a.call_id = own.call_id
WHERE (in_call IS NULL OR a.call_id = in_call) AND still_said(n.said, a.call_id)
"""

LOOKED_UP = """
SELECT p.person_id, a.id, a.organization_id, 'partner', p.through_id
FROM partner AS p JOIN application AS a ON a.organization_id = p.organization_id AND a.call_id = p.call_id
WHERE (in_call IS NULL OR a.call_id = in_call) AND still_said(p.said, a.call_id)
"""

PARTNERS = """, partner AS MATERIALIZED (
    SELECT DISTINCT n.person_id, n.id AS through_id, n.said, own.call_id, o.id AS organization_id
    FROM named AS n JOIN application AS own ON own.organization_id = n.id AND own.partners <> '{}'
    CROSS JOIN LATERAL unnest(plain_names(own.partners)) AS told (name)
    JOIN organization AS o ON plain_name(o.name) = told.name AND told.name <> '' AND o.id <> n.id
)"""

CONFLICTS = """
CREATE OR REPLACE FUNCTION conflicts(people bigint[], in_call bigint) RETURNS TABLE (
    person_id bigint, application_id bigint, organization_id bigint, kind text, through_id bigint
) LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN RETURN QUERY
WITH near AS (
    SELECT * FROM close_organizations(people)
), named AS (
    SELECT n.person_id, o.id, n.said,
        array_remove(ARRAY[plain_name(o.name), plain_name(o.reference), plain_name(o.identifier)], '') AS names
    FROM near AS n JOIN organization AS o ON o.id = n.organization_id WHERE n.is_same
)PARTNERS_FIRST
SELECT n.person_id, a.id, a.organization_id, n.kind, n.through_id
FROM near AS n JOIN application AS a ON a.organization_id = n.organization_id
WHERE (in_call IS NULL OR a.call_id = in_call) AND still_said(n.said, a.call_id)
UNION ALL
SELECT n.person_id, a.id, a.organization_id, 'partner', n.id
FROM named AS n JOIN application AS a ON plain_names(a.partners) && n.names AND a.organization_id <> n.id
WHERE (in_call IS NULL OR a.call_id = in_call) AND still_said(n.said, a.call_id)
UNION ALL
OF_PARTNERS
UNION ALL
SELECT n.person_id, a.id, a.organization_id, 'rival', n.organization_id
FROM near AS n
JOIN application AS own ON own.organization_id = n.organization_id
    AND own.submitted_at IS NOT NULL AND own.state <> 'withdrawn'
JOIN application AS a ON a.call_id = own.call_id AND a.lot_key IS NOT DISTINCT FROM own.lot_key
    AND a.organization_id <> own.organization_id
WHERE n.belongs AND (in_call IS NULL OR a.call_id = in_call) AND still_said(n.said, a.call_id)
UNION ALL
SELECT s.reviewer_id, a.id, a.organization_id, 'recused', NULL
FROM assignment AS s JOIN application AS a ON a.id = s.application_id
WHERE s.reviewer_id = ANY (people) AND s.state = 'recused' AND (in_call IS NULL OR a.call_id = in_call)
UNION ALL
SELECT r.person_id, a.id, a.organization_id, 'recused', NULL
FROM recusal AS r JOIN application AS a ON a.id = r.application_id
WHERE r.person_id = ANY (people) AND (in_call IS NULL OR a.call_id = in_call);
END $$
"""


def upgrade() -> None:
    op.execute(CONFLICTS.replace("PARTNERS_FIRST", PARTNERS).replace("OF_PARTNERS", LOOKED_UP.strip()))


def downgrade() -> None:
    op.execute(CONFLICTS.replace("PARTNERS_FIRST", "").replace("OF_PARTNERS", COMPARED.strip()))
