"""Documents of other systems are found by what these call them."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # made while messages go on being sent

    dependencies = [("integrations", "0012_message_edits")]

    operations = [
        AddIndexConcurrently(
            model_name="externalreference",
            index=models.Index(
                condition=models.Q(("number", ""), _negated=True), fields=["number"], name="reference_number"
            ),
        ),
        AddIndexConcurrently(
            model_name="externalreference",
            index=models.Index(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=["external_id"],
                name="reference_external_id",
            ),
        ),
    ]
