"""What was learned, with its evidence.

Revision ID: 0005_findings
Revises: 0004_forgotten
"""

import sqlalchemy as sa
from alembic import op

from assets.ledger.guards import append_only_statements

revision = "0005_findings"
down_revision = "0004_forgotten"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table; history is append-only."""
    op.create_table(
        "finding",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("effect", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("sample", sa.BigInteger(), nullable=False),
        sa.Column("learned_on", sa.String(), nullable=False),
        sa.Column("expires_on", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_finding")),
        sa.UniqueConstraint("key", "source", name=op.f("uq_finding_key_source")),
    )
    for statement in append_only_statements(op.get_bind().dialect.name, ["finding"]):
        op.execute(sa.text(statement.replace(":", "\\:")))
