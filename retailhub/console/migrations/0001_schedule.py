"""The schedule a new installation starts with; people may change it in the admin."""

from typing import Any

from django.db import migrations
from django.utils import timezone

SCHEDULE = (
    ("integrations.sweep", 5),
    ("reconciliation.watch_overdue", 30),
    ("inventory.import_catalogues", 60),
    ("integrations.keep_house", 3600),
)
"""Task name, also the entry's name, and its period in seconds."""


def fill(apps: Any, schema_editor: Any) -> None:
    interval = apps.get_model("django_celery_beat", "IntervalSchedule")
    entry = apps.get_model("django_celery_beat", "PeriodicTask")
    for task, seconds in SCHEDULE:
        every, _ = interval.objects.get_or_create(every=seconds, period="seconds")
        # a bell that nobody heard within its period is worth nothing: the next one rings
        entry.objects.get_or_create(name=task, defaults={"task": task, "interval": every, "expire_seconds": seconds})
    notice(apps)


def empty(apps: Any, schema_editor: Any) -> None:
    entry = apps.get_model("django_celery_beat", "PeriodicTask")
    entry.objects.filter(name__in=[task for task, _ in SCHEDULE]).delete()
    notice(apps)


def notice(apps: Any) -> None:
    """Tell a schedule that is running: migrations do not send the signals that usually do."""
    apps.get_model("django_celery_beat", "PeriodicTasks").objects.update_or_create(
        ident=1, defaults={"last_update": timezone.now()}
    )


class Migration(migrations.Migration):
    dependencies = [("django_celery_beat", "0019_alter_periodictasks_options")]
    operations = [migrations.RunPython(fill, empty)]
