"""What an order adds up to: taxes by the store's own rates, its rounding, coupons, negative fees.

Works on an order's document and writes into it. Inside, line amounts have up to six decimals as text; the
order's own sums are rounded to the store's decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

from retailhub.sandbox.store.lifelike.catalogue import Coupon
from retailhub.sandbox.store.lifelike.pricing import INSIDE, spread_discount
from retailhub.sandbox.store.php import plain
from retailhub.sandbox.store.rates import TaxRate
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
ZERO = Decimal(0)


class Priced(msgspec.Struct, frozen=True):
    """A line for the sharing out of a discount."""

    price: Decimal


def exact(amount: Decimal) -> str:
    """An amount as kept inside: six decimals at most."""
    text = f"{amount + 0:f}"
    if len(text.partition(".")[2]) > 6:
        text = f"{amount.quantize(INSIDE, ROUND_HALF_UP) + 0:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(amount: Decimal, unit: Decimal) -> Decimal:
    """To the store's decimals, a half away from zero."""
    return amount.quantize(unit, ROUND_HALF_UP)


def rounded_tax(amount: Decimal, unit: Decimal, *, with_tax: bool) -> Decimal:
    """A tax: half down where prices are entered with tax."""
    return amount.quantize(unit, ROUND_HALF_DOWN if with_tax else ROUND_HALF_UP)


def raw_taxes(net: Decimal, rates: Sequence[TaxRate]) -> list[Decimal]:
    """Each rate's tax on ``net``, unrounded; a compound rate also falls on the plain ones."""
    on_top = sum((net * rate.fraction for rate in rates if not rate.compound), ZERO)
    return [(net + on_top if rate.compound else net) * rate.fraction for rate in rates]


def net_of(gross: Decimal, rates: Sequence[TaxRate]) -> Decimal:
    """What is left of ``gross`` without the taxes inside it."""
    factor = 1 + sum((rate.fraction for rate in rates if not rate.compound), ZERO)
    for rate in rates:
        if rate.compound:
            factor *= 1 + rate.fraction
    return gross / factor


def net_price(store: Store, entered: Decimal, *, tax_class: str, taxable: bool) -> Decimal:
    """A price as entered without the taxes of the place where the store is, if prices have them inside."""
    if not store.settings.prices_include_tax or not taxable:
        return entered
    return net_of(entered, store.rates.falling_on(store.settings.base_country, "", tax_class))


def calculate(store: Store, doc: Doc) -> None:
    """Taxes of all lines and the order's sums, anew."""
    settings = store.settings
    unit, with_tax = settings.unit, doc["with_tax"]
    place = _tax_place(store, doc)
    lines, fees, charges = doc["lines"], doc["fees"], doc["shipping_lines"]
    at_end = settings.round_at_subtotal or doc.get("round_at_end", False)
    for line in lines:
        rates = _rates_of(store, place, line["tax_class"], taxable=line["taxable"])
        _tax_line(line, rates, unit, with_tax=with_tax, raw=settings.round_at_subtotal)
    goods = _sum_of(lines, "total", unit, at_end=at_end)
    shipping = rounded(sum((Decimal(row["total"]) for row in charges), ZERO), unit)
    _cut_negative_fees(fees, goods + shipping, unit)
    shipping_class = _shipping_class(lines)
    for row in charges:
        rates = _rates_of(store, place, shipping_class, taxable=row["tax_status"] != "none")
        rates = tuple(rate for rate in rates if rate.shipping)
        _tax_charge(row, rates, unit, with_tax=with_tax, raw=settings.round_at_subtotal)
    for row in fees:
        if Decimal(row["total"]) < 0 and row["tax_status"] == "taxable":
            _tax_negative_fee(store, doc, row, place)
        else:
            rates = _rates_of(store, place, row["tax_class"], taxable=row["tax_status"] == "taxable")
            _tax_charge(row, rates, unit, with_tax=with_tax, raw=settings.round_at_subtotal)
    _add_tax_lines(store, doc)
    before = _sum_of(lines, "subtotal", unit, at_end=at_end)
    _add_up(doc, goods=goods, before=before, shipping=shipping, unit=unit)


def _tax_place(store: Store, doc: Doc) -> tuple[str, str] | None:
    """Where taxes are reckoned: shipping address, else billing, else the store's own. ``None``: exempt."""
    if any(row["key"] == "is_vat_exempt" and row["value"] == "yes" for row in doc["meta"]):
        return None
    for address in (doc["shipping"], doc["billing"]):
        if address["country"]:
            return address["country"], address["state"]
    return store.settings.base_country, ""


def _rates_of(store: Store, place: tuple[str, str] | None, tax_class: str, *, taxable: bool) -> tuple[TaxRate, ...]:
    return store.rates.falling_on(*place, tax_class) if taxable and place is not None else ()


def _tax_line(line: Doc, rates: Sequence[TaxRate], unit: Decimal, *, with_tax: bool, raw: bool) -> None:
    before = raw_taxes(Decimal(line["subtotal"]), rates)
    after = before if line["total"] == line["subtotal"] else raw_taxes(Decimal(line["total"]), rates)
    line["taxes"] = [[rate.id, exact(t), exact(s)] for rate, t, s in zip(rates, after, before, strict=True)]
    line["total_tax"] = exact(_tax_sum(after, unit, with_tax=with_tax, raw=raw))
    line["subtotal_tax"] = exact(_tax_sum(before, unit, with_tax=with_tax, raw=raw))


def _tax_charge(row: Doc, rates: Sequence[TaxRate], unit: Decimal, *, with_tax: bool, raw: bool) -> None:
    amounts = raw_taxes(Decimal(row["total"]), rates)
    row["taxes"] = [[rate.id, exact(amount)] for rate, amount in zip(rates, amounts, strict=True)]
    row["total_tax"] = exact(_tax_sum(amounts, unit, with_tax=with_tax, raw=raw))


def _tax_sum(amounts: Sequence[Decimal], unit: Decimal, *, with_tax: bool, raw: bool) -> Decimal:
    if raw:
        return sum(amounts, ZERO)
    return sum((rounded_tax(amount, unit, with_tax=with_tax) for amount in amounts), ZERO)


def _sum_of(rows: Sequence[Doc], name: str, unit: Decimal, *, at_end: bool) -> Decimal:
    if at_end:
        return rounded(sum((Decimal(row[name]) for row in rows), ZERO), unit)
    return sum((rounded(Decimal(row[name]), unit) for row in rows), ZERO)


def _shipping_class(lines: Sequence[Doc]) -> str:
    """Shipping is taxed as the goods are: in the standard class if any is in it."""
    classes = {line["tax_class"] for line in lines if line["taxable"]}
    return "" if "" in classes or not classes else min(classes)


def _cut_negative_fees(fees: Sequence[Doc], others: Decimal, unit: Decimal) -> None:
    """No fee takes more off than there is."""
    so_far = ZERO
    for fee in fees:
        amount = Decimal(fee["total"])
        most = rounded(others + so_far, unit)
        if amount < 0 and -most > amount and most > 0:
            amount = -most
            fee["total"] = exact(amount)
        so_far += amount


def _tax_negative_fee(store: Store, doc: Doc, fee: Doc, place: tuple[str, str] | None) -> None:
    """What it takes off the taxes spreads over the classes of all that costs something."""
    costs: dict[str | None, Decimal] = {}
    shipping_class = _shipping_class(doc["lines"])
    for row in (*doc["lines"], *doc["fees"], *doc["shipping_lines"]):
        amount = Decimal(row["total"])
        if amount > 0:
            taxable = row["taxable"] if "taxable" in row else row["tax_status"] == "taxable"
            tax_class = row.get("tax_class", shipping_class) if taxable else None
            costs[tax_class] = costs.get(tax_class, ZERO) + amount
    whole = sum(costs.values(), ZERO)
    sums: dict[int, Decimal] = {}
    for tax_class, cost in costs.items():
        if tax_class is None:
            continue
        rates = _rates_of(store, place, tax_class, taxable=True)
        for rate, amount in zip(rates, raw_taxes(Decimal(fee["total"]) * cost / whole, rates), strict=True):
            sums[rate.id] = sums.get(rate.id, ZERO) + amount
    raw = store.settings.round_at_subtotal
    fee["taxes"] = [[rate_id, exact(amount)] for rate_id, amount in sums.items()]
    total = _tax_sum(list(sums.values()), store.settings.unit, with_tax=doc["with_tax"], raw=raw)
    fee["total_tax"] = exact(total)


def _add_tax_lines(store: Store, doc: Doc) -> None:
    """One row for each rate that falls on anything; a rate that had a row keeps its number."""
    cart = _by_rate(store, doc, (*doc["lines"], *doc["fees"]))
    shipping = _by_rate(store, doc, doc["shipping_lines"])
    known = {row["rate_id"]: row["id"] for row in doc["taxes"]}
    order = [rate_id for rate_id in known if rate_id in cart or rate_id in shipping]
    order += [rate_id for rate_id in {**cart, **shipping} if rate_id not in known]
    rows = []
    for rate_id in order:
        rate = store.rates.by_id(rate_id)
        if rate is None:
            continue
        rows.append(
            {
                "id": known.get(rate_id) or store.ledger.next_id("item"),
                "rate_code": rate.code,
                "rate_id": rate_id,
                "label": rate.name,
                "compound": rate.compound,
                "percent": plain(rate.percent),
                "cart": exact(cart.get(rate_id, ZERO)),
                "shipping": exact(shipping.get(rate_id, ZERO)),
            }
        )
    doc["taxes"] = rows


def _by_rate(store: Store, doc: Doc, rows: Sequence[Doc]) -> dict[int, Decimal]:
    unit, raw = store.settings.unit, store.settings.round_at_subtotal
    sums: dict[int, Decimal] = {}
    for row in rows:
        for share in row["taxes"]:
            amount = Decimal(share[1])
            if not raw:
                amount = rounded_tax(amount, unit, with_tax=doc["with_tax"])
            sums[share[0]] = sums.get(share[0], ZERO) + amount
    if raw:
        return {key: rounded_tax(amount, unit, with_tax=doc["with_tax"]) for key, amount in sums.items()}
    return sums


def _add_up(doc: Doc, *, goods: Decimal, before: Decimal, shipping: Decimal, unit: Decimal) -> None:
    cart_tax = sum((Decimal(row["cart"]) for row in doc["taxes"]), ZERO)
    shipping_tax = sum((Decimal(row["shipping"]) for row in doc["taxes"]), ZERO)
    fees = sum((Decimal(row["total"]) for row in doc["fees"]), ZERO)
    tax_before = sum((Decimal(line["subtotal_tax"]) for line in doc["lines"]), ZERO)
    tax_after = sum((Decimal(line["total_tax"]) for line in doc["lines"]), ZERO)
    doc["totals"] = {
        "discount_total": exact(before - goods),
        "discount_tax": exact(rounded(tax_before - tax_after, unit)),
        "shipping_total": exact(shipping),
        "shipping_tax": exact(shipping_tax),
        "cart_tax": exact(cart_tax),
        "total": exact(rounded(goods + fees + shipping + cart_tax + shipping_tax, unit)),
        "total_tax": exact(cart_tax + shipping_tax),
    }


def apply_coupons(store: Store, doc: Doc, coupons: Sequence[tuple[Doc, Coupon]]) -> None:
    """Take the coupons off the lines' prices. ``coupons`` are rows of the document with what they are worth."""
    lines, unit = doc["lines"], store.settings.unit
    cart = [(Priced(Decimal(line["entered"]) / max(line["quantity"], 1)), line["quantity"]) for line in lines]
    left = [Decimal(line["entered"]) for line in lines]
    for row, coupon in coupons:
        if coupon.kind == "fixed_product":
            taken = [min(coupon.amount * quantity, rest) for (_, quantity), rest in zip(cart, left, strict=True)]
        else:
            taken = spread_discount(coupon, cart, unit=unit)
        taken = [min(off, rest) for off, rest in zip(taken, left, strict=True)]
        left = [rest - off for off, rest in zip(taken, left, strict=True)]
        nets = [_net(store, off, line) for off, line in zip(taken, lines, strict=True)]
        row["discount"] = exact(rounded(sum(nets, ZERO), unit))
    for line, rest in zip(lines, left, strict=True):
        line["total"] = line["subtotal"] if rest == Decimal(line["entered"]) else exact(_net(store, rest, line))


def note_coupon_taxes(store: Store, doc: Doc) -> None:
    """After `calculate`: what each coupon saved in taxes; with several it is shared by their discounts."""
    whole = sum((Decimal(row["discount"]) for row in doc["coupons"]), ZERO)
    saved = Decimal(doc["totals"]["discount_tax"])
    for row in doc["coupons"]:
        share = saved * Decimal(row["discount"]) / whole if whole else ZERO
        row["discount_tax"] = exact(rounded(share, store.settings.unit))


def _net(store: Store, amount: Decimal, line: Doc) -> Decimal:
    return net_price(store, amount, tax_class=line["tax_class"], taxable=line["taxable"])
