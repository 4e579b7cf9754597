"""Due messages in the order in which they are claimed, so that a claim reads no more of them than it takes.

Revision ID: 0007_due
Revises: 0006_randomization
"""

from alembic import op

revision = "0007_due"
down_revision = "0006_randomization"


def upgrade() -> None:
    """Give the index of due messages the rest of the order."""
    op.drop_index("ix_outbox_due", table_name="outbox")
    op.create_index("ix_outbox_due", "outbox", ["channel", "state", "send_at", "message_id"])
