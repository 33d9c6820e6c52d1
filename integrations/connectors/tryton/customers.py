"""Parties and their addresses: found by our customer key, which is unique as a party's code, or created."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.connectors.tryton import mapping, schemas
from integrations.connectors.tryton.catalogue import Catalogue
from integrations.connectors.tryton.client import Client, UserFault
from integrations.connectors.tryton.lines import Facts
from integrations.connectors.tryton.splitting import drive
from integrations.ports.documents import Address, SalesOrder
from integrations.ports.errors import ConnectorError, Transient

PARTY = "party.party"
ADDRESS = "party.address"


@dataclass(frozen=True)
class Placed:
    """Ids in Tryton of who ordered, whom the invoice goes to and where the goods go."""

    party: int
    invoice_address: int
    shipment_address: int


@dataclass(eq=False)
class _Customer:
    """One customer of the batch: a document that names them, and every address their documents need."""

    document: SalesOrder
    wanted: dict[mapping.AddressKey, dict[str, Any]] = field(default_factory=dict)
    party: int | None = None
    addresses: dict[mapping.AddressKey, int] = field(default_factory=dict)
    error: ConnectorError | None = None

    @property
    def key(self) -> str:
        return self.document.customer_key

    def fail(self, error: ConnectorError) -> None:
        self.error = error


@dataclass(frozen=True)
class _NewAddress:
    customer: _Customer
    key: mapping.AddressKey


class Customers:
    """Brings about the parties of a batch: two look-ups, one create of parties, one of addresses."""

    def __init__(self, client: Client, catalogue: Catalogue, facts: Facts) -> None:
        self._client = client
        self._catalogue = catalogue
        self._facts = facts
        self._subdivisions: dict[str, int] = {}

    def ensure(self, documents: Sequence[SalesOrder]) -> list[Placed | ConnectorError]:
        """One answer for each document. Raises what stops the whole batch."""
        self._look_up_subdivisions(documents)
        customers: dict[str, _Customer] = {}
        for document in documents:
            customer = customers.setdefault(document.customer_key, _Customer(document))
            for address in (document.billing, mapping.shipping_address(document)):
                values = self._values(address)
                customer.wanted.setdefault(mapping.address_key(values), values)
        everyone = list(customers.values())
        missing = self._find(everyone)
        drive(missing, self._create, self._find, _Customer.fail)
        self._find([customer for customer in missing if customer.error is None])
        self._add_addresses([customer for customer in everyone if customer.party is not None])
        return [self._placed(document, customers[document.customer_key]) for document in documents]

    def _look_up_subdivisions(self, documents: Iterable[SalesOrder]) -> None:
        places = [place for document in documents for place in (document.billing, document.shipping)]
        codes = {code for code in map(mapping.subdivision_code, places) if code}
        self._subdivisions = dict(self._catalogue.subdivisions(codes)) if codes else {}

    def _values(self, address: Address) -> dict[str, Any]:
        return mapping.address_values(address, countries=self._facts.countries, subdivisions=self._subdivisions)

    def _find(self, customers: list[_Customer]) -> list[_Customer]:
        """Note the ids of those that Tryton has; answer the others."""
        if not customers:
            return []
        domain = [("code", "in", [customer.key for customer in customers])]
        rows = self._client.search_read(PARTY, domain, schemas.PARTY_FIELDS, schemas.PartyRow)
        found = {row.code: row for row in rows}
        for customer in customers:
            row = found.get(customer.key)
            if row is not None:
                customer.party = row.id
                customer.addresses = {mapping.row_key(address): address.id for address in row.addresses}
        return [customer for customer in customers if customer.party is None]

    def _create(self, customers: list[_Customer]) -> None:
        try:
            self._client.create(PARTY, [_party_values(customer) for customer in customers])
        except UserFault:
            if len(customers) > 1:
                raise
            # The likeliest cause is a phone or tax number that a shop took and Tryton does not.
            self._client.create(PARTY, [_party_values(customers[0], unchecked=True)])

    def _add_addresses(self, customers: list[_Customer]) -> None:
        new = [
            _NewAddress(customer, key)
            for customer in customers
            for key in customer.wanted
            if key not in customer.addresses
        ]
        drive(new, self._create_addresses, list, lambda address, error: address.customer.fail(error))

    def _create_addresses(self, new: list[_NewAddress]) -> None:
        values = [{**item.customer.wanted[item.key], "party": item.customer.party} for item in new]
        for item, address in zip(new, self._client.create(ADDRESS, values), strict=True):
            item.customer.addresses[item.key] = address

    def _placed(self, document: SalesOrder, customer: _Customer) -> Placed | ConnectorError:
        if customer.error is not None:
            return customer.error
        if customer.party is None:
            return Transient("The customer vanished from Tryton meanwhile.", code="concurrent_change")
        invoice = mapping.address_key(self._values(document.billing))
        shipment = mapping.address_key(self._values(mapping.shipping_address(document)))
        return Placed(customer.party, customer.addresses[invoice], customer.addresses[shipment])


def _party_values(customer: _Customer, *, unchecked: bool = False) -> dict[str, Any]:
    addresses = list(customer.wanted.values())
    return mapping.party_values(customer.document, addresses, unchecked=unchecked)
