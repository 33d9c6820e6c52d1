"""Admin pages of inventory."""

from inventory.admin import mappings

__all__ = ["mappings"]
