"""A draw that was held places applications in the ranked list: who was drawn, in which order, with which points."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

BEFORE = """
UPDATE call SET drawn = (
    SELECT jsonb_agg(jsonb_build_object('id', line -> 'id', 'points', line -> 'points') ORDER BY place)
    FROM draw, jsonb_array_elements(draw.lines) WITH ORDINALITY AS lines (line, place)
    WHERE draw.call_id = call.id
)
WHERE EXISTS (SELECT FROM draw WHERE draw.call_id = call.id AND draw.state = 'drawn' AND jsonb_array_length(draw.lines) > 0)
"""


def upgrade() -> None:
    op.add_column("call", sa.Column("drawn", JSONB(), server_default=sa.text("'[]'"), nullable=False))
    op.execute(BEFORE)


def downgrade() -> None:
    op.drop_column("call", "drawn")
