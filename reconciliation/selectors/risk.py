"""How much is at risk in all open cases together."""

from __future__ import annotations

from decimal import Decimal

from django.db import connection

AT_RISK = """
SELECT currency, sum(money) FROM (
    SELECT currency, subject, max(money_at_risk) AS money FROM reconciliation_case
    WHERE state = 'open' AND currency <> '' GROUP BY currency, subject) each GROUP BY currency ORDER BY currency
"""
"""An order with two SKUs at fault has two cases, but its money is at risk once."""


def money_at_risk() -> dict[str, Decimal]:
    """By currency, each order's money once. Reads every open case: for now and then, not for each look at a page."""
    with connection.cursor() as cursor:
        cursor.execute(AT_RISK)
        return {currency: money for currency, money in cursor.fetchall() if money is not None}


OPEN = """
SELECT (SELECT coalesce(sum(cases), 0) FROM reconciliation_causesum WHERE %(all)s OR code = %(code)s)
     + (SELECT coalesce(sum(d.cases), 0) FROM reconciliation_causedelta d
        JOIN reconciliation_cause c ON c.id = d.cause_id WHERE %(all)s OR c.code = %(code)s)
"""
"""From the totals, folded and not: no case is counted."""


def open_cases(*, code: str = "") -> int:
    """How many cases are open; of one code where it is given."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN, {"all": not code, "code": code})
        (number,) = cursor.fetchone()
    return int(number)
