"""Folding what cases changed into the totals of their causes."""

from __future__ import annotations

from django.db import connection, transaction

ALONE = "SELECT pg_try_advisory_xact_lock(hashtext('reconciliation.fold'))"
FOLD = """
WITH gone AS (DELETE FROM reconciliation_causedelta RETURNING cause_id, currency, cases, money, seen_at),
changed AS (
    SELECT cause_id, currency, sum(cases) AS cases, sum(money) AS money, max(seen_at) AS seen_at
    FROM gone GROUP BY cause_id, currency
)
INSERT INTO reconciliation_causemoney AS known (cause_id, currency, cases, money, seen_at)
SELECT cause_id, currency, cases, money, seen_at FROM changed
ON CONFLICT (cause_id, currency) DO UPDATE SET
    cases = known.cases + excluded.cases,
    money = known.money + excluded.money,
    seen_at = greatest(known.seen_at, excluded.seen_at)
RETURNING cause_id
"""
SUM = """
INSERT INTO reconciliation_causesum AS known (cause_id, code, connection_id, cases, risk, seen_at, oldest_at)
SELECT cause.id, cause.code, cause.connection_id, sum(cases), sum(rh_risk(money, currency)), max(seen_at),
       (SELECT min(opened_at) FROM reconciliation_case AS each WHERE each.cause_id = cause.id AND each.state = 'open')
FROM reconciliation_causemoney AS part JOIN reconciliation_cause AS cause ON cause.id = part.cause_id
WHERE part.cause_id = ANY(%s) GROUP BY cause.id
ON CONFLICT (cause_id) DO UPDATE SET
    cases = excluded.cases, risk = excluded.risk, seen_at = excluded.seen_at, oldest_at = excluded.oldest_at
"""
NOTHING_OPEN = (
    "DELETE FROM reconciliation_causemoney WHERE cause_id = ANY(%s) AND cases = 0",
    "DELETE FROM reconciliation_causesum WHERE cause_id = ANY(%s) AND cases = 0",
)


def fold() -> int:
    """Fold what was noted until now; returns how many causes changed. What is read stays the same.

    One at a time; whoever finds another at it leaves it to them. Writers of cases never wait for it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ALONE)
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(FOLD)
        causes = sorted({cause_id for (cause_id,) in cursor.fetchall()})
        if causes:
            cursor.execute(SUM, [causes])
            for statement in NOTHING_OPEN:
                cursor.execute(statement, [causes])
    return len(causes)
