"""An index on closed cases: what closed those of a cause last."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # made while cases go on closing
    dependencies = [("reconciliation", "0005_cause_totals")]
    operations = [
        AddIndexConcurrently(
            model_name="case",
            index=models.Index(
                fields=["cause", "-closed_at"], name="case_closed_last", condition=models.Q(("state", "closed"))
            ),
        ),
    ]
