"""The permissions of people's acts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("console", "0001_schedule")]
    operations = [
        migrations.CreateModel(
            name="ActPermission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "managed": False,
                "default_permissions": (),
                "permissions": (
                    ("replay", "Can send messages, orders and cases back to work"),
                    ("ignore_case", "Can ignore a case and take that back"),
                    ("map_sku", "Can say what a SKU is called in another system"),
                    ("pause_connection", "Can pause a connection"),
                    ("resume_connection", "Can resume a connection"),
                    ("set_connection_mode", "Can switch a connection off, to shadow or live"),
                    ("merge_customers", "Can say that two customers are one, or two"),
                    ("see_personal_data", "Can see personal data, with a reason"),
                ),
            },
        ),
    ]
