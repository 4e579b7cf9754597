"""What providers report: the inbox with its quarantine and counts, and what the web endpoint may show.

Revision ID: 0003_inbox
Revises: 0002_dispatch
"""

import sqlalchemy as sa
from alembic import op

revision = "0003_inbox"
down_revision = "0002_dispatch"


def upgrade() -> None:
    """Create the tables, and the index by which a provider's own id finds its message."""
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("inbox_no", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("raw_sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("event", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("state IN ('accepted', 'unmatched', 'flushed')", name=op.f("ck_inbox_state")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_inbox")),
    )
    op.create_index("uq_inbox_inbox_no", "inbox", ["inbox_no"], unique=True)
    op.create_table(
        "inbox_quarantine",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("raw_sha256", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "raw_sha256", name=op.f("pk_inbox_quarantine")),
    )
    op.create_table(
        "inbox_count",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "kind", name=op.f("pk_inbox_count")),
    )
    op.create_table(
        "web_message",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("visitor_sha256", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("send_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["outbox.message_id"], name=op.f("fk_web_message_message_id")),
        sa.PrimaryKeyConstraint("message_id", "visitor_sha256", name=op.f("pk_web_message")),
    )
    op.create_index("ix_web_message_visitor_sha256", "web_message", ["visitor_sha256"], unique=False)
    op.create_index("ix_receipt_provider_id", "receipt", ["provider_id"], unique=False)
