"""Due messages in the order in which they are claimed, and content that is never edited.

Revision ID: 0008_due
Revises: 0007_autonomy
"""

import sqlalchemy as sa
from alembic import op

from assets.ledger.guards import payload_statements

revision = "0008_due"
down_revision = "0007_autonomy"


def upgrade() -> None:
    """Give the index of due messages the rest of the order, so that a claim reads no more of them than it takes."""
    op.drop_index("ix_outbox_due", table_name="outbox")
    op.create_index("ix_outbox_due", "outbox", ["channel", "state", "send_at", "message_id"])
    for statement in payload_statements(op.get_bind().dialect.name):
        op.execute(sa.text(statement.replace(":", "\\:")))
