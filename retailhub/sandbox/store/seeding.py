"""What a new store has: the made-up catalogue, tax rates, coupons and registered customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from retailhub.sandbox.store.ledger import dump
from retailhub.sandbox.store.lifelike.catalogue import COUPONS, PRODUCTS, RATES, Product
from retailhub.sandbox.store.lifelike.orders import Person, registered_people
from retailhub.sandbox.store.php import fold, slug_of
from retailhub.sandbox.store.product_shown import BLANK
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_STOCK = 100_000
_PRODUCT = """
INSERT OR REPLACE INTO product (id, type, parent_id, status, sku_key, created, modified, doc)
VALUES (?, ?, ?, 'publish', ?, ?, ?, ?)
"""
_CUSTOMER = "INSERT OR REPLACE INTO customer (id, email_key, role, created, modified, doc) VALUES (?, ?, ?, ?, ?, ?)"
_THING = """
INSERT OR REPLACE INTO thing (kind, id, key, status, created, modified, doc) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_OPENED = 1_767_600_000
"""2026-01-05: nobody wants all products changed on the day a test runs."""


def seed_catalogue(store: Store) -> None:
    """Does nothing in a store that has products."""
    if store.ledger.one("SELECT 1 FROM product LIMIT 1") is not None:
        return
    with store.ledger.transaction():
        _seed_products(store)
        _seed_rates(store)
        _seed_coupons(store)
        _seed_customers(store)
    store.shelf.changed()
    store.rates.changed()


def _seed_products(store: Store) -> None:
    parents: dict[int, list[Product]] = {}
    for product in PRODUCTS:
        doc = _product_doc(product)
        if product.parent_id:
            parents.setdefault(product.parent_id, []).append(product)
        kind = "variation" if product.parent_id else "simple"
        _put_product(store, product.id, kind, product.parent_id, doc)
    for parent_id, variations in parents.items():
        _put_product(store, parent_id, "variable", 0, _parent_doc(variations))


def _put_product(store: Store, product_id: int, kind: str, parent_id: int, doc: Doc) -> None:
    row = (product_id, kind, parent_id, fold(doc["sku"]), _OPENED, _OPENED, dump(doc))
    store.ledger.run(_PRODUCT, row)


def _product_doc(product: Product) -> Doc:
    attributes = [{"id": 0, "name": label, "slug": key, "option": value} for key, label, value in product.attributes]
    return {
        **BLANK,
        "name": product.name,
        "slug": slug_of(product.name),
        "sku": product.sku,
        "regular_price": str(product.price),
        "tax_status": "taxable" if product.taxable else "none",
        "tax_class": product.tax_class,
        "manage_stock": True,
        "stock_quantity": _STOCK,
        "reviews_allowed": not product.parent_id,
        "attributes": attributes,
        "global_unique_id": product.gtin,
    }


def _parent_doc(variations: Iterable[Product]) -> Doc:
    rows = list(variations)
    name = rows[0].parent_name or rows[0].name
    options: dict[str, list[str]] = {}
    for variation in rows:
        for _, label, value in variation.attributes:
            known = options.setdefault(label, [])
            if value not in known:
                known.append(value)
    attributes = [
        {
            "id": 0,
            "name": label,
            "slug": label,
            "position": at,
            "visible": True,
            "variation": True,
            "options": values,
        }
        for at, (label, values) in enumerate(options.items())
    ]
    sku = rows[0].sku.partition("-")[0]
    return {**BLANK, "name": name, "slug": slug_of(name), "sku": sku, "attributes": attributes}


def _seed_rates(store: Store) -> None:
    for (country, state, tax_class), rates in RATES.items():
        for at, rate in enumerate(rates):
            doc = rate_doc(
                {
                    "country": country,
                    "state": state,
                    "rate": str(rate.percent),
                    "name": rate.label,
                    "priority": at + 1,
                    "compound": rate.compound,
                    "class": tax_class or "standard",
                }
            )
            put_thing(store, "rate", rate.id, doc)
    store.ledger.set_counter("rate", max(rate.id for rates in RATES.values() for rate in rates))


def rate_doc(given: Mapping[str, Any]) -> Doc:
    """A tax rate's document."""
    return {
        "country": "",
        "state": "",
        "postcode": "",
        "city": "",
        "name": "",
        "priority": 1,
        "compound": False,
        "shipping": True,
        "order": 0,
        "class": "standard",
        "postcodes": [],
        "cities": [],
        **given,
        "rate": f"{float(given.get('rate', 0)):.4f}",
    }


def _seed_coupons(store: Store) -> None:
    for coupon in COUPONS:
        doc = {"code": coupon.code, "discount_type": coupon.kind, "amount": str(coupon.amount)}
        put_thing(store, "coupon", coupon.id, doc, key=fold(coupon.code), status="publish")


def put_thing(store: Store, kind: str, ident: int, doc: Doc, *, key: str = "", status: str = "") -> None:
    """A rate, coupon or category that was there from the beginning."""
    store.ledger.run(_THING, (kind, ident, key, status, _OPENED, _OPENED, dump(doc)))


def _seed_customers(store: Store) -> None:
    admin = {**customer_doc(None), "email": "admin@example.com", "username": "admin"}
    store.ledger.run(_CUSTOMER, (1, "admin@example.com", "administrator", _OPENED, None, dump(admin)))
    people = registered_people(store.settings.profile())
    for person in people:
        row = (person.id, fold(person.email), "customer", _OPENED, _OPENED, dump(customer_doc(person)))
        store.ledger.run(_CUSTOMER, row)
    store.ledger.set_counter("customer", max(person.id for person in people))


def customer_doc(person: Person | None) -> Doc:
    """A customer's document."""
    address = address_of(person)
    return {
        "email": person.email if person else "",
        "first_name": person.first_name if person else "",
        "last_name": person.last_name if person else "",
        "username": person.email.partition("@")[0] if person else "",
        "billing": {**address, "email": person.email if person else "", "phone": person.phone if person else ""},
        "shipping": {**address, "phone": person.phone if person else ""},
        "paying": False,
        "meta": [],
    }


def address_of(person: Person | None) -> dict[str, str]:
    """A made-up person's address as the store keeps it."""
    names = (
        "first_name", "last_name", "company", "address_1", "address_2", "city", "postcode", "country", "state",
    )  # fmt: skip
    if person is None:
        return dict.fromkeys(names, "")
    place = person.place
    values = (
        person.first_name,
        person.last_name,
        person.company,
        f"{place.street} {person.house}",
        "c/o Ünïcode" if person.house % 5 == 0 else "",
        place.city,
        place.postcode,
        place.country,
        place.state,
    )
    return dict(zip(names, values, strict=True))
