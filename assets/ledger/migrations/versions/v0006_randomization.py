"""How the arms of an objective were drawn, kept for as long as it runs.

Revision ID: 0006_randomization
Revises: 0005_findings
"""

import sqlalchemy as sa
from alembic import op

from assets.ledger.guards import append_only_statements

revision = "0006_randomization"
down_revision = "0005_findings"


def upgrade() -> None:
    """Add the table; history is append-only."""
    op.create_table(
        "randomization",
        sa.Column("objective_id", sa.String(), nullable=False),
        sa.Column("holdout", sa.Double(), nullable=False),
        sa.Column("manual", sa.Double(), nullable=False),
        sa.Column("random", sa.Double(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("objective_id", name=op.f("pk_randomization")),
    )
    for statement in append_only_statements(op.get_bind().dialect.name, ["randomization"]):
        op.execute(sa.text(statement.replace(":", "\\:")))
