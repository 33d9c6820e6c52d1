"""Reading the audit: the newest acts, and all of them for somebody outside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from retailhub.core import audit
from retailhub.core.audit_chain import COLUMNS, Row, canonical
from retailhub.core.models import AuditEntry

PAGE = 2000


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which acts are meant; what is empty chooses nothing."""

    actor_name: str | None = None
    action: str | None = None
    subject: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def rows(self) -> QuerySet[AuditEntry]:
        """The acts, in no order."""
        named = {"actor_name": self.actor_name, "action": self.action, "subject": self.subject}
        named |= {"at__gte": self.since, "at__lt": self.until}  # type: ignore[dict-item]
        return AuditEntry.objects.filter(**{name: value for name, value in named.items() if value is not None})


def newest(chosen: Chosen, *, limit: int) -> list[AuditEntry]:
    """The newest of the acts, newest first."""
    return list(chosen.rows().order_by("-at", "-id")[:limit])


def acts_on(subjects: Sequence[str], *, limit: int = 1000) -> list[AuditEntry]:
    """The newest acts on these subjects, oldest first."""
    return list(AuditEntry.objects.filter(subject__in=list(subjects)).order_by("-at", "-id")[:limit])[::-1]


def facts(entry: AuditEntry) -> dict[str, Any]:
    """An act as JSON."""
    return {
        "id": entry.pk,
        "at": entry.at,
        "actor": entry.actor_name,
        "role": entry.role,
        "action": entry.action,
        "subject": entry.subject,
        "reason": entry.reason,
        "before": entry.before,
        "after": entry.after,
        "place": entry.sealed_seq,
        "sealed_at": entry.sealed_at,
    }


def note_export(chosen: Chosen, *, actor: Any, reason: str, now: dt.datetime) -> None:
    """Write down that somebody takes acts out."""
    asked = {name: value for name, value in asdict(chosen).items() if value is not None}
    told = {name: value.isoformat() if isinstance(value, dt.datetime) else value for name, value in asked.items()}
    audit.record(actor=actor, action="export_audit", subject="audit:chain", reason=reason, now=now, after=told)


def exported(chosen: Chosen) -> Iterator[dict[str, Any]]:
    """Each act by id, with its seal and the bytes that were hashed: enough to compute the chain anew elsewhere."""
    last = 0
    while True:
        entries = list(chosen.rows().filter(pk__gt=last).order_by("pk")[:PAGE])
        seals = _seals([entry.pk for entry in entries])
        for entry in entries:
            yield {**facts(entry), "seal": seals[entry.pk]}
        if len(entries) < PAGE:
            return
        last = entries[-1].pk


def _seals(ids: list[int]) -> dict[int, dict[str, Any] | None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM core_auditentry WHERE id = ANY(%s)", [ids])  # noqa: S608
        return {values[0]: _seal(Row(*values)) for values in cursor.fetchall()}


def _seal(row: Row) -> dict[str, Any] | None:
    if row.seq is None or row.sealed_at is None:
        return None
    data = canonical(row, seq=row.seq, sealed_at=row.sealed_at, sealed_after=row.sealed_after)
    seal = {name: bytes(getattr(row, name) or b"").hex() for name in ("previous", "hash", "mac")}
    return {"version": row.version, "key": row.key, "bytes": data.decode(), **seal}
