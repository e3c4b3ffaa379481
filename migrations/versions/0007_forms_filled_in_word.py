"""Forms filled in as Word files wait here until they are taken over."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "filled_form",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("sent_by_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_filled_form_application_id")),
        sa.ForeignKeyConstraint(["sent_by_id"], ["person.id"], name=op.f("fk_filled_form_sent_by_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_filled_form_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filled_form")),
        sa.UniqueConstraint("application_id", "sent_by_id", name=op.f("uq_filled_form_application_id_sent_by_id")),
        sa.UniqueConstraint("file_id", name=op.f("uq_filled_form_file_id")),
    )
    op.create_index(op.f("ix_filled_form_sent_by_id"), "filled_form", ["sent_by_id"])
    op.create_index(op.f("ix_filled_form_expires_at"), "filled_form", ["expires_at"])


def downgrade() -> None:
    op.drop_table("filled_form")
