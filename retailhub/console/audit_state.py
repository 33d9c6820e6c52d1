"""What the audit's pages say of its chain."""

from __future__ import annotations

import datetime as dt

from django.urls import reverse

from retailhub.core.admin import Cell, Fact, text
from retailhub.core.admin.words import ago, moment
from retailhub.core.cli import counted
from retailhub.core.models import AuditChain, AuditEntry

HINT = "It is read from its first row to its end once a day."


def told(now: dt.datetime) -> Cell:
    """How the last check went, in a sentence; where it found a break, with the way to its case."""
    chain = AuditChain.objects.first()
    if chain is None or chain.checked_at is None or chain.check_report is None:
        return text(f"Nobody has checked yet whether the audit holds. {HINT}", tone="quiet")
    when, report = ago(chain.checked_at, now), chain.check_report
    if report["holds"]:
        rows = counted(report["rows"], "sealed row")
        return text(f"Nothing of the audit was changed: {rows} checked {when}. {HINT}", tone="good")
    first = report["breaks"][0]
    return text(
        f"The audit does not hold, first at place {first['place']} ({first['kind']}); checked {when}.",
        url=f"{reverse('admin:reconciliation_case_changelist')}?code=audit_broken&state=all",
        tone="bad",
    )


def seal_facts(entry: AuditEntry) -> list[Fact]:
    """Where a row stands in the chain, or that it stands nowhere yet."""
    if entry.sealed_seq is None:
        return [Fact("Seal", text("not sealed yet; rows are every half minute", tone="quiet"))]
    return [
        Fact("Seal", text(f"place {entry.sealed_seq}, sealed {moment(entry.sealed_at)}")),
        Fact("Hash", text(bytes(entry.seal_hash or b"").hex(), mono=True)),
    ]
