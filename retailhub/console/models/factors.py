"""The secrets of people's authenticator apps, encrypted."""

from __future__ import annotations

from django.db import models
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key

from retailhub.core.crypto import EncryptedJSONField


class AuthenticatorApp(TimestampMixin, ThrottlingMixin, Device):  # type: ignore[misc]
    """One app of one person. django-otp's own checks, on a secret that is encrypted where it lies.

    Its `TOTPDevice` keeps secrets as they are, so it has no rows of use to us any more: its methods are taken alone.
    """

    step, t0, digits, tolerance = 30, 0, 6, 1
    """What apps take for granted: half a minute, since 1970, six figures, one half minute early or late."""

    key = EncryptedJSONField(default=default_key, help_text="The secret, as text of hexadecimal figures.")
    drift = models.SmallIntegerField(default=0, help_text="By how many half minutes the app's clock differs.")
    last_t = models.BigIntegerField(default=-1, help_text="The half minute of the last code that was taken.")

    bin_key = TOTPDevice.bin_key
    config_url = TOTPDevice.config_url
    verify_token = TOTPDevice.verify_token
    get_throttle_factor = TOTPDevice.get_throttle_factor
    _read_str_from_settings = TOTPDevice._read_str_from_settings

    class Meta:
        default_permissions = ()
