"""Chains of audit rows, and what somebody with the whole database may do to them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection, transaction

from retailhub.core import audit, audit_chain, clock
from retailhub.core.audit_check import Check
from retailhub.core.models import AuditEntry


def act(number: int, *, at: dt.datetime | None = None) -> AuditEntry:
    """One row of the audit, not sealed yet."""
    return audit.record(
        actor="test",
        action="map_sku",
        subject=f"sku:S-{number}",
        reason=f"reason {number}",
        now=at or clock.now(),
        before={"item_code": None, "weight": 1.10},
        after={"item_code": f"I-{number}", "ö": '\u2028"\\'},
    )


def sealed(rows: int = 10, *, rounds: int = 1) -> list[AuditEntry]:
    """A chain of so many rows; returns them by place, so that the first is at index 0."""
    for each in range(rounds):
        for number in range(rows // rounds):
            act(each * 100 + number)
        audit_chain.seal()
    return list(AuditEntry.objects.exclude(sealed_seq=None).order_by("sealed_seq"))


def tamper(sql: str, *values: Any) -> None:
    """As somebody who may do everything in the database: no trigger asks."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, values)
        cursor.execute("SET LOCAL session_replication_role = origin")


def found(check: Check) -> list[tuple[str, int]]:
    """Kind and place of each break that was told."""
    return [(each.kind, each.place) for each in check.breaks]
