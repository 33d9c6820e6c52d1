"""What search looks in: SKUs of orders, the orders of a customer, names of customers."""

from typing import Any

import django.db.models.deletion
import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

CHUNK = 5000
FILL = """
INSERT INTO orders_ordersku (order_id, sku)
SELECT DISTINCT o.id, left(line ->> 'sku', 200)
FROM orders_order o, jsonb_array_elements(o.document::jsonb -> 'lines') AS line
WHERE o.id > %s AND o.id <= %s AND o.document <> '' AND line ->> 'sku' <> ''
ON CONFLICT DO NOTHING
"""


def fill(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM orders_order")
        (last,) = cursor.fetchone()
        for first in range(0, last, CHUNK):
            cursor.execute(FILL, [first, first + CHUNK])


class Migration(migrations.Migration):
    atomic = False  # indexes are made, and orders gone through, while work goes on

    dependencies = [("orders", "0006_given_up")]

    operations = [
        migrations.CreateModel(
            name="OrderSku",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "order_id", "sku", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sku", models.CharField(max_length=200)),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="orders.order",
                    ),
                ),
            ],
            options={
                "verbose_name": "SKU of an order",
                "verbose_name_plural": "SKUs of orders",
                "indexes": [models.Index(fields=["sku", "-order"], name="order_sku_newest")],
            },
        ),
        AddIndexConcurrently(
            model_name="customer",
            index=models.Index(
                django.db.models.functions.text.Lower("name"),
                models.OrderBy(models.F("id"), descending=True),
                name="customer_name",
            ),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(fields=["customer", "-id"], name="order_of_customer"),
        ),
        migrations.AlterField(
            model_name="order",
            name="customer",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="orders.customer",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
