"""Questions that people ask about calls, and what was answered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATES = "state IN ('unconfirmed', 'asked', 'answered', 'prepared', 'published', 'set_aside')"


def upgrade() -> None:
    op.create_table(
        "enquiry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asker_id", sa.BigInteger(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=True),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("question", postgresql.JSONB(), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("answered_by_id", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(STATES, name=op.f("ck_enquiry_state_is_known")),
        sa.CheckConstraint("kind IN ('question', 'contest')", name=op.f("ck_enquiry_kind_is_known")),
        sa.CheckConstraint(
            "verdict IS NULL OR verdict IN ('may_apply', 'stands')", name=op.f("ck_enquiry_verdict_is_known")
        ),
        sa.CheckConstraint("(asker_id IS NULL) <> (email IS NULL)", name=op.f("ck_enquiry_asked_by_one")),
        sa.CheckConstraint(
            "state <> 'unconfirmed' OR token_hash IS NOT NULL", name=op.f("ck_enquiry_unconfirmed_has_a_link")
        ),
        sa.CheckConstraint(
            "state <> 'published' OR published_at IS NOT NULL", name=op.f("ck_enquiry_published_has_a_moment")
        ),
        sa.CheckConstraint("kind = 'contest' OR verdict IS NULL", name=op.f("ck_enquiry_verdict_of_a_contest")),
        sa.ForeignKeyConstraint(["answered_by_id"], ["person.id"], name=op.f("fk_enquiry_answered_by_id")),
        sa.ForeignKeyConstraint(["asker_id"], ["person.id"], name=op.f("fk_enquiry_asker_id")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_enquiry_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enquiry")),
        sa.UniqueConstraint("reference", name=op.f("uq_enquiry_reference")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_enquiry_token_hash")),
    )
    op.create_index("ix_enquiry_call_id_state", "enquiry", ["call_id", "state"])
    op.create_index("ix_enquiry_asked_at", "enquiry", ["asked_at"])
    op.create_index("ix_enquiry_asker_id", "enquiry", ["asker_id"])


def downgrade() -> None:
    op.drop_table("enquiry")
