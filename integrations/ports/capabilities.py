"""What connectors can do. A capability is a Protocol of one or a few verbs; a connector implements those it has.

Verbs raise only `errors.ConnectorError`. They never open a database transaction and know no model.
Verbs on many items answer per item: a result list is as long as the input and in its order.
"""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from integrations.ports.documents import ExternalDocument, Order, Product, SalesOrder
from integrations.ports.errors import ConnectorError


class Target(StrEnum):
    """The state a document is to have in the other system when `OrderSink.ensure` is done."""

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Ask:
    """One document to bring about. ``known_id`` is the other system's id when an earlier answer told it."""

    reference: str
    document: SalesOrder
    target: Target = Target.CONFIRMED
    known_id: str | None = None


class How(StrEnum):
    """How the target state came about, for the timeline."""

    CREATED = "created"
    RESUMED = "resumed"
    """A draft of an earlier attempt was found and completed."""
    ADOPTED = "adopted"
    """The finished document of an earlier attempt was found."""
    AMENDED = "amended"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Ensured:
    """The document is there, in its target state, and its amount agrees."""

    document: ExternalDocument
    how: How


Result = Ensured | ConnectorError
"""Errors are returned, not raised, where many items are answered at once."""


@runtime_checkable
class OrderSink(Protocol):
    """Holds sales documents under our references (ERP)."""

    batch_size: int
    """How many asks one `ensure_many` should get at most."""
    can_amend: bool
    """Whether `ensure` with a changed document changes a confirmed one."""

    @abstractmethod
    def ensure_many(self, asks: Sequence[Ask]) -> list[Result]:
        """Look for each reference, resume from what is found, create what is missing, read back.

        `Ensured` only when the target state is reached and the amount agrees to the minor unit. An amount that
        differs is ``Rejected(code="amount_differs")`` and the document is left unconfirmed.
        """

    @abstractmethod
    def find(self, references: Sequence[str]) -> dict[str, list[ExternalDocument]]:
        """All documents under these references; a reference without documents has an empty list."""

    @abstractmethod
    def walk(self, since: dt.datetime | None) -> Iterator[ExternalDocument]:
        """Every document that carries a reference of ours, changed at or after ``since`` (UTC); streamed."""


@runtime_checkable
class DocumentReader(Protocol):
    """Reads a document that a person names."""

    follows_ids: bool
    """Whether `OrderSink.ensure_many` goes on from a document that is named by ``known_id`` and carries another
    reference than ours."""

    @abstractmethod
    def read_document(self, external_id: str) -> ExternalDocument | None:
        """The document with this id or number of the other system; ``None`` when there is none. Its ``reference`` is
        empty where it carries none."""


@runtime_checkable
class ProductSource(Protocol):
    """Knows the codes of products."""

    @abstractmethod
    def walk_products(self, since: dt.datetime | None) -> Iterator[Product]:
        """Every sellable product, streamed; ``since`` only those changed since (UTC) where that can be asked."""


@dataclass(frozen=True)
class Gone:
    """The store does not have the order any more."""

    order_ref: str


@runtime_checkable
class OrderSource(Protocol):
    """Takes orders from customers (store)."""

    @abstractmethod
    def read_order(self, order_ref: str) -> Order | Gone:
        """The order as the store has it now. Trash is an `Order` with status ``trashed``."""


class Health(StrEnum):
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One line of a connection test: what was looked at, how it is, and how to mend it."""

    name: str
    health: Health
    sentence: str
    fix: str = ""


@runtime_checkable
class Testable(Protocol):
    """Can tell whether it is set up right."""

    @abstractmethod
    def check(self) -> list[Check]:
        """Looks at reachability, credentials, rights and settings; never raises for what it finds."""
