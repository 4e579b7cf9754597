# ruff: noqa: S608 - the statements are put together from this file's own constants
"""The rules that the database itself keeps, whoever writes to it: triggers, in both dialects.

That an outbox row names a release of its own plan hash is a foreign key (tables.py); what a key can't say is here.
"""

from assets.ledger.tables import APPEND_ONLY

LEGAL_MOVES = (
    "pending>leased",
    "pending>suppressed",
    "pending>expired",
    "pending>cancelled",
    "leased>pending",
    "leased>sending",
    "leased>suppressed",
    "leased>expired",
    "leased>cancelled",
    "sending>sent",
    "sending>pending",
    "sending>failed",
    "sending>unknown",
    "unknown>sent",
)
IDENTITY = (
    "message_id",
    "decision_id",
    "plan_id",
    "plan_hash",
    "authorization_seq",
    "authority",
    "cycle_id",
    "cycle_on",
    "customer_id",
    "objective_id",
    "channel",
    "offer_id",
    "creative_id",
    "contact_ids",
    "payload_sha256",
    "cost_micros",
    "send_at",
    "expires_at",
)

_EDITED = " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in IDENTITY)
_MOVES = ", ".join(f"'{move}'" for move in LEGAL_MOVES)
_ILLEGAL_MOVE = f"NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) NOT IN ({_MOVES})"

_OWN = "plan_id = NEW.plan_id AND plan_hash = NEW.plan_hash"
_UNAPPROVED = f"""NEW.kind = 'released' AND (
    EXISTS (SELECT 1 FROM plan_authorization WHERE {_OWN} AND kind IN ('rejected', 'superseded', 'revoked'))
    OR (SELECT count(DISTINCT actor) FROM plan_authorization WHERE {_OWN} AND kind = 'approved')
       < (SELECT coalesce(max(approvals_needed), 0) FROM plan_authorization WHERE {_OWN} AND kind = 'escalated'))"""

# name, table, event, condition, message
_ROW_RULES = (
    (
        "outbox_identity",
        "outbox",
        "UPDATE",
        _EDITED,
        "a released message is never edited: cancel it and release another plan",
    ),
    ("outbox_moves", "outbox", "UPDATE", _ILLEGAL_MOVE, "no such move between message states"),
    ("outbox_kept", "outbox", "DELETE", None, "messages are never deleted"),
    ("outbox_fresh", "outbox", "INSERT", "NEW.state <> 'pending'", "a message enters as pending"),
    (
        "release_approved",
        "plan_authorization",
        "INSERT",
        _UNAPPROVED,
        "the plan was rejected, withdrawn, or waits for approval",
    ),
)


def trigger_statements(dialect: str) -> list[str]:
    """The DDL of every guard.

    Args:
        dialect: `sqlite` or `postgresql`.
    """
    rules = list(_ROW_RULES)
    for table in APPEND_ONLY:
        message = f"{table.name} is append-only: a change of mind is a new row"
        rules += [(f"{table.name}_no_{verb.lower()}", table.name, verb, None, message) for verb in ("UPDATE", "DELETE")]
    if dialect == "sqlite":
        return [statement for rule in rules for statement in _sqlite(*rule)]
    kept = [(table.name, f"{table.name} is append-only") for table in APPEND_ONLY] + [
        ("outbox", "messages are never deleted")
    ]
    truncations = [statement for name, message in kept for statement in _no_truncate(name, message)]
    return [statement for rule in rules for statement in _postgresql(*rule)] + truncations


_KEPT_OF_AN_OUTCOME = (
    "event_id",
    "event_type",
    "message_id",
    "channel",
    "value",
    "matched_by",
    "intake_no",
    "occurred_at",
    "received_at",
)
_ERASABLE = ("payload", "customer_key_sha256")
_NOT_AN_ERASURE = " OR ".join(
    [
        *(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in _KEPT_OF_AN_OUTCOME),
        *(f"NEW.{column} IS NOT NULL AND NEW.{column} IS DISTINCT FROM OLD.{column}" for column in _ERASABLE),
        "NOT (" + " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in _ERASABLE) + ")",
    ]
)


def erasure_statements(dialect: str) -> list[str]:
    """The DDL by which an outcome can lose what is personal of it and nothing else, and an erasure stays known.

    Args:
        dialect: `sqlite` or `postgresql`.
    """
    message = "outcome is append-only: only its payload and its key can be erased"
    if dialect == "sqlite":
        dropped = ["DROP TRIGGER guard_outcome_no_update"]
    else:
        dropped = ["DROP TRIGGER guard_outcome_no_update ON outcome", "DROP FUNCTION guard_outcome_no_update()"]
    make = _sqlite if dialect == "sqlite" else _postgresql
    kept = [
        statement
        for verb in ("UPDATE", "DELETE")
        for statement in make(f"forgotten_no_{verb.lower()}", "forgotten", verb, None, "an erasure stays known")
    ]
    truncation = [] if dialect == "sqlite" else _no_truncate("forgotten", "an erasure stays known")
    return [*dropped, *make("outcome_no_update", "outcome", "UPDATE", _NOT_AN_ERASURE, message), *kept, *truncation]


def _sqlite(name: str, table: str, event: str, condition: str | None, message: str) -> list[str]:
    when = f"WHEN {_distinct_for_sqlite(condition)} " if condition else ""
    return [f"CREATE TRIGGER guard_{name} BEFORE {event} ON {table} {when}BEGIN SELECT RAISE(ABORT, '{message}'); END"]


def _distinct_for_sqlite(condition: str) -> str:
    return condition.replace("IS DISTINCT FROM", "IS NOT")  # the standard spelling came with SQLite 3.39


def _postgresql(name: str, table: str, event: str, condition: str | None, message: str) -> list[str]:
    # A WHEN clause may not hold a subquery, so the condition is inside the function.
    test = f"IF {condition} THEN RAISE EXCEPTION '{message}'; END IF;" if condition else f"RAISE EXCEPTION '{message}';"
    returned = "OLD" if event == "DELETE" else "NEW"
    return [
        f"CREATE FUNCTION guard_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {test} RETURN {returned}; END $$",
        f"CREATE TRIGGER guard_{name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION guard_{name}()",
    ]


def _no_truncate(table: str, message: str) -> list[str]:
    """TRUNCATE passes row triggers by; SQLite has no such statement."""
    name = f"guard_{table}_no_truncate"
    body = f"BEGIN RAISE EXCEPTION '{message}'; END"
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
        f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
    ]
