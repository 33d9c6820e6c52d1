"""What the list of orders is filtered by; made while work goes on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0007_search"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(fields=["payment_state", "-id"], name="order_by_payment"),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(fields=["fulfilment_state", "-id"], name="order_by_fulfilment"),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(fields=["store", "-id"], name="order_by_store"),
        ),
    ]
