"""The schedule that a new installation starts with."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from retailhub.celery import app

pytestmark = pytest.mark.django_db

migration = importlib.import_module("retailhub.console.migrations.0001_schedule")
later = importlib.import_module("retailhub.console.migrations.0003_look_at_stores")
audit = importlib.import_module("retailhub.console.migrations.0005_keep_the_audit")


def test_each_entry_of_the_schedule_rings_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    assert {task for task, _ in migration.SCHEDULE} | {later.TASK} | {task for task, _ in audit.SCHEDULE} <= set(
        app.tasks
    )


def test_the_migration_makes_each_entry_once_and_leaves_what_people_changed() -> None:
    PeriodicTask.objects.all().delete()
    migration.fill(apps, None)
    PeriodicTask.objects.filter(name="integrations.keep_house").update(enabled=False)
    migration.fill(apps, None)

    entries = {entry.task: entry for entry in PeriodicTask.objects.select_related("interval")}
    seconds = {task: entry.interval.every for task, entry in entries.items() if entry.interval.period == "seconds"}
    assert seconds == dict(migration.SCHEDULE)
    assert entries["integrations.keep_house"].enabled is False
    assert entries["integrations.sweep"].enabled is True
    assert all(entry.expire_seconds == entry.interval.every for entry in entries.values())


def test_a_running_schedule_is_told_of_the_change() -> None:
    PeriodicTasks.objects.all().delete()
    migration.fill(apps, None)
    assert PeriodicTasks.last_change() is not None


def test_undoing_takes_away_our_entries_only() -> None:
    PeriodicTask.objects.all().delete()
    migrations = (migration, later, audit)
    for each in migrations:
        each.fill(apps, None)
    other = PeriodicTask.objects.create(
        name="theirs", task="theirs", interval=PeriodicTask.objects.get(name="integrations.sweep").interval
    )
    for each in reversed(migrations):
        each.empty(apps, None)
    assert list(PeriodicTask.objects.all()) == [other]
