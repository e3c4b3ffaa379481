"""Due diligence before an agreement: points, risk, sanctions lists, conditions with owners, signed copies, consent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

RECORDS = ("sanctions_check", "second_look")
CLASSES = "('public', 'name_withheld', 'fully_confidential')"
KINDS = "('award', 'reserve', 'decline', 'ineligible')"
TRIGGERS = "('agreement_signed', 'interim_report_approved', 'final_report_approved')"

LOOSENING = """
CREATE FUNCTION refuse_loosening() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ranks text[] := ARRAY['public', 'name_withheld', 'fully_confidential'];
BEGIN
    IF array_position(ranks, NEW.confidentiality) < array_position(ranks, OLD.confidentiality) AND NOT EXISTS (
        SELECT 1 FROM consent WHERE award_id = NEW.id AND state = 'given'
        AND from_class = OLD.confidentiality AND to_class = NEW.confidentiality
    ) THEN
        RAISE EXCEPTION 'a grant is made less confidential only with the consent of its grantee' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$
"""


def _known(table, column, check, values):
    op.drop_constraint(op.f(f"ck_{table}_{column}_is_known"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{column}_is_known"), table, f"{check} IN {values}")


def _moment(name, nullable=True):
    more = {} if nullable else {"server_default": sa.text("app_now()")}
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, **more)


def _person(table, column):
    return sa.ForeignKeyConstraint([column], ["person.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.add_column("award", sa.Column("risk", sa.Text(), nullable=True))
    op.add_column("award", sa.Column("on_hold", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_check_constraint(
        op.f("ck_award_risk_is_known"), "award", "risk IS NULL OR risk IN ('low', 'medium', 'high')"
    )
    op.add_column("condition", sa.Column("key", sa.Text(), nullable=True))
    op.add_column("condition", sa.Column("owner_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_condition_owner_id"), "condition", "person", ["owner_id"], ["id"])
    op.create_index("ix_condition_due_on", "condition", ["due_on"], postgresql_where=sa.text("met_on IS NULL"))
    for column in (
        sa.Column("copy_id", sa.BigInteger(), nullable=True),
        _moment("copy_at"),
        sa.Column("copy_by_id", sa.BigInteger(), nullable=True),
        sa.Column("copy_signed_on", sa.Date(), nullable=True),
        _moment("countersigned_at"),
        sa.Column("countersigned_by_id", sa.BigInteger(), nullable=True),
    ):
        op.add_column("agreement", column)
    op.create_foreign_key(op.f("fk_agreement_copy_id"), "agreement", "stored_file", ["copy_id"], ["id"])
    op.create_foreign_key(op.f("fk_agreement_copy_by_id"), "agreement", "person", ["copy_by_id"], ["id"])
    op.create_foreign_key(op.f("fk_agreement_countersigned_by_id"), "agreement", "person", ["countersigned_by_id"], ["id"])
    for name, check in (
        (
            "copy_is_whole",
            "(copy_id IS NULL) = (copy_by_id IS NULL) AND (copy_id IS NULL) = (copy_signed_on IS NULL)"
            " AND (copy_id IS NULL) = (copy_at IS NULL)",
        ),
        ("countersigned_by_someone", "(countersigned_at IS NULL) = (countersigned_by_id IS NULL)"),
        ("countersigns_a_copy", "countersigned_at IS NULL OR (copy_id IS NOT NULL AND signed_at IS NOT NULL)"),
        ("countersigned_by_a_second_person", "countersigned_by_id <> copy_by_id"),
    ):
        op.create_check_constraint(op.f(f"ck_agreement_{name}"), "agreement", check)
    _known("tranche", "trigger", "trigger", TRIGGERS.replace("(", "('progress_report_approved', ", 1))
    for table in ("letter_template", "letter"):
        _known(table, "kind", "kind", KINDS.replace(")", ", 'agreement')"))
    op.create_table(
        "diligence",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _moment("opened_at", nullable=False),
        sa.Column("opened_by_id", sa.BigInteger(), nullable=False),
        sa.Column("risk_reason", sa.Text(), nullable=False),
        _moment("risk_judged_at"),
        sa.Column("risk_judged_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('opened', 'finished')", name=op.f("ck_diligence_state_is_known")),
        sa.CheckConstraint(
            "(risk_judged_at IS NULL) = (risk_judged_by_id IS NULL)", name=op.f("ck_diligence_risk_judged_by_someone")
        ),
        sa.CheckConstraint(
            "risk_judged_at IS NULL OR risk_reason <> ''", name=op.f("ck_diligence_risk_judged_with_a_reason")
        ),
        sa.CheckConstraint(
            "state <> 'finished' OR risk_judged_at IS NOT NULL", name=op.f("ck_diligence_finished_with_a_risk")
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_diligence_award_id")),
        _person("diligence", "opened_by_id"),
        _person("diligence", "risk_judged_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_diligence")),
        sa.UniqueConstraint("award_id", name=op.f("uq_diligence_award_id")),
    )
    op.create_table(
        "diligence_point",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("diligence_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tab", sa.Text(), nullable=False),
        sa.Column("asked_of", sa.Text(), nullable=False),
        sa.Column("label", postgresql.JSONB(), nullable=False),
        sa.Column("help", postgresql.JSONB(), nullable=False),
        sa.Column("formats", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        _moment("handed_in_at"),
        sa.Column("handed_in_by_id", sa.BigInteger(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        _moment("judged_at"),
        sa.Column("judged_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "tab IN ('documents', 'checklist', 'bank', 'partners')", name=op.f("ck_diligence_point_tab_is_known")
        ),
        sa.CheckConstraint("asked_of IN ('grantee', 'fund')", name=op.f("ck_diligence_point_asked_of_is_known")),
        sa.CheckConstraint(
            "source IS NULL OR source IN ('application', 'kept', 'sent', 'withheld')",
            name=op.f("ck_diligence_point_source_is_known"),
        ),
        sa.CheckConstraint(
            "verdict IS NULL OR verdict IN ('ok', 'not_ok', 'not_applicable')",
            name=op.f("ck_diligence_point_verdict_is_known"),
        ),
        sa.CheckConstraint(
            "(verdict IS NULL) = (judged_by_id IS NULL)", name=op.f("ck_diligence_point_judged_by_someone")
        ),
        sa.CheckConstraint("(verdict IS NULL) = (judged_at IS NULL)", name=op.f("ck_diligence_point_judged_at_a_moment")),
        sa.CheckConstraint(
            "verdict IS NULL OR verdict = 'ok' OR note <> ''", name=op.f("ck_diligence_point_doubt_has_a_note")
        ),
        sa.ForeignKeyConstraint(["diligence_id"], ["diligence.id"], name=op.f("fk_diligence_point_diligence_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_diligence_point_file_id")),
        _person("diligence_point", "handed_in_by_id"),
        _person("diligence_point", "judged_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_diligence_point")),
        sa.UniqueConstraint("diligence_id", "key", name=op.f("uq_diligence_point_diligence_id_key")),
    )
    op.create_table(
        "sanctions_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("list_version", sa.Text(), nullable=False),
        sa.Column("names", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("needs_look", sa.Boolean(), nullable=False),
        _moment("made_at", nullable=False),
        sa.Column("made_by_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('no_match', 'possible', 'match')", name=op.f("ck_sanctions_check_outcome_is_known")
        ),
        sa.CheckConstraint(
            "outcome = 'no_match' OR needs_look", name=op.f("ck_sanctions_check_doubt_needs_a_second_look")
        ),
        sa.CheckConstraint("list_name <> '' AND list_version <> ''", name=op.f("ck_sanctions_check_of_a_list")),
        sa.CheckConstraint("cardinality(names) > 0", name=op.f("ck_sanctions_check_of_names")),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_sanctions_check_award_id")),
        _person("sanctions_check", "made_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanctions_check")),
        sa.UniqueConstraint("id", "made_by_id", name=op.f("uq_sanctions_check_id_made_by_id")),
    )
    op.create_index("ix_sanctions_check_award_id", "sanctions_check", ["award_id", "id"])
    op.create_table(
        "second_look",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("check_id", sa.BigInteger(), nullable=False),
        sa.Column("first_by_id", sa.BigInteger(), nullable=False),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _moment("made_at", nullable=False),
        sa.Column("made_by_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("made_by_id <> first_by_id", name=op.f("ck_second_look_by_a_second_person")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_second_look_has_a_reason")),
        sa.ForeignKeyConstraint(
            ["check_id", "first_by_id"],
            ["sanctions_check.id", "sanctions_check.made_by_id"],
            name=op.f("fk_second_look_check_id_first_by_id"),
        ),
        _person("second_look", "made_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_look")),
        sa.UniqueConstraint("check_id", name=op.f("uq_second_look_check_id")),
    )
    for table in RECORDS:
        op.execute(
            f"CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"CREATE TRIGGER kept_whole BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()")
    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("award_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("from_class", sa.Text(), nullable=False),
        sa.Column("to_class", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _moment("asked_at", nullable=False),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=False),
        _moment("answered_at"),
        sa.Column("answered_by_id", sa.BigInteger(), nullable=True),
        sa.Column("answered_name", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('asked', 'given', 'refused', 'ended')", name=op.f("ck_consent_state_is_known")),
        sa.CheckConstraint(f"from_class IN {CLASSES}", name=op.f("ck_consent_from_class_is_known")),
        sa.CheckConstraint(f"to_class IN {CLASSES}", name=op.f("ck_consent_to_class_is_known")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_consent_has_a_reason")),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (answered_by_id IS NULL)", name=op.f("ck_consent_answered_by_someone")
        ),
        sa.CheckConstraint(
            "state NOT IN ('given', 'refused') OR answered_at IS NOT NULL", name=op.f("ck_consent_answered")
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_consent_award_id")),
        _person("consent", "asked_by_id"),
        _person("consent", "answered_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_award_id", "consent", ["award_id"])
    op.create_index(
        "uq_consent_asked", "consent", ["award_id"], unique=True, postgresql_where=sa.text("state = 'asked'")
    )
    op.execute(LOOSENING)
    op.execute(
        "CREATE TRIGGER confidentiality_kept BEFORE UPDATE OF confidentiality ON award"
        " FOR EACH ROW EXECUTE FUNCTION refuse_loosening()"
    )
    op.create_table(
        "agreement_batch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        _moment("asked_at", nullable=False),
        _moment("begun_at"),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("drawn", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("refused", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("state IN ('asked', 'done', 'failed')", name=op.f("ck_agreement_batch_state_is_known")),
        sa.CheckConstraint(
            "0 <= drawn AND drawn <= done AND done <= total", name=op.f("ck_agreement_batch_counts_fit")
        ),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_agreement_batch_call_id")),
        _person("agreement_batch", "person_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_batch")),
    )
    op.create_index("ix_agreement_batch_call_id", "agreement_batch", ["call_id", "person_id", "id"])
    op.create_index(op.f("ix_agreement_batch_person_id"), "agreement_batch", ["person_id"])
    op.create_index(
        "uq_agreement_batch_asked",
        "agreement_batch",
        ["call_id", "person_id"],
        unique=True,
        postgresql_where=sa.text("state = 'asked'"),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER confidentiality_kept ON award")
    op.execute("DROP FUNCTION refuse_loosening()")
    for table in ("agreement_batch", "consent", "second_look", "sanctions_check", "diligence_point", "diligence"):
        op.drop_table(table)
    for table in ("letter_template", "letter"):
        _known(table, "kind", "kind", KINDS)
    _known("tranche", "trigger", "trigger", TRIGGERS)
    for name in (
        "countersigned_by_a_second_person",
        "countersigns_a_copy",
        "countersigned_by_someone",
        "copy_is_whole",
    ):
        op.drop_constraint(op.f(f"ck_agreement_{name}"), "agreement", type_="check")
    for name in ("countersigned_by_id", "countersigned_at", "copy_signed_on", "copy_by_id", "copy_at", "copy_id"):
        op.drop_column("agreement", name)
    op.drop_index("ix_condition_due_on", table_name="condition")
    for name in ("owner_id", "key"):
        op.drop_column("condition", name)
    op.drop_constraint(op.f("ck_award_risk_is_known"), "award", type_="check")
    for name in ("on_hold", "risk"):
        op.drop_column("award", name)
