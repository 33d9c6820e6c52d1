"""The audit becomes a chain: columns of the seal, the chain's end, and triggers that refuse every other change."""

from django.conf import settings
from django.db import migrations, models

TRIGGERS = """
CREATE FUNCTION rh_audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    seal text[] := ARRAY['sealed_seq', 'sealed_at', 'sealed_after', 'seal_version', 'seal_key', 'seal_previous',
                         'seal_hash', 'seal_mac'];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.sealed_seq IS NULL AND NEW.sealed_seq IS NOT NULL AND to_jsonb(OLD) - seal = to_jsonb(NEW) - seal THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit rows are only ever added: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER audit_only_added BEFORE UPDATE OR DELETE ON core_auditentry
    FOR EACH ROW EXECUTE FUNCTION rh_audit_is_only_added_to();
CREATE TRIGGER audit_added_unsealed BEFORE INSERT ON core_auditentry
    FOR EACH ROW WHEN (NEW.sealed_seq IS NOT NULL) EXECUTE FUNCTION rh_audit_is_only_added_to();
CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON core_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION rh_audit_is_only_added_to();
"""
NO_TRIGGERS = """
DROP TRIGGER audit_not_emptied ON core_auditentry;
DROP TRIGGER audit_added_unsealed ON core_auditentry;
DROP TRIGGER audit_only_added ON core_auditentry;
DROP FUNCTION rh_audit_is_only_added_to();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditChain",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("head_seq", models.BigIntegerField(default=0)),
                ("head_hash", models.BinaryField(max_length=32)),
                (
                    "looked_at",
                    models.DateTimeField(help_text="Every row committed before this moment was sealed.", null=True),
                ),
                ("key", models.CharField(max_length=60)),
                ("mac", models.BinaryField(max_length=32)),
                ("checked_at", models.DateTimeField(null=True)),
                ("check_report", models.JSONField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="auditentry",
            name="role",
            field=models.CharField(
                db_default="", default="", help_text="The actor's roles at that time.", max_length=200
            ),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="seal_hash",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="seal_key",
            field=models.CharField(max_length=60, null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="seal_mac",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="seal_previous",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="seal_version",
            field=models.SmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="sealed_after",
            field=models.DateTimeField(
                help_text="The sealing before this one had seen all rows up to here.", null=True
            ),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="sealed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="sealed_seq",
            field=models.BigIntegerField(help_text="Its place in the chain; empty until it is sealed.", null=True),
        ),
        migrations.AddConstraint(
            model_name="auditchain",
            constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="audit_one_chain"),
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
