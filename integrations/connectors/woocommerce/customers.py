"""Registered customers. Guests are in no list: they stand on their orders only.

https://woocommerce.github.io/woocommerce-rest-api-docs/#customers. Without ``role=all`` accounts that were made
in another way (subscribers, the shop's own people) are missing. ``modified_after`` is not known here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from integrations.connectors.woocommerce import mapping, reading, schemas
from integrations.connectors.woocommerce.access import StoreAccess, thing_id
from integrations.connectors.woocommerce.reading import read
from integrations.connectors.woocommerce.signing import Params
from integrations.ports.documents import Address, Attribute, Customer

_PAGE = 100


@dataclass(frozen=True)
class StoreCustomer:
    """A registered customer. Personal data. ``modified_at`` is ``None`` until the first change."""

    customer: Customer
    role: str
    billing: Address
    shipping: Address
    created_at: dt.datetime | None
    modified_at: dt.datetime | None
    attributes: tuple[Attribute, ...] = ()


class Customers(StoreAccess):
    """The registered customers of one store."""

    def walk_customers(self) -> Iterator[StoreCustomer]:
        """All of them by rising id; streamed."""
        return self._customer_pages({"orderby": "id", "order": "asc"})

    def customer(self, customer_ref: str) -> StoreCustomer | None:
        """One by id; ``None`` when the store does not have the account."""
        answer = self._api.customer(thing_id(customer_ref))
        return None if answer.status == 404 else customer_from_vendor(read(answer, schemas.CUSTOMER.decode))

    def customers_with_email(self, email: str) -> list[StoreCustomer]:
        """Accounts with this e-mail address, in whatever case it was typed; at most one in a plain store."""
        found = self._customer_pages({"email": email.strip()})
        return [each for each in found if each.customer.email.casefold() == email.strip().casefold()]

    def _customer_pages(self, params: Params) -> Iterator[StoreCustomer]:
        page, shown = 1, set[int]()
        while True:
            answer = self._api.customers({**params, "role": "all", "per_page": _PAGE, "page": page})
            part = read(answer, schemas.CUSTOMERS.decode)
            yield from [customer_from_vendor(each) for each in part]
            if len(part) < _PAGE:
                return
            if shown == (shown := {each.id for each in part}):
                raise reading.page_ignored(answer, page)
            page += 1


def customer_from_vendor(vendor: schemas.VendorCustomer) -> StoreCustomer:
    """Canonical; the account's own name and e-mail come before those of its billing address."""
    billing = vendor.billing
    names = (vendor.first_name or billing.first_name or "", vendor.last_name or billing.last_name or "")
    created, modified = vendor.date_created_gmt, vendor.date_modified_gmt
    return StoreCustomer(
        customer=Customer(
            store_ref=str(vendor.id),
            email=vendor.email or billing.email or "",
            phone=billing.phone or "",
            name=" ".join(names).strip(),
            company=billing.company or "",
            tax_number=mapping.tax_number(vendor.meta_data),
        ),
        role=vendor.role,
        billing=mapping.address(billing),
        shipping=mapping.address(vendor.shipping),
        created_at=mapping.utc(created) if created else None,
        modified_at=mapping.utc(modified) if modified else None,
        attributes=mapping.attributes(vendor.meta_data, frozenset()),
    )
