"""The eligibility table a new installation starts with."""

from typing import Any

from django.db import migrations

DEFAULTS = (
    ("processing", True),
    ("completed", True),
    ("draft", False),
    ("pending", False),
    ("on_hold", False),
    ("cancelled", False),
    ("failed", False),
    ("refunded", False),
    ("trashed", False),
    ("deleted", False),
)


def fill(apps: Any, schema_editor: Any) -> None:
    rule = apps.get_model("orders", "EligibilityRule")
    rule.objects.bulk_create(rule(status=status, post=post) for status, post in DEFAULTS)


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
