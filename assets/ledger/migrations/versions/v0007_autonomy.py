"""The test that a level of autonomy is raised or lowered by, as it was first stated, and what it found.

Revision ID: 0007_autonomy
Revises: 0006_randomization
"""

import sqlalchemy as sa
from alembic import op

from assets.ledger.guards import append_only_statements

revision = "0007_autonomy"
down_revision = "0006_randomization"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the tables; history is append-only."""
    op.create_table(
        "autonomy_test",
        sa.Column("objective_id", sa.String(), nullable=False),
        sa.Column("alpha", sa.Double(), nullable=False),
        sa.Column("effect", sa.Double(), nullable=False),
        sa.Column("margin", sa.Double(), nullable=False),
        sa.Column("crossing_share", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("objective_id", name=op.f("pk_autonomy_test")),
    )
    op.create_table(
        "autonomy_evidence",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("objective_id", sa.String(), nullable=False),
        sa.Column("cycle_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("move", sa.String(), nullable=False),
        sa.Column("better", sa.Double(), nullable=True),
        sa.Column("worse", sa.Double(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('arms','breach')", name=op.f("ck_autonomy_evidence_kind")),
        sa.CheckConstraint("move IN ('stays','proposed','lowered')", name=op.f("ck_autonomy_evidence_move")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_autonomy_evidence")),
        sa.UniqueConstraint(
            "objective_id", "cycle_id", "kind", name=op.f("uq_autonomy_evidence_objective_id_cycle_id_kind")
        ),
    )
    for statement in append_only_statements(op.get_bind().dialect.name, ["autonomy_test", "autonomy_evidence"]):
        op.execute(sa.text(statement.replace(":", "\\:")))
