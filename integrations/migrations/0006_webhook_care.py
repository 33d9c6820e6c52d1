"""What looking after webhooks remembers, and the holes that switched-off webhooks left."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0005_polls"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookCare",
            fields=[
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="integrations.connection",
                    ),
                ),
                (
                    "left_to_people",
                    models.BooleanField(default=False, help_text="Look, tell, and change nothing in the store."),
                ),
                (
                    "active_since",
                    models.DateTimeField(
                        help_text="When order.updated was first seen active; empty while it is not.", null=True
                    ),
                ),
                ("delivered", models.JSONField(default=dict, help_text="Topic to the moment of its last delivery.")),
                (
                    "missing_since",
                    models.DateTimeField(help_text="Since when too many deliveries are missing.", null=True),
                ),
                ("late_since", models.DateTimeField(help_text="Since when deliveries are late or silent.", null=True)),
                (
                    "usual_seconds",
                    models.JSONField(
                        default=dict,
                        help_text="Periods of the looks that were shortened, as they were before, by kind.",
                    ),
                ),
                (
                    "rotation_began_at",
                    models.DateTimeField(help_text="A new secret is being given to the webhooks.", null=True),
                ),
                (
                    "rotation_mark",
                    models.CharField(blank=True, default="", help_text="Hash of the new secret.", max_length=64),
                ),
                ("rotation_given", models.JSONField(default=list, help_text="Webhooks that have it.")),
                ("rotation_given_at", models.DateTimeField(help_text="Since when all of them have it.", null=True)),
                (
                    "old_secret_used_at",
                    models.DateTimeField(help_text="When a delivery was last signed with another.", null=True),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WebhookHole",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("topics", models.JSONField(help_text="What was switched off.")),
                (
                    "began_at",
                    models.DateTimeField(help_text="The last delivery before, or when the connection was made."),
                ),
                ("ended_at", models.DateTimeField(help_text="When all were active again.", null=True)),
                ("polled_at", models.DateTimeField(help_text="When polling had read all of it.", null=True)),
                ("orders", models.IntegerField(help_text="Orders that came by polling alone.", null=True)),
                ("first_ref", models.CharField(blank=True, default="", max_length=40)),
                ("last_ref", models.CharField(blank=True, default="", max_length=40)),
            ],
        ),
        migrations.AddField(
            model_name="webhookhole",
            name="connection",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="integrations.connection"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookhole",
            index=models.Index(fields=["connection", "began_at"], name="webhook_hole_times"),
        ),
        migrations.AddConstraint(
            model_name="webhookhole",
            constraint=models.UniqueConstraint(
                condition=models.Q(("polled_at__isnull", True)), fields=("connection",), name="webhook_hole_one_unread"
            ),
        ),
    ]
