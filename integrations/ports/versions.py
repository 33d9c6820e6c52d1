"""When two documents of one order say the same, and what of an order is kept as it was first seen.

A store reads some fields live from other records: a line's SKU and product after a rename or a deletion, the
customer's id after the account is gone. They change without a new ``modified_at``, so they are no part of an
order's version: outside the hash, and kept as first seen.
"""

from __future__ import annotations

import datetime as dt
import hashlib

from msgspec import structs

from integrations.ports.documents import Attribute, Customer, Order, OrderLine, encode

_NO_TIME = dt.datetime.fromtimestamp(0, dt.UTC)


def content_hash(order: Order) -> bytes:
    """SHA-256 (32 bytes) over the order's content.

    Without ``modified_at`` (compared by itself) and without the fields that the store reads live. Equal for
    one state of an order whichever way it was read. Compare only within one `documents.CANON_VERSION`.
    """
    content = structs.replace(
        order,
        modified_at=_NO_TIME,
        customer=structs.replace(order.customer, store_ref=None),
        lines=tuple([_stored_part(line) for line in order.lines]),
        attributes=_sorted(order.attributes),
    )
    return hashlib.sha256(encode(content)).digest()


def keep_first_seen(previous: Order, incoming: Order) -> Order:
    """``incoming`` with the live-read fields as ``previous`` had them, line by line and for the customer.

    What ``previous`` lacked is taken from ``incoming``; lines that are new stay as they come.
    """
    known = {line.line_ref: line for line in previous.lines}
    lines = tuple([_as_first_seen(known.get(line.line_ref), line) for line in incoming.lines])
    customer = _customer_as_first_seen(previous.customer, incoming.customer)
    if lines == incoming.lines and customer == incoming.customer:
        return incoming
    return structs.replace(incoming, lines=lines, customer=customer)


def _as_first_seen(previous: OrderLine | None, incoming: OrderLine) -> OrderLine:
    if previous is None:
        return incoming
    return structs.replace(
        incoming,
        sku=previous.sku or incoming.sku,
        product_ref=previous.product_ref or incoming.product_ref,
        variation_ref=previous.variation_ref or incoming.variation_ref,
    )


def _customer_as_first_seen(previous: Customer, incoming: Customer) -> Customer:
    if previous.store_ref is None or previous.store_ref == incoming.store_ref:
        return incoming
    return structs.replace(incoming, store_ref=previous.store_ref)


def _stored_part(line: OrderLine) -> OrderLine:
    return structs.replace(line, sku=None, product_ref=None, variation_ref=None, attributes=_sorted(line.attributes))


def _sorted(attributes: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
    if len(attributes) < 2:
        return attributes
    return tuple(sorted(attributes, key=_key_and_value))


def _key_and_value(attribute: Attribute) -> tuple[str, str]:
    return (attribute.key, attribute.value)
