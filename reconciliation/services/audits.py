"""The case about the audit: its chain does not hold, or can no longer be added to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import structlog
from django.db import transaction

from reconciliation.services import cases
from reconciliation.services.cases import Report
from retailhub.core import audit_chain, audit_check
from retailhub.core.audit_check import Break, Check
from retailhub.core.models import AuditChain

log = structlog.get_logger(__name__)

FAMILY, SUBJECT, CODE = "audit", "audit:chain", "audit_broken"
HOLDS = "The audit was read from its first row to its end, and it holds."


def seal(*, now: dt.datetime) -> int:
    """Seal what is not sealed; returns how many rows. What cannot be added to is a case, and stays unsealed."""
    try:
        return audit_chain.seal().rows
    except audit_chain.HeadNotOurs as error:
        _tell([Break(kind="head", place=0, entry=None, detail=str(error))], broken=1, now=now)
    except audit_chain.KeyMissing as error:
        _tell([Break(kind="key_missing", place=0, entry=None, detail=str(error))], broken=1, now=now)
    return 0


def check(*, now: dt.datetime, progress: Callable[[int, int], None] = lambda _done, _total: None) -> Check:
    """Read the whole chain, write down what was found, and open, renew or close its case."""
    found = audit_check.verify(progress=progress)
    with transaction.atomic():
        AuditChain.objects.update(checked_at=now, check_report=found.report())
        _tell(found.breaks, broken=found.broken, now=now)
    # where somebody with the database alone cannot change it
    log.log(
        # a break must be seen in any log
        40 if found.broken else 20,
        "audit_checked",
        rows=found.rows,
        broken=found.broken,
        head=found.head,
        seconds=found.seconds,
    )
    return found


def _tell(breaks: list[Break], *, broken: int, now: dt.datetime) -> None:
    with transaction.atomic():
        cases.reflect(
            family=FAMILY,
            reports=[_report(breaks[0], broken)] if breaks else [],
            subjects=[SUBJECT],
            proof={SUBJECT: HOLDS},
            now=now,
        )


def _report(first: Break, broken: int) -> Report:
    return Report(
        code=CODE,
        subject=SUBJECT,
        family=FAMILY,
        connection_id=None,
        detail=first.detail,
        evidence={
            "kind": first.kind,
            "place": str(first.place),
            "entry": "" if first.entry is None else str(first.entry),
            "breaks": str(broken),
        },
    )
