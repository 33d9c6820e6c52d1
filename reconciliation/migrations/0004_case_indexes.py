"""Indexes for triage over open cases: by cause and time, and by store; causes by what is at fault."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # made while cases go on opening
    dependencies = [("reconciliation", "0003_work")]
    operations = [
        AddIndexConcurrently(
            model_name="case",
            index=models.Index(
                fields=["cause", "opened_at"], name="case_open_since", condition=models.Q(("state", "open"))
            ),
        ),
        AddIndexConcurrently(
            model_name="case",
            index=models.Index(
                fields=["store", "cause"], name="case_open_store", condition=models.Q(("state", "open"))
            ),
        ),
        AddIndexConcurrently(model_name="cause", index=models.Index(fields=["key"], name="cause_key")),
        # case_open_since answers what it did
        RemoveIndexConcurrently(model_name="case", name="case_open_cause"),
    ]
