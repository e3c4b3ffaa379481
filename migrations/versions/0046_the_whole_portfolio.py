"""The whole portfolio: what grants are found and counted by stands with them, and what awaits people is looked up."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

FILLED = """
UPDATE award SET country = organization.country, plan_points = application.plan_points
FROM application JOIN organization ON organization.id = application.organization_id
WHERE application.id = award.application_id
"""


def upgrade() -> None:
    op.add_column("award", sa.Column("country", sa.Text(), nullable=True))
    op.add_column(
        "award", sa.Column("plan_points", ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.execute(FILLED)
    op.alter_column("award", "country", nullable=False)
    op.drop_index("ix_award_call_id", "award")
    op.create_index("ix_award_call_id", "award", ["call_id", "id"])
    op.create_index("ix_award_region_id", "award", ["region", "id"])
    op.create_index("ix_award_country_id", "award", ["country", "id"])
    op.create_index("ix_award_risk_id", "award", ["risk", "id"], postgresql_where=sa.text("risk IS NOT NULL"))
    op.create_index("ix_award_plan_points", "award", ["plan_points"], postgresql_using="gin")
    op.execute("CREATE INDEX ix_award_plain_title ON award USING gin (plain_name(title) gin_trgm_ops)")


def downgrade() -> None:
    for name in ("plain_title", "plan_points", "risk_id", "country_id", "region_id", "call_id"):
        op.drop_index(f"ix_award_{name}", "award")
    op.create_index("ix_award_call_id", "award", ["call_id"])
    op.drop_column("award", "plan_points")
    op.drop_column("award", "country")
