"""What the lists of messages are filtered by; made while work goes on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("integrations", "0014_order_doubts"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="inboxmessage",
            index=models.Index(
                condition=models.Q(("outcome", ""), _negated=True),
                fields=["outcome", "-id"],
                name="inbox_outcome",
            ),
        ),
        AddIndexConcurrently(
            model_name="inboxmessage",
            index=models.Index(fields=["lane", "-id"], name="inbox_lane"),
        ),
        AddIndexConcurrently(
            model_name="inboxmessage",
            index=models.Index(condition=models.Q(("status", "cancelled")), fields=["-id"], name="inbox_cancelled"),
        ),
        AddIndexConcurrently(
            model_name="outboxmessage",
            index=models.Index(
                condition=models.Q(("outcome", ""), _negated=True),
                fields=["outcome", "-id"],
                name="outbox_outcome",
            ),
        ),
        AddIndexConcurrently(
            model_name="outboxmessage",
            index=models.Index(fields=["lane", "-id"], name="outbox_lane"),
        ),
        AddIndexConcurrently(
            model_name="outboxmessage",
            index=models.Index(condition=models.Q(("status", "cancelled")), fields=["-id"], name="outbox_cancelled"),
        ),
    ]
