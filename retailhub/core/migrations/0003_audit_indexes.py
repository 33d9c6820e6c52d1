"""Indexes of the chain, made while acts go on being written down."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("core", "0002_audit_chain")]
    operations = [
        AddIndexConcurrently(
            model_name="auditentry",
            index=models.Index(fields=["id"], name="audit_unsealed", condition=models.Q(sealed_seq=None)),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY audit_chain_order ON core_auditentry (sealed_seq)"
                    " WHERE sealed_seq IS NOT NULL",
                    "DROP INDEX audit_chain_order",
                ),
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="auditentry",
                    constraint=models.UniqueConstraint(
                        fields=["sealed_seq"], name="audit_chain_order", condition=models.Q(sealed_seq__isnull=False)
                    ),
                ),
            ],
        ),
    ]
