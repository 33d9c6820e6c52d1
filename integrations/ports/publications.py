"""What is to be written back to an order in its store, as the bodies of outbound messages.

A status is a state: it is built at delivery from the order as it is then. Notes, tracking and refunds are facts: each
is built once, carries a reference of its own and is done once.
"""

from __future__ import annotations

from decimal import Decimal

from integrations.ports.documents import Document, TaxShare


class StatusWish(Document, frozen=True):
    """The public status an order is to have, in the store's words. ``by_person``: somebody named it; otherwise it
    follows from the order's state."""

    order_ref: str
    status: str
    by_person: bool = False


class NoteWish(Document, frozen=True):
    """A note on an order. ``to_customer`` ones are mailed by the store."""

    order_ref: str
    text: str
    to_customer: bool = False


class TrackingWish(Document, frozen=True):
    """Where a parcel is. Empty text where it is not known."""

    order_ref: str
    number: str
    carrier: str = ""
    url: str = ""


class RefundedPart(Document, frozen=True):
    """What is given back of one line or charge of the order: ``net`` without tax. Amounts are positive."""

    line_ref: str
    quantity: Decimal
    net: Decimal
    taxes: tuple[TaxShare, ...] = ()


class RefundWish(Document, frozen=True):
    """Money to give back, tax included; ``parts`` explain all of it or are left away."""

    order_ref: str
    amount: Decimal
    reason: str
    parts: tuple[RefundedPart, ...] = ()
    restock: bool = False
