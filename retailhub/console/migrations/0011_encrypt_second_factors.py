"""Secrets of authenticator apps move to where they are encrypted.

The rows they leave stay, each with a secret that nobody has: the release before, which still runs beside this one,
goes on asking these people for a code, and takes none until it is replaced.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django_otp.util import random_hex

KEPT = (
    *("user_id", "name", "confirmed", "throttling_failure_timestamp", "throttling_failure_count", "last_used_at"),
    *("key", "drift", "last_t"),
)


def encrypt(apps: Any, _schema: Any) -> None:
    """Copy each, then overwrite what lay there."""
    plain = apps.get_model("otp_totp", "TOTPDevice").objects.select_for_update().order_by("pk")
    kept = apps.get_model("console", "AuthenticatorApp").objects
    for row in plain:
        kept.create(**{name: getattr(row, name) for name in KEPT})
        row.key = random_hex(20)
        row.save(update_fields=["key"])


def decrypt(apps: Any, _schema: Any) -> None:
    """Back to how the release before knows them."""
    plain = apps.get_model("otp_totp", "TOTPDevice").objects
    plain.all().delete()
    for row in apps.get_model("console", "AuthenticatorApp").objects.order_by("pk"):
        plain.create(**{name: getattr(row, name) for name in KEPT})


class Migration(migrations.Migration):
    dependencies = [("console", "0010_second_factor"), ("otp_totp", "0003_add_timestamps")]

    operations = [migrations.RunPython(encrypt, decrypt)]
