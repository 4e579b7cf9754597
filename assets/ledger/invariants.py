"""What must be true of the ledger at every commit, each rule as one query that finds what breaks it."""
# ruff: noqa: S608 - the queries are put together from this file's own constants

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from sqlalchemy import Connection, TextClause, bindparam, select, text

from assets.ledger.columns import UtcDateTime, to_utc
from assets.ledger.records import Violation
from assets.ledger.tables import AUTHORIZATION_KINDS, STATES, audit

CHAIN: Final = "the audit trail is unbroken"
LEASE: Final = timedelta(seconds=60)
"""For how long a dispatcher has a batch to itself."""
SHOWN: Final = 100
"""Rows that a rule shows of what breaks it."""

_SCOPES = """
    SELECT 'total' AS scope, cycle_on AS period, state, cost_micros FROM outbox
    UNION ALL SELECT 'channel:' || channel, cycle_on, state, cost_micros FROM outbox
    UNION ALL SELECT 'objective:' || objective_id, 'whole', state, cost_micros FROM outbox"""
# Money that a provider took beyond what was held: it's spent, and closes its budget.
_BILLED = """
    SELECT scope, period, sum(amount_micros) AS billed FROM budget_entry
    WHERE kind = 'spend' AND subject LIKE 'bill %' GROUP BY scope, period"""
_HELD = "('pending', 'leased', 'sending')"
_SPENT = "('sent', 'unknown')"
_LEFT = "('sending', 'sent', 'unknown')"

# When the last intent was committed: it checked all that had been committed by then. What a restored ledger only doubts has none.
_INTENT = "o.intent_at"


def _after(row: str) -> str:
    """That the message's hand-over was committed after a row: two acts of one business time have no other order."""
    return f"(o.handover_no IS NULL OR {row}.handover_no IS NULL OR o.handover_no > {row}.handover_no)"


# CROSS JOIN keeps SQLite to the order written: messages first, then what the index knows of their contacts.
_CONTACTS = {
    "sqlite": "json_each(o.contact_ids) AS c",
    "postgresql": "jsonb_array_elements_text(CAST(o.contact_ids AS jsonb)) AS c(value)",
}
_ACTS = (*(f"plan.{kind}" for kind in AUTHORIZATION_KINDS), "halt.stop", "halt.resume")

RULES = {
    "every message has a released authorization of its plan hash": """
        SELECT o.message_id AS subject, 'plan ' || o.plan_id AS detail FROM outbox o
        LEFT JOIN plan_authorization a
          ON a.seq = o.authorization_seq AND a.kind = 'released' AND a.plan_id = o.plan_id AND a.plan_hash = o.plan_hash
        WHERE a.seq IS NULL""",
    "a release holds exactly the messages that it was for": """
        SELECT a.plan_id AS subject,
               'authorized ' || a.message_count || ', in the outbox ' || count(o.message_id) AS detail
        FROM plan_authorization a LEFT JOIN outbox o ON o.authorization_seq = a.seq WHERE a.kind = 'released'
        GROUP BY a.seq, a.plan_id, a.message_count, a.spend_micros
        HAVING count(o.message_id) <> a.message_count OR coalesce(sum(o.cost_micros), 0) <> a.spend_micros""",
    "every receipt has a message": """
        SELECT CAST(r.seq AS VARCHAR) AS subject, 'message ' || r.message_id AS detail
        FROM receipt r LEFT JOIN outbox o ON o.message_id = r.message_id WHERE o.message_id IS NULL""",
    "every sent message has a receipt or an event that says so": """
        SELECT message_id AS subject, 'sent without a receipt' AS detail FROM (
            SELECT message_id, 1 AS is_sent, 0 AS is_receipted FROM outbox WHERE state = 'sent'
            UNION ALL SELECT message_id, 0, 1 FROM receipt WHERE status IN ('sent', 'unknown')) said
        GROUP BY message_id HAVING sum(is_sent) > 0 AND sum(is_receipted) = 0""",
    "a message is sent at most once": """
        SELECT message_id AS subject, count(*) || ' receipts of sent' AS detail FROM receipt
        WHERE status = 'sent' GROUP BY message_id HAVING count(*) > 1""",
    "only open messages keep personal data": f"""
        SELECT o.message_id AS subject, 'state ' || o.state AS detail
        FROM payload p JOIN outbox o ON o.message_id = p.message_id
        WHERE o.state NOT IN {_HELD}""",
    "an open message has its content": f"""
        SELECT o.message_id AS subject, 'state ' || o.state AS detail
        FROM outbox o LEFT JOIN payload p ON p.message_id = o.message_id
        WHERE p.message_id IS NULL AND o.state IN {_HELD}""",
    "nothing beyond a cap": f"""
        SELECT b.scope || ' ' || b.period AS subject,
               'held + spent ' || (b.held_micros + b.spent_micros) || ' > cap ' || b.cap_micros AS detail
        FROM budget b LEFT JOIN ({_BILLED}) e ON e.scope = b.scope AND e.period = b.period
        WHERE b.cap_micros IS NOT NULL AND b.held_micros + b.spent_micros - coalesce(e.billed, 0) > b.cap_micros""",
    "spend adds up to the messages": f"""
        SELECT coalesce(b.scope, m.scope) || ' ' || coalesce(b.period, m.period) AS subject,
               'budget held ' || coalesce(b.held_micros, 0) || ' spent ' || coalesce(b.spent_micros, 0)
               || ', messages held ' || coalesce(m.held, 0) || ' spent ' || coalesce(m.spent, 0) AS detail
        FROM budget b FULL JOIN (
            SELECT scope, period, sum(CASE WHEN state IN {_HELD} THEN cost_micros ELSE 0 END) AS held,
                   sum(CASE WHEN state IN {_SPENT} THEN cost_micros ELSE 0 END) AS spent
            FROM ({_SCOPES}) s GROUP BY scope, period) m ON m.scope = b.scope AND m.period = b.period
        LEFT JOIN ({_BILLED}) e ON e.scope = b.scope AND e.period = b.period
        WHERE coalesce(b.held_micros, 0) <> coalesce(m.held, 0)
           OR coalesce(b.spent_micros, 0) <> coalesce(m.spent, 0) + coalesce(e.billed, 0)""",
    "spend adds up to its entries": """
        SELECT b.scope || ' ' || b.period AS subject, 'entries differ from the balance' AS detail
        FROM budget b LEFT JOIN (
            SELECT scope, period,
                   sum(CASE kind WHEN 'hold' THEN amount_micros WHEN 'cap' THEN 0 ELSE -amount_micros END) AS held,
                   sum(CASE kind WHEN 'spend' THEN amount_micros ELSE 0 END) AS spent
            FROM budget_entry GROUP BY scope, period) e ON e.scope = b.scope AND e.period = b.period
        WHERE coalesce(e.held, 0) <> b.held_micros OR coalesce(e.spent, 0) <> b.spent_micros""",
    "a held plan is released only after its approvals": """
        SELECT plan_id AS subject, 'approved by ' || given || ' of ' || needed AS detail FROM (
            SELECT r.plan_id,
                   (SELECT count(DISTINCT a.actor) FROM plan_authorization a
                    WHERE a.plan_id = r.plan_id AND a.kind = 'approved' AND a.seq < r.seq) AS given,
                   (SELECT coalesce(max(e.approvals_needed), 0) FROM plan_authorization e
                    WHERE e.plan_id = r.plan_id AND e.kind = 'escalated' AND e.seq < r.seq) AS needed
            FROM plan_authorization r WHERE r.kind = 'released') asked
        WHERE given < needed""",
    "every act of authority is in the audit trail": f"""
        SELECT subject, kind || ': done ' || done || ' times, in the trail ' || linked AS detail FROM (
            SELECT subject, kind, sum(is_done) AS done, sum(1 - is_done) AS linked FROM (
                SELECT plan_id AS subject, 'plan.' || kind AS kind, 1 AS is_done FROM plan_authorization
                UNION ALL SELECT scope, 'halt.' || kind, 1 FROM halt
                UNION ALL SELECT subject, kind, 0 FROM audit WHERE kind IN {_ACTS}) acts
            GROUP BY subject, kind) counted
        WHERE done <> linked""",
    "a message is in a legal state": f"""
        SELECT message_id AS subject, 'state ' || state AS detail FROM outbox
        WHERE state NOT IN {STATES}
           OR (state IN {_SPENT} AND (handed_over_at IS NULL OR handover_no IS NULL))
           OR (state IN ('leased', 'sending') AND (owner IS NULL OR lease_until IS NULL))
           OR (state NOT IN ('leased', 'sending') AND owner IS NOT NULL)""",
    "no message is stuck in sending": """
        SELECT message_id AS subject, 'its dispatcher ' || owner || ' has been gone for more than two leases' AS detail
        FROM outbox WHERE state = 'sending' AND lease_until <= :gone_since""",
    "hand-over numbers have no gap": """
        SELECT 'handover' AS subject,
               'counted to ' || counted || ', given ' || given || ', highest ' || highest AS detail FROM (
            SELECT (SELECT coalesce(max(value), 0) FROM counter WHERE name = 'handover') AS counted,
                   (SELECT count(DISTINCT handover_no) FROM outbox) AS given,
                   (SELECT coalesce(max(handover_no), 0) FROM outbox) AS highest) numbers
        WHERE counted <> given OR counted <> highest""",
    "nothing leaves outside its window or its authorization": f"""
        SELECT o.message_id AS subject,
               CASE WHEN o.intent_at < o.send_at THEN 'left before it was due'
                    WHEN o.intent_at >= o.expires_at THEN 'left after its window'
                    ELSE 'left after its authorization had expired' END AS detail
        FROM outbox o JOIN plan_authorization a ON a.seq = o.authorization_seq
        WHERE o.state IN {_LEFT} AND (o.intent_at < o.send_at OR o.intent_at >= o.expires_at
                                      OR o.intent_at >= a.expires_at)""",
    "nothing leaves while it is stopped": f"""
        SELECT o.message_id AS subject, 'left while ' || h.scope || ' was stopped' AS detail FROM outbox o JOIN (
            SELECT scope, kind, handover_no, at AS from_at, lead(at) OVER (PARTITION BY scope ORDER BY seq) AS until_at
            FROM halt) h
          ON h.kind = 'stop' AND (h.scope = 'all' OR h.scope = o.channel)
         AND o.intent_at > h.from_at AND (h.until_at IS NULL OR o.intent_at < h.until_at)
         AND {_after("h")}
        WHERE o.state IN {_LEFT}""",
    "nothing leaves against a suppression": f"""
        SELECT o.message_id AS subject, 'its person was suppressed before (' || s.reason || ')' AS detail
        FROM outbox o CROSS JOIN {{contacts}} CROSS JOIN suppression s
        WHERE s.subject = c.value AND s.kind = 'contact' AND (s.channel = o.channel OR s.channel = 'all')
          AND o.state IN {_LEFT} AND s.at < {_INTENT} AND {_after("s")}""",
    "nothing leaves against a withdrawal of consent": f"""
        SELECT o.message_id AS subject, 'consent had been withdrawn' AS detail
        FROM outbox o CROSS JOIN {{contacts}} CROSS JOIN consent_event w
        WHERE w.contact_id = c.value AND w.status = 'withdrawn' AND (w.channel = o.channel OR w.channel = 'all')
          AND o.state IN {_LEFT} AND w.received_at >= o.decided_at AND w.received_at < {_INTENT} AND {_after("w")}
          AND NOT EXISTS (SELECT 1 FROM consent_event g
                          WHERE g.contact_id = w.contact_id AND g.channel = w.channel AND g.status = 'granted'
                            AND g.occurred_at > w.occurred_at AND g.received_at < {_INTENT})""",
    "a released plan's data passed its gates": """
        SELECT p.plan_id AS subject, 'generation ' || p.generation_id AS detail FROM plan p
        JOIN plan_authorization a ON a.plan_id = p.plan_id AND a.kind = 'released'
        WHERE NOT EXISTS (SELECT 1 FROM gate g WHERE g.generation_id = p.generation_id AND g.is_passed)""",
}


def violations(connection: Connection, rule: str, *, now: datetime) -> Iterator[Violation]:
    """What breaks a rule, at most 100 rows of it.

    Args:
        connection: One consistent read.
        rule: One of `RULES`.
        now: The clock that leases run by.
    """
    statement = _breaking(rule, connection.dialect.name)
    asked = {"gone_since": to_utc(now) - LEASE} if ":gone_since" in RULES[rule] else {}
    for row in connection.execute(statement, asked):
        yield Violation(rule, row.subject, row.detail)


@cache
def _breaking(rule: str, dialect: str) -> TextClause:
    query = RULES[rule].replace("{contacts}", _CONTACTS[dialect])
    statement = text(f"SELECT * FROM ({query}) broken LIMIT {SHOWN}")
    return statement.bindparams(bindparam("gone_since", type_=UtcDateTime)) if ":gone_since" in query else statement


def broken_chain(connection: Connection) -> list[Violation]:
    """The first link of the audit trail that doesn't fit, if any: from there on nothing is proven."""
    prev_hash = ""
    for position, row in enumerate(connection.execute(select(audit).order_by(audit.c.seq)), start=1):
        expected = link_hash(row.seq, row.kind, row.subject, row.detail, prev_hash=prev_hash, at=row.at)
        if row.seq != position or row.prev_hash != prev_hash or row.hash != expected:
            return [Violation(CHAIN, str(row.seq), "its hash doesn't follow from what is before it")]
        prev_hash = row.hash
    return []


def link_hash(seq: int, kind: str, subject: str, detail: str, *, prev_hash: str, at: datetime) -> str:
    """The hash of a link over its own content and the link before it."""
    content = "\n".join((str(seq), kind, subject, detail, prev_hash, to_utc(at).isoformat(timespec="microseconds")))
    return hashlib.sha256(content.encode()).hexdigest()
