# ruff: noqa: S608 - the statements are put together from this file's own constants
"""The rules that the database itself keeps, whoever writes to it: triggers, in both dialects.

That an outbox row names a release of its own plan hash is a foreign key (tables.py); what a key can't say is here.
"""

from collections.abc import Sequence

_FIRST_MOVES = (
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
LEGAL_MOVES = (*_FIRST_MOVES, "pending>unknown", "leased>unknown")
"""What may have left in an earlier attempt, and can't go out again, ends as unknown."""

_FIRST_TABLES = (
    "landed_file",
    "generation",
    "gate",
    "autonomy_level",
    "plan",
    "plan_authorization",
    "receipt",
    "outcome",
    "suppression",
    "consent_event",
    "budget_entry",
    "halt",
    "audit",
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
_NO_SUCH_MOVE = "no such move between message states"


def _is_illegal(moves: Sequence[str]) -> str:
    listed = ", ".join(f"'{move}'" for move in moves)
    return f"NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) NOT IN ({listed})"


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
    ("outbox_moves", "outbox", "UPDATE", _is_illegal(_FIRST_MOVES), _NO_SUCH_MOVE),
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
    """The DDL of the guards of the first revision.

    Args:
        dialect: `sqlite` or `postgresql`.
    """
    rules = [statement for rule in _ROW_RULES for statement in _statements(dialect, *rule)]
    kept = append_only_statements(dialect, _FIRST_TABLES)
    return rules + kept + ([] if dialect == "sqlite" else _no_truncate("outbox", "messages are never deleted"))


def append_only_statements(dialect: str, tables: Sequence[str]) -> list[str]:
    """The DDL that makes tables append-only, for the revision that creates them."""
    statements = []
    for name in tables:
        message = f"{name} is append-only: a change of mind is a new row"
        for verb in ("UPDATE", "DELETE"):
            statements += _statements(dialect, f"{name}_no_{verb.lower()}", name, verb, None, message)
        if dialect != "sqlite":
            statements += _no_truncate(name, f"{name} is append-only")
    return statements


def moves_statements(dialect: str) -> list[str]:
    """The DDL that puts today's legal moves in the place of an earlier revision's."""
    rule = ("outbox_moves", "outbox", "UPDATE", _is_illegal(LEGAL_MOVES), _NO_SUCH_MOVE)
    if dialect == "sqlite":
        return ["DROP TRIGGER guard_outbox_moves", *_statements(dialect, *rule)]
    dropped = ["DROP TRIGGER guard_outbox_moves ON outbox", "DROP FUNCTION guard_outbox_moves()"]
    return [*dropped, *_statements(dialect, *rule)]


def payload_statements(dialect: str) -> list[str]:
    """The DDL by which what a message says is never edited, only erased: a release is for exactly that."""
    message = "what a released message says is never edited: cancel it and release another plan"
    edited = "NEW.message_id <> OLD.message_id OR NEW.recipient <> '{}' OR NEW.content <> '{}'"
    return _statements(dialect, "payload_kept", "payload", "UPDATE", edited, message)


def _statements(dialect: str, name: str, table: str, event: str, condition: str | None, message: str) -> list[str]:
    make = _sqlite if dialect == "sqlite" else _postgresql
    return make(name, table, event, condition, message)


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
