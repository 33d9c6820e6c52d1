"""What the made-up stores sell, to whom, and under which tax rates.

Everything is made up and fixed, so that the catalogue is the same in every run: a run's seed only chooses
from it. Prices are in the store's currency, as entered (without tax, or with it where the store says so).
"""

from __future__ import annotations

from decimal import Decimal
from itertools import product as combinations
from typing import Any

import msgspec


class Rate(msgspec.Struct, frozen=True):
    """One tax rate of a store. ``fraction`` is percent / 100."""

    id: int
    code: str
    label: str
    percent: Decimal
    fraction: Decimal
    compound: bool = False


def _rate(rate_id: int, code: str, label: str, percent: str, *, compound: bool = False) -> Rate:
    return Rate(rate_id, code, label, Decimal(percent), Decimal(percent) / 100, compound)


STANDARD = ""
REDUCED = "reduced-rate"

RATES: dict[tuple[str, str, str], tuple[Rate, ...]] = {
    ("DE", "", STANDARD): (_rate(1, "DE-MWST. 19%-1", "MwSt. 19%", "19"),),
    ("DE", "", REDUCED): (_rate(2, "DE-MWST. 7%-1", "MwSt. 7%", "7"),),
    ("CA", "QC", STANDARD): (
        _rate(3, "CA-QC-GST-1", "GST", "5"),
        _rate(4, "CA-QC-QST-2", "QST", "9.975", compound=True),
    ),
    ("FR", "", STANDARD): (_rate(5, "FR-TVA-1", "TVA", "20"),),
    ("GB", "", STANDARD): (_rate(6, "GB-VAT-1", "VAT", "20"),),
}
"""By country, state (only where the rate has one) and tax class; what is not here is not taxed."""


def rates_for(country: str, state: str, tax_class: str) -> tuple[Rate, ...]:
    """The rates that fall on goods of this class sent there, in the order they are applied."""
    if country == "CA":
        return RATES.get((country, state, tax_class), ())
    return RATES.get((country, "", tax_class), ())


class Product(msgspec.Struct, frozen=True):
    """A simple product or a variation. ``known`` is false for what the ERP has never heard of."""

    id: int
    sku: str
    name: str
    price: Decimal
    tax_class: str = STANDARD
    taxable: bool = True
    gtin: str = ""
    parent_id: int = 0
    parent_name: str | None = None
    attributes: tuple[tuple[str, str, str], ...] = ()
    """(key, label, value) of a variation."""
    known: bool = True


_SIMPLE: tuple[tuple[str, str, str, str, str], ...] = (
    ("BECHER-M", "Café-Becher „Größe M“ ☕️🎉", "9.90", STANDARD, "4260000000011"),
    ("KANNE-1L", "Teekanne 1 l, grün", "34.50", STANDARD, "4260000000028"),
    ("KOCHBUCH", "Kochbuch „Südtirol“", "19.95", REDUCED, "9783000000010"),
    ("ROMAN-FR", "L'été à Brest (roman)", "12.40", REDUCED, "9782000000017"),
    ("KAFFEE-1", "Kaffee Äthiopien, 1 kg", "21.49", REDUCED, ""),
    ("KAFFEE-250", "Kaffee Äthiopien, 250 g", "6.79", REDUCED, ""),
    ("TEE-ASSAM", "Assam <first flush> & co", "8.15", REDUCED, ""),
    ("HONIG", "Honig 500 g", "7.35", REDUCED, ""),
    ("OLIVEN-5", "Olivenöl 5 l / Kanister", "49.00", REDUCED, ""),
    ("LAMPE-33", "Lampe mit halbem Cent", "33.333", STANDARD, ""),
    ("DRITTEL", "Drittel", "0.333", STANDARD, ""),
    ("MESSER", "Kochmesser 20 cm", "89.00", STANDARD, "4260000000035"),
    ("BRETT", "Schneidebrett Eiche", "24.99", STANDARD, ""),
    ("TOPF-24", "Topf 24 cm", "64.95", STANDARD, "4260000000042"),
    ("PFANNE", "Pfanne, geschmiedet", "74.90", STANDARD, ""),
    ("SIEB", "Sieb", "4.29", STANDARD, ""),
    ("DECKE", "Wolldecke „Łódź“", "119.00", STANDARD, ""),
    ("KISSEN", "Kissen 40×40", "17.80", STANDARD, ""),
    ("KERZE-3", "Kerzen, 3 Stück", "5.55", STANDARD, ""),
    ("VASE", "Vase, mundgeblasen", "42.00", STANDARD, ""),
    ("UHR", "Wanduhr \\ Bauhaus", "58.20", STANDARD, ""),
    ("RAHMEN", 'Bilderrahmen 8" × 10"', "14.10", STANDARD, ""),
    ("SEIFE", "Seife Olive", "3.95", STANDARD, ""),
    ("BÜRSTE", "Spülbürste", "6.05", STANDARD, ""),
    ("KORB", "Korb aus Weide", "27.45", STANDARD, ""),
    ("STUHL", "Stuhl, stapelbar", "139.00", STANDARD, ""),
    ("SOFA", "Sofa, drei Sitze", "1249.00", STANDARD, ""),
    ("SCHRAUBE", "Schraube M4 (einzeln)", "0.07", STANDARD, ""),
    ("LEUCHTE", "Außenleuchte IP44", "45.65", STANDARD, "4260000000059"),
    ("KABEL-3M", "Kabel 3 m", "11.99", STANDARD, ""),
    ("TASSE-2", "Tassen, 2 Stück (Geschenk)", "15.90", STANDARD, ""),
    ("MÜHLE", "Pfeffermühle, Nussbaum", "32.00", STANDARD, ""),
    ("TUCH", "Geschirrtuch 50×70", "7.49", STANDARD, ""),
    ("NUDELN", "Nudeln 500 g", "2.19", REDUCED, ""),
    ("SIRUP", "Holunderblütensirup 0,5 l", "5.20", REDUCED, ""),
    ("KALENDER", "Kalender 2027", "13.95", STANDARD, ""),
)

_VARIABLE: tuple[tuple[str, str, str, tuple[tuple[str, str, tuple[str, ...]], ...]], ...] = (
    ("HEMD", "T-Shirt", "19.99", (("grose", "Größe", ("S", "M", "L")), ("farbe", "Farbe", ("Rot", "Blau")))),
    ("HOSE", "Hose", "59.90", (("weite", "Weite", ("30", "32", "34", "36")),)),
    ("SCHUH", "Schuh „Zürich“", "98.50", (("grose", "Größe", ("38", "40", "42", "44")),)),
    ("SOCKE", "Socken", "6.49", (("farbe", "Farbe", ("Grau", "Weiß", "Grün")),)),
    ("TEPPICH", "Teppich", "159.00", (("mas", "Maß", ("80×150", "120×180", "200×300")),)),
)

_UNKNOWN: tuple[tuple[str, str, str], ...] = (
    ("NEU-2041", "Neuheit: Filzpantoffeln", "29.90"),
    ("NEU-2042", "Neuheit: Küchenwaage", "38.00"),
    ("NEU-2043", "Neuheit: Reisebecher", "22.75"),
)

_HALF_CENT: tuple[tuple[str, str, str], ...] = (
    ("PERLE-A", "Perle, lose (klein)", "1.235"),
    ("PERLE-B", "Perle, lose (groß)", "2.345"),
    ("GARN", "Garn, Meter", "0.815"),
)


def _simple_products() -> list[Product]:
    rows = [
        Product(11 + n, sku, name, Decimal(price), tax_class, gtin=gtin)
        for n, (sku, name, price, tax_class, gtin) in enumerate(_SIMPLE)
    ]
    rows.append(Product(60, "GUTSCHEIN", "Gutschein (steuerfrei)", Decimal("25.00"), taxable=False))
    return rows


def _variations() -> list[Product]:
    rows: list[Product] = []
    for n, (sku, name, price, axes) in enumerate(_VARIABLE):
        parent_id = 70 + 20 * n
        for k, values in enumerate(combinations(*(axis[2] for axis in axes))):
            attributes = tuple((axis[0], axis[1], value) for axis, value in zip(axes, values, strict=True))
            rows.append(
                Product(
                    parent_id + 1 + k,
                    "-".join((sku, *values)).upper(),
                    f"{name} - {', '.join(values)}",
                    Decimal(price),
                    parent_id=parent_id,
                    parent_name=name,
                    attributes=attributes,
                )
            )
    return rows


HALF_CENT: tuple[Product, ...] = tuple(
    Product(200 + n, sku, name, Decimal(price)) for n, (sku, name, price) in enumerate(_HALF_CENT)
)
"""Sold one at a time their line ends in half a cent: two of them show one cent more than the total."""

KNOWN: tuple[Product, ...] = (*_simple_products(), *_variations())
UNKNOWN: tuple[Product, ...] = tuple(
    Product(210 + n, sku, name, Decimal(price), known=False) for n, (sku, name, price) in enumerate(_UNKNOWN)
)
"""What a store sells although the ERP does not have it."""

PRODUCTS: tuple[Product, ...] = (*KNOWN, *HALF_CENT, *UNKNOWN)
BY_ID: dict[int, Product] = {row.id: row for row in PRODUCTS}


def known_products() -> dict[str, Any]:
    """``{"products": [{"sku", "name", "price"}], "unmapped": [skus]}``: what an ERP of these stores knows, and not."""
    return {
        "products": [{"sku": row.sku, "name": row.name, "price": str(row.price)} for row in (*KNOWN, *HALF_CENT)],
        "unmapped": [row.sku for row in UNKNOWN],
    }


class Coupon(msgspec.Struct, frozen=True):
    """A coupon of the store; ``kind`` is WooCommerce's discount type."""

    id: int
    code: str
    kind: str
    amount: Decimal


COUPONS: tuple[Coupon, ...] = (
    Coupon(245, "sommer10", "percent", Decimal(10)),
    Coupon(246, "treue15", "percent", Decimal(15)),
    Coupon(247, "willkommen5", "fixed_cart", Decimal(5)),
)


class Place(msgspec.Struct, frozen=True):
    """Somewhere goods are sent to."""

    country: str
    state: str
    city: str
    postcode: str
    street: str


PLACES: dict[str, tuple[Place, ...]] = {
    "DE": (
        Place("DE", "DE-BE", "Berlin", "10623", "Straße des 17. Juni"),
        Place("DE", "DE-BY", "München", "80331", "Hauptstr."),
        Place("DE", "DE-NW", "Köln", "50667", "Allee"),
        Place("DE", "DE-SN", "Görlitz", "02826", "Jüdenstraße"),
    ),
    "FR": (
        Place("FR", "", "Besançon", "25000", "rue de la République"),
        Place("FR", "", "Paris", "75011", "boulevard Voltaire"),
    ),
    "GB": (
        Place("GB", "", "Leeds", "LS1 4AP", "Park Row"),
        Place("GB", "", "Ynys Môn", "LL59 5AA", "Ffordd y Bont"),
    ),
    "US": (
        Place("US", "TX", "Austin", "73301", "Main St"),
        Place("US", "CA", "San José", "95113", "Santa Clara Ave"),
    ),
    "CA": (Place("CA", "QC", "Montréal", "H2Y 1C6", "rue Notre-Dame"),),
}

FIRST_NAMES = (
    "Zoë", "Jürgen", "Anna", "Łukasz", "Élodie", "Ольга", "Siân", "José", "美咲", "Ng", "Mary-Ann", "Ayşe",
)  # fmt: skip
LAST_NAMES = (
    "Müller-Łukasz 😀", "Großmann", "O'Neil & Sons", "Côté", "Петрова", "Smith", "Nuñez", "佐藤", "Ó Briain",
)  # fmt: skip


class StoreProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One made-up store: where it sells and how it counts. ``countries`` are (code, weight)."""

    code: str
    currency: str
    symbol: str
    time_zone: str
    dial: str
    """Its customers' phone numbers start so: nobody shops in two of the stores."""
    countries: tuple[tuple[str, int], ...]
    with_tax_share: float
    """Share of orders placed while prices are entered with tax."""


PROFILES: dict[str, StoreProfile] = {
    "eu": StoreProfile(
        code="eu",
        currency="EUR",
        symbol="€",
        time_zone="Europe/Berlin",
        dial="+49 30 ",
        countries=(("DE", 62), ("FR", 18), ("GB", 6), ("US", 7), ("CA", 7)),
        with_tax_share=0.15,
    ),
    "uk": StoreProfile(
        code="uk",
        currency="GBP",
        symbol="£",
        time_zone="Europe/London",
        dial="+44 20 7",
        countries=(("GB", 90), ("FR", 5), ("US", 5)),
        with_tax_share=0.6,
    ),
    "us": StoreProfile(
        code="us",
        currency="USD",
        symbol="$",
        time_zone="America/New_York",
        dial="+1 512 ",
        countries=(("US", 85), ("CA", 15)),
        with_tax_share=0.0,
    ),
}
