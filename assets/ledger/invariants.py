"""What must be true of the ledger at every commit, each rule as one query that finds what breaks it."""
# ruff: noqa: S608 - the queries are put together from this file's own constants

import hashlib
from datetime import datetime

from sqlalchemy import Connection, select, text

from assets.ledger.columns import to_utc
from assets.ledger.records import Violation
from assets.ledger.tables import audit

_SCOPES = """
    SELECT 'total' AS scope, cycle_on AS period, state, cost_micros FROM outbox
    UNION ALL SELECT 'channel:' || channel, cycle_on, state, cost_micros FROM outbox
    UNION ALL SELECT 'objective:' || objective_id, 'whole', state, cost_micros FROM outbox"""
_HELD = "('pending', 'leased', 'sending')"
_SPENT = "('sent', 'unknown')"

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
    "nothing beyond a cap": """
        SELECT scope || ' ' || period AS subject,
               'held + spent ' || (held_micros + spent_micros) || ' > cap ' || cap_micros AS detail
        FROM budget WHERE cap_micros IS NOT NULL AND held_micros + spent_micros > cap_micros""",
    "spend adds up to the messages": f"""
        SELECT coalesce(b.scope, m.scope) || ' ' || coalesce(b.period, m.period) AS subject,
               'budget held ' || coalesce(b.held_micros, 0) || ' spent ' || coalesce(b.spent_micros, 0)
               || ', messages held ' || coalesce(m.held, 0) || ' spent ' || coalesce(m.spent, 0) AS detail
        FROM budget b FULL JOIN (
            SELECT scope, period, sum(CASE WHEN state IN {_HELD} THEN cost_micros ELSE 0 END) AS held,
                   sum(CASE WHEN state IN {_SPENT} THEN cost_micros ELSE 0 END) AS spent
            FROM ({_SCOPES}) s GROUP BY scope, period) m ON m.scope = b.scope AND m.period = b.period
        WHERE coalesce(b.held_micros, 0) <> coalesce(m.held, 0)
           OR coalesce(b.spent_micros, 0) <> coalesce(m.spent, 0)""",
    "spend adds up to its entries": """
        SELECT b.scope || ' ' || b.period AS subject, 'entries differ from the balance' AS detail
        FROM budget b LEFT JOIN (
            SELECT scope, period,
                   sum(CASE kind WHEN 'hold' THEN amount_micros WHEN 'cap' THEN 0 ELSE -amount_micros END) AS held,
                   sum(CASE kind WHEN 'spend' THEN amount_micros ELSE 0 END) AS spent
            FROM budget_entry GROUP BY scope, period) e ON e.scope = b.scope AND e.period = b.period
        WHERE coalesce(e.held, 0) <> b.held_micros OR coalesce(e.spent, 0) <> b.spent_micros""",
    "a released plan's data passed its gates": """
        SELECT p.plan_id AS subject, 'generation ' || p.generation_id AS detail FROM plan p
        JOIN plan_authorization a ON a.plan_id = p.plan_id AND a.kind = 'released'
        WHERE NOT EXISTS (SELECT 1 FROM gate g WHERE g.generation_id = p.generation_id AND g.is_passed)""",
}


def violations(connection: Connection) -> list[Violation]:
    """What breaks a rule, at most 100 rows a rule."""
    found = []
    for rule, query in RULES.items():
        rows = connection.execute(text(f"SELECT * FROM ({query}) broken LIMIT 100"))
        found += [Violation(rule, row.subject, row.detail) for row in rows]
    return found


def broken_chain(connection: Connection) -> list[Violation]:
    """The first link of the audit trail that doesn't fit, if any: from there on nothing is proven."""
    prev_hash = ""
    for position, row in enumerate(connection.execute(select(audit).order_by(audit.c.seq)), start=1):
        expected = link_hash(row.seq, row.kind, row.subject, row.detail, prev_hash=prev_hash, at=row.at)
        if row.seq != position or row.prev_hash != prev_hash or row.hash != expected:
            return [
                Violation("the audit trail is unbroken", str(row.seq), "its hash doesn't follow from what is before it")
            ]
        prev_hash = row.hash
    return []


def link_hash(seq: int, kind: str, subject: str, detail: str, *, prev_hash: str, at: datetime) -> str:
    """The hash of a link over its own content and the link before it."""
    content = "\n".join((str(seq), kind, subject, detail, prev_hash, to_utc(at).isoformat(timespec="microseconds")))
    return hashlib.sha256(content.encode()).hexdigest()
