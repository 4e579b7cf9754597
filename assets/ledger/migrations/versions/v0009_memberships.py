"""Memberships of ad audiences that were taken back.

Revision ID: 0009_memberships
Revises: 0008_due
"""

import sqlalchemy as sa
from alembic import op

from assets.ledger.guards import append_only_statements

revision = "0009_memberships"
down_revision = "0008_due"


def upgrade() -> None:
    """Add the table; history is append-only."""
    op.create_table(
        "audience_removal",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["added_by"], ["outbox.message_id"], name=op.f("fk_audience_removal_added_by_outbox")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_audience_removal")),
        sa.UniqueConstraint("added_by", name=op.f("uq_audience_removal_added_by")),
    )
    for statement in append_only_statements(op.get_bind().dialect.name, ["audience_removal"]):
        op.execute(sa.text(statement.replace(":", "\\:")))
