"""The audit as a chain: each row is sealed once, with a hash over itself and the hash before it.

The bytes of a row (version 1) are a JSON array as ``json.dumps`` writes it with ``separators=(",", ":")`` (ASCII only):
the words ``retailhub-audit-1``, then the row's place in the chain, when it was sealed, up to when the sealing before
had seen all rows, its id, when the act was, the actor's id, name and roles, action, subject, reason, before, after.
Times are UTC as ``2026-03-01T09:30:00.000000Z``; before and after are text, as PostgreSQL writes a ``jsonb`` value;
what is empty is ``null``.

Hash = SHA-256 of the hash before (32 zero bytes at first) and the bytes. Mac = HMAC-SHA256 of the hash under a key made
of ``RETAILHUB_ENCRYPTION_KEYS``. Where the chain ends is written down under the same key. What that proves, and what
not, is in docs/operating/audit.md.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.db import connection, transaction

from retailhub.core import audit, clock
from retailhub.core.models import AuditChain

log = structlog.get_logger(__name__)

VERSION = 1
GENESIS = bytes(32)
BATCH = 1000
LATE_AFTER = dt.timedelta(minutes=15)
"""How long after its act a row may be committed: the longest transaction, and clocks that differ."""

COLUMNS = """
id, at, actor_id, actor_name, role, action, subject, reason, before::text, after::text,
sealed_seq, sealed_at, sealed_after, seal_version, seal_key, seal_previous, seal_hash, seal_mac
"""
UNSEALED = f"SELECT {COLUMNS} FROM core_auditentry WHERE sealed_seq IS NULL ORDER BY id LIMIT %s"  # noqa: S608
SEAL_ROWS = """
UPDATE core_auditentry e SET
    sealed_seq = s.seq, sealed_at = %(at)s, sealed_after = %(after)s, seal_version = %(version)s, seal_key = %(key)s,
    seal_previous = s.previous, seal_hash = s.hash, seal_mac = s.mac
FROM unnest(%(ids)s::bigint[], %(seqs)s::bigint[], %(previous)s::bytea[], %(hashes)s::bytea[], %(macs)s::bytea[])
     AS s (id, seq, previous, hash, mac)
WHERE e.id = s.id
"""

LAST_ROW = """
SELECT sealed_seq, seal_hash FROM core_auditentry WHERE sealed_seq IS NOT NULL ORDER BY sealed_seq DESC LIMIT 1
"""


class HeadNotOurs(Exception):
    """What says where the chain ends was changed or taken away by somebody else; nothing is sealed onto it."""


class KeyMissing(Exception):
    """A seal's key is not configured any more."""


class Row(NamedTuple):
    """An audit row as it is sealed, in the order of `COLUMNS`."""

    id: int
    at: dt.datetime
    actor_id: int | None
    actor_name: str
    role: str
    action: str
    subject: str
    reason: str
    before: str | None
    after: str | None
    seq: int | None
    sealed_at: dt.datetime | None
    sealed_after: dt.datetime | None
    version: int | None
    key: str | None
    previous: memoryview | None
    hash: memoryview | None
    mac: memoryview | None


def canonical(row: Row, *, seq: int, sealed_at: dt.datetime, sealed_after: dt.datetime | None) -> bytes:
    """The bytes that are hashed, version 1."""
    values = (
        f"retailhub-audit-{VERSION}",
        seq,
        _moment(sealed_at),
        sealed_after and _moment(sealed_after),
        row.id,
        _moment(row.at),
        row.actor_id,
        row.actor_name,
        row.role,
        row.action,
        row.subject,
        row.reason,
        row.before,
        row.after,
    )
    return json.dumps(values, separators=(",", ":")).encode()


@lru_cache(maxsize=64)
def _moment(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def digest(previous: bytes, data: bytes) -> bytes:
    """The hash of a row whose bytes are ``data``, after the row with the hash ``previous``."""
    return hashlib.sha256(previous + data).digest()


@lru_cache(maxsize=8)
def _keys(configured: tuple[str, ...]) -> dict[str, bytes]:
    pairs = [entry.partition(":") for entry in configured]
    return {name: hashlib.sha256(b"retailhub audit chain\0" + key.encode()).digest() for name, _, key in pairs}


def mac_of(data: bytes, key: str) -> bytes:
    """The mac of a hash, or of the chain's end. Raises `KeyMissing` for a key that is not configured."""
    secret = _keys(tuple(settings.ENCRYPTION_KEYS)).get(key)
    if secret is None:
        raise KeyMissing(f"RETAILHUB_ENCRYPTION_KEYS lacks key {key!r}, with which this was sealed.")
    return hmac.digest(secret, data, "sha256")


def present_key() -> str:
    """The name of the key that seals now: the first one, as for everything that is encrypted."""
    return next(iter(_keys(tuple(settings.ENCRYPTION_KEYS))))


def head_bytes(chain: AuditChain) -> bytes:
    """What the mac of the chain's end is over."""
    looked = _moment(chain.looked_at) if chain.looked_at else ""
    return f"retailhub-audit-head-1\0{chain.head_seq}\0{bytes(chain.head_hash).hex()}\0{looked}".encode()


def is_ours(chain: AuditChain) -> bool:
    """Whether the chain's end was written by us. Raises `KeyMissing`."""
    return hmac.compare_digest(mac_of(head_bytes(chain), chain.key), bytes(chain.mac))


@dataclass(frozen=True)
class Sealed:
    """What a sealing did. ``head`` is ``place:hash`` of the last row of the chain."""

    rows: int
    head: str


def seal() -> Sealed:
    """Seal every row that is committed and not sealed yet, in batches. Acts never wait for it.

    The order of the chain is the order of sealing: a row with a low id that is committed late comes after rows with
    higher ids. Locks the chain's end, so only one seals at a time. Raises `HeadNotOurs`, `KeyMissing`.
    """
    total, round_at, more = 0, clock.now(), True
    while more:
        with transaction.atomic():
            chain = _locked()
            rows = _read(BATCH)
            more = len(rows) == BATCH
            _seal(chain, rows, max(round_at, chain.looked_at or round_at))
            if not more:
                # only now is everything up to the beginning of the round in the chain
                chain.looked_at = max(round_at, chain.looked_at or round_at)
            _write(chain)
        total += len(rows)
    head = str(chain)
    if total:
        # a copy of the chain's end where somebody with the database alone cannot change it
        log.info("audit_sealed", rows=total, head=head)
    return Sealed(total, head)


def _locked() -> AuditChain:
    AuditChain.objects.bulk_create([AuditChain(head_hash=GENESIS, key="", mac=b"")], ignore_conflicts=True)
    chain = AuditChain.objects.select_for_update().get()
    if not chain.key:
        if _anything_sealed():
            raise HeadNotOurs("There are sealed rows, and nothing that says where their chain ends.")
    elif not is_ours(chain):
        raise HeadNotOurs("What says where the chain ends was not written by RetailHub.")
    return chain


def _anything_sealed() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM core_auditentry WHERE sealed_seq IS NOT NULL)")
        return bool(cursor.fetchone()[0])


def _read(limit: int) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(UNSEALED, [limit])
        return [Row(*values) for values in cursor.fetchall()]


def _seal(chain: AuditChain, rows: list[Row], sealed_at: dt.datetime) -> None:
    """Add rows to the chain. ``looked_at`` stays what it was, as the rest of a round has the same beginning."""
    if not rows:
        return
    key, previous = present_key(), bytes(chain.head_hash)
    links: list[tuple[int, int, bytes, bytes, bytes]] = []
    for seq, row in enumerate(rows, start=chain.head_seq + 1):
        data = canonical(row, seq=seq, sealed_at=sealed_at, sealed_after=chain.looked_at)
        own = digest(previous, data)
        links.append((row.id, seq, previous, own, mac_of(own, key)))
        previous = own
    ids, seqs, previouses, hashes, macs = (list(column) for column in zip(*links, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            SEAL_ROWS,
            {
                "at": sealed_at,
                "after": chain.looked_at,
                "version": VERSION,
                "key": key,
                "ids": ids,
                "seqs": seqs,
                "previous": previouses,
                "hashes": hashes,
                "macs": macs,
            },
        )
    chain.head_seq, chain.head_hash = seqs[-1], previous


def _write(chain: AuditChain) -> None:
    chain.key = present_key()
    chain.mac = mac_of(head_bytes(chain), chain.key)
    chain.save(update_fields=["head_seq", "head_hash", "looked_at", "key", "mac"])


def resume(*, actor: Any, reason: str, now: dt.datetime) -> str:
    """Let the chain go on from its last row, after what said where it ends was found not to be ours.

    The audit keeps who did so, why, and both ends. Returns the end. Locks it.
    """
    with transaction.atomic():
        AuditChain.objects.bulk_create([AuditChain(head_hash=GENESIS, key="", mac=b"")], ignore_conflicts=True)
        chain = AuditChain.objects.select_for_update().get()
        before = str(chain)
        with connection.cursor() as cursor:
            cursor.execute(LAST_ROW)
            found = cursor.fetchone()
        chain.head_seq, chain.head_hash = (found[0], bytes(found[1])) if found else (0, GENESIS)
        _write(chain)
        after = str(chain)
        audit.record(
            actor=actor,
            action="resume_audit",
            subject="audit:chain",
            reason=reason,
            now=now,
            before={"end": before},
            after={"end": after},
        )
    return after
