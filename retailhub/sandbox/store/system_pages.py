"""What a store tells of itself: system status, gateways, shipping, currency, counts of orders, its routes."""

from __future__ import annotations

import html
from typing import Any

from retailhub.sandbox.store.order_status import NAMES
from retailhub.sandbox.store.settings import WC_VERSION
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_READ = ["GET"]
_EDIT = ["GET", "POST", "PUT", "PATCH"]
_ALL = [*_EDIT, "DELETE"]
_CURRENCY_NAMES = {"EUR": "Euro", "GBP": "Pound sterling", "USD": "United States dollar", "JPY": "Japanese yen"}
_GATEWAYS = (
    ("bacs", "Direct bank transfer", False),
    ("cheque", "Check payments", False),
    ("cod", "Cash on delivery", False),
    ("stripe", "Credit card (Stripe)", True),
    ("paypal", "PayPal", True),
)
_METHODS = (("flat_rate", "Flat rate"), ("free_shipping", "Free shipping"), ("local_pickup", "Local pickup"))


def _links(store: Store, own: str, place: str, allowed: list[str]) -> Doc:
    return {
        "self": [{"href": f"{store.api}/{own}", "targetHints": {"allow": allowed}}],
        "collection": [{"href": f"{store.api}/{place}"}],
    }


def system_status(store: Store) -> Doc:
    """``wp_cron`` is false where the queue never runs."""
    return {
        "environment": _environment(store),
        "settings": _settings(store),
        "pages": [_wordpress_page(*row) for row in _PAGES],
        "database": {"wc_database_version": WC_VERSION},
        "active_plugins": [
            {
                "plugin": "woocommerce/woocommerce.php",
                "name": "WooCommerce",
                "version": WC_VERSION,
                "version_latest": WC_VERSION,
                "url": "https://woocommerce.com/",
                "author_name": "Automattic",
                "author_url": "https://woocommerce.com",
                "network_activated": False,
            }
        ],
    }


def _environment(store: Store) -> Doc:
    site = store.settings.site
    return {
        "home_url": site,
        "site_url": site,
        "store_id": "00000000-0000-4000-8000-00000000000" + str(store.settings.seed % 10),
        "version": WC_VERSION,
        "log_directory": "/var/www/html/wp-content/uploads/wc-logs/",
        "log_directory_writable": True,
        "wp_version": "7.1",
        "wp_multisite": False,
        "wp_memory_limit": 536870912,
        "wp_debug_mode": False,
        "wp_cron": store.settings.queue_seconds is not None,
        "wp_environment_type": "production",
        "language": "en_US",
        "external_object_cache": None,
        "server_info": "nginx/1.22.1",
        "server_architecture": "Linux x86_64",
        "php_version": "8.2.36",
        "php_post_max_size": 33554432,
        "php_max_execution_time": 120,
        "php_max_input_vars": 1000,
        "curl_version": "7.88.1",
        "suhosin_installed": False,
        "max_upload_size": 2097152,
        "mysql_version": "10.11.19",
        "mysql_version_string": "10.11.19-MariaDB",
        "default_timezone": "UTC",
        **dict.fromkeys(("fsockopen_or_curl_enabled", "domdocument_enabled", "gzip_enabled", "mbstring_enabled"), True),
        "soapclient_enabled": False,
        **dict.fromkeys(
            ("remote_post_successful", "remote_post_response", "remote_get_successful", "remote_get_response"), False
        ),
    }


def _settings(store: Store) -> Doc:
    kinds = ("external", "grouped", "simple", "variable")
    terms = ["exclude-from-catalog", "exclude-from-search", "featured", "outofstock"]
    terms += [f"rated-{stars}" for stars in range(1, 6)]
    return {
        "api_enabled": False,
        "force_ssl": False,
        "currency": store.settings.currency,
        "currency_symbol": _entity(store.settings.symbol),
        "currency_position": "left",
        "thousand_separator": ".",
        "decimal_separator": ",",
        "number_of_decimals": store.settings.decimals,
        "geolocation_enabled": False,
        "taxonomies": {kind: kind for kind in kinds},
        "product_visibility_terms": {term: term for term in terms},
        "woocommerce_com_connected": "no",
        "enforce_approved_download_dirs": True,
        "order_datastore": "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore",
        "HPOS_enabled": True,
        "HPOS_sync_enabled": False,
        "enabled_features": ["analytics", "order_attribution", "custom_order_tables"],
    }


_PAGES = (
    ("Shop base", "5", False),
    ("Cart", "6", True),
    ("Checkout", "7", True),
    ("My account", "8", True),
    ("Terms and conditions", "", False),
)


def _wordpress_page(name: str, page_id: str, required: bool) -> Doc:  # noqa: FBT001 - a row of a table
    there = page_id != ""
    return {
        "page_name": name,
        "page_id": page_id,
        "page_set": there,
        "page_exists": there,
        "page_visible": there,
        "shortcode": "",
        "block": "",
        "shortcode_required": required,
        "shortcode_present": required,
        "block_present": False,
        "block_required": False,
    }


def _entity(symbol: str) -> str:
    """A sign as HTML has it."""
    return {"€": "&euro;", "£": "&pound;", "¥": "&yen;", "$": "&#36;"}.get(symbol, html.escape(symbol))


def current_currency(store: Store) -> Doc:
    code = store.settings.currency
    links = _links(store, f"data/currencies/{code}", "data/currencies", _READ)
    name = _CURRENCY_NAMES.get(code, code)
    return {"code": code, "name": name, "symbol": _entity(store.settings.symbol), "_links": links}


def gateways(store: Store) -> list[Doc]:
    return [_gateway(store, *row) for row in _GATEWAYS]


def _gateway(store: Store, ident: str, title: str, refunds: bool) -> Doc:  # noqa: FBT001 - a row of a table
    return {
        "id": ident,
        "title": title,
        "description": "",
        "order": "",
        "enabled": True,
        "method_title": title,
        "method_description": "",
        "method_supports": ["products", "refunds"] if refunds else ["products"],
        "settings": {name: _field(name, "") | {"type": "safe_text"} for name in ("title", "instructions")},
        "needs_setup": False,
        "post_install_scripts": [],
        "settings_url": f"{store.settings.site}/wp-admin/admin.php?page=wc-settings&tab=checkout&section={ident}",
        "connection_url": None,
        "setup_help_text": None,
        "required_settings_keys": [],
        "_links": _links(store, f"payment_gateways/{ident}", "payment_gateways", _EDIT),
    }


def _field(name: str, value: str) -> Doc:
    label = name.replace("_", " ").capitalize()
    return {
        "id": name,
        "label": label,
        "description": "",
        "type": "text",
        "value": value,
        "default": "",
        "tip": "",
        "placeholder": "",
    }


def shipping_methods(store: Store) -> list[Doc]:
    return [
        {
            "id": ident,
            "title": title,
            "description": "",
            "_links": _links(store, f"shipping_methods/{ident}", "shipping_methods", _READ),
        }
        for ident, title in _METHODS
    ]


def shipping_zones(store: Store) -> list[Doc]:
    rows = ((0, "Locations not covered by your other zones"), (1, "Deutschland"))
    return [
        {
            "id": ident,
            "name": name,
            "order": 0,
            "_links": {
                **_links(store, f"shipping/zones/{ident}", "shipping/zones", _ALL),
                "describedby": [{"href": f"{store.api}/shipping/zones/{ident}/locations"}],
            },
        }
        for ident, name in rows
    ]


def zone_methods(store: Store, zone_id: int) -> list[Doc]:
    """Only the second zone has any."""
    if zone_id != 1:
        return []
    taxed = {"tax_status": {**_field("tax_status", "taxable"), "options": {"taxable": "Taxable", "none": "None"}}}
    needs = {"requires": {**_field("requires", "min_amount"), "options": {"": "Nothing", "min_amount": "A minimum"}}}
    flat = {"title": _field("title", "DHL Paket"), **taxed, "cost": _field("cost", "4.90")}
    free = {
        "title": _field("title", "Free shipping"),
        **needs,
        "min_amount": _field("min_amount", "50"),
        "ignore_discounts": _field("ignore_discounts", "no"),
    }
    rows = (("flat_rate", "DHL Paket", flat), ("free_shipping", "Free shipping", free))
    return [_zone_method(store, zone_id, at + 1, *row) for at, row in enumerate(rows)]


def _zone_method(store: Store, zone_id: int, number: int, method_id: str, title: str, fields: Doc) -> Doc:
    place = f"shipping/zones/{zone_id}/methods"
    return {
        "id": number,
        "instance_id": number,
        "title": title,
        "order": number,
        "enabled": True,
        "method_id": method_id,
        "method_title": dict(_METHODS)[method_id],
        "method_description": "",
        "settings": fields,
        "_links": {
            **_links(store, f"{place}/{number}", place, _ALL),
            "describes": [{"href": f"{store.api}/shipping/zones/{zone_id}"}],
        },
    }


def order_totals(store: Store) -> list[Doc]:
    """GET reports/orders/totals."""
    rows = store.ledger.rows("SELECT status, count(*) AS n FROM orders GROUP BY status")
    counts = {row["status"]: row["n"] for row in rows}
    return [{"slug": slug, "name": name, "total": counts.get(slug, 0)} for slug, name in NAMES.items()]
