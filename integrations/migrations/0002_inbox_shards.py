"""Indexes for one shard: whether it is being worked, and what is parked of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="inboxmessage",
            index=models.Index(
                condition=models.Q(("status", "in_flight")), fields=["connection", "shard"], name="inbox_worked_shard"
            ),
        ),
        migrations.AddIndex(
            model_name="inboxmessage",
            index=models.Index(
                condition=models.Q(("status", "parked")), fields=["connection", "shard"], name="inbox_parked_shard"
            ),
        ),
    ]
