"""Taking in what stores say of orders: which document is the truth, stored once, decided on at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from msgspec import structs
from psycopg2.extras import execute_values

from integrations import doubts, inbox, selectors
from integrations.ports import documents, versions
from integrations.ports.capabilities import Gone
from integrations.ports.documents import CANON_VERSION, OrderStatus
from integrations.ports.documents import Order as OrderDocument
from integrations.states import GONE_UNSEEN, OWN_ECHO, Outcome, Status, Way
from integrations.workflow import Arrival, Look
from orders.models import Order, OrderVersion
from orders.policies.axes import CANCELLING
from orders.policies.versions import Verdict, compare
from orders.services import decisions, skus
from retailhub.core import ids

STALE_READ_SECONDS = 5.0
STALE_CAP_SECONDS = 300.0
HELD = "The store says that the order is gone; nothing is cancelled for it before a person accepts that."


@dataclass(kw_only=True)
class Step:
    """One look with its locked row: what it changes, and what becomes of its messages."""

    look: Look
    row: Order | None
    is_gone: bool = False
    """The store had deleted the order before we knew anything of it."""
    document: OrderDocument | None = None
    content_hash: bytes = b""
    source: Arrival | None = None
    read_back: bool = False
    ask_store: bool = False
    stale: bool = False
    is_held: bool = False
    """The store does not have the order any more, and is not believed yet."""
    written_by: str = ""
    """The reference of our own write that made the order's present version."""

    @property
    def recheck(self) -> bool:
        return any(arrival.way == "engine" for arrival in self.look.arrivals)

    @property
    def is_due(self) -> bool:
        """Whether the order is decided on."""
        return self.document is not None or (self.recheck and self.row is not None)


def apply(*, looks: Sequence[Look], fence: int, now: dt.datetime) -> list[Look]:
    """Bring looks into the canonical orders, in one transaction; returns those that need the store's word first.

    1. Lock the orders' rows in pk order (new ones are made). 2. Weigh each document against the stored version.
    3. Where orders are gone, ask whether the store is believed. 4. Store what is newer. 5. Decide on what changed.
    6. Finish the messages under ``fence``.
    Raises ``leases.LeaseLost`` when a message was taken over: nothing is written then.
    """
    with transaction.atomic():
        rows = _locked_rows(looks, now)
        new = [name for name, row in rows.items() if not row.document]
        gone = selectors.gone_unseen(orders=new) if new else set()
        steps = [_weigh(look, rows.get(look.order), is_gone=look.order in gone) for look in looks]
        settled = [step for step in steps if not step.ask_store]
        _hold_back(settled, now)
        changed = [step for step in settled if step.document is not None]
        _store_versions(changed, now)
        due = [step for step in settled if step.is_due]
        decisions.decide(
            orders=[
                decisions.Decided(
                    row=step.row,
                    store=step.look.store,
                    trace_id=step.look.trace_id,
                    why=_why(step),
                    retry=any(arrival.retry for arrival in step.look.arrivals),
                )
                for step in due
                if step.row is not None
            ],
            now=now,
        )
        _note_reads([step for step in settled if not step.is_due])
        _find_own(settled)
        inbox.overtake([known for step in settled for known in _overtaken(step)])
        inbox.finish([done for step in settled for done in _finishes(step)], fence=fence)
    return [step.look for step in steps if step.ask_store]


def _hold_back(steps: Sequence[Step], now: dt.datetime) -> None:
    """What would cancel too many orders at once waits for a person."""
    hidden: dict[int, dict[str, bool]] = {}
    for step in steps:
        row, document = step.row, step.document
        if row is None or document is None or not row.document or row.status in CANCELLING:
            continue
        if document.status in {OrderStatus.DELETED, OrderStatus.TRASHED}:
            hidden.setdefault(row.store_id, {})[row.order_ref] = document.status is OrderStatus.DELETED
    for store_id in sorted(hidden):
        held = doubts.hold_back(store_id=store_id, hidden=hidden[store_id], now=now)
        for step in steps:
            if step.look.store.id == store_id and step.look.order_ref in held:
                step.document, step.is_held = None, True


LOCK = """
SELECT id FROM orders_order WHERE (store_id, order_ref) IN %s ORDER BY id FOR UPDATE
"""
MAKE = """
INSERT INTO orders_order
    (public_id, store_id, order_ref, number, order_state, payment_state, fulfilment_state, status, decision,
     cancel_reason, currency, canon_version, version, document, first_seen_at, changed_at)
VALUES %s ON CONFLICT (store_id, order_ref) DO NOTHING
"""
MAKE_ROW = "(%s, %s, %s, '', 'received', 'pending', 'open', '', '', '', '', 0, 0, '', %s, %s)"


def _locked_rows(looks: Sequence[Look], now: dt.datetime) -> dict[tuple[int, str], Order]:
    names = sorted({look.order for look in looks})
    seen = sorted(
        {
            look.order
            for look in looks
            if isinstance(look.read, OrderDocument) or any(arrival.order for arrival in look.arrivals)
        }
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT store_id, order_ref FROM orders_order WHERE (store_id, order_ref) IN %s", [tuple(names)])
        known = set(cursor.fetchall())
        new = [(ids.new_id("ord"), store, ref, now, now) for store, ref in seen if (store, ref) not in known]
        if new:
            execute_values(cursor.cursor, MAKE, new, template=MAKE_ROW, page_size=len(new))
        cursor.execute(LOCK, [tuple(names)])
        locked = [row_id for (row_id,) in cursor.fetchall()]
    return {(row.store_id, row.order_ref): row for row in Order.objects.filter(pk__in=locked)}


def _weigh(look: Look, row: Order | None, *, is_gone: bool) -> Step:
    """Choose between what the store was read to say, what arrived, and what is stored."""
    step = Step(look=look, row=row, is_gone=is_gone)
    newest = _newest(look)
    if look.read is None:
        return _weigh_arrival(step, newest)
    if _is_stale(look.read, newest):
        # a cache answered: what was delivered is newer than what was read
        step.stale = True
        return _weigh_arrival(step, newest)
    return _weigh_read(step, newest)


def _newest(look: Look) -> tuple[Arrival, OrderDocument] | None:
    bodies = [(arrival, arrival.order) for arrival in look.arrivals if arrival.order is not None]
    return max(bodies, key=lambda pair: (pair[1].modified_at, pair[0].message_id), default=None)


def _is_stale(answer: OrderDocument | Gone, newest: tuple[Arrival, OrderDocument] | None) -> bool:
    return isinstance(answer, OrderDocument) and newest is not None and answer.modified_at < newest[1].modified_at


def _weigh_arrival(step: Step, newest: tuple[Arrival, OrderDocument] | None) -> Step:
    row = step.row
    if newest is None or row is None:
        return step
    arrival, order = newest
    digest = versions.content_hash(order)
    rivals = [a.order for a in step.look.arrivals if a.order and a.order.modified_at == order.modified_at]
    verdict = _verdict(row, order, digest)
    unclear = any(versions.content_hash(rival) != digest for rival in rivals)
    # what is deleted for good does not come back: a newer body was only longer on its way
    unclear |= verdict is Verdict.NEWER and (step.is_gone or row.status == OrderStatus.DELETED)
    if unclear or verdict is Verdict.AMBIGUOUS:
        # a store that has just given an old answer is asked again later, not at once
        step.ask_store = not step.stale
    elif verdict is Verdict.NEWER:
        step.document, step.content_hash, step.source = order, digest, arrival
    return step


def _weigh_read(step: Step, newest: tuple[Arrival, OrderDocument] | None) -> Step:
    row, answer, began = step.row, step.look.read, step.look.read_began
    if row is None:
        return step
    if row.read_at is not None and began is not None and began <= row.read_at:
        # another look was read later and applied first: this answer may be older than it
        step.ask_store = True
        return step
    if isinstance(answer, Gone):
        answer = _last_seen(row, newest)
    if answer is None:
        return step
    digest = versions.content_hash(answer)
    verdict = _verdict(row, answer, digest)
    row.read_at = began
    if verdict is Verdict.OLDER:
        step.stale = True
    elif verdict in {Verdict.NEWER, Verdict.AMBIGUOUS}:
        step.document, step.content_hash, step.read_back = answer, digest, True
        step.source = step.look.arrivals[-1]
    return step


def _last_seen(row: Order, newest: tuple[Arrival, OrderDocument] | None) -> OrderDocument | None:
    """The newest document of an order that is gone, marked as deleted. It keeps its own ``modified_at``."""
    known = documents.decode(row.document, OrderDocument) if row.document else None
    if newest is not None and (known is None or newest[1].modified_at > known.modified_at):
        known = newest[1]
    return known and structs.replace(known, status=OrderStatus.DELETED, source_status="deleted")


def _verdict(row: Order, incoming: OrderDocument, digest: bytes) -> Verdict:
    return compare(
        known_at=row.version_at,
        known_hash=bytes(row.version_hash) if row.version_hash else None,
        known_canon=row.canon_version,
        incoming_at=incoming.modified_at,
        incoming_hash=digest,
    )


def _store_versions(steps: Sequence[Step], now: dt.datetime) -> None:
    new: list[OrderVersion] = []
    changed: list[skus.Changed] = []
    for step in steps:
        row, document = step.row, step.document
        if row is None or document is None or step.source is None:
            continue
        before = documents.decode(row.document, OrderDocument) if row.document else None
        if before is not None:
            document = versions.keep_first_seen(before, document)
        changed.append(skus.Changed(order_id=row.pk, document=document, before=before))
        row.document = documents.encode(document).decode()
        row.version += 1
        row.version_at, row.version_hash = document.modified_at, step.content_hash
        row.canon_version, row.number, row.status = CANON_VERSION, document.number[:80], document.status.value
        row.currency, row.total, row.placed_at = document.currency, document.total, document.created_at
        new.append(
            OrderVersion(
                order=row,
                number=row.version,
                version_at=document.modified_at,
                content_hash=step.content_hash,
                canon_version=CANON_VERSION,
                document=row.document,
                message_id=step.source.message_id,
                read_back=step.read_back,
                stored_at=now,
            )
        )
    OrderVersion.objects.bulk_create(new)
    skus.keep(changed=changed)


def _note_reads(steps: Sequence[Step]) -> None:
    """When an order was read last is kept too where the answer changed nothing: an older answer may be on its way."""
    read = [step.row for step in steps if step.row is not None and step.row.read_at == step.look.read_began is not None]
    if read:
        Order.objects.bulk_update(read, ["read_at"])


def _find_own(steps: Sequence[Step]) -> None:
    """Find out whose version it is that a store tells again."""
    told = {(step.row.pk, step.row.version): step for step in steps if step.row is not None and _tells_again(step)}
    if not told:
        return
    rows = OrderVersion.objects.filter(order__in=[order_id for order_id, _ in told]).exclude(written_by="")
    for order_id, number, reference in rows.values_list("order_id", "number", "written_by"):
        if (order_id, number) in told:
            told[order_id, number].written_by = reference


def _tells_again(step: Step) -> bool:
    known = step.row.version_at if step.row is not None and step.document is None else None
    return any(known == arrival.order.modified_at for arrival in step.look.arrivals if arrival.order is not None)


def _overtaken(step: Step) -> list[inbox.Overtaken]:
    row, began = step.row, None if step.stale else step.look.read_began
    if step.is_held or row is None or row.version_at is None or (step.document is None and began is None):
        return []
    shard = f"store:{row.order_ref}"
    known = inbox.Overtaken(connection_id=row.store_id, shard=shard, version_at=row.version_at, read_began=began)
    return [known]


def _why(step: Step) -> str:
    if step.document is None:
        return "looked at again"
    how = "read from the store" if step.read_back else "told by the store"
    if step.look.arrivals[-1].way == Way.API:
        how = "written to the store"
    return f"{how}: {step.document.source_status or step.document.status}"


def _finishes(step: Step) -> list[inbox.Finish]:
    return [
        _asked_again(step, arrival) if step.stale and _is_open(step, arrival) else _finish(step, arrival)
        for arrival in step.look.arrivals
    ]


def _is_open(step: Step, arrival: Arrival) -> bool:
    """Whether an arrival still needs the store's word, after an answer that was too old to give it."""
    if arrival.order is None:
        return arrival.way != "engine"
    if step.row is None or step.source is arrival:
        return False
    current = step.row.version_at
    if current is not None and arrival.order.modified_at < current:
        return False
    return versions.content_hash(arrival.order) != bytes(step.row.version_hash or b"")


def _asked_again(step: Step, arrival: Arrival) -> inbox.Finish:
    return inbox.Finish(
        id=arrival.message_id,
        status=Status.PENDING,
        subject=step.row.subject if step.row else "",
        code="stale_answer",
        detail="The store answered with an older state than it had told before; asked again later.",
        due_in=min(STALE_READ_SECONDS * arrival.attempts, STALE_CAP_SECONDS),
    )


def _finish(step: Step, arrival: Arrival) -> inbox.Finish:
    outcome = _outcome(step, arrival)
    echo = outcome is Outcome.UNCHANGED and arrival.order is not None and arrival.way != Way.API and step.written_by
    unseen = outcome is Outcome.IGNORED and step.row is None
    code = doubts.GONE if step.is_held else GONE_UNSEEN if unseen else OWN_ECHO if echo else ""
    return inbox.Finish(
        id=arrival.message_id,
        status=Status.DONE,
        outcome=outcome,
        subject=step.row.subject if step.row else "",
        code=code,
        detail=f"It tells what we wrote ourselves: {step.written_by}." if echo else HELD if step.is_held else "",
        version_at=arrival.order.modified_at if arrival.order else None,
        troubled=arrival.troubled,
    )


def _outcome(step: Step, arrival: Arrival) -> Outcome:
    if step.row is None or step.is_held:
        return Outcome.IGNORED
    if arrival.order is None:
        return Outcome.APPLIED if step.document is not None or arrival.way == "engine" else Outcome.UNCHANGED
    if step.source is arrival and not step.read_back:
        return Outcome.APPLIED
    current = step.row.version_at
    if current is not None and arrival.order.modified_at < current:
        return Outcome.SUPERSEDED
    same = versions.content_hash(arrival.order) == bytes(step.row.version_hash or b"")
    if same:
        return Outcome.APPLIED if step.read_back and step.document is not None else Outcome.UNCHANGED
    return Outcome.SUPERSEDED
