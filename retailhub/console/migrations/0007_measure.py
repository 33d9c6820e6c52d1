"""Taking the figures of Home joins the schedule."""

from importlib import import_module
from typing import Any

from django.db import migrations

schedule = import_module("retailhub.console.migrations.0001_schedule")
TASK, SECONDS = "console.measure", 300


def fill(apps: Any, schema_editor: Any) -> None:
    every, _ = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
        every=SECONDS, period="seconds"
    )
    entries = apps.get_model("django_celery_beat", "PeriodicTask").objects
    entries.get_or_create(name=TASK, defaults={"task": TASK, "interval": every, "expire_seconds": SECONDS})
    schedule.notice(apps)


def empty(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=TASK).delete()
    schedule.notice(apps)


class Migration(migrations.Migration):
    dependencies = [("console", "0006_figures")]
    operations = [migrations.RunPython(fill, empty)]
