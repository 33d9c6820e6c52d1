"""Keeping the totals of causes joins the schedule."""

from typing import Any

from django.db import migrations
from django.utils import timezone

TASK, SECONDS = "reconciliation.tend_triage", 15


def fill(apps: Any, schema_editor: Any) -> None:
    every, _ = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
        every=SECONDS, period="seconds"
    )
    entries = apps.get_model("django_celery_beat", "PeriodicTask").objects
    entries.get_or_create(name=TASK, defaults={"task": TASK, "interval": every, "expire_seconds": SECONDS})
    _notice(apps)


def empty(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=TASK).delete()
    _notice(apps)


def _notice(apps: Any) -> None:
    """Tell a schedule that is running: migrations do not send the signals that usually do."""
    apps.get_model("django_celery_beat", "PeriodicTasks").objects.update_or_create(
        ident=1, defaults={"last_update": timezone.now()}
    )


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0006_case_closed_last"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(fill, empty)]
