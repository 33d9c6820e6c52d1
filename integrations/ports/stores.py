"""What a store can do besides answering for one order: its lists, its webhooks, and what we write back to it.

As in `capabilities`: a Protocol is one capability, verbs raise only `errors.ConnectorError`, verbs on many items
answer per item in the order of the input.
"""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from integrations.ports.documents import Order
from integrations.ports.errors import ConnectorError


class Shelf(StrEnum):
    """Where a store keeps orders; its lists show one shelf at a time."""

    LISTED = "listed"
    """All that people see in the store's own list of orders."""
    TRASH = "trash"
    DRAFTS = "drafts"
    """Checkouts that were begun and have an order number already."""


@dataclass(frozen=True)
class ListedOrder:
    """One order of a list: the bytes as they came, and what they say.

    ``order`` is ``None`` when the bytes cannot be read; they are kept all the same, so that a person can look.
    """

    order_ref: str
    body: bytes
    order: Order | None


@dataclass(frozen=True)
class OrderPage:
    """One page of a list. ``total`` counts the orders of the whole list when this page was made."""

    orders: tuple[ListedOrder, ...]
    total: int


class SortKey(StrEnum):
    """What a list of orders is sorted and bounded by."""

    CHANGED = "changed"
    CREATED = "created"


@dataclass(frozen=True)
class Outline:
    """An order of a list without its content. Times are UTC; ``None`` where the store has none."""

    order_ref: str
    modified_at: dt.datetime | None
    created_at: dt.datetime | None


@dataclass(frozen=True)
class OutlinePage:
    """One page of outlines. ``total`` as in `OrderPage`."""

    orders: tuple[Outline, ...]
    total: int


@dataclass(frozen=True)
class IdPage:
    """One page of order ids. ``total`` as in `OrderPage`."""

    order_refs: tuple[str, ...]
    total: int


@runtime_checkable
class OrderHistory(Protocol):
    """Shows its orders in lists, whatever its webhooks told."""

    page_size: int
    """How many orders a page should have at most; the connector lowers it while its store is slow."""
    id_page_size: int
    """The same for pages of ids."""
    told_at: dt.datetime | None
    """The store's own time (UTC) of the last answer to a list; ``None`` before one, and where none is told."""

    @abstractmethod
    def changed_orders(
        self, *, shelf: Shelf, after: dt.datetime | None, page: int, before: dt.datetime | None = None
    ) -> OrderPage:
        """Orders changed strictly between ``after`` and ``before`` (UTC, whole seconds), the earliest change first.

        ``page`` counts from 1, in pages of `page_size` as it is when the call begins.
        """

    @abstractmethod
    def created_orders(
        self, *, shelf: Shelf, after: dt.datetime, page: int, before: dt.datetime | None = None
    ) -> OrderPage:
        """The same by the time of creation, the oldest first."""

    @abstractmethod
    def outlines(
        self, *, key: SortKey, shelf: Shelf, after: dt.datetime | None, page: int, before: dt.datetime | None = None
    ) -> OutlinePage:
        """What `changed_orders` or `created_orders` lists, as told without the content of any order."""

    @abstractmethod
    def named_orders(self, order_refs: Sequence[str]) -> list[ListedOrder]:
        """Those of at most 100 orders that the store has on any shelf."""

    @abstractmethod
    def order_ids(self, *, shelf: Shelf, page: int, size: int) -> IdPage:
        """Ids only, rising, in pages of ``size`` (at most 100). A page is one answer: as the list was at one moment."""

    @abstractmethod
    def home(self) -> str:
        """The store's own address as it tells it, by which another store is known; empty when it does not tell."""


class HookStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    """The store itself switched it off after failures in a row."""


@dataclass(frozen=True)
class Webhook:
    """One webhook as the store shows it; secrets are never shown."""

    ref: str
    topic: str
    status: HookStatus
    delivery_url: str
    name: str = ""


@runtime_checkable
class WebhookHost(Protocol):
    """Tells of changes by webhooks that we may set up."""

    @abstractmethod
    def webhooks(self) -> list[Webhook]:
        """All webhooks of the store, other people's too."""

    @abstractmethod
    def create_webhook(self, *, topic: str, delivery_url: str, secret: str, name: str) -> Webhook:
        """A new active webhook. ``secret`` must not be empty: the store would make one that nobody can read."""

    @abstractmethod
    def change_webhook(self, ref: str, *, active: bool | None = None, secret: str | None = None) -> Webhook:
        """Set a webhook active (or paused), or give it another secret; what is ``None`` stays."""

    @abstractmethod
    def delete_webhook(self, ref: str) -> None:
        """Remove it; one that is gone already is no error."""


class Moment(StrEnum):
    """What of an order's life its customer may be shown, in the order in which it happens."""

    PAID = "paid"
    ACCEPTED = "accepted"
    """Nothing stands against it: it goes, or went, to the ERP."""
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"


@dataclass(frozen=True)
class Written:
    """What a write made of an order in the store: its version afterwards, by which our own echo is known."""

    order_ref: str
    modified_at: dt.datetime | None
    order: Order | None = None


WriteResult = Written | ConnectorError


@dataclass(frozen=True)
class StatusAsk:
    """One order's public status, in the store's own words (``completed``); never one that the store lacks."""

    order_ref: str
    status: str


@dataclass(frozen=True)
class RefundLine:
    """``quantity`` pieces and ``amount`` (without tax, positive) of one line, with its tax by the store's rate id."""

    line_ref: str
    quantity: Decimal
    amount: Decimal
    taxes: Mapping[str, Decimal]


@dataclass(frozen=True)
class RefundAsk:
    """One refund under our reference. ``amount`` is positive, tax included. Nothing is asked of a gateway."""

    order_ref: str
    reference: str
    amount: Decimal
    reason: str
    lines: tuple[RefundLine, ...] = ()
    restock: bool = False


@runtime_checkable
class StoreWriter(Protocol):
    """Shows customers what became of their orders. Values are checked here, because stores do not check batches."""

    @abstractmethod
    def known_statuses(self) -> frozenset[str]:
        """The statuses that this store has, plugins' ones included; asked once and kept a while."""

    @abstractmethod
    def set_statuses(self, asks: Sequence[StatusAsk]) -> list[WriteResult]:
        """Set public statuses. One that the store lacks is ``Rejected(unknown_status)`` and is not sent."""

    @abstractmethod
    def set_meta(self, order_ref: str, values: Mapping[str, str]) -> Written:
        """Set values by key (tracking number, link); a key that is there already is overwritten."""

    @abstractmethod
    def add_note(self, order_ref: str, *, reference: str, text: str, to_customer: bool) -> Written:
        """A note on the order, once for ``reference``: one that is there already is adopted."""

    @abstractmethod
    def refund(self, ask: RefundAsk) -> Written:
        """A refund, once for its reference: one that is there already is adopted; an amount that differs is
        ``Rejected(amount_differs)``."""
