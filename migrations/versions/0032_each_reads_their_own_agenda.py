"""Whoever stepped aside reads on the agenda the applications near the money line of their own list."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("unread_by", postgresql.ARRAY(sa.BigInteger()), nullable=False, server_default="{}")
    op.add_column("agenda_point", column)
    op.alter_column("agenda_point", "unread_by", server_default=None)


def downgrade() -> None:
    op.drop_column("agenda_point", "unread_by")
