"""What people do about causes and cases, views they keep, and the totals of causes."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0008_held_writes"),
        ("reconciliation", "0002_replays"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CauseNow",
            fields=[
                (
                    "cause",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="reconciliation.cause",
                    ),
                ),
                ("code", models.CharField(max_length=60)),
                ("cases", models.IntegerField()),
                (
                    "risk",
                    models.DecimalField(
                        decimal_places=6,
                        help_text="All currencies together, one without decimals a hundredth: a yardstick for sorting, never an amount.",
                        max_digits=30,
                    ),
                ),
                ("seen_at", models.DateTimeField(null=True)),
                ("oldest_at", models.DateTimeField()),
            ],
            options={
                "db_table": "reconciliation_causenow",
                "managed": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="BulkWork",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.CharField(max_length=32, unique=True)),
                ("actor", models.CharField(max_length=150)),
                ("act", models.CharField(max_length=20)),
                ("about", models.CharField(choices=[("cause", "Cause"), ("case", "Case")], max_length=5)),
                ("query", models.CharField(blank=True, max_length=1000)),
                ("values", models.JSONField(default=dict)),
                ("reason", models.CharField(max_length=500)),
                ("decided_at", models.DateTimeField()),
                ("targets", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("total", models.IntegerField()),
                ("done", models.IntegerField(default=0)),
                ("left", models.IntegerField(default=0)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="CaseWork",
            fields=[
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=None
                    ),
                ),
                ("snoozed_until", models.DateTimeField(null=True)),
                ("changed_at", models.DateTimeField()),
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="work",
                        serialize=False,
                        to="reconciliation.case",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CauseDelta",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("cases", models.IntegerField()),
                ("money", models.DecimalField(decimal_places=6, max_digits=30)),
                ("seen_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="CauseEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("what", models.CharField(max_length=20)),
                ("actor", models.CharField(max_length=150)),
                ("note", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.CreateModel(
            name="CauseMoney",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("cases", models.IntegerField()),
                ("money", models.DecimalField(decimal_places=6, max_digits=30)),
                ("seen_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="CauseSum",
            fields=[
                (
                    "cause",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="reconciliation.cause",
                    ),
                ),
                ("code", models.CharField(max_length=60)),
                ("cases", models.IntegerField()),
                (
                    "risk",
                    models.DecimalField(
                        decimal_places=6,
                        help_text="All currencies together, one without decimals a hundredth: a yardstick for sorting, never an amount.",
                        max_digits=30,
                    ),
                ),
                ("seen_at", models.DateTimeField(null=True)),
                ("oldest_at", models.DateTimeField(help_text="Since when its oldest open case is open.", null=True)),
            ],
        ),
        migrations.CreateModel(
            name="CauseWork",
            fields=[
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=None
                    ),
                ),
                ("snoozed_until", models.DateTimeField(null=True)),
                ("changed_at", models.DateTimeField()),
                (
                    "cause",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="work",
                        serialize=False,
                        to="reconciliation.cause",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FirstView",
            fields=[
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                (
                    "query",
                    models.CharField(
                        blank=True, help_text="As in the address of the page, after its ?.", max_length=1000
                    ),
                ),
                ("shared", models.BooleanField(default=False)),
                ("made_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="case",
            name="store",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="integrations.connection",
            ),
        ),
        migrations.AlterField(
            model_name="case",
            name="opened_at",
            field=models.DateTimeField(help_text="When it was opened, or last reopened: its clock."),
        ),
        migrations.AddField(
            model_name="bulkwork",
            name="person",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="casework",
            name="owner",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="causedelta",
            name="cause",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="reconciliation.cause",
            ),
        ),
        migrations.AddField(
            model_name="causeevent",
            name="cause",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="events",
                to="reconciliation.cause",
            ),
        ),
        migrations.AddField(
            model_name="causemoney",
            name="cause",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="reconciliation.cause"
            ),
        ),
        migrations.AddField(
            model_name="causesum",
            name="connection",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="integrations.connection",
            ),
        ),
        migrations.AddField(
            model_name="causework",
            name="owner",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="savedview",
            name="owner",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="firstview",
            name="view",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="reconciliation.savedview"
            ),
        ),
        migrations.AddIndex(
            model_name="bulkwork",
            index=models.Index(condition=models.Q(("finished_at", None)), fields=["id"], name="bulk_work_open"),
        ),
        migrations.AddConstraint(
            model_name="bulkwork",
            constraint=models.CheckConstraint(
                condition=models.Q(("done__gte", 0), ("done__lte", models.F("total"))),
                name="bulk_work_done_within_total",
            ),
        ),
        migrations.AddIndex(
            model_name="casework",
            index=models.Index(condition=models.Q(("owner__isnull", False)), fields=["owner"], name="case_work_owner"),
        ),
        migrations.AddIndex(
            model_name="causeevent",
            index=models.Index(fields=["cause", "id"], name="cause_events"),
        ),
        migrations.AddConstraint(
            model_name="causemoney",
            constraint=models.UniqueConstraint(fields=("cause", "currency"), name="cause_money_once"),
        ),
        migrations.AddIndex(
            model_name="causework",
            index=models.Index(condition=models.Q(("owner__isnull", False)), fields=["owner"], name="cause_work_owner"),
        ),
        migrations.AddIndex(
            model_name="savedview",
            index=models.Index(condition=models.Q(("shared", True)), fields=["name"], name="view_shared"),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(fields=("owner", "name"), name="view_once_per_owner_and_name"),
        ),
    ]
