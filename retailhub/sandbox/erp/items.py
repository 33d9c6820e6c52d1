"""Gives a running look-alike ERP items, as somebody at the ERP would.

    python -m retailhub.sandbox.erp.items --control http://127.0.0.1:8901 SKU …
    python -m retailhub.sandbox.erp.items --control http://127.0.0.1:8901 --of http://127.0.0.1:8911

``--of`` takes the products of a look-alike store, by its control address.
"""

from __future__ import annotations

import argparse
import sys
import urllib.error
from collections.abc import Sequence

from retailhub.sandbox.erp.control import Control
from retailhub.sandbox.store.control import Control as StoreControl


def main(argv: Sequence[str] | None = None) -> int:
    """Give the items; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m retailhub.sandbox.erp.items", description=__doc__)
    parser.add_argument("--control", required=True, metavar="URL", help="control address of the ERP")
    parser.add_argument(
        "--of", default="", metavar="URL", help="control address of a look-alike store whose goods it is to know"
    )
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


def _products(control_url: str) -> dict[str, str]:
    return {product["sku"]: product["name"] for product in StoreControl(control_url).products()["products"]}


if __name__ == "__main__":
    raise SystemExit(main())
