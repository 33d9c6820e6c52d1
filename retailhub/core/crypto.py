"""Secrets at rest and keyed hashes of personal data.

`EncryptedJSONField` stores ``<key id>:<token>``: the token is Fernet (AES-128-CBC with HMAC-SHA256), the key id
says which key of ``RETAILHUB_ENCRYPTION_KEYS`` (``id:key,id:key``; the first encrypts, all decrypt) made it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache(maxsize=8)
def _keys(configured: tuple[str, ...]) -> dict[str, Fernet]:
    keys: dict[str, Fernet] = {}
    for entry in configured:
        key_id, _, key = entry.partition(":")
        try:
            keys[key_id] = Fernet(key)
        except ValueError as error:
            raise ImproperlyConfigured(
                "RETAILHUB_ENCRYPTION_KEYS must be id:key pairs, each key 32 bytes in URL-safe base 64."
            ) from error
    if not keys:
        raise ImproperlyConfigured("RETAILHUB_ENCRYPTION_KEYS has no key.")
    return keys


def encrypt(plain: bytes) -> str:
    """Text for the database, made with the first configured key."""
    keys = _keys(tuple(settings.ENCRYPTION_KEYS))
    key_id = next(iter(keys))
    return f"{key_id}:{keys[key_id].encrypt(plain).decode()}"


def decrypt(stored: str) -> bytes:
    """Raises ``ImproperlyConfigured`` when the key that made it is not configured any more."""
    key_id, _, token = stored.partition(":")
    key = _keys(tuple(settings.ENCRYPTION_KEYS)).get(key_id)
    if key is None:
        raise ImproperlyConfigured(f"RETAILHUB_ENCRYPTION_KEYS lacks key {key_id!r}, which stored secrets need.")
    try:
        return key.decrypt(token.encode())
    except InvalidToken as error:
        raise ImproperlyConfigured(
            f"Encryption key {key_id!r} is not the one stored secrets were made with."
        ) from error


def keyed_hash(kind: str, value: str) -> bytes:
    """A 32-byte hash under which personal data can be found but not read. Rotating the secret key unlinks it."""
    secret = hashlib.sha256(b"identity:" + settings.SECRET_KEY.encode()).digest()
    return hmac.digest(secret, f"{kind}\0{value}".encode(), "sha256")


class EncryptedJSONField(models.TextField):  # type: ignore[type-arg]
    """A JSON object that is encrypted in the database and never shown by ``repr``."""

    def from_db_value(self, value: str | None, _expression: Any, _connection: Any) -> Any:
        return None if value is None else json.loads(decrypt(value))

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else encrypt(json.dumps(value, sort_keys=True).encode())

    def to_python(self, value: Any) -> Any:
        return value
