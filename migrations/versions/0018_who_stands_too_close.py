"""Ties are also computed, and declared for a year; partners that an application names are found by their names."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

PLAIN_NAMES = """
CREATE FUNCTION plain_names(names text[]) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT coalesce(array_agg(plain_name(name)), '{}') FROM unnest(names) AS name)
"""

STILL_SAID = """
CREATE FUNCTION still_said(said bigint, in_call bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT said IS NULL OR EXISTS (
        SELECT FROM conflict_declaration AS d
        WHERE d.id = said AND (d.call_id IS NULL OR in_call IS NULL OR d.call_id = in_call) AND NOT EXISTS (
            SELECT FROM conflict_declaration AS later
            WHERE later.person_id = d.person_id AND later.organization_id = d.organization_id AND later.id > d.id
                AND (later.call_id IS NULL OR later.call_id = coalesce(in_call, d.call_id))
        )
    )
$$
"""
# Whether a declared conflict holds in a call (or, without one, anywhere): it speaks of that call or of all, and nothing
# that was declared later about the same organization takes it back. What nobody said holds always.

CLOSE_ORGANIZATIONS = """
CREATE FUNCTION close_organizations(people bigint[]) RETURNS TABLE (
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
    JOIN organization AS o ON named.name <> '' AND (plain_name(o.name) = named.name OR o.reference = upper(replace(named.name, ' ', '-')))
    WHERE y.person_id = ANY (people) AND NOT EXISTS (
        SELECT FROM year_declaration AS later WHERE later.person_id = y.person_id AND later.id > y.id
    )
), same AS (
    SELECT person_id, organization_id, kind, NULL::bigint AS through_id, said, belongs FROM tie
    UNION ALL
    SELECT t.person_id, o.id, 'united', x.id, t.said, t.belongs
    FROM tie AS t JOIN organization AS x ON x.id = t.organization_id JOIN organization AS o
        ON o.id <> x.id AND (o.duplicate_of_id = x.id OR o.id = x.duplicate_of_id OR o.duplicate_of_id = x.duplicate_of_id)
)
SELECT person_id, organization_id, kind, through_id, said, true, belongs FROM same
UNION ALL
SELECT s.person_id, o.id, 'sponsor', x.id, s.said, false, false
FROM same AS s JOIN organization AS x ON x.id = s.organization_id JOIN organization AS o
    ON o.id <> x.id AND (
        o.fiscal_sponsor_id = x.id OR o.id = x.fiscal_sponsor_id
        OR plain_name(o.fiscal_sponsor) = nullif(plain_name(x.name), '')
        OR plain_name(o.name) = nullif(plain_name(x.fiscal_sponsor), '')
    )
UNION ALL
SELECT s.person_id, o.id, 'contact', x.id, s.said, false, false
FROM same AS s JOIN organization AS x ON x.id = s.organization_id JOIN organization AS o
    ON o.id <> x.id AND (
        nullif(lower(o.email), '') = nullif(lower(x.email), '')
        OR (plain_number(o.phone) = plain_number(x.phone) AND length(plain_number(x.phone)) > 5)
    )
UNION ALL
SELECT DISTINCT s.person_id, other.organization_id, 'people', s.organization_id, s.said, false, false
FROM same AS s
JOIN membership AS one ON one.organization_id = s.organization_id AND one.ended_at IS NULL AND one.person_id <> s.person_id
JOIN membership AS other ON other.person_id = one.person_id AND other.ended_at IS NULL
WHERE other.organization_id <> s.organization_id;
END $$
"""
# The organizations to which people stand too close, why, and through which other organization. ``said`` is the declared
# conflict on which it rests; ``is_same``: the organization itself, or another account of it; ``belongs``: the person is or
# was a member, is its contact, or named it among their own in the declaration of a year.

CONFLICTS = """
CREATE FUNCTION conflicts(people bigint[], in_call bigint) RETURNS TABLE (
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
)
SELECT n.person_id, a.id, a.organization_id, n.kind, n.through_id
FROM near AS n JOIN application AS a ON a.organization_id = n.organization_id
WHERE (in_call IS NULL OR a.call_id = in_call) AND still_said(n.said, a.call_id)
UNION ALL
SELECT n.person_id, a.id, a.organization_id, 'partner', n.id
FROM named AS n JOIN application AS a ON plain_names(a.partners) && n.names AND a.organization_id <> n.id
WHERE (in_call IS NULL OR a.call_id = in_call) AND still_said(n.said, a.call_id)
UNION ALL
SELECT n.person_id, a.id, a.organization_id, 'partner', n.id
FROM named AS n
JOIN application AS own ON own.organization_id = n.id AND own.partners <> '{}'
JOIN organization AS o ON plain_name(o.name) = ANY (plain_names(own.partners)) AND plain_name(o.name) <> '' AND o.id <> n.id
JOIN application AS a ON a.organization_id = o.id AND a.call_id = own.call_id
WHERE (in_call IS NULL OR a.call_id = in_call) AND still_said(n.said, a.call_id)
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
# The applications (to one call, or to all) of which people may see nothing, and why. Everything that hides reads this.

FUNCTIONS = (PLAIN_NAMES, STILL_SAID, CLOSE_ORGANIZATIONS, CONFLICTS)

PARTNERS_NAMED = """
UPDATE application SET partners = named.names FROM (
    SELECT s.answer_sheet_id, array_agg(word #>> '{}') AS names
    FROM section_answers AS s,
        jsonb_array_elements(CASE jsonb_typeof(s.values -> 'partners') WHEN 'array' THEN s.values -> 'partners' END) AS row,
        jsonb_path_query(row, '$.*') AS word
    WHERE jsonb_typeof(word) = 'string'
    GROUP BY s.answer_sheet_id
) AS named WHERE named.answer_sheet_id = application.answer_sheet_id
"""

NUMBERS = {
    "ix_organization_same_name": "plain_name(name)",
    "ix_organization_same_sponsor": "plain_name(fiscal_sponsor)",
    "ix_organization_same_email": "nullif(lower(email), '')",
    "ix_organization_same_phone": "plain_number(phone)",
}


def upgrade() -> None:
    op.create_table(
        "year_declaration",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("organizations", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_year_declaration")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_year_declaration_person_id")),
    )
    op.create_index("ix_year_declaration_person_id", "year_declaration", ["person_id", "id"])
    op.execute("CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON year_declaration FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute("CREATE TRIGGER kept_whole BEFORE TRUNCATE ON year_declaration EXECUTE FUNCTION refuse_change()")
    op.create_index("ix_conflict_declaration_call_id", "conflict_declaration", ["call_id", "person_id"])
    op.add_column(
        "application", sa.Column("partners", sa.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'"))
    )
    for function in FUNCTIONS:
        op.execute(function)
    op.execute(PARTNERS_NAMED)
    op.create_index(
        "ix_application_partners", "application", [sa.text("plain_names(partners)")], postgresql_using="gin"
    )
    for name, expression in NUMBERS.items():
        op.create_index(name, "organization", [sa.text(expression)])


def downgrade() -> None:
    for name in NUMBERS:
        op.drop_index(name, table_name="organization")
    op.drop_index("ix_application_partners", table_name="application")
    op.execute("DROP FUNCTION conflicts(bigint[], bigint)")
    op.execute("DROP FUNCTION close_organizations(bigint[])")
    op.execute("DROP FUNCTION still_said(bigint, bigint)")
    op.execute("DROP FUNCTION plain_names(text[])")
    op.drop_column("application", "partners")
    op.drop_index("ix_conflict_declaration_call_id", table_name="conflict_declaration")
    op.drop_table("year_declaration")
