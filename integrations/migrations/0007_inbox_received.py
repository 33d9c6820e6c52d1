"""Inbound messages by the time they came: a small index on a table that is written all the time."""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False  # made while deliveries go on coming
    dependencies = [("integrations", "0006_webhook_care")]
    operations = [
        AddIndexConcurrently(
            model_name="inboxmessage",
            index=BrinIndex(fields=["received_at"], name="inbox_received", autosummarize=True, pages_per_range=32),
        )
    ]
