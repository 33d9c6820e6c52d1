"""Taking the figures of Home joins the schedule."""

from importlib import import_module
from typing import Any

from django.db import migrations

schedule = import_module("retailhub.console.migrations.0001_schedule")
SCHEDULE = (("console.measure", 300),)


def fill(apps: Any, schema_editor: Any) -> None:
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule").objects
    entries = apps.get_model("django_celery_beat", "PeriodicTask").objects
    for task, seconds in SCHEDULE:
        every, _ = intervals.get_or_create(every=seconds, period="seconds")
        entries.get_or_create(name=task, defaults={"task": task, "interval": every, "expire_seconds": seconds})
    schedule.notice(apps)


def empty(apps: Any, schema_editor: Any) -> None:
    names = [task for task, _ in SCHEDULE]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=names).delete()
    schedule.notice(apps)


class Migration(migrations.Migration):
    dependencies = [("console", "0006_figures")]
    operations = [migrations.RunPython(fill, empty)]
