"""What of the recorded store the look-alike does not imitate. The one list; the faithfulness test reads it.

``EXCHANGES``: recorded exchanges, by file name, that are not replayed, with the reason. ``PARTS``: what
differs inside answers that are replayed, or is not there at all.
"""

from __future__ import annotations

EXCHANGES: dict[str, str] = {
    "api_index": "The recording keeps only the names of the routes, not the answer.",
}

ALWAYS_EMPTY: frozenset[str] = frozenset({"related_ids", "sub_groups"})
"""Keys whose lists have nothing in them here."""

PARTS: tuple[str, ...] = (
    "Orders kept as WordPress posts: trashing one tells product and coupon webhooks in the recorded store.",
    "Postcodes and cities of tax rates, and taxes by coupon restrictions.",
    "Coupons' limits, minima, products and dates: a coupon that exists applies.",
    "E-mails, downloads, images, reviews, related products, brands and tags: always none.",
    "Pages below wc/v3 that nothing here asks for (product attributes, brands, most reports, PayPal).",
    "Claims of many jobs at once: several queue runners here may overtake each other, recorded ones did not.",
    "Rights of a webhook's user beyond may read and may not; a key whose user lost its rights.",
    "Writing settings, gateways and shipping zones; postcodes and states of the store's own address in taxes.",
    "Looking at stock before selling: neither does the recorded REST API.",
)
