"""Erased people as keyed hashes, the one change that an event of theirs may see, and the last hand-over before a stop.

Revision ID: 0004_forgotten
Revises: 0003_inbox
"""

import sqlalchemy as sa
from alembic import op

from assets.ledger.guards import erasure_statements

revision = "0004_forgotten"
down_revision = "0003_inbox"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add and guard the table, let an event's payload and key be erased, and add a stop's place among the hand-overs."""
    op.create_table(
        "forgotten",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("subject_hmac", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_forgotten")),
        sa.UniqueConstraint("subject_hmac", name=op.f("uq_forgotten_subject_hmac")),
    )
    for table in ("halt", "suppression", "consent_event"):
        op.add_column(table, sa.Column("handover_no", sa.BigInteger(), nullable=True))
    for statement in erasure_statements(op.get_bind().dialect.name):
        op.execute(sa.text(statement.replace(":", "\\:")))
