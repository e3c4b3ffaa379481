"""Who has no tie at all, like most people, is told so before anything is looked for that would follow from one."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

TIES = """    SELECT m.person_id, m.organization_id, 'member' AS kind, NULL::bigint AS said, true AS belongs
    FROM membership AS m
    WHERE m.person_id = ANY (people) AND (m.ended_at IS NULL OR m.ended_at > app_now() - interval '2 years')
    UNION ALL
    SELECT p.id, o.id, 'contact', NULL, true
    FROM person AS p JOIN organization AS o ON nullif(lower(o.email), '') = lower(p.email)
    WHERE p.id = ANY (people)
    UNION ALL
    SELECT d.person_id, d.organization_id, 'declared', d.id, false
    FROM conflict_declaration AS d WHERE d.person_id = ANY (people) AND d.grade = 'conflict'
    UNION ALL
    SELECT y.person_id, o.id, 'year', NULL, true
    FROM year_declaration AS y CROSS JOIN unnest(plain_names(y.organizations)) AS named (name)
    CROSS JOIN LATERAL (
        SELECT id FROM organization WHERE named.name <> '' AND plain_name(name) = named.name
        UNION SELECT id FROM organization WHERE named.name <> '' AND reference = upper(replace(named.name, ' ', '-'))
    ) AS o
    WHERE y.person_id = ANY (people) AND NOT EXISTS (
        SELECT FROM year_declaration AS later WHERE later.person_id = y.person_id AND later.id > y.id
    )"""

TIES_OF = f"""
CREATE FUNCTION ties_of(people bigint[]) RETURNS TABLE (
    person_id bigint, organization_id bigint, kind text, said bigint, belongs boolean
) LANGUAGE plpgsql STABLE ROWS 1 AS $$
#variable_conflict use_column
BEGIN RETURN QUERY
{TIES};
END $$
"""

CLOSE_ORGANIZATIONS = """
CREATE OR REPLACE FUNCTION close_organizations(people bigint[]) RETURNS TABLE (
    person_id bigint, organization_id bigint, kind text, through_id bigint, said bigint, is_same boolean, belongs boolean
) LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
EARLYRETURN QUERY
WITH tie AS (
TIES
), same AS (
    SELECT person_id, organization_id, kind, NULL::bigint AS through_id, said, belongs FROM tie
    UNION ALL
    SELECT t.person_id, o.id, 'united', x.id, t.said, t.belongs
    FROM tie AS t CROSS JOIN LATERAL (SELECT * FROM organization WHERE id = t.organization_id OFFSET 0) AS x CROSS JOIN LATERAL (
        SELECT id FROM organization WHERE id = x.duplicate_of_id
        UNION SELECT id FROM organization WHERE duplicate_of_id = x.id
        UNION SELECT id FROM organization WHERE duplicate_of_id = x.duplicate_of_id
    ) AS o WHERE o.id <> x.id
)
SELECT person_id, organization_id, kind, through_id, said, true, belongs FROM same
UNION ALL
SELECT s.person_id, o.id, 'sponsor', x.id, s.said, false, false
FROM same AS s CROSS JOIN LATERAL (SELECT * FROM organization WHERE id = s.organization_id OFFSET 0) AS x CROSS JOIN LATERAL (
    SELECT id FROM organization WHERE id = x.fiscal_sponsor_id
    UNION SELECT id FROM organization WHERE fiscal_sponsor_id = x.id
    UNION SELECT id FROM organization WHERE plain_name(fiscal_sponsor) = nullif(plain_name(x.name), '')
    UNION SELECT id FROM organization WHERE plain_name(name) = nullif(plain_name(x.fiscal_sponsor), '')
) AS o WHERE o.id <> x.id
UNION ALL
SELECT s.person_id, o.id, 'contact', x.id, s.said, false, false
FROM same AS s CROSS JOIN LATERAL (SELECT * FROM organization WHERE id = s.organization_id OFFSET 0) AS x CROSS JOIN LATERAL (
    SELECT id FROM organization WHERE nullif(lower(email), '') = nullif(lower(x.email), '')
    UNION SELECT id FROM organization WHERE length(plain_number(x.phone)) > 5 AND plain_number(phone) = plain_number(x.phone)
) AS o WHERE o.id <> x.id
UNION ALL
SELECT DISTINCT s.person_id, other.organization_id, 'people', s.organization_id, s.said, false, false
FROM same AS s
JOIN membership AS one ON one.organization_id = s.organization_id AND one.ended_at IS NULL AND one.person_id <> s.person_id
JOIN membership AS other ON other.person_id = one.person_id AND other.ended_at IS NULL
WHERE other.organization_id <> s.organization_id;
END $$
"""

RECUSED = """SELECT s.reviewer_id, a.id, a.organization_id, 'recused', NULL::bigint
FROM assignment AS s JOIN application AS a ON a.id = s.application_id
WHERE s.reviewer_id = ANY (people) AND s.state = 'recused' AND (in_call IS NULL OR a.call_id = in_call)
UNION ALL
SELECT r.person_id, a.id, a.organization_id, 'recused', NULL
FROM recusal AS r JOIN application AS a ON a.id = r.application_id
WHERE r.person_id = ANY (people) AND (in_call IS NULL OR a.call_id = in_call)"""

CONFLICTS = """
CREATE OR REPLACE FUNCTION conflicts(people bigint[], in_call bigint) RETURNS TABLE (
    person_id bigint, application_id bigint, organization_id bigint, kind text, through_id bigint
) LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
EARLYRETURN QUERY
WITH near AS (
    SELECT * FROM close_organizations(people)
), named AS (
    SELECT n.person_id, o.id, n.said,
        array_remove(ARRAY[plain_name(o.name), plain_name(o.reference), plain_name(o.identifier)], '') AS names
    FROM near AS n JOIN organization AS o ON o.id = n.organization_id WHERE n.is_same
), partner AS MATERIALIZED (
    SELECT DISTINCT n.person_id, n.id AS through_id, n.said, own.call_id, o.id AS organization_id
    FROM named AS n JOIN application AS own ON own.organization_id = n.id AND own.partners <> '{}'
    CROSS JOIN LATERAL unnest(plain_names(own.partners)) AS told (name)
    JOIN organization AS o ON plain_name(o.name) = told.name AND told.name <> '' AND o.id <> n.id
)
SELECT n.person_id, a.id, a.organization_id, n.kind, n.through_id
FROM near AS n JOIN application AS a ON a.organization_id = n.organization_id
WHERE (in_call IS NULL OR a.call_id = in_call) AND still_said(n.said, a.call_id)
UNION ALL
SELECT n.person_id, a.id, a.organization_id, 'partner', n.id
FROM named AS n JOIN application AS a ON plain_names(a.partners) && n.names AND a.organization_id <> n.id
WHERE (in_call IS NULL OR a.call_id = in_call) AND still_said(n.said, a.call_id)
UNION ALL
SELECT p.person_id, a.id, a.organization_id, 'partner', p.through_id
FROM partner AS p JOIN application AS a ON a.organization_id = p.organization_id AND a.call_id = p.call_id
WHERE (in_call IS NULL OR a.call_id = in_call) AND still_said(p.said, a.call_id)
UNION ALL
SELECT n.person_id, a.id, a.organization_id, 'rival', n.organization_id
FROM near AS n
JOIN application AS own ON own.organization_id = n.organization_id
    AND own.submitted_at IS NOT NULL AND own.state <> 'withdrawn'
JOIN application AS a ON a.call_id = own.call_id AND a.lot_key IS NOT DISTINCT FROM own.lot_key
    AND a.organization_id <> own.organization_id
WHERE n.belongs AND (in_call IS NULL OR a.call_id = in_call) AND still_said(n.said, a.call_id)
UNION ALL
RECUSED;
END $$
"""

NO_TIES = "IF NOT EXISTS (SELECT FROM ties_of(people)) THEN RETURN; END IF;\n"
ONLY_RECUSED = f"IF NOT EXISTS (SELECT FROM ties_of(people)) THEN RETURN QUERY {RECUSED}; RETURN; END IF;\n"


def written(function: str, **parts: str) -> str:
    for name, part in parts.items():
        function = function.replace(name, part)
    return function


def upgrade() -> None:
    op.execute(TIES_OF)
    op.execute(written(CLOSE_ORGANIZATIONS, EARLY=NO_TIES, TIES="    SELECT * FROM ties_of(people)"))
    op.execute(written(CONFLICTS, EARLY=ONLY_RECUSED, RECUSED=RECUSED))


def downgrade() -> None:
    op.execute(written(CLOSE_ORGANIZATIONS, EARLY="", TIES=TIES))
    op.execute(written(CONFLICTS, EARLY="", RECUSED=RECUSED))
    op.execute("DROP FUNCTION ties_of(bigint[])")
