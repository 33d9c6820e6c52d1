"""What a feeder tells about itself: its progress, its whole ledger, and what its ERP should know."""

from __future__ import annotations

from typing import Any

from retailhub.sandbox.feeder.ledger import Ledger
from retailhub.sandbox.feeder.settings import FeederSettings
from retailhub.sandbox.store.lifelike.catalogue import HALF_CENT, KNOWN, UNKNOWN, Product


def short_report(ledger: Ledger, settings: FeederSettings, *, finished: bool, seconds: float) -> dict[str, Any]:
    """``{"store", "orders" (wanted), "placed", "done", "sent", "accepted", "refused", "dropped", "owed",
    "finished", "seconds"}``; ``sent`` counts deliveries, ``owed`` orders whose last state was refused."""
    return {
        "store": settings.store,
        "orders": settings.orders,
        **ledger.sums(),
        "finished": finished,
        "seconds": round(seconds, 3),
    }


def full_report(ledger: Ledger, settings: FeederSettings) -> dict[str, Any]:
    """``{"currency", "seed", "ineligible": [ids], "planted": {code: n}, "planted_ids": {code: [ids]},
    "orders": [...]}``; each order has id, number, reference, status, currency, total (text), eligible, expect
    (posted, nothing, case, either), planted, remainder, life, sent, accepted, refused, dropped, owed."""
    orders = ledger.stories()
    planted: dict[str, list[int]] = {}
    for row in orders:
        row["number"] = str(row["id"])
        row["reference"] = f"WC-{settings.store}-{row['id']}"
        for name in ("eligible", "done", "owed"):
            row[name] = bool(row[name])
        if row["planted"]:
            planted.setdefault(row["planted"], []).append(row["id"])
    return {
        "currency": settings.profile().currency,
        "seed": settings.seed,
        "ineligible": [row["id"] for row in orders if row["expect"] == "nothing"],
        "planted": {code: len(ids) for code, ids in sorted(planted.items())},
        "planted_ids": dict(sorted(planted.items())),
        "orders": orders,
    }


def known_products() -> dict[str, Any]:
    """``{"products": [{"sku", "name", "price"}], "unmapped": [skus]}``: what the ERP knows, and what not."""
    return {
        "products": [_brief(row) for row in (*KNOWN, *HALF_CENT)],
        "unmapped": [row.sku for row in UNKNOWN],
    }


def _brief(product: Product) -> dict[str, str]:
    return {"sku": product.sku, "name": product.name, "price": str(product.price)}
