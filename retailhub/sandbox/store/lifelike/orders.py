"""Orders made up from a seed. Pure: the same seed and number give the same order, whatever came before."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from random import Random

import msgspec

from retailhub.sandbox.store.lifelike.catalogue import (
    COUPONS,
    FIRST_NAMES,
    HALF_CENT,
    KNOWN,
    LAST_NAMES,
    PLACES,
    STANDARD,
    UNKNOWN,
    Coupon,
    Place,
    Product,
    StoreProfile,
    rates_for,
)
from retailhub.sandbox.store.lifelike.lives import BY_NAME, DEFAULT_WEIGHTS, Expect, Life
from retailhub.sandbox.store.lifelike.pricing import (
    ZERO,
    PricedCharge,
    PricedLine,
    Totals,
    add_up,
    price_charge,
    price_line,
    spread_discount,
)

PLANTS: tuple[str, ...] = ("sku_unmapped", "line_without_product", "totals_disagree", "negative_fee")
"""Codes of the problems that can be planted, each the code of the case it must end in."""

METHOD_TITLES = {
    "bacs": "Direct bank transfer",
    "cod": "Cash on delivery",
    "stripe": "Credit card (Stripe)",
    "paypal": "PayPal",
}
_NOTES = ("", "", "", 'Bitte an der Tür klingeln 🛎️ "danke" <b>fett</b>', "Merci de livrer après 18 h / 6 pm")
_LINE_COUNTS = (1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6)
_QUANTITIES = (1, 1, 1, 1, 1, 1, 2, 2, 3, 5)
_REGISTERED = 40
_REPEAT_GUESTS = 60


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is made of. Shares are chances between 0 and 1."""

    plant: Mapping[str, float]
    weights: Mapping[str, int]
    rounding: float
    """Share of orders whose shown lines add up to one cent more than their total."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who ordered. ``id`` is 0 for a guest."""

    id: int
    first_name: str
    last_name: str
    company: str
    place: Place
    house: int
    email: str
    phone: str


class OrderPlan(msgspec.Struct, kw_only=True):
    """Everything about one order that no change alters, and the life it will have."""

    index: int
    profile: StoreProfile
    person: Person
    channel: str
    """WooCommerce's created_via: rest-api, checkout or store-api."""
    method: str
    method_title: str
    note: str
    with_tax: bool
    lines: list[PricedLine]
    shipping: list[PricedCharge]
    fees: list[PricedCharge]
    coupon: Coupon | None
    totals: Totals
    total: Decimal
    """What the order says it costs: ``totals.total``, unless the disagreement is planted."""
    life: Life
    planted: str | None
    token: str
    """Random text from which the order key and the hashes of the checkout are cut."""

    @property
    def expect(self) -> Expect:
        return Expect.CASE if self.planted else self.life.expect


def mix_of(
    plant: float | Mapping[str, float] = 0.04,
    weights: Mapping[str, int] | None = None,
    *,
    rounding: float = 0.03,
) -> Mix:
    """A mix: one planting rate for all problems together, or one for each; life weights by name.

    Raises ValueError for a problem or a life that does not exist.
    """
    rates = dict(plant) if isinstance(plant, Mapping) else dict.fromkeys(PLANTS, plant / len(PLANTS))
    for name in rates:
        if name not in PLANTS:
            raise ValueError(f"Nothing called {name} can be planted; known are {', '.join(PLANTS)}.")
    chosen = dict(weights) if weights is not None else DEFAULT_WEIGHTS
    for name in chosen:
        if name not in BY_NAME:
            raise ValueError(f"There is no life called {name}; known are {', '.join(BY_NAME)}.")
    return Mix(plant=rates, weights=chosen, rounding=rounding)


def make_order(seed: int, index: int, *, profile: StoreProfile, mix: Mix) -> OrderPlan:
    """One order, from nothing but its seed and number."""
    rng = Random(f"{profile.code}:{seed}:{index}")  # noqa: S311 - made-up orders, nothing secret
    planted = _choose_plant(mix.plant, rng)
    life = _choose_life(mix.weights, rng, only_posted=planted is not None)
    person = _choose_person(profile, seed, rng)
    channel = rng.choice(life.channels)
    method = rng.choice(life.methods)
    with_tax = rng.random() < profile.with_tax_share
    rounding = planted is None and not with_tax and rng.random() < mix.rounding
    place = person.place
    cart = _fill_cart(rng, planted=planted, rounding=rounding)
    coupon = rng.choice(COUPONS) if not (with_tax or rounding or planted) and rng.random() < 0.2 else None
    lines = _price_cart(cart, place, coupon, with_tax=with_tax)
    shipping = _choose_shipping(place, lines, rng, with_tax=with_tax)
    fees = _choose_fees(place, lines, rng, with_tax=with_tax, negative=planted == "negative_fee")
    totals = add_up(lines, shipping, fees, at_the_end=rounding)
    return OrderPlan(
        index=index,
        profile=profile,
        person=person,
        channel=channel,
        method=method,
        method_title=METHOD_TITLES[method],
        note=rng.choice(_NOTES),
        with_tax=with_tax,
        lines=lines,
        shipping=shipping,
        fees=fees,
        coupon=coupon,
        totals=totals,
        total=_say_total(totals, rng, wrong=planted == "totals_disagree"),
        life=life,
        planted=planted,
        token=f"{rng.getrandbits(256):064x}",
    )


def _choose_plant(rates: Mapping[str, float], rng: Random) -> str | None:
    at = rng.random()
    for code, rate in rates.items():
        if at < rate:
            return code
        at -= rate
    return None


def _choose_life(weights: Mapping[str, int], rng: Random, *, only_posted: bool) -> Life:
    names = [n for n in weights if not only_posted or BY_NAME[n].expect is Expect.POSTED]
    if not names:
        raise ValueError("A planted problem needs a life that ends in a posted order.")
    return BY_NAME[rng.choices(names, [weights[name] for name in names])[0]]


def _choose_person(profile: StoreProfile, seed: int, rng: Random) -> Person:
    """A registered customer, a guest who comes again and again, or somebody new."""
    kind = rng.random()
    if kind < 0.3:
        number = rng.randrange(_REGISTERED)
        return _make_person(profile, number, f"kunde{number}", registered=True)
    if kind < 0.55:
        number = rng.randrange(_REPEAT_GUESTS)
        return _make_person(profile, 100 + number, f"gast{number}", registered=False)
    number = rng.getrandbits(40)
    return _make_person(profile, number, f"neu-{seed}-{number:x}", registered=False)


def registered_people(profile: StoreProfile) -> list[Person]:
    """All customers of the store who have an account."""
    return [_make_person(profile, number, f"kunde{number}", registered=True) for number in range(_REGISTERED)]


def _make_person(profile: StoreProfile, number: int, mailbox: str, *, registered: bool) -> Person:
    at = number * 37 % sum(weight for _, weight in profile.countries)
    country = profile.countries[-1][0]
    for country, weight in profile.countries:  # noqa: B007 - the loop is left at the country that is meant
        if at < weight:
            break
        at -= weight
    places = PLACES[country]
    return Person(
        id=2 + number if registered else 0,
        first_name=FIRST_NAMES[number % len(FIRST_NAMES)],
        last_name=LAST_NAMES[number // 7 % len(LAST_NAMES)],
        company="Bäckerei Süß & Söhne" if number % 11 == 3 else "",
        place=places[number % len(places)],
        house=1 + number % 97,
        email=f"{mailbox}@{profile.code}.example.com",
        phone=f"{profile.dial}{2000000 + number % 7000000}",
    )


def _fill_cart(rng: Random, *, planted: str | None, rounding: bool) -> list[tuple[Product, int]]:
    chosen = rng.sample(KNOWN, rng.choice(_LINE_COUNTS))
    cart = [(product, rng.choice(_QUANTITIES)) for product in chosen]
    if rounding:
        cart = [*cart[:3], *((product, 1) for product in rng.sample(HALF_CENT, 2))]
        cart = [row for row in cart if row[0].sku not in ("LAMPE-33", "DRITTEL")]
    if planted == "sku_unmapped":
        cart = [*cart[:5], (rng.choice(UNKNOWN), 1)]
        rng.shuffle(cart)
    elif planted is not None and not any(row.taxable and row.price >= 10 for row, _ in cart):
        cart = [*cart[:5], (KNOWN[1], 1)]
    return cart


def _price_cart(
    cart: list[tuple[Product, int]], place: Place, coupon: Coupon | None, *, with_tax: bool
) -> list[PricedLine]:
    discounts = spread_discount(coupon, cart) if coupon else [ZERO] * len(cart)
    lines = []
    for (product, quantity), discount in zip(cart, discounts, strict=True):
        rates = rates_for(place.country, place.state, product.tax_class) if product.taxable else ()
        lines.append(price_line(product, quantity, rates, with_tax=with_tax, discount=discount))
    return lines


def _charge_class(lines: list[PricedLine]) -> str:
    """The tax class of shipping: the standard one if any line has it, as the store inherits it."""
    classes = {line.product.tax_class for line in lines if line.product.taxable}
    return STANDARD if STANDARD in classes or not classes else min(classes)


def _choose_shipping(place: Place, lines: list[PricedLine], rng: Random, *, with_tax: bool) -> list[PricedCharge]:
    if rng.random() < 0.15:
        return []
    name, cost = ("DHL Paket", "4.90") if place.country in ("DE", "FR", "GB") else ("International", "15.00")
    rates = rates_for(place.country, place.state, _charge_class(lines))
    return [price_charge(name, Decimal(cost), rates, with_tax=with_tax)]


def _choose_fees(
    place: Place, lines: list[PricedLine], rng: Random, *, with_tax: bool, negative: bool
) -> list[PricedCharge]:
    rates = rates_for(place.country, place.state, STANDARD)
    if negative:
        amount = Decimal(rng.randrange(100, 500)) / 100
        return [price_charge("Treueprogramm", -amount, rates, with_tax=with_tax)]
    fees = []
    if rng.random() < 0.08:
        fees.append(price_charge("Geschenkverpackung", Decimal("2.50"), rates, with_tax=with_tax))
    if rng.random() < 0.04:
        fees.append(price_charge("Pfand", Decimal("3.00"), rates, with_tax=with_tax, taxable=False))
    return fees


def _say_total(totals: Totals, rng: Random, *, wrong: bool) -> Decimal:
    """The total, or one that no part of the order explains."""
    if not wrong:
        return totals.total
    explained = {
        totals.discount_total,
        totals.discount_tax,
        totals.shipping_total,
        totals.shipping_tax,
        totals.cart_tax,
        totals.total_tax,
        totals.total,
        totals.shipping_total + totals.shipping_tax,
    }
    off = Decimal(rng.randrange(301, 1999)) / 100
    while off in explained:
        off += Decimal("0.11")
    return totals.total + off
