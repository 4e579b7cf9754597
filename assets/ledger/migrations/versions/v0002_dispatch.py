"""When an intent was committed, how channels do, and which drivers may reach beyond this machine.

Revision ID: 0002_dispatch
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from assets.ledger.guards import append_only_statements, moves_statements

revision = "0002_dispatch"
down_revision = "0001"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add a column and two tables, and let what may have left end as unknown."""
    op.add_column("outbox", sa.Column("intent_at", sa.DateTime(), nullable=True))
    op.create_table(
        "channel_health",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("paced_until", sa.DateTime(), nullable=True),
        sa.Column("failure_count", sa.Integer(), nullable=False),
        sa.Column("window_from", sa.DateTime(), nullable=True),
        sa.Column("window_total", sa.Integer(), nullable=False),
        sa.Column("window_failed", sa.Integer(), nullable=False),
        sa.Column("trip_count", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime(), nullable=True),
        sa.Column("probe_until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_health")),
    )
    op.create_table(
        "live_driver",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("driver", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('allowed','withdrawn')", name=op.f("ck_live_driver_kind")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_live_driver")),
    )
    dialect = op.get_bind().dialect.name
    for statement in [*moves_statements(dialect), *append_only_statements(dialect, ["live_driver"])]:
        op.execute(sa.text(statement.replace(":", "\\:")))
