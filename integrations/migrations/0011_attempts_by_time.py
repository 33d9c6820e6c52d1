"""Attempts by the time they began: a small index on a table that is written all the time, part by part."""

from typing import Any

from django.db import migrations

INDEX = "integrations_attempt_started"
USING = "USING brin (started_at) WITH (autosummarize = on, pages_per_range = 32)"


def make(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX IF NOT EXISTS {INDEX} ON ONLY integrations_attempt {USING}")
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'integrations_attempt'::regclass"
        )
        for (part,) in cursor.fetchall():
            name = f"{part}_started"
            cursor.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {part} {USING}")
            cursor.execute(f"ALTER INDEX {INDEX} ATTACH PARTITION {name}")


def drop(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(f"DROP INDEX IF EXISTS {INDEX}")


class Migration(migrations.Migration):
    atomic = False  # made while messages go on being sent
    dependencies = [("integrations", "0010_connection_tests")]
    operations = [migrations.RunPython(make, drop)]
