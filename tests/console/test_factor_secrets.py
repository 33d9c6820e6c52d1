"""Secrets of authenticator apps: encrypted where they lie, of use after a change of keys, moved there by migration."""

from __future__ import annotations

import base64
import importlib
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from retailhub.console import access_factor as factor
from retailhub.console.models import AuthenticatorApp
from retailhub.core import clock

move = importlib.import_module("retailhub.console.migrations.0011_encrypt_second_factors")


def enrolled(name: str = "olga") -> AuthenticatorApp:
    """Somebody's app, taken into use by its first code."""
    user = User.objects.create_user(name, is_staff=True)
    code = f"{totp(factor.begin(user).bin_key):06d}"
    return factor.confirm(user=user, code=code, now=clock.now())[0]


def stored(table: str) -> str:
    """All of a table, as PostgreSQL would write it into a backup."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM \"{table}\" AS t")  # noqa: S608 - ours
        return str(cursor.fetchone()[0])


def spellings(key: str) -> list[str]:
    """A secret as it could stand somewhere."""
    raw = bytes.fromhex(key)
    return [
        key,
        base64.b32encode(raw).decode(),
        base64.b64encode(raw).decode(),
        base64.b64encode(key.encode()).decode(),
    ]


def come_in(device: AuthenticatorApp) -> AuthenticatorApp:
    """By the next code, as the first is used up."""
    code = f"{totp(device.bin_key, drift=1):06d}"
    found = factor.verify(user=device.user, code=code, now=clock.now())
    assert isinstance(found, AuthenticatorApp)
    return found


def test_no_table_holds_a_secret_that_can_be_read(db: None) -> None:
    device = enrolled()
    rows = stored("console_authenticatorapp") + stored(TOTPDevice._meta.db_table)
    assert len(device.key) == 40
    assert [each for each in spellings(device.key) if each in rows] == []
    assert AuthenticatorApp.objects.get().key == device.key
    assert come_in(device) == device


def test_a_new_key_before_the_old_one_reads_secrets_and_writes_them_anew_when_they_are_used(
    db: None, settings: Any
) -> None:
    device = enrolled()
    old, new = list(settings.ENCRYPTION_KEYS), f"next:{Fernet.generate_key().decode()}"
    settings.ENCRYPTION_KEYS = [new, *old]
    assert ",next:" not in stored("console_authenticatorapp")
    come_in(device)
    assert ",next:" in stored("console_authenticatorapp")
    settings.ENCRYPTION_KEYS = [new]
    assert AuthenticatorApp.objects.get().bin_key == device.bin_key
    settings.ENCRYPTION_KEYS = old
    with pytest.raises(ImproperlyConfigured, match="lacks key 'next'"):
        AuthenticatorApp.objects.get()


def test_secrets_of_before_are_moved_and_whoever_had_one_comes_in_with_the_same_app(db: None) -> None:
    user = User.objects.create_user("olga", is_staff=True)
    before = TOTPDevice.objects.create(user=user, name="app", last_t=3, drift=1)
    move.encrypt(apps, None)
    assert [each for each in spellings(before.key) if each in stored(TOTPDevice._meta.db_table)] == []
    assert TOTPDevice.objects.filter(user=user, confirmed=True).exists()  # the old release goes on asking
    device = AuthenticatorApp.objects.get()
    assert (device.key, device.confirmed, device.last_t, device.drift) == (before.key, True, 3, 1)
    assert factor.is_enrolled(user)
    device.drift = 0
    device.save()
    come_in(device)
    factor.remove(user)
    assert not TOTPDevice.objects.exists()


def test_going_back_to_the_release_before_leaves_its_secrets_as_they_were(db: None) -> None:
    device = enrolled()
    move.decrypt(apps, None)
    assert TOTPDevice.objects.get().key == device.key
    AuthenticatorApp.objects.all().delete()
    move.encrypt(apps, None)
    assert AuthenticatorApp.objects.get().key == device.key
