"""The first schema: every table, and the guards that the database keeps by itself.

Revision ID: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op

from assets.ledger.guards import trigger_statements

revision = "0001"
down_revision = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create everything."""
    _create_tables()
    for statement in trigger_statements(op.get_bind().dialect.name):
        op.execute(sa.text(statement.replace(":", "\\:")))


def _create_tables() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_hash")),
    )
    op.create_table(
        "seen_file",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("path", "size_bytes", "modified_at", name=op.f("pk_seen_file")),
    )
    op.create_table(
        "autonomy_level",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("objective_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('stated','proposed','accepted','lowered')", name=op.f("ck_autonomy_level_kind")),
        sa.CheckConstraint("level IN ('assisted','supervised','autonomous')", name=op.f("ck_autonomy_level_level")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_autonomy_level")),
    )
    op.create_index(op.f("ix_autonomy_level_objective_id"), "autonomy_level", ["objective_id"], unique=False)
    op.create_table(
        "budget",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("cap_micros", sa.BigInteger(), nullable=True),
        sa.Column("held_micros", sa.BigInteger(), nullable=False),
        sa.Column("spent_micros", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("held_micros >= 0", name=op.f("ck_budget_held")),
        sa.CheckConstraint("spent_micros >= 0", name=op.f("ck_budget_spent")),
        sa.PrimaryKeyConstraint("scope", "period", name=op.f("pk_budget")),
    )
    op.create_table(
        "budget_entry",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('cap','hold','spend','free')", name=op.f("ck_budget_entry_kind")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_budget_entry")),
    )
    op.create_table(
        "consent_event",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("status IN ('granted','withdrawn')", name=op.f("ck_consent_event_status")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_consent_event")),
        sa.UniqueConstraint(
            "contact_id",
            "channel",
            "status",
            "occurred_at",
            name=op.f("uq_consent_event_contact_id_channel_status_occurred_at"),
        ),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
    )
    op.create_table(
        "gate",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("generation_id", sa.String(), nullable=False),
        sa.Column("check_name", sa.String(), nullable=False),
        sa.Column("is_passed", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_gate")),
    )
    op.create_index(op.f("ix_gate_generation_id"), "gate", ["generation_id"], unique=False)
    op.create_table(
        "generation",
        sa.Column("generation_id", sa.String(), nullable=False),
        sa.Column("cycle_on", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("generation_id", name=op.f("pk_generation")),
    )
    op.create_table(
        "halt",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('stop','resume')", name=op.f("ck_halt_kind")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_halt")),
    )
    op.create_table(
        "landed_file",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("quarantined_count", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_landed_file")),
    )
    op.create_table(
        "outcome",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("customer_key_sha256", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("matched_by", sa.String(), nullable=False),
        sa.Column("intake_no", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("matched_by IN ('message','customer_key','none')", name=op.f("ck_outcome_matched_by")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_outcome")),
    )
    op.create_index(op.f("ix_outcome_intake_no"), "outcome", ["intake_no"], unique=False)
    op.create_index(op.f("ix_outcome_message_id"), "outcome", ["message_id"], unique=False)
    op.create_table(
        "plan",
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("cycle_id", sa.String(), nullable=False),
        sa.Column("plan_hash", sa.String(), nullable=False),
        sa.Column("generation_id", sa.String(), nullable=False),
        sa.Column("objectives", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_plan")),
        sa.UniqueConstraint("plan_id", "plan_hash", name=op.f("uq_plan_plan_id_plan_hash")),
    )
    op.create_index(op.f("ix_plan_cycle_id"), "plan", ["cycle_id"], unique=False)
    op.create_table(
        "suppression",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('contact','address')", name=op.f("ck_suppression_kind")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_suppression")),
        sa.UniqueConstraint(
            "subject", "channel", "reason", "source", name=op.f("uq_suppression_subject_channel_reason_source")
        ),
    )
    op.create_table(
        "plan_authorization",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("plan_hash", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("approvals_needed", sa.Integer(), nullable=False),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("spend_micros", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id", "plan_hash"],
            ["plan.plan_id", "plan.plan_hash"],
            name=op.f("fk_plan_authorization_plan_id_plan_hash"),
        ),
        sa.CheckConstraint(
            "kind IN ('proposed', 'escalated', 'approved', 'rejected', 'expired', 'superseded', 'released', 'revoked')",
            name=op.f("ck_plan_authorization_kind"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_plan_authorization")),
        sa.UniqueConstraint(
            "seq", "plan_id", "plan_hash", "kind", name=op.f("uq_plan_authorization_seq_plan_id_plan_hash_kind")
        ),
    )
    op.create_index(op.f("ix_plan_authorization_plan_id"), "plan_authorization", ["plan_id"], unique=False)
    op.create_index(
        "uq_plan_authorization_released",
        "plan_authorization",
        ["plan_id"],
        unique=True,
        sqlite_where=sa.text("kind = 'released'"),
        postgresql_where=sa.text("kind = 'released'"),
    )
    op.create_table(
        "outbox",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("plan_hash", sa.String(), nullable=False),
        sa.Column("authorization_seq", sa.BigInteger(), nullable=False),
        sa.Column("authority", sa.String(), nullable=False),
        sa.Column("cycle_id", sa.String(), nullable=False),
        sa.Column("cycle_on", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("objective_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("offer_id", sa.String(), nullable=False),
        sa.Column("creative_id", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("contact_ids", sa.Text(), nullable=False),
        sa.Column("payload_sha256", sa.String(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
        sa.Column("send_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("not_before", sa.DateTime(), nullable=True),
        sa.Column("key_first_used_at", sa.DateTime(), nullable=True),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(), nullable=True),
        sa.Column("handover_no", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["authorization_seq", "plan_id", "plan_hash", "authority"],
            [
                "plan_authorization.seq",
                "plan_authorization.plan_id",
                "plan_authorization.plan_hash",
                "plan_authorization.kind",
            ],
            name="fk_outbox_authorization",
        ),
        sa.CheckConstraint("authority = 'released'", name=op.f("ck_outbox_authority")),
        sa.CheckConstraint("cost_micros >= 0", name=op.f("ck_outbox_cost")),
        sa.CheckConstraint(
            "state IN ('pending', 'leased', 'sending', 'sent', 'suppressed', 'expired', "
            "'cancelled', 'failed', 'unknown')",
            name=op.f("ck_outbox_state"),
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_cycle", "outbox", ["cycle_on", "state"], unique=False)
    op.create_index("ix_outbox_due", "outbox", ["channel", "state", "send_at"], unique=False)
    op.create_index("ix_outbox_epoch", "outbox", ["epoch"], unique=False)
    op.create_index("ix_outbox_handover", "outbox", ["handover_no"], unique=False)
    op.create_index("ix_outbox_customer", "outbox", ["customer_id"], unique=False)
    op.create_index(op.f("ix_outbox_plan_id"), "outbox", ["plan_id"], unique=False)
    op.create_table(
        "payload",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["outbox.message_id"], name=op.f("fk_payload_message_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_payload")),
    )
    op.create_table(
        "receipt",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["outbox.message_id"], name=op.f("fk_receipt_message_id")),
        sa.CheckConstraint("status IN ('sent','failed','unknown','retry')", name=op.f("ck_receipt_status")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_receipt")),
    )
    op.create_index(op.f("ix_receipt_message_id"), "receipt", ["message_id"], unique=False)
