"""Tables of products, prices and stock. For now: how a SKU is called elsewhere."""

from inventory.models.mapping import SkuMapping

__all__ = ["SkuMapping"]
