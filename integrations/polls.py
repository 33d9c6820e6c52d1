"""The rows of standing looks: making them, claiming the next step, writing down what it found."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection

from integrations.leases import LeaseLost
from integrations.models import Poll
from integrations.states import PollKind
from retailhub.core import clock

DAY = 24 * 3600


def periods() -> dict[PollKind, int]:
    """Seconds from round to round of each kind, for stores that are connected from now on."""
    return {
        PollKind.CHANGED: settings.POLL_SECONDS,
        PollKind.TRASH: settings.POLL_SECONDS,
        PollKind.DRAFTS: 10 * settings.POLL_SECONDS,
        PollKind.WEBHOOKS: 5 * settings.POLL_SECONDS,
        PollKind.REFUNDS: 15 * settings.POLL_SECONDS,
        PollKind.SWEEP: DAY // 4,
        PollKind.WALK: DAY // 4,
        PollKind.HISTORY: DAY,
    }


def ensure(*, connection_id: int, kinds: Collection[PollKind]) -> None:
    """Make the looks of a store that are not there yet, due at once; slow ones follow when the fast have begun."""
    if Poll.objects.filter(connection=connection_id).count() >= len(kinds):
        return
    every, now = periods(), clock.now()
    Poll.objects.bulk_create(
        [
            Poll(
                connection_id=connection_id,
                kind=kind.value,
                every_seconds=every[kind],
                due_at=now + (dt.timedelta(seconds=every[kind]) if kind in LATER else dt.timedelta()),
                cursor_at=now if kind in FROM_NOW_ON else None,
            )
            for kind in kinds
        ],
        ignore_conflicts=True,
    )


FROM_NOW_ON = {PollKind.CHANGED, PollKind.TRASH, PollKind.DRAFTS}
"""What was there before is read once by the history."""
LATER = {PollKind.REFUNDS, PollKind.SWEEP, PollKind.WALK}


@dataclass(frozen=True, kw_only=True)
class Round:
    """A look as a step finds it, and as it leaves it. ``place`` is the kind's own note of where it is."""

    id: int
    connection_id: int
    kind: PollKind
    fence: int
    every_seconds: int
    cursor_at: dt.datetime | None
    began_at: dt.datetime | None
    place: Mapping[str, Any] = field(default_factory=dict)
    seen: int = 0
    fresh: int = 0
    total: int | None = None
    calls: int = 0
    failures: int = 0
    done: bool = False
    report: Mapping[str, Any] = field(default_factory=dict)
    """What a whole round found; only of a round that is done."""
    unread: Mapping[str, Any] = field(default_factory=dict)
    """Orders that the store cannot show, with `poll_care`'s note of each; kept from round to round."""

    @property
    def under_way_since(self) -> dt.datetime:
        """When the round began that this step belongs to."""
        if self.began_at is None:
            raise AssertionError("a step of a round that has not begun")
        return self.began_at

    def begun(self, now: dt.datetime) -> Round:
        """This look with a round under way."""
        if self.began_at is not None:
            return self
        return replace(self, began_at=now, place={}, seen=0, fresh=0, total=None, calls=0)


CLAIM = """
UPDATE integrations_poll SET
    lease_until = (SELECT rh_now()) + %(lease)s * interval '1 second', fence = nextval('integrations_fence')
WHERE id = (
    SELECT p.id FROM integrations_poll p
    JOIN integrations_connection c ON c.id = p.connection_id AND c.mode <> 'off'
    JOIN integrations_connectionstate s ON s.connection_id = c.id
     AND (s.paused_at IS NULL OR s.paused_until <= (SELECT rh_now()))
     AND coalesce(s.retry_at, '-infinity') <= (SELECT rh_now())
    WHERE p.connection_id = %(connection)s AND p.due_at <= (SELECT rh_now())
      AND (p.lease_until IS NULL OR p.lease_until < (SELECT rh_now()))
    ORDER BY array_position(%(kinds)s, p.kind::text), p.id LIMIT 1 FOR UPDATE OF p SKIP LOCKED)
RETURNING id, connection_id, kind, fence, every_seconds, cursor_at, began_at, place, seen, fresh, total, calls,
    failures, CASE WHEN began_at IS NULL THEN report -> 'unread' ELSE place -> 'unread' END AS unread
"""


def claim(*, connection_id: int) -> Round | None:
    """Take the store's most urgent step that is due, if there is one and the store may be asked now."""
    values: dict[str, Any] = {
        "connection": connection_id,
        "lease": _lease_seconds(),
        "kinds": [kind.value for kind in PollKind],
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        row = cursor.fetchone()
        if row is None:
            return None
        found = dict(zip([column.name for column in cursor.description], row, strict=True))
    place, unread = _object(found["place"]), _object(found["unread"])
    place.pop("unread", None)
    return Round(**{**found, "kind": PollKind(found["kind"]), "place": place, "unread": unread})


def _object(value: Any) -> dict[str, Any]:
    """A JSON column as the driver gives it."""
    found: dict[str, Any] = msgspec.json.decode(value) if isinstance(value, str) else value
    return found or {}


class Hold:
    """Asked before each call of a step: lengthens its lease. Raises `LeaseLost` when somebody else has the look."""

    def __init__(self, at: Round) -> None:
        self._at = at
        self._renewed = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._renewed < settings.LEASE_SECONDS / 3:
            return
        values = [_lease_seconds(), self._at.id, self._at.fence]
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE integrations_poll SET lease_until = (SELECT rh_now()) + %s * interval '1 second'"
                " WHERE id = %s AND fence = %s",
                values,
            )
            if cursor.rowcount != 1:
                raise LeaseLost("the look was taken over")
        self._renewed = time.monotonic()


def _lease_seconds() -> int:
    return settings.LEASE_SECONDS + settings.CALL_DEADLINE_SECONDS


SAVE = """
UPDATE integrations_poll SET
    lease_until = NULL, fence = NULL, failures = 0, failing_since = NULL, code = '', detail = '',
    cursor_at = %(cursor_at)s, seen = %(seen)s, fresh = %(fresh)s, total = %(total)s, calls = %(calls)s,
    place = %(place)s::jsonb,
    began_at = CASE WHEN %(done)s THEN NULL ELSE %(began_at)s END,
    finished_at = CASE WHEN %(done)s THEN (SELECT rh_now()) ELSE finished_at END,
    report = CASE WHEN %(done)s THEN %(report)s::jsonb ELSE report END,
    due_at = CASE
        WHEN NOT %(done)s THEN (SELECT rh_now()) + %(pause)s * interval '1 second'
        WHEN kind = 'history' THEN NULL
        ELSE greatest(%(began_at)s + every_seconds * interval '1 second', (SELECT rh_now())) END
WHERE id = %(id)s AND fence = %(fence)s
"""


def save(after: Round, *, pause_seconds: float = 0.0) -> None:
    """Write down a step, in the caller's transaction. A finished history is never due again by itself.

    Raises ``LeaseLost`` when somebody else has taken the look over; nothing must be written then.
    """
    unread = {"unread": after.unread} if after.unread else {}
    values = {
        "id": after.id,
        "fence": after.fence,
        "cursor_at": after.cursor_at,
        "began_at": after.began_at,
        "seen": after.seen,
        "fresh": after.fresh,
        "total": after.total,
        "calls": after.calls,
        "done": after.done,
        "pause": pause_seconds,
        "place": msgspec.json.encode({} if after.done else {**after.place, **unread}).decode(),
        "report": msgspec.json.encode({**after.report, **unread}).decode(),
    }
    with connection.cursor() as cursor:
        cursor.execute(SAVE, values)
        if cursor.rowcount != 1:
            raise LeaseLost("the look was taken over")


FAIL = """
UPDATE integrations_poll SET
    lease_until = NULL, fence = NULL, failures = failures + 1, code = %s, detail = %s,
    failing_since = coalesce(failing_since, (SELECT rh_now())),
    due_at = (SELECT rh_now()) + %s * interval '1 second'
WHERE id = %s AND fence = %s
"""


def fail(before: Round, *, code: str, detail: str, due_in: float) -> None:
    """Write down that a step could not be made; it is tried again from where it stood."""
    with connection.cursor() as cursor:
        cursor.execute(FAIL, [code[:60], detail[:2000], due_in, before.id, before.fence])


WALK_SOON = """
UPDATE integrations_poll SET due_at = least(due_at, greatest(
    (SELECT rh_now()), coalesce(finished_at, '-infinity') + %s * interval '1 second'))
WHERE connection_id = ANY(%s) AND kind = 'walk' AND began_at IS NULL
"""
WALK_AT_MOST = 3600
"""Seconds between two walks however often one is rung for: it asks for every id of the store."""


def walk_soon(connection_ids: Collection[int]) -> None:
    """Let the next walk over these stores' order ids begin soon, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(WALK_SOON, [WALK_AT_MOST, sorted(connection_ids)])


def look_again_from(*, connection_id: int, kinds: Mapping[PollKind, dt.datetime | None]) -> None:
    """Begin these looks anew at once, from the moment given where it is earlier than where they stand.

    A round under way is dropped: what it found is in the inbox. In the caller's transaction.
    """
    for kind, since in kinds.items():
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE integrations_poll SET due_at = (SELECT rh_now()), began_at = NULL, place = '{}',"
                " lease_until = NULL, fence = NULL, cursor_at = least(cursor_at, %s)"
                " WHERE connection_id = %s AND kind = %s",
                [since, connection_id, kind.value],
            )
