"""Files arrive piece by piece, photographs become one PDF, and files are looked at for viruses."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    not_scanned = sa.text("'not_scanned'")
    op.add_column("stored_file", sa.Column("scan", sa.Text(), nullable=False, server_default=not_scanned))
    op.add_column("stored_file", sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("stored_file", sa.Column("scan_found", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_stored_file_scan_is_known"),
        "stored_file",
        "scan IN ('not_scanned', 'waiting', 'clean', 'infected', 'made_here')",
    )
    op.create_index(
        "ix_stored_file_to_scan",
        "stored_file",
        ["id"],
        postgresql_where=sa.text("scan IN ('waiting', 'not_scanned')"),
    )
    op.create_table(
        "booklet",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("state IN ('working', 'attached', 'refused')", name=op.f("ck_booklet_state_is_known")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_booklet_application_id")),
        sa.ForeignKeyConstraint(["document_id"], ["document_asked.id"], name=op.f("fk_booklet_document_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_booklet_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booklet")),
        sa.UniqueConstraint("key", name=op.f("uq_booklet_key")),
    )
    op.create_index(op.f("ix_booklet_application_id"), "booklet", ["application_id"])
    op.create_index(op.f("ix_booklet_person_id"), "booklet", ["person_id"])
    op.create_index("ix_booklet_working", "booklet", ["id"], postgresql_where=sa.text("state = 'working'"))
    op.create_table(
        "upload",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("is_page", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("parts", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("booklet_id", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("paged", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'binding', 'attached', 'set_aside')", name=op.f("ck_upload_state_is_known")
        ),
        sa.CheckConstraint("received BETWEEN 0 AND size", name=op.f("ck_upload_received_within_size")),
        sa.CheckConstraint(
            "(booklet_id IS NULL) = (position IS NULL)", name=op.f("ck_upload_joined_has_a_position")
        ),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name=op.f("fk_upload_application_id")),
        sa.ForeignKeyConstraint(["document_id"], ["document_asked.id"], name=op.f("fk_upload_document_id")),
        sa.ForeignKeyConstraint(["booklet_id"], ["booklet.id"], name=op.f("fk_upload_booklet_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_upload_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        sa.UniqueConstraint("key", name=op.f("uq_upload_key")),
    )
    op.create_index(op.f("ix_upload_application_id"), "upload", ["application_id"])
    op.create_index(op.f("ix_upload_booklet_id"), "upload", ["booklet_id"])
    op.create_index("ix_upload_touched_at", "upload", ["touched_at"])
    op.create_index(
        "uq_upload_open_once",
        "upload",
        ["person_id", "application_id", "document_id", "fingerprint", "is_page"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    op.drop_table("upload")
    op.drop_table("booklet")
    op.drop_index("ix_stored_file_to_scan", table_name="stored_file")
    for name in ("scan_found", "scanned_at", "scan"):
        op.drop_column("stored_file", name)
