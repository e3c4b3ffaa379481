"""A review that was handed in stays as it is until it is opened again: its scores, its words and its total."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

KEEP_REVIEW = """
CREATE FUNCTION keep_submitted_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.submitted_at IS NOT NULL
        AND (NEW.summary, NEW.for_applicant, NEW.recommendation, NEW.language, NEW.total, NEW.submitted_at)
        IS DISTINCT FROM
        (OLD.summary, OLD.for_applicant, OLD.recommendation, OLD.language, OLD.total, OLD.submitted_at)
    THEN
        RAISE EXCEPTION 'a submitted review stays as it is until it is opened again' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$
"""

KEEP_SCORES = """
CREATE FUNCTION keep_submitted_scores() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM review WHERE submitted_at IS NOT NULL
            AND id IN (CASE WHEN TG_OP <> 'DELETE' THEN NEW.review_id END, CASE WHEN TG_OP <> 'INSERT' THEN OLD.review_id END)
    ) THEN
        RAISE EXCEPTION 'the scores of a submitted review stay as they are until it is opened again'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""


def upgrade() -> None:
    op.execute(KEEP_REVIEW)
    op.execute(KEEP_SCORES)
    op.execute(
        "CREATE TRIGGER submitted BEFORE UPDATE ON review FOR EACH ROW"
        " WHEN (OLD.submitted_at IS NOT NULL) EXECUTE FUNCTION keep_submitted_review()"
    )
    op.execute(
        "CREATE TRIGGER submitted BEFORE INSERT OR UPDATE OR DELETE ON score FOR EACH ROW"
        " EXECUTE FUNCTION keep_submitted_scores()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER submitted ON score")
    op.execute("DROP TRIGGER submitted ON review")
    op.execute("DROP FUNCTION keep_submitted_scores()")
    op.execute("DROP FUNCTION keep_submitted_review()")
