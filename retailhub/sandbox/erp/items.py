"""Gives a running look-alike ERP items, as somebody at the ERP would.

    python -m retailhub.sandbox.erp.items --control http://127.0.0.1:8901 SKU …
    python -m retailhub.sandbox.erp.items --control http://127.0.0.1:8901 --of http://127.0.0.1:8910

``--of`` takes the products of a sandbox store.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence

from retailhub.sandbox.erp.control import Control


def main(argv: Sequence[str] | None = None) -> int:
    """Give the items; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m retailhub.sandbox.erp.items", description=__doc__)
    parser.add_argument("--control", required=True, metavar="URL", help="control address of the ERP")
    parser.add_argument("--of", default="", metavar="URL", help="a sandbox store whose products it is to know")
    parser.add_argument("skus", nargs="*", metavar="SKU")
    options = parser.parse_args(argv)
    if not (options.of or options.skus):
        parser.error("name SKUs, or a store with --of")
    try:
        items = {sku: sku for sku in options.skus} | (_products(options.of) if options.of else {})
        Control(options.control).add_products(items)
    except (urllib.error.URLError, ValueError) as error:
        sys.stderr.write(f"items: {error}\n")
        return 1
    sys.stdout.write(f"The ERP knows these now: {len(items)}.\n")
    return 0


def _products(store_url: str) -> dict[str, str]:
    with urllib.request.urlopen(f"{store_url.rstrip('/')}/_control/products", timeout=10) as answer:  # noqa: S310 - the user's own address
        return {product["sku"]: product["name"] for product in json.loads(answer.read())["products"]}


if __name__ == "__main__":
    raise SystemExit(main())
