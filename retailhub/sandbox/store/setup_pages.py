"""The settings pages: read only, and only the groups ``general`` and ``tax`` have anything in them."""

from __future__ import annotations

from typing import Any

import msgspec

from retailhub.sandbox.store.errors import RestError
from retailhub.sandbox.store.settings import SYMBOLS, StoreSettings
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_COUNTRIES = {"AT": "Austria", "CA": "Canada", "DE": "Germany", "FR": "France", "GB": "United Kingdom", "US": "USA"}
_SELLING = {"all": "All countries", "all_except": "All countries but some", "specific": "Some countries"}
_SHIPPING = {"": "Where it sells", "all": "All countries", "specific": "Some countries", "disabled": "Nowhere"}
_LOCATION = {"": "None", "base": "The shop's", "geolocation": "Found out", "geolocation_ajax": "Found out later"}
_POSITION = {"left": "Left", "right": "Right", "left_space": "Left with space", "right_space": "Right with space"}
_PLACES = {"shipping": "Shipping address", "billing": "Billing address", "base": "The shop's address"}
_CLASSES = {"inherit": "As the goods", "": "Standard", "reduced-rate": "Reduced rate", "zero-rate": "Zero rate"}
_DISPLAY = {"incl": "With tax", "excl": "Without tax"}
_YES_NO = {"yes": "With tax", "no": "Without tax"}
_TOTALS = {"single": "One sum", "itemized": "By rate"}
GROUPS = (
    "wc_admin",
    "general",
    "products",
    "tax",
    "shipping",
    "checkout",
    "account",
    "email",
    "integration",
    "advanced",
)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting as its page has it."""

    id: str
    label: str
    value: str
    type: str = "text"
    default: str = ""
    options: dict[str, str] | None = None
    tip: bool = True


def _yes(*, on: bool) -> str:
    return "yes" if on else "no"


def _general(settings: StoreSettings) -> list[Setting]:
    select, choices, box = "select", "multiselect", "checkbox"
    country = settings.base_country
    return [
        Setting(id="store_address", label="Address line 1", value="Musterstr. 1"),
        Setting(id="store_address_2", label="Address line 2", value=""),
        Setting(id="store_city", label="City", value="Berlin"),
        Setting(id="default_country", label="Country", type=select, default="US:CA", value=country, options=_COUNTRIES),
        Setting(id="store_postcode", label="Postcode", value="10115"),
        Setting(id="allowed_countries", label="Sells to", type=select, default="all", value="all", options=_SELLING),
        Setting(
            id="all_except_countries", label="But not to", type=choices, value="", options=_COUNTRIES, tip=False
        ),
        Setting(
            id="specific_allowed_countries", label="Only to", type=choices, value="", options=_COUNTRIES, tip=False
        ),
        Setting(id="ship_to_countries", label="Ships to", type=select, value="all", options=_SHIPPING),
        Setting(
            id="specific_ship_to_countries", label="Ships only to", type=choices, value="", options=_COUNTRIES,
            tip=False,
        ),
        Setting(
            id="default_customer_address", label="First guess", type=select, default="base", value="base",
            options=_LOCATION,
        ),
        Setting(id="address_autocomplete_enabled", label="", type=box, default="no", value="no"),
        Setting(id="calc_taxes", label="Taxes", type=box, default="no", value="yes"),
        Setting(id="enable_coupons", label="Coupons", type=box, default="yes", value="yes"),
        Setting(id="calc_discounts_sequentially", label="", type=box, default="no", value="no"),
        Setting(
            id="currency", label="Currency", type=select, default="USD", value=settings.currency,
            options={code: f"{code} ({symbol})" for code, symbol in SYMBOLS.items()},
        ),
        Setting(id="currency_pos", label="Sign", type=select, default="left", value="left", options=_POSITION),
        Setting(id="price_thousand_sep", label="Between thousands", default=",", value="."),
        Setting(id="price_decimal_sep", label="Before decimals", default=".", value=","),
        Setting(id="price_num_decimals", label="Decimals", type="number", default="2", value=str(settings.decimals)),
    ]  # fmt: skip


def _tax(settings: StoreSettings) -> list[Setting]:
    select = "select"
    return [
        Setting(
            id="prices_include_tax", label="Prices entered", type="radio", default="no",
            value=_yes(on=settings.prices_include_tax), options=_YES_NO,
        ),
        Setting(
            id="tax_based_on", label="Tax by", type=select, default="shipping", value="shipping", options=_PLACES
        ),
        Setting(
            id="shipping_tax_class", label="Shipping", type=select, default="inherit", value="inherit",
            options=_CLASSES,
        ),
        Setting(
            id="tax_round_at_subtotal", label="Rounding", type="checkbox", default="no",
            value=_yes(on=settings.round_at_subtotal), tip=False,
        ),
        Setting(id="tax_classes", label="More classes", type="textarea", value=""),
        Setting(
            id="tax_display_shop", label="Shop", type=select, default="excl", value="excl", options=_DISPLAY, tip=False
        ),
        Setting(
            id="tax_display_cart", label="Cart", type=select, default="excl", value="excl", options=_DISPLAY, tip=False
        ),
        Setting(id="price_display_suffix", label="Suffix", value=""),
        Setting(
            id="tax_total_display", label="Sums", type=select, default="itemized", value="itemized", options=_TOTALS,
            tip=False,
        ),
    ]  # fmt: skip


def group(store: Store, name: str) -> list[Doc]:
    """GET settings/{group}. Raises `RestError`."""
    if name not in GROUPS:
        raise RestError(404, "rest_setting_setting_group_invalid", "Invalid setting group.")
    rows = {"general": _general, "tax": _tax}.get(name, _nothing)(store.settings)
    return [_shown(store, name, row) for row in rows]


def _nothing(_settings: StoreSettings) -> list[Setting]:
    return []


def one(store: Store, name: str, ident: str) -> Doc:
    """GET settings/{group}/{id}. Raises `RestError`."""
    for row in group(store, name):
        if row["id"] == ident:
            links = row.pop("_links")
            return {**row, "group_id": name, "_links": links}
    raise RestError(404, "rest_setting_setting_invalid", "Invalid setting.")


def groups(store: Store) -> list[Doc]:
    """GET settings."""
    return [
        {
            "id": name,
            "label": name.replace("_", " ").capitalize(),
            "description": "",
            "parent_id": "",
            "sub_groups": [],
            "_links": {"options": [{"href": f"{store.api}/settings/{name}"}]},
        }
        for name in GROUPS
    ]


def _shown(store: Store, name: str, row: Setting) -> Doc:
    ident, base = f"woocommerce_{row.id}", f"{store.api}/settings/{name}"
    found: Doc = {"id": ident, "label": row.label, "description": "", "type": row.type, "default": row.default}
    if row.options is not None:
        found["options"] = row.options
    if row.tip:
        found["tip"] = row.label
    allowed = ["GET", "POST", "PUT", "PATCH"]
    links = {
        "self": [{"href": f"{base}/{ident}", "targetHints": {"allow": allowed}}],
        "collection": [{"href": base}],
    }
    return {**found, "value": row.value, "_links": links}
