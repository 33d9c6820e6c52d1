"""Products of the made-up stores as GET products/{id} shows them; variations are found there too."""

from __future__ import annotations

from typing import Any

from retailhub.sandbox.store.lifelike.catalogue import Product

_OPENED = "2026-01-05T08:00:00"
_FIXED: dict[str, Any] = {
    "status": "publish",
    "featured": False,
    "catalog_visibility": "visible",
    "description": "",
    "short_description": "",
}
_SALE: dict[str, Any] = {
    "sale_price": "",
    "date_on_sale_from": None,
    "date_on_sale_from_gmt": None,
    "date_on_sale_to": None,
    "date_on_sale_to_gmt": None,
    "on_sale": False,
    "purchasable": True,
}
_GOODS: dict[str, Any] = {
    "virtual": False,
    "downloadable": False,
    "downloads": [],
    "download_limit": -1,
    "download_expiry": -1,
    "external_url": "",
    "button_text": "",
}
_STOCK: dict[str, Any] = {
    "manage_stock": True,
    "stock_quantity": 100000,
    "backorders": "no",
    "backorders_allowed": False,
    "backordered": False,
    "low_stock_amount": None,
    "sold_individually": False,
    "weight": "",
    "dimensions": {"length": "", "width": "", "height": ""},
    "shipping_required": True,
    "shipping_taxable": True,
    "shipping_class": "",
    "shipping_class_id": 0,
    "reviews_allowed": False,
    "average_rating": "0.00",
    "rating_count": 0,
    "upsell_ids": [],
    "cross_sell_ids": [],
}
_GROUPS: dict[str, Any] = {"categories": [], "brands": [], "tags": [], "images": []}
_REST: dict[str, Any] = {"default_attributes": [], "variations": [], "grouped_products": [], "menu_order": 0}


def product_json(product: Product, *, site: str, symbol: str) -> dict[str, Any]:
    """One product, keys in WooCommerce's order."""
    slug = product.sku.lower()
    price = str(product.price)
    return {
        "id": product.id,
        "name": product.name,
        "slug": slug,
        "permalink": f"{site}/product/{slug}/",
        "date_created": _OPENED,
        "date_created_gmt": _OPENED,
        "date_modified": _OPENED,
        "date_modified_gmt": _OPENED,
        "type": "variation" if product.parent_id else "simple",
        **_FIXED,
        "sku": product.sku,
        "price": price,
        "regular_price": price,
        **_SALE,
        "total_sales": "0" if product.parent_id else 0,
        **_GOODS,
        "tax_status": "taxable" if product.taxable else "none",
        "tax_class": product.tax_class,
        **_STOCK,
        "parent_id": product.parent_id,
        "purchase_note": "",
        **_GROUPS,
        "attributes": [
            {"id": 0, "name": label, "slug": key, "option": value} for key, label, value in product.attributes
        ],
        **_REST,
        "price_html": f'<span class="woocommerce-Price-amount amount"><bdi>{symbol}{price}</bdi></span>',
        "related_ids": [],
        "meta_data": [],
        "stock_status": "instock",
        "has_options": False,
        "post_password": "",
        "global_unique_id": product.gtin,
        "_links": _links(product, site),
    }


def _links(product: Product, site: str) -> dict[str, Any]:
    base = f"{site}/wp-json/wc/v3/products"
    links: dict[str, Any] = {
        "self": [
            {
                "href": f"{base}/{product.id}",
                "targetHints": {"allow": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
            }
        ],
        "collection": [{"href": base}],
    }
    if product.parent_id:
        links["up"] = [{"href": f"{base}/{product.parent_id}"}]
    return links
