"""How much is at risk in all open cases together."""

from __future__ import annotations

from decimal import Decimal

from django.db import connection

from reconciliation.models import CauseNow
from reconciliation.selectors import triage

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


def open_cases(*, code: str = "") -> triage.Size:
    """Open cases, and the causes that they belong to; of one code where it is given."""
    rows = CauseNow.objects.filter(code=code) if code else CauseNow.objects.all()
    return triage.size_of(rows)
