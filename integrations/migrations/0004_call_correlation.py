"""What a call carried as its correlation id, beside the fence it was made under."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("integrations", "0003_gone_orders")]
    operations = [
        # the table is made by SQL: its model is not managed
        migrations.RunSQL(
            "ALTER TABLE integrations_exchange ADD COLUMN correlation_id varchar(40) NOT NULL DEFAULT ''",
            "ALTER TABLE integrations_exchange DROP COLUMN correlation_id",
        )
    ]
