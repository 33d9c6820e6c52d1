"""The pages about customers, coupons, taxes and categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retailhub.sandbox.store import customers, things
from retailhub.sandbox.store.calls import Answer, Call, Doc, batch, listing, shown
from retailhub.sandbox.store.errors import no_trash
from retailhub.sandbox.store.paging import PAGE, Page, limits
from retailhub.sandbox.store.params import read
from retailhub.sandbox.store.php import fold
from retailhub.sandbox.store.rest import Route

_TEXT = {"type": "string"}
_CUSTOMER: dict[str, dict[str, Any]] = {
    "email": {"type": "string", "format": "email"},
    "first_name": _TEXT,
    "last_name": _TEXT,
    "username": _TEXT,
    "password": _TEXT,
    "billing": {"type": "object"},
    "shipping": {"type": "object"},
    "meta_data": {"type": "array", "items": {"type": "object"}},
}
_RATE: dict[str, dict[str, Any]] = {
    "country": _TEXT,
    "state": _TEXT,
    "rate": _TEXT,
    "name": _TEXT,
    "priority": {"type": "integer"},
    "compound": {"type": "boolean"},
    "shipping": {"type": "boolean"},
    "class": {"type": "string", "enum": ("standard", "reduced-rate", "zero-rate")},
}


def read_customer(call: Call, customer_id: int) -> Answer:
    return shown(call, customers.one_customer(call.store, customer_id))


def read_customers(call: Call) -> Answer:
    return listing(call, *customers.list_customers(call.store, call.params))


def create_customer(call: Call) -> Answer:
    with call.store.ledger.transaction():
        ident = customers.create(call.store, call.posted)
    return shown(call, customers.one_customer(call.store, ident), status=201, location=f"customers/{ident}")


def update_customer(call: Call, customer_id: int) -> Answer:
    with call.store.ledger.transaction():
        customers.update(call.store, customer_id, call.posted)
    return read_customer(call, customer_id)


def delete_customer(call: Call, customer_id: int) -> Answer:
    with call.store.ledger.transaction():
        return shown(call, customers.delete(call.store, customer_id, force=call.force))


def many_customers(call: Call) -> Answer:
    store = call.store

    def create_one(posted: Mapping[str, Any]) -> Doc:
        with store.ledger.transaction():
            ident = customers.create(store, posted)
        return customers.one_customer(store, ident)

    def update_one(ident: int, posted: Mapping[str, Any]) -> Doc:
        with store.ledger.transaction():
            customers.update(store, ident, posted)
        return customers.one_customer(store, ident)

    def delete_one(ident: int) -> Doc:
        with store.ledger.transaction():
            return customers.delete(store, ident, force=True)

    return batch(call, create=create_one, update=update_one, delete=delete_one)


def _page(call: Call, kind: str) -> Answer:
    wanted = read(call.params, {**PAGE, "code": _TEXT, "class": _TEXT})
    rows = [things.shown(call.store, row) for row in things.every(call.store, kind)]
    if wanted.get("code"):
        rows = [row for row in rows if fold(row["code"]) == fold(wanted["code"])]
    if wanted.get("class"):
        rows = [row for row in rows if row["class"] == wanted["class"]]
    size, skip = limits(wanted)
    return listing(call, rows[skip : skip + size], Page(wanted["page"], size, len(rows)))


def read_coupon(call: Call, coupon_id: int) -> Answer:
    return shown(call, things.one_coupon(call.store, coupon_id))


def read_coupons(call: Call) -> Answer:
    return _page(call, "coupon")


def create_coupon(call: Call) -> Answer:
    with call.store.ledger.transaction():
        ident = things.create_coupon(call.store, call.posted)
    return shown(call, things.one_coupon(call.store, ident), status=201, location=f"coupons/{ident}")


def update_coupon(call: Call, coupon_id: int) -> Answer:
    with call.store.ledger.transaction():
        things.update_coupon(call.store, coupon_id, call.posted)
    return read_coupon(call, coupon_id)


def delete_coupon(call: Call, coupon_id: int) -> Answer:
    with call.store.ledger.transaction():
        return shown(call, things.delete_coupon(call.store, coupon_id, force=call.force))


def read_rate(call: Call, rate_id: int) -> Answer:
    return shown(call, things.shown(call.store, things.find(call.store, "rate", rate_id)))


def read_rates(call: Call) -> Answer:
    return _page(call, "rate")


def create_rate(call: Call) -> Answer:
    with call.store.ledger.transaction():
        ident = things.save_rate(call.store, 0, call.posted)
    call.store.rates.changed()
    row = things.shown(call.store, things.find(call.store, "rate", ident))
    return shown(call, row, status=201, location=f"taxes/{ident}")


def update_rate(call: Call, rate_id: int) -> Answer:
    with call.store.ledger.transaction():
        things.save_rate(call.store, rate_id, call.posted)
    call.store.rates.changed()
    return read_rate(call, rate_id)


def delete_rate(call: Call, rate_id: int) -> Answer:
    if not call.force:
        raise no_trash("Taxes")
    with call.store.ledger.transaction():
        body = things.delete_rate(call.store, rate_id)
    call.store.rates.changed()
    return shown(call, body)


def read_classes(call: Call) -> Answer:
    names = (("standard", "Standard rate"), ("reduced-rate", "Reduced rate"), ("zero-rate", "Zero rate"))
    links = {"collection": [{"href": f"{call.store.api}/taxes/classes"}]}
    return listing(call, [{"slug": slug, "name": name, "_links": links} for slug, name in names])


def read_categories(call: Call) -> Answer:
    return _page(call, "category")


def create_category(call: Call) -> Answer:
    with call.store.ledger.transaction():
        ident = things.create_category(call.store, call.posted)
    row = things.shown(call.store, things.find(call.store, "category", ident))
    return shown(call, row, status=201, location=f"products/categories/{ident}")


ROUTES: list[Route] = [
    Route(
        pattern="customers",
        pages={"GET": read_customers, "POST": create_customer},
        body=_CUSTOMER,
        required=("email",),
    ),
    Route(pattern="customers/batch", pages={"POST": many_customers, "PUT": many_customers}),
    Route(
        pattern="customers/{id}",
        pages={"GET": read_customer, "PUT": update_customer, "DELETE": delete_customer},
        body=_CUSTOMER,
    ),
    Route(pattern="coupons", pages={"GET": read_coupons, "POST": create_coupon}, required=("code",)),
    Route(pattern="coupons/{id}", pages={"GET": read_coupon, "PUT": update_coupon, "DELETE": delete_coupon}),
    Route(pattern="taxes", pages={"GET": read_rates, "POST": create_rate}, body=_RATE),
    Route(pattern="taxes/classes", pages={"GET": read_classes}),
    Route(pattern="taxes/{id}", pages={"GET": read_rate, "PUT": update_rate, "DELETE": delete_rate}, body=_RATE),
    Route(pattern="products/categories", pages={"GET": read_categories, "POST": create_category}, required=("name",)),
]
