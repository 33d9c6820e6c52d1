"""Which orders have which SKU: found by it without reading a document."""

from __future__ import annotations

from django.db import models

from orders.models.order import Order


class OrderSku(models.Model):
    """One SKU of the newest document of one order. Made from the document, and only there to be searched."""

    pk = models.CompositePrimaryKey("order_id", "sku")
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="+", db_index=False)
    sku = models.CharField(max_length=200)

    class Meta:
        verbose_name = "SKU of an order"
        verbose_name_plural = "SKUs of orders"
        indexes = [models.Index(fields=["sku", "-order"], name="order_sku_newest")]  # search: the newest orders with it

    def __str__(self) -> str:
        return f"{self.sku} in {self.order_id}"
