"""One box for whatever somebody has in hand: an order's number, a SKU, an e-mail address, a document, a message.

Every look is exact and goes by one index; nothing is guessed and no document is read. How often the database is asked
does not depend on what is found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from integrations import lookups as pipes
from integrations import selectors as connections
from integrations.lookups import DocumentHead, MessageHead
from orders import lookups as orders
from orders.lookups import CustomerHead, OrderHead
from reconciliation import lookups as cases
from retailhub.core import privacy
from retailhub.core.admin.words import moment, money, words

LIMIT = 50
"""Of one group; the newest."""
FEW = 10
"""Customers of one name, and causes with one value at fault."""
LONGEST = 320
"""Nothing that is kept under a name is longer: an e-mail address is the longest."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One thing that was found. ``subject`` names it for other pages (``order:ord_…``); personal data is masked."""

    subject: str
    title: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """Things of one kind, the newest first, and what they have to do with what was typed."""

    title: str
    needs: str
    """The permission to see them."""
    hits: Sequence[Hit]

    @property
    def is_full(self) -> bool:
        """Whether there may be more."""
        return len(self.hits) >= LIMIT


def search(text: str, *, allows: Callable[[str], bool] = lambda _permission: True) -> list[Group]:
    """Everything that goes by this name, in groups; those that somebody may not see, and empty ones, are left out."""
    wanted = text.strip().replace("\0", "")
    if not wanted or len(wanted) > LONGEST:
        return []
    found = _named(wanted) if _is_ours(wanted) else _by_email(wanted) if "@" in wanted else _by_any_name(wanted)
    return [group for group in found if group.hits and allows(group.needs)]


def only_hit(groups: Sequence[Group]) -> Hit | None:
    """The one thing that was found, however often."""
    hits = {hit.subject: hit for group in groups for hit in group.hits}
    return next(iter(hits.values())) if len(hits) == 1 else None


OURS = ("ord_", "order:ord_", "msg_", "case_", "cause_", "rpl_", "cus_")


def _is_ours(text: str) -> bool:
    return text.startswith(OURS)


def _named(text: str) -> list[Group]:
    """By an id that RetailHub gave out: nothing else begins like these."""
    if text.startswith("msg_"):
        message = pipes.message_named(text)
        return [_messages([message] if message else [])]
    if text.startswith("cus_"):
        return [_customers("Customer", orders.customer_with(text))]
    if text.startswith(("ord_", "order:")):
        return [_orders("Order", orders.orders_named([text.removeprefix("order:")]))]
    head = cases.named(text)
    kind = text.partition("_")[0].replace("rpl", "replay")
    return [_heads(kind.capitalize(), SEEN[kind], [head] if head else [])]


SEEN = {
    "case": "reconciliation.view_case",
    "cause": "reconciliation.view_cause",
    "replay": "reconciliation.view_replayrun",
}


def _by_email(text: str) -> list[Group]:
    people = orders.customers_by_email(text)
    return [
        _customers("Customer with this e-mail address", people),
        _orders("Their newest orders", orders.orders_of(people, limit=LIMIT)),
    ]


def _by_any_name(text: str) -> list[Group]:
    stores = connections.stores()
    text = text.removeprefix("#")  # as shops write their numbers
    store, _, ref = text.partition(":")
    called = (
        orders.orders_called(ref, store_ids=[stores[store]], limit=LIMIT)
        if ref and store in stores
        else orders.orders_called(text, store_ids=list(stores.values()), limit=LIMIT)
    )
    if ref and store in stores:
        called = [order for order in called if order.store == store]
    people = orders.customers_named(text, limit=FEW)
    documents = pipes.documents_called(text, limit=LIMIT)
    titles = _titles(documents)
    return [
        _orders("Orders of this number", called),
        _documents(documents, titles),
        _orders("Newest orders with this SKU", orders.orders_with(text, limit=LIMIT)),
        _heads("Causes with this value at fault", SEEN["cause"], cases.causes_of(text, limit=FEW)),
        _customers("Customers of this name", people),
        _orders("Their newest orders", orders.orders_of(people, limit=LIMIT)),
    ]


def _titles(documents: Sequence[DocumentHead]) -> Mapping[str, str]:
    public_ids = [each.subject.removeprefix("order:") for each in documents if each.subject.startswith("order:")]
    return {head.subject: _order_title(head) for head in orders.orders_named(sorted(set(public_ids)))}


def _order_title(order: OrderHead) -> str:
    return f"Order {order.number or order.order_ref} of {order.store}"


def _orders(title: str, found: Sequence[OrderHead]) -> Group:
    hits = []
    for order in found:
        placed = f"placed {moment(order.placed_at)}" if order.placed_at else ""
        parts = (words(order.order_state), money(order.total, order.currency), placed)
        detail = ", ".join(part for part in parts if part)
        hits.append(Hit(subject=order.subject, title=_order_title(order), detail=detail))
    return Group(title=title, needs="orders.view_order", hits=hits)


def _documents(found: Sequence[DocumentHead], titles: Mapping[str, str]) -> Group:
    hits = [
        Hit(
            subject=each.subject,
            title=f"{each.number or each.external_id or each.reference} in {each.connection}",
            detail=", ".join(
                part
                for part in (
                    words(each.document_type),
                    each.reference,
                    words(each.state) or "not there yet",
                    titles.get(each.subject, ""),
                )
                if part
            ),
        )
        for each in found
    ]
    return Group(title="Documents in other systems", needs="orders.view_order", hits=hits)


def _messages(found: Sequence[MessageHead]) -> Group:
    hits = [
        Hit(
            subject=f"message:{each.name}",
            title=each.name,
            detail=f"{each.about}, {each.connection}, {words(each.status)} {words(each.outcome)}".rstrip(),
        )
        for each in found
    ]
    inbound = any(each.name.startswith("msg_i") for each in found)
    needs = "integrations.view_inboxmessage" if inbound else "integrations.view_outboxmessage"
    return Group(title="Message", needs=needs, hits=hits)


def _customers(title: str, found: Sequence[CustomerHead]) -> Group:
    hits = []
    for each in found:
        shown = (privacy.mask_word(each.name), privacy.mask_email(each.email) if each.email else "")
        detail = ", ".join(part for part in shown if part)
        hits.append(Hit(subject=f"customer:{each.public_id}", title=each.public_id, detail=detail))
    return Group(title=title, needs="orders.view_customer", hits=hits)


def _heads(title: str, needs: str, found: Sequence[cases.Head]) -> Group:
    hits = [
        Hit(subject=each.subject, title=privacy.mask_text(each.sentence), detail=words(each.state)) for each in found
    ]
    return Group(title=title, needs=needs, hits=hits)
