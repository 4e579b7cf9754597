"""The ledger's tables. History is append-only (guards.py).

Only `outbox`, `payload`, `budget`, `counter` and `channel_health` change.

Money is in whole millionths of the workspace currency, time is UTC.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from assets.ledger.columns import UtcDateTime

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)

SEQUENCE = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER


def _sequence() -> Column[int]:
    return Column("seq", SEQUENCE, primary_key=True, autoincrement=True)


def _at(name: str = "at", *, nullable: bool = False, primary_key: bool = False) -> Column[object]:
    return Column(name, UtcDateTime, nullable=nullable, primary_key=primary_key)


landed_file = Table(
    "landed_file",
    metadata,
    Column("file_id", String, primary_key=True),  # sha256 of the content
    Column("source", String, nullable=False),
    Column("path", String, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("quarantined_count", Integer, nullable=False),
    _at("received_at"),
)

seen_file = Table(
    "seen_file",
    metadata,
    Column("path", String, primary_key=True),  # relative to the landing folder
    Column("size_bytes", BigInteger, primary_key=True),
    _at("modified_at", primary_key=True),
)

generation = Table(
    "generation",
    metadata,
    Column("generation_id", String, primary_key=True),
    Column("cycle_on", String, nullable=False),
    Column("path", String, nullable=False),
    Column("detail", Text, nullable=False),
    _at("published_at"),
)

gate = Table(
    "gate",
    metadata,
    _sequence(),
    Column("generation_id", String, nullable=False, index=True),
    Column("check_name", String, nullable=False),
    Column("is_passed", Boolean, nullable=False),
    Column("detail", Text, nullable=False),
    _at(),
)

autonomy_level = Table(
    "autonomy_level",
    metadata,
    _sequence(),
    Column("objective_id", String, nullable=False, index=True),
    Column(
        "kind",
        String,
        CheckConstraint("kind IN ('stated','proposed','accepted','lowered')", name="kind"),
        nullable=False,
    ),
    Column(
        "level",
        String,
        CheckConstraint("level IN ('assisted','supervised','autonomous')", name="level"),
        nullable=False,
    ),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    _at(),
)

plan = Table(
    "plan",
    metadata,
    Column("plan_id", String, primary_key=True),
    Column("cycle_id", String, nullable=False, index=True),
    Column("plan_hash", String, nullable=False),  # sha256 of decisions.parquet
    Column("generation_id", String, nullable=False),
    Column("objectives", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("versions", Text, nullable=False),
    _at("proposed_at"),
    UniqueConstraint("plan_id", "plan_hash"),
)

AUTHORIZATION_KINDS = ("proposed", "escalated", "approved", "rejected", "expired", "superseded", "released", "revoked")

plan_authorization = Table(
    "plan_authorization",
    metadata,
    _sequence(),
    Column("plan_id", String, nullable=False, index=True),
    Column("plan_hash", String, nullable=False),
    Column("kind", String, CheckConstraint(f"kind IN {AUTHORIZATION_KINDS}", name="kind"), nullable=False),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("approvals_needed", Integer, nullable=False, default=0),
    Column("message_count", Integer, nullable=False, default=0),
    Column("spend_micros", BigInteger, nullable=False, default=0),
    _at("expires_at", nullable=True),
    _at(),
    ForeignKeyConstraint(["plan_id", "plan_hash"], ["plan.plan_id", "plan.plan_hash"]),
    UniqueConstraint("seq", "plan_id", "plan_hash", "kind"),
    Index(
        "uq_plan_authorization_released",
        "plan_id",
        unique=True,
        sqlite_where=text("kind = 'released'"),
        postgresql_where=text("kind = 'released'"),
    ),
)

STATES = ("pending", "leased", "sending", "sent", "suppressed", "expired", "cancelled", "failed", "unknown")

outbox = Table(
    "outbox",
    metadata,
    Column("message_id", String, primary_key=True),
    Column("decision_id", String, nullable=False),
    Column("plan_id", String, nullable=False, index=True),
    Column("plan_hash", String, nullable=False),
    Column("authorization_seq", BigInteger, nullable=False),
    Column("authority", String, CheckConstraint("authority = 'released'", name="authority"), nullable=False),
    Column("cycle_id", String, nullable=False),
    Column("cycle_on", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("objective_id", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("offer_id", String, nullable=False),
    Column("creative_id", String, nullable=False),
    Column("slot", String, nullable=False),
    Column("contact_ids", Text, nullable=False),
    Column("payload_sha256", String, nullable=False),
    Column("cost_micros", BigInteger, CheckConstraint("cost_micros >= 0", name="cost"), nullable=False),
    _at("decided_at"),
    _at("send_at"),
    _at("expires_at"),
    Column("state", String, CheckConstraint(f"state IN {STATES}", name="state"), nullable=False, default="pending"),
    Column("reason", Text, nullable=False, default=""),
    Column("owner", String),
    Column("epoch", BigInteger, nullable=False, default=0),
    _at("lease_until", nullable=True),
    _at("not_before", nullable=True),
    _at("key_first_used_at", nullable=True),
    Column("attempt_count", Integer, nullable=False, default=0),
    Column("provider_id", String),
    _at("handed_over_at", nullable=True),
    Column("handover_no", BigInteger),
    _at("intent_at", nullable=True),
    # The row names the very release that lets it out: same plan, same hash, and it must be a release.
    ForeignKeyConstraint(
        ["authorization_seq", "plan_id", "plan_hash", "authority"],
        [
            "plan_authorization.seq",
            "plan_authorization.plan_id",
            "plan_authorization.plan_hash",
            "plan_authorization.kind",
        ],
        name="fk_outbox_authorization",
    ),
    Index("ix_outbox_due", "channel", "state", "send_at", "message_id"),
    Index("ix_outbox_epoch", "epoch"),
    Index("ix_outbox_cycle", "cycle_on", "state"),
    Index("ix_outbox_handover", "handover_no"),
    Index("ix_outbox_customer", "customer_id"),
)

# Personal data, kept only while the message is open; `outbox.payload_sha256` stays as the record of what it was.
payload = Table(
    "payload",
    metadata,
    Column("message_id", String, ForeignKey("outbox.message_id"), primary_key=True),
    Column("recipient", Text, nullable=False),
    Column("content", Text, nullable=False),
)

receipt = Table(
    "receipt",
    metadata,
    _sequence(),
    Column("message_id", String, ForeignKey("outbox.message_id"), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column(
        "status",
        String,
        CheckConstraint("status IN ('sent','failed','unknown','retry')", name="status"),
        nullable=False,
    ),
    Column("provider_id", String),
    Column("detail", Text, nullable=False),
    _at(),
)

outcome = Table(
    "outcome",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("event_type", String, nullable=False),
    Column("message_id", String, index=True),
    Column("customer_key_sha256", String),
    Column("channel", String),
    Column("value", Double),
    Column("payload", Text),
    Column(
        "matched_by",
        String,
        CheckConstraint("matched_by IN ('message','customer_key','none')", name="matched_by"),
        nullable=False,
    ),
    Column("intake_no", BigInteger, nullable=False, index=True),
    _at("occurred_at"),
    _at("received_at"),
)

suppression = Table(
    "suppression",
    metadata,
    _sequence(),
    Column("kind", String, CheckConstraint("kind IN ('contact','address')", name="kind"), nullable=False),
    Column("subject", String, nullable=False),  # contact_id, or sha256 of the normalised address
    Column("channel", String, nullable=False),  # or 'all'
    Column("reason", String, nullable=False),
    Column("source", String, nullable=False),
    _at(),
    Column("handover_no", BigInteger),  # the last hand-over committed before
    UniqueConstraint("subject", "channel", "reason", "source"),
)

consent_event = Table(
    "consent_event",
    metadata,
    _sequence(),
    Column("contact_id", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("status", String, CheckConstraint("status IN ('granted','withdrawn')", name="status"), nullable=False),
    Column("basis", String, nullable=False),
    Column("source", String, nullable=False),
    _at("occurred_at"),
    _at("received_at"),
    Column("handover_no", BigInteger),  # likewise
    UniqueConstraint("contact_id", "channel", "status", "occurred_at"),
)

budget = Table(
    "budget",
    metadata,
    Column("scope", String, primary_key=True),  # total | channel:<channel> | objective:<objective_id>
    Column("period", String, primary_key=True),  # ISO date of the cycle's day, or 'whole'
    Column("cap_micros", BigInteger),  # NULL: no cap, but counted
    Column("held_micros", BigInteger, CheckConstraint("held_micros >= 0", name="held"), nullable=False, default=0),
    Column("spent_micros", BigInteger, CheckConstraint("spent_micros >= 0", name="spent"), nullable=False, default=0),
)

budget_entry = Table(
    "budget_entry",
    metadata,
    _sequence(),
    Column("scope", String, nullable=False),
    Column("period", String, nullable=False),
    Column("kind", String, CheckConstraint("kind IN ('cap','hold','spend','free')", name="kind"), nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("subject", String, nullable=False),
    _at(),
)

halt = Table(
    "halt",
    metadata,
    _sequence(),
    Column("scope", String, nullable=False),  # a channel, or 'all'
    Column("kind", String, CheckConstraint("kind IN ('stop','resume')", name="kind"), nullable=False),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    _at(),
    Column("handover_no", BigInteger),  # the last hand-over committed before
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("prev_hash", String, nullable=False),
    Column("hash", String, nullable=False, unique=True),
    _at(),
)

# Numbers given out inside a transaction: the row's lock makes their order the order of commits, so a cursor skips
# nothing.
counter = Table(
    "counter",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False, default=0),
)

# How a channel does, for all its dispatchers: its pace, what failed of late, and until when it rests.
channel_health = Table(
    "channel_health",
    metadata,
    Column("channel", String, primary_key=True),
    _at("paced_until", nullable=True),
    Column("failure_count", Integer, nullable=False, default=0),  # batches in a row
    _at("window_from", nullable=True),
    Column("window_total", Integer, nullable=False, default=0),
    Column("window_failed", Integer, nullable=False, default=0),
    Column("trip_count", Integer, nullable=False, default=0),
    _at("open_until", nullable=True),
    _at("probe_until", nullable=True),
)

# A person's word that a driver may reach beyond this machine.
live_driver = Table(
    "live_driver",
    metadata,
    _sequence(),
    Column("channel", String, nullable=False),
    Column("driver", String, nullable=False),
    Column("kind", String, CheckConstraint("kind IN ('allowed','withdrawn')", name="kind"), nullable=False),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    _at(),
)

APPEND_ONLY = (
    landed_file,
    generation,
    gate,
    autonomy_level,
    plan,
    plan_authorization,
    receipt,
    outcome,
    suppression,
    consent_event,
    budget_entry,
    halt,
    audit,
    live_driver,
)

INBOX_STATES = ("accepted", "unmatched", "flushed")

# What providers reported, each event once. `event` is personal data, kept until it is flushed to the landing folder.
inbox = Table(
    "inbox",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("inbox_no", BigInteger, nullable=False),
    Column("provider", String, nullable=False),
    Column("raw_sha256", String, nullable=False),
    Column("state", String, CheckConstraint(f"state IN {INBOX_STATES}", name="state"), nullable=False),
    Column("event", Text),
    _at("received_at"),
    Index("uq_inbox_inbox_no", "inbox_no", unique=True),
)

# What a provider signed and nobody could read: kept for a person, bounded in time (`Inbox.forget`).
inbox_quarantine = Table(
    "inbox_quarantine",
    metadata,
    Column("provider", String, primary_key=True),
    Column("raw_sha256", String, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    _at("received_at"),
)

inbox_count = Table(
    "inbox_count",
    metadata,
    Column("provider", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("value", BigInteger, nullable=False, default=0),
)

# What the decision endpoint may show a visitor, from hand-over until its window is over. The visitor is a hash.
web_message = Table(
    "web_message",
    metadata,
    Column("message_id", String, ForeignKey("outbox.message_id"), primary_key=True),
    Column("visitor_sha256", String, primary_key=True),
    Column("slot", String, nullable=False),
    Column("html", Text, nullable=False),
    _at("send_at"),
    _at("expires_at"),
    Index("ix_web_message_visitor_sha256", "visitor_sha256"),
)

Index("ix_receipt_provider_id", receipt.c.provider_id)
# Identifiers of erased people as keyed hashes: what lands with one of them is dropped.
forgotten = Table(
    "forgotten",
    metadata,
    _sequence(),
    Column("subject_hmac", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("actor", String, nullable=False),
    _at(),
    UniqueConstraint("subject_hmac"),
)

# What was learned: a later row of the same key takes its place, and says whether it contradicts it.
finding = Table(
    "finding",
    metadata,
    _sequence(),
    Column("key", String, nullable=False),
    Column("source", String, nullable=False),  # the cycle that learned it
    Column("verdict", String, nullable=False),
    Column("statement", Text, nullable=False),
    Column("unit", String, nullable=False),
    Column("effect", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("sample", BigInteger, nullable=False),
    Column("learned_on", String, nullable=False),
    Column("expires_on", String, nullable=False),
    _at(),
    UniqueConstraint("key", "source"),
)

# How an objective's arms are drawn: a person's arm follows from this row and their id, for good.
randomization = Table(
    "randomization",
    metadata,
    Column("objective_id", String, primary_key=True),
    Column("holdout", Double, nullable=False),
    Column("manual", Double, nullable=False),
    Column("random", Double, nullable=False),
    Column("salt", String, nullable=False),
    _at(),
)

# The test that an objective's level is raised or lowered by, as it was stated when the objective was first seen.
autonomy_test = Table(
    "autonomy_test",
    metadata,
    Column("objective_id", String, primary_key=True),
    Column("alpha", Double, nullable=False),
    Column("effect", Double, nullable=False),
    Column("margin", Double, nullable=False),
    Column("crossing_share", Double, nullable=False),
    _at(),
)

# What a cycle found of a level: of its arms, or a guardrail that it breached. Evidence is kept as natural logarithms.
autonomy_evidence = Table(
    "autonomy_evidence",
    metadata,
    _sequence(),
    Column("objective_id", String, nullable=False),
    Column("cycle_id", String, nullable=False),
    Column("kind", String, CheckConstraint("kind IN ('arms','breach')", name="kind"), nullable=False),
    Column("level", String, nullable=False),  # in force when it was found
    Column("move", String, CheckConstraint("move IN ('stays','proposed','lowered')", name="move"), nullable=False),
    Column("better", Double),
    Column("worse", Double),
    Column("words", Text, nullable=False),
    _at(),
    UniqueConstraint("objective_id", "cycle_id", "kind"),
)

# Memberships of ad audiences that were taken back, by the message that had added the person.
audience_removal = Table(
    "audience_removal",
    metadata,
    Column("message_id", String, primary_key=True),
    Column("added_by", String, ForeignKey("outbox.message_id"), nullable=False),
    Column("channel", String, nullable=False),
    Column("reason", String, nullable=False),
    _at(),
    UniqueConstraint("added_by"),
)
