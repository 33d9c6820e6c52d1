"""What the list of cases is filtered by; made while work goes on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("reconciliation", "0007_tend_triage"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="case",
            index=models.Index(fields=["code", "-id"], name="case_by_code"),
        ),
        AddIndexConcurrently(
            model_name="case",
            index=models.Index(condition=models.Q(("state", "ignored")), fields=["-id"], name="case_ignored"),
        ),
    ]
