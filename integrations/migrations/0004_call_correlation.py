"""What a call carried as its correlation id, beside the fence it was made under."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("integrations", "0003_gone_orders")]
    operations = [
        # the table is made by SQL, as its model is not managed; undoing leaves the column to whoever still writes it
        migrations.RunSQL(
            "ALTER TABLE integrations_exchange ADD COLUMN IF NOT EXISTS correlation_id varchar(40) DEFAULT ''",
            migrations.RunSQL.noop,
        )
    ]
