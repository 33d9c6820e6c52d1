"""Housekeeping of the queues: work of dead workers, partitions, retention, signs of life."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from integrations.events import ArrivalsParked, EffectsAnswered, Parked
from integrations.leases import INBOX, OUTBOX
from integrations.models import Heartbeat, ScheduleSlot
from integrations.states import Outcome
from retailhub.core import bus, clock
from retailhub.core.observability.logs import about

log = structlog.get_logger(__name__)

MAX_DEATHS = 3
Row = tuple[int, int, int, str, str, str, str]
"""Id, connection, deaths, subject, operation (inbound: topic), reference, trace id of a message."""

TAKE_BACK = """
UPDATE {table} SET
    deaths = deaths + 1, lease_until = NULL, fence = NULL, due_at = (SELECT rh_now()),
    status = CASE WHEN deaths + 1 >= %(limit)s THEN 'parked' ELSE 'pending' END,
    outcome = CASE WHEN deaths + 1 >= %(limit)s THEN 'quarantined' ELSE '' END,
    code = CASE WHEN deaths + 1 >= %(limit)s THEN 'worker_died' ELSE code END,
    finished_at = CASE WHEN deaths + 1 >= %(limit)s THEN (SELECT rh_now()) END
    {more}
WHERE id IN (SELECT id FROM {table} WHERE status = 'in_flight' AND lease_until < (SELECT rh_now()) {which}
             ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)
RETURNING id, connection_id, deaths, {names}, trace_id
"""
# the dead worker may have sent it: it is looked up before anything is sent again
OUTBOUND = {"table": OUTBOX, "more": ", on_wire = true, looks = 0", "names": "subject, operation, reference"}
TAKE_BACK_INBOX = TAKE_BACK.format(table=INBOX, more="", which="", names="subject, topic, ''")
TAKE_BACK_OUTBOX = TAKE_BACK.format(**OUTBOUND, which="AND deaths + 1 < %(limit)s")
QUARANTINE_OUTBOX = TAKE_BACK.format(**OUTBOUND, which="AND deaths + 1 >= %(limit)s AND id = ANY(%(ids)s)")
LAST_DEATHS = """
SELECT id, connection_id, deaths + 1, subject, operation, reference, trace_id FROM integrations_outboxmessage
WHERE status = 'in_flight' AND lease_until < (SELECT rh_now()) AND deaths + 1 >= %(limit)s ORDER BY id LIMIT 500
"""


class TakenElsewhere(Exception):
    """Some of it is not this sweep's to quarantine."""


def take_back_leases() -> int:
    """Free work whose worker is gone; the third death with a message quarantines it. Returns how many."""
    inbound, outbound = _take_back_inbox(), _quarantine_outbox() + _read(TAKE_BACK_OUTBOX)
    for direction, rows in (("i", inbound), ("o", outbound)):
        if rows:
            with about(row[6] for row in rows):
                log.warning("leases_taken_back", direction=direction, messages=len(rows))
    return len(inbound) + len(outbound)


def _read(sql: str, ids: Sequence[int] = ()) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"limit": MAX_DEATHS, "ids": list(ids)})
        return list(cursor.fetchall())


def _take_back_inbox() -> list[Row]:
    with transaction.atomic():
        rows = _read(TAKE_BACK_INBOX)
        parked = [_quarantined("i", row) for row in rows if row[2] >= MAX_DEATHS]
        if parked:
            bus.publish(ArrivalsParked(parked, clock.now()))
    return rows


def _quarantine_outbox() -> list[Row]:
    """The domain is told first: it locks its rows, and messages are locked after them, as everywhere."""
    rows = _read(LAST_DEATHS)
    while rows:
        try:
            with transaction.atomic():
                bus.publish(EffectsAnswered([], [_quarantined("o", row) for row in rows], clock.now()))
                kept = _read(QUARANTINE_OUTBOX, ids=[row[0] for row in rows])
                if len(kept) < len(rows):
                    raise TakenElsewhere
            break
        except TakenElsewhere:
            rows = kept
    return rows


def _quarantined(direction: str, row: Row) -> Parked:
    return Parked(
        connection_id=row[1],
        direction=direction,
        message_id=row[0],
        subject=row[3] if direction == "o" else f"message:msg_i{row[0]}",
        operation=row[4],
        outcome=Outcome.QUARANTINED.value,
        code="worker_died",
        detail="A worker died three times while it had this message; it is kept apart until somebody looks at it.",
        evidence={"deaths": str(row[2])},
        reference=row[5],
    )


CHORE = "chore:"
"""How the heartbeats of chores are called; the others are workers'."""


def beat(name: str) -> None:
    """Say that worker ``name`` has finished a round of looking for work."""
    now = clock.now()
    updated = Heartbeat.objects.filter(pk=name).update(beat_at=now, rounds=F("rounds") + 1)
    if not updated:
        Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": now, "rounds": 1})


def take_slot(*, task: str, every_seconds: int) -> bool:
    """Whether this call is the one that does ``task`` for the present slot, however many schedulers ring."""
    now = clock.now()
    slot = dt.datetime.fromtimestamp(now.timestamp() // every_seconds * every_seconds, dt.UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO integrations_scheduleslot (task, slot_at, taken_at) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [task, slot, now],
        )
        return bool(cursor.rowcount == 1)


OLDEST_NEEDED = """
SELECT least(%s::timestamptz,
    (SELECT min(received_at) FROM integrations_inboxmessage WHERE status IN ('pending', 'in_flight', 'parked')),
    (SELECT min(body_at) FROM integrations_outboxmessage WHERE status IN ('pending', 'in_flight', 'parked')))
"""
"""What is still to be worked needs its body, however long its sink has been away."""


def keep_house() -> dict[str, int]:
    """Make partitions ahead, drop what retention ends, forget old slots and heartbeats."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_NEEDED, [now - dt.timedelta(days=31 * settings.RETENTION_MONTHS)])
        (oldest,) = cursor.fetchone()
        cursor.execute("SELECT rh_make_partitions(%s::date, 6)", [now])
        (made,) = cursor.fetchone()
        cursor.execute("SELECT cardinality(rh_drop_partitions(%s::date))", [oldest])
        (dropped,) = cursor.fetchone()
    slots, _ = ScheduleSlot.objects.filter(slot_at__lt=now - dt.timedelta(days=7)).delete()
    Heartbeat.objects.filter(beat_at__lt=now - dt.timedelta(days=1)).delete()
    return {"partitions_made": made, "partitions_dropped": dropped or 0, "slots_forgotten": slots}
