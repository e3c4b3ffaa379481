"""Reviews without names: which documents tell whose they are, and which calls hide who applied; translated answers."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

HIDES = "COALESCE(grid #>> '{assessors,blind,organization_visible}' = 'false', false)"


def upgrade() -> None:
    identifies = sa.Column("identifies", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("document_asked", identifies)
    hides = sa.Column("hides_applicants", sa.Boolean(), sa.Computed(HIDES, persisted=True), nullable=False)
    op.add_column("call", hides)


def downgrade() -> None:
    op.drop_column("call", "hides_applicants")
    op.drop_column("document_asked", "identifies")
