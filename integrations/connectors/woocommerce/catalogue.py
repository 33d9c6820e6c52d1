"""Products and variations: what they are called, cost and how many there are; and prices and stock written back.

https://woocommerce.github.io/woocommerce-rest-api-docs/#products. A changed variation is in no list by itself,
but its product is, so lists by time are of products, and variations are asked below each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from integrations.connectors.woocommerce import mapping, reading, schemas
from integrations.connectors.woocommerce.access import StoreAccess, thing_id
from integrations.connectors.woocommerce.history import naive_gmt
from integrations.connectors.woocommerce.pace import MOST, Pace
from integrations.connectors.woocommerce.reading import read
from integrations.connectors.woocommerce.signing import Params
from integrations.ports.capabilities import ProductSource
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.documents import Product
from integrations.ports.errors import Rejected

NOT_SOLD = frozenset({"variable", "variable-subscription", "grouped", "external"})
"""Types that are no thing on a shelf: their variations or members are, or another shop sells it."""
_FIELDS = (
    "id,date_modified_gmt,status,sku,manage_stock,stock_quantity,stock_status,type,name,parent_id,price,"
    "regular_price,sale_price,backorders,tax_class,variations"
)


class StockKept(StrEnum):
    """Whether the store counts an item."""

    OWN = "own"
    PARENT = "parent"
    """A variation that shares its product's stock."""
    NO = "no"


@dataclass(frozen=True)
class CatalogueItem:
    """A product or variation as the store has it. Prices as entered, with or without tax as the store is set.

    ``unreadable`` names fields that hold something else than they should; those are ``None`` here.
    """

    product: Product
    kind: str
    price: Decimal | None
    regular_price: Decimal | None
    sale_price: Decimal | None
    stock_kept: StockKept
    stock_quantity: Decimal | None
    stock_status: str
    backorders: str
    tax_class: str
    modified_at: dt.datetime | None
    unreadable: tuple[str, ...] = ()


class Catalogue(StoreAccess, ProductSource):
    """The products of one store."""

    def __init__(self, info: ConnectionInfo, context: CallContext) -> None:
        super().__init__(info, context)
        self._product_pace = Pace()

    def walk_products(self, since: dt.datetime | None) -> Iterator[Product]:
        """See `ProductSource.walk_products`: what is sold, variations instead of their products."""
        return (item.product for item in self.walk_catalogue(since) if item.kind not in NOT_SOLD)

    def walk_catalogue(self, since: dt.datetime | None) -> Iterator[CatalogueItem]:
        """Every product by rising id, each followed by its variations; streamed.

        With ``since`` products changed at or after it, with all of their variations.
        """
        params: dict[str, str | int] = {"orderby": "id", "order": "asc", "_fields": _FIELDS}
        if since is not None:
            before = since - dt.timedelta(seconds=1)
            params |= {"modified_after": naive_gmt(before), "dates_are_gmt": "true"}
        for product in self._product_pages(None, params):
            yield item_from_vendor(product)
            if product.variations:
                yield from self._variations(product)

    def item(self, product_ref: str) -> CatalogueItem | None:
        """A product or variation by its id; ``None`` when the store does not have it."""
        answer = self._api.product(thing_id(product_ref))
        return None if answer.status == 404 else item_from_vendor(read(answer, schemas.PRODUCT.decode))

    def items_with_skus(self, skus: Sequence[str]) -> list[CatalogueItem]:
        """Products and variations with one of at most 100 SKUs. Twins that differ in case or accents only come
        together; a SKU that nobody has is absent.
        """
        if len(skus) > MOST:
            raise ValueError(f"at most {MOST} SKUs at once, not {len(skus)}")
        for sku in skus:
            if not sku.strip() or "," in sku:
                raise Rejected(
                    "A store cannot be asked for this SKU.",
                    code="value_not_allowed",
                    evidence={"field": "sku", "value": sku[:64]},
                )
        params: Params = {"sku": ",".join(skus), "_fields": _FIELDS, "orderby": "id", "order": "asc"}
        return [item_from_vendor(product) for product in self._product_pages(None, params)] if skus else []

    def _variations(self, product: schemas.VendorProduct) -> Iterator[CatalogueItem]:
        params: Params = {"orderby": "id", "order": "asc", "_fields": _FIELDS}
        for variation in self._product_pages(str(product.id), params):
            yield item_from_vendor(variation, parent=product)

    def _product_pages(self, below: str | None, params: Params) -> Iterator[schemas.VendorProduct]:
        """A whole list in pages of one size: that of the pace when the walk begins."""
        size, page, shown = self._product_pace.size, 1, set[int]()
        while True:
            whole = {**params, "per_page": size, "page": page}
            with self._product_pace.watch(size) as load:
                answer = self._api.products(whole) if below is None else self._api.variations(below, whole)
                part = read(answer, schemas.PRODUCTS.decode) if answer.status < 400 else []
                load.got = len(part)
            yield from part
            if len(part) < size:
                return
            if shown == (shown := {each.id for each in part}):
                raise reading.page_ignored(answer, page)
            page += 1


def item_from_vendor(vendor: schemas.VendorProduct, *, parent: schemas.VendorProduct | None = None) -> CatalogueItem:
    """Canonical product, prices and stock. A variation below its ``parent`` is named as order lines name it."""
    unreadable: list[str] = []

    def price(field: str) -> Decimal | None:
        text: str = getattr(vendor, field)
        try:
            return mapping.money(text, field) if text else None
        except Rejected:
            unreadable.append(field)
            return None

    parent_id = vendor.parent_id or (parent.id if parent else 0)
    product = Product(
        product_ref=str(vendor.id),
        sku=vendor.sku or "",
        name=f"{parent.name} - {vendor.name}" if parent else vendor.name,
        parent_ref=str(parent_id) if parent_id else None,
        active=vendor.status == "publish" and (parent is None or parent.status == "publish"),
    )
    return CatalogueItem(
        product=product,
        kind=vendor.type,
        price=price("price"),
        regular_price=price("regular_price"),
        sale_price=price("sale_price"),
        stock_kept=_stock_kept(vendor.manage_stock),
        stock_quantity=vendor.stock_quantity,
        stock_status=vendor.stock_status,
        backorders=vendor.backorders,
        tax_class=vendor.tax_class,
        modified_at=mapping.utc(vendor.date_modified_gmt) if vendor.date_modified_gmt else None,
        unreadable=tuple(unreadable),
    )


def _stock_kept(manage_stock: bool | str) -> StockKept:  # noqa: FBT001 - the store's own value
    if manage_stock == "parent":
        return StockKept.PARENT
    return StockKept.OWN if manage_stock is True else StockKept.NO
