"""Who stands close to an organization is looked up, where every organization was compared."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

CLOSE_ORGANIZATIONS = """
CREATE OR REPLACE FUNCTION close_organizations(people bigint[]) RETURNS TABLE (
    person_id bigint, organization_id bigint, kind text, through_id bigint, said bigint, is_same boolean, belongs boolean
) LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN RETURN QUERY
WITH tie AS (
    SELECT m.person_id, m.organization_id, 'member' AS kind, NULL::bigint AS said, true AS belongs
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
    OF_THE_YEAR
    WHERE y.person_id = ANY (people) AND NOT EXISTS (
        SELECT FROM year_declaration AS later WHERE later.person_id = y.person_id AND later.id > y.id
    )
), same AS (
    SELECT person_id, organization_id, kind, NULL::bigint AS through_id, said, belongs FROM tie
    UNION ALL
    SELECT t.person_id, o.id, 'united', x.id, t.said, t.belongs
    FROM tie AS t UNITED
)
SELECT person_id, organization_id, kind, through_id, said, true, belongs FROM same
UNION ALL
SELECT s.person_id, o.id, 'sponsor', x.id, s.said, false, false
FROM same AS s SPONSORS
UNION ALL
SELECT s.person_id, o.id, 'contact', x.id, s.said, false, false
FROM same AS s CONTACTS
UNION ALL
SELECT DISTINCT s.person_id, other.organization_id, 'people', s.organization_id, s.said, false, false
FROM same AS s
JOIN membership AS one ON one.organization_id = s.organization_id AND one.ended_at IS NULL AND one.person_id <> s.person_id
JOIN membership AS other ON other.person_id = one.person_id AND other.ended_at IS NULL
WHERE other.organization_id <> s.organization_id;
END $$
"""

EACH = "CROSS JOIN LATERAL (SELECT * FROM organization WHERE id = s.organization_id OFFSET 0) AS x"
"""Those to start from, one after the other (OFFSET 0): the planner expects them to be far more than they are, and would
compare every organization with every other first."""

LOOKED_UP = {
    "OF_THE_YEAR": """CROSS JOIN LATERAL (
        SELECT id FROM organization WHERE named.name <> '' AND plain_name(name) = named.name
        UNION SELECT id FROM organization WHERE named.name <> '' AND reference = upper(replace(named.name, ' ', '-'))
    ) AS o""",
    "UNITED": EACH.replace("s.", "t.") + """ CROSS JOIN LATERAL (
        SELECT id FROM organization WHERE id = x.duplicate_of_id
        UNION SELECT id FROM organization WHERE duplicate_of_id = x.id
        UNION SELECT id FROM organization WHERE duplicate_of_id = x.duplicate_of_id
    ) AS o WHERE o.id <> x.id""",
    "SPONSORS": EACH + """ CROSS JOIN LATERAL (
    SELECT id FROM organization WHERE id = x.fiscal_sponsor_id
    UNION SELECT id FROM organization WHERE fiscal_sponsor_id = x.id
    UNION SELECT id FROM organization WHERE plain_name(fiscal_sponsor) = nullif(plain_name(x.name), '')
    UNION SELECT id FROM organization WHERE plain_name(name) = nullif(plain_name(x.fiscal_sponsor), '')
) AS o WHERE o.id <> x.id""",
    "CONTACTS": EACH + """ CROSS JOIN LATERAL (
    SELECT id FROM organization WHERE nullif(lower(email), '') = nullif(lower(x.email), '')
    UNION SELECT id FROM organization WHERE length(plain_number(x.phone)) > 5 AND plain_number(phone) = plain_number(x.phone)
) AS o WHERE o.id <> x.id""",
}

COMPARED = {
    "OF_THE_YEAR": "JOIN organization AS o ON named.name <> ''"
    " AND (plain_name(o.name) = named.name OR o.reference = upper(replace(named.name, ' ', '-')))",
    "UNITED": """JOIN organization AS x ON x.id = t.organization_id JOIN organization AS o ON o.id <> x.id
        AND (o.duplicate_of_id = x.id OR o.id = x.duplicate_of_id OR o.duplicate_of_id = x.duplicate_of_id)""",
    "SPONSORS": """JOIN organization AS x ON x.id = s.organization_id JOIN organization AS o
    ON o.id <> x.id AND (
        o.fiscal_sponsor_id = x.id OR o.id = x.fiscal_sponsor_id
        OR plain_name(o.fiscal_sponsor) = nullif(plain_name(x.name), '')
        OR plain_name(o.name) = nullif(plain_name(x.fiscal_sponsor), '')
    )""",
    "CONTACTS": """JOIN organization AS x ON x.id = s.organization_id JOIN organization AS o
    ON o.id <> x.id AND (
        nullif(lower(o.email), '') = nullif(lower(x.email), '')
        OR (plain_number(o.phone) = plain_number(x.phone) AND length(plain_number(x.phone)) > 5)
    )""",
}


def written(parts: dict[str, str]) -> str:
    function = CLOSE_ORGANIZATIONS
    for name, part in parts.items():
        function = function.replace(name, part)
    return function


def upgrade() -> None:
    op.execute(written(LOOKED_UP))


def downgrade() -> None:
    op.execute(written(COMPARED))
