"""Made-up orders: checkouts of made-up people, their lives step by step, and histories in bulk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from retailhub.sandbox.store import order_docs, order_keep, order_status, order_writes
from retailhub.sandbox.store.lifelike.lives import ChangeKind
from retailhub.sandbox.store.lifelike.orders import Mix, OrderPlan, make_order, mix_of
from retailhub.sandbox.store.order_keep import Story
from retailhub.sandbox.store.order_money import exact
from retailhub.sandbox.store.seeding import address_of
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
WAYS = {"rest-api": "rest", "checkout": "classic", "store-api": "store-api"}
_VIA = {way: via for via, way in WAYS.items()}
_CHUNK = 500


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What orders to make. ``way`` is ``rest``, ``classic``, ``store-api`` or "" for what the life says.

    ``plant`` and ``lives`` as `mix_of` takes them. ``now``: each order lives its whole life at once.
    ``silent``: no webhook hears of it. ``created`` and ``spread`` (seconds): when they were placed, ending
    ``spread`` later; not given, now.
    """

    count: int = 1
    way: str = ""
    plant: float | dict[str, float] = 0.0
    lives: dict[str, int] | None = None
    rounding: float = 0.03
    now: bool = False
    silent: bool = False
    created: int | None = None
    spread: int = 0

    def mix(self) -> Mix:
        return mix_of(self.plant, self.lives, rounding=self.rounding)


def place_orders(store: Store, wish: Wish) -> list[int]:
    """Places orders one after another, each in a transaction of its own; their numbers."""
    _check_way(wish.way)
    mix, profile, found = wish.mix(), store.settings.profile(), []
    for at in range(wish.count):
        with store.ledger.transaction():
            index = store.ledger.next_id("made") - 1
            plan = make_order(store.settings.seed, index, profile=profile, mix=mix)
            if wish.created is not None:
                store.clock.pretend(wish.created + wish.spread * at // max(wish.count, 1))
            store.hooks.silent.on = wish.silent
            try:
                order_id = _place(store, plan, wish)
                if wish.now:
                    while advance_one(store, order_id):
                        continue
            finally:
                store.clock.pretend(None)
                store.hooks.silent.on = False
            found.append(order_id)
    return found


def _check_way(way: str) -> None:
    if way and way not in _VIA:
        raise ValueError(f"There is no way {way!r}; known are {', '.join(_VIA)}.")


def _place(store: Store, plan: OrderPlan, wish: Wish) -> int:
    way = wish.way or WAYS[plan.channel]
    doc = order_of(store, plan, way=way, now=store.clock.now())
    order_id = store.ledger.next_id("post", count=1 + plan.index % 3)
    refused = plan.life.name == "refused"
    story = story_of(plan, way="refused" if refused else way)
    order_writes.place(store, order_id, doc, status=plan.life.first, paid=False, story=story)
    return order_id


def story_of(plan: OrderPlan, *, way: str, over: bool = False) -> Story:
    """What is known of a made-up order; ``over`` when its life has been lived."""
    steps = [] if over else [[change.kind.value, change.status] for change in plan.life.changes]
    return Story(
        way=way,
        life=plan.life.name,
        expect=plan.expect.value,
        planted=plan.planted,
        steps=msgspec.json.encode(steps) if steps else None,
    )


def order_of(store: Store, plan: OrderPlan, *, way: str, now: int) -> Doc:
    """The document of a made-up order, reckoned by this store, with what is planted in it."""
    doc = order_docs.blank(store, now=now)
    person, shop = plan.person, way != "rest"
    address = address_of(person)
    doc["billing"] |= {**address, "email": person.email, "phone": person.phone}
    if plan.shipping:
        doc["shipping"] |= {**address, "phone": person.phone}
    doc |= {
        "via": _VIA[way],
        "customer_id": person.id,
        "method": plan.method,
        "method_title": plan.method_title,
        "note": plan.note,
        "round_at_end": plan.totals.remainder != 0,
    }
    for line in plan.lines:
        order_docs.add_line(store, doc, {"product_id": line.product.id, "quantity": line.quantity})
    for charge in plan.shipping:
        posted = {"method_id": "flat_rate", "method_title": charge.name, "total": _cost(charge.total)}
        order_docs.add_shipping(store, doc, posted | ({"instance_id": "1"} if shop else {}))
    for fee in plan.fees:
        status = "taxable" if fee.taxable else "none"
        order_docs.add_fee(store, doc, {"name": fee.name, "total": _cost(fee.total), "tax_status": status})
    if shop:
        _dress(store, plan, doc, way)
    if plan.coupon is not None:
        order_docs.set_coupons(store, doc, [plan.coupon.code])
    order_writes.reckon(store, doc)
    _plant(plan, doc)
    return doc


def _cost(amount: Decimal) -> str:
    return exact(amount)


def _dress(store: Store, plan: OrderPlan, doc: Doc, way: str) -> None:
    """What a checkout leaves in an order besides what was bought."""
    digest = hashlib.md5(plan.token.encode(), usedforsecurity=False).hexdigest()
    doc |= {"ip": "127.0.0.1", "agent": "Mozilla/5.0 (X11; Linux x86_64)", "cart_hash": digest}
    values = {"is_vat_exempt": "no"}
    if way == "store-api":
        names = ("_shipping_hash", "_coupons_hash", "_fees_hash", "_taxes_hash")
        values = {name: plan.token[8 * at : 8 * at + 32] for at, name in enumerate(names)} | values
    order_docs.set_meta(store, doc["meta"], [{"key": k, "value": v} for k, v in values.items()], counter="meta")
    for row in doc["shipping_lines"]:
        items = ", ".join(f"{line['name']} &times; {line['quantity']}" for line in doc["lines"])
        order_docs.set_meta(store, row["meta"], [{"key": "Items", "value": items}], counter="item_meta")


def _plant(plan: OrderPlan, doc: Doc) -> None:
    """Problems that no store makes by itself."""
    if plan.planted == "line_without_product":
        doc["lines"][0] |= {"product_id": 0, "variation_id": 0}
    elif plan.planted == "totals_disagree":
        off = plan.total - plan.totals.total
        doc["totals"]["total"] = exact(Decimal(doc["totals"]["total"]) + off)


def advance(store: Store, *, steps: int | None = None, order_ids: Sequence[int] | None = None) -> int:
    """Takes the next steps of the lives of orders, oldest first, all there are or ``steps``; how many it took."""
    taken = 0
    while steps is None or taken < steps:
        query = "SELECT id FROM placed WHERE steps IS NOT NULL ORDER BY id"
        alive = [row["id"] for row in store.ledger.rows(query) if order_ids is None or row["id"] in order_ids]
        if not alive:
            break
        for order_id in alive[: None if steps is None else steps - taken]:
            with store.ledger.transaction():
                taken += advance_one(store, order_id)
    return taken


def advance_one(store: Store, order_id: int) -> bool:
    """The next step of one order's life, if there is one. Call inside a transaction."""
    raw = store.ledger.value("SELECT steps FROM placed WHERE id = ?", (order_id,))
    if raw is None:
        return False
    (kind, status), *rest = msgspec.json.decode(raw, type=list[list[str]])
    left = msgspec.json.encode(rest) if rest else None
    store.ledger.run("UPDATE placed SET steps = ? WHERE id = ?", (left, order_id))
    doc = order_keep.read(store, order_id)
    if doc is not None:
        _step(store, order_id, doc, ChangeKind(kind), status)
    return True


def _step(store: Store, order_id: int, doc: Doc, kind: ChangeKind, status: str) -> None:
    now = store.clock.now()
    match kind:
        case ChangeKind.NOTE:
            order_status.add_note(store, order_id, "Packed.", now=now)
        case ChangeKind.TRASH:
            order_writes.trash_order(store, order_id)
        case ChangeKind.RESTORE:
            order_writes.restore_order(store, order_id)
        case ChangeKind.DELETE:
            order_writes.delete_order(store, order_id)
        case _:
            if kind is ChangeKind.TRACKING:
                _track(store, order_id, doc)
            _note_transaction(order_id, doc, status)
            order_writes.finish(store, order_id, doc, status=status, now=now)


def _track(store: Store, order_id: int, doc: Doc) -> None:
    rows = [
        {"key": "_tracking_number", "value": f"00340434{order_id:012d}"},
        {"key": "_tracking_provider", "value": "dhl"},
    ]
    order_docs.set_meta(store, doc["meta"], rows, counter="meta")


def _note_transaction(order_id: int, doc: Doc, status: str) -> None:
    """A payment that came by a gateway has its number."""
    if status in ("processing", "completed") and doc["method"] in ("stripe", "paypal"):
        doc["transaction_id"] = doc["transaction_id"] or f"pi_3{order_id:020d}"


def make_history(store: Store, wish: Wish) -> tuple[int, int]:
    """Many old orders quickly, each at the end of its life; the first and the last number.

    No webhook hears of them and no stock moves. They lie evenly between ``created`` and ``spread`` seconds
    later, which without them is the year before now.
    """
    _check_way(wish.way)
    mix, profile = wish.mix(), store.settings.profile()
    year = 365 * 86400
    begin = wish.created if wish.created is not None else store.clock.now() - year
    spread = wish.spread or (year if wish.created is None else store.clock.now() - begin)
    rng = Random(f"{store.settings.seed}:history")  # noqa: S311 - made-up dates
    first = last = 0
    for start in range(0, wish.count, _CHUNK):
        size = min(_CHUNK, wish.count - start)
        with store.ledger.transaction():
            index = store.ledger.next_id("made", count=size) - 1
            rows = []
            for at in range(size):
                plan = make_order(store.settings.seed, index + at, profile=profile, mix=mix)
                moment = begin + spread * (start + at) // max(wish.count, 1)
                order_id = store.ledger.next_id("post", count=1 + plan.index % 3)
                rows.append((order_id, *_lived(store, plan, wish.way, order_id, moment, rng)))
                first, last = first or order_id, order_id
            order_keep.insert_many(store, rows)
    return first, last


def _lived(store: Store, plan: OrderPlan, way: str, order_id: int, moment: int, rng: Random) -> tuple[Doc, Story]:
    used = way or WAYS[plan.channel]
    doc = order_of(store, plan, way=used, now=moment)
    doc["stock_taken"] = True  # what is in the past took its stock in the past
    doc["status"] = "new"
    statuses = [plan.life.first, *(change.status for change in plan.life.changes if change.status)]
    for at, status in enumerate(statuses):
        later = moment + at * rng.randrange(60, 3 * 86400)
        _note_transaction(order_id, doc, status)
        doc["status"] = status
        order_status.note_dates(store, doc, min(later, store.clock.now()))
        doc["modified"] = min(later, store.clock.now())
    if any(change.kind is ChangeKind.TRASH for change in plan.life.changes):
        _trash_quietly(store, doc)
    doc["stock_taken"] = doc["status"] in ("processing", "completed", "on-hold")
    return doc, story_of(plan, way=used, over=True)


def _trash_quietly(store: Store, doc: Doc) -> None:
    rows = (("_wp_trash_meta_status", f"wc-{doc['status']}"), ("_wp_trash_meta_time", str(doc["modified"])))
    for key, value in rows:
        doc["meta"].append({"id": store.ledger.next_id("meta"), "key": key, "value": value})
    doc["status"] = "trash"


def wish_of(given: Mapping[str, Any]) -> Wish:
    """A wish from JSON. Raises ``ValueError``."""
    try:
        return msgspec.convert(given, Wish)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
