"""The second factor: codes of an authenticator app (RFC 6238), and backup codes for the day the phone is gone.

Codes are checked, slowed down after wrong ones, and refused when used twice by django-otp. Backup codes are kept
only as keyed digests, the apps' secrets encrypted.
"""

from __future__ import annotations

import datetime as dt
from enum import Enum, auto

import segno
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import get_random_string, salted_hmac
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from retailhub.console.models import AuthenticatorApp
from retailhub.core import audit
from retailhub.core.admin.words import moment

APP, BACKUP = "authenticator app", "backup codes"
BACKUP_CODES, HALF = 10, 5
LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""None that are mistaken for each other. Ten of them are 49 bits, behind a growing pause after each wrong one."""
DIGEST = 16


class WrongCode(Exception):
    """The code is not taken; the message says why."""


class Standing(Enum):
    """How far somebody has come in."""

    OUT = auto()
    CODE = auto()
    ENROL = auto()
    IN = auto()


def standing(request: HttpRequest) -> Standing:
    """Whether this person is in, or what is missing."""
    user = request.user
    if not (user.is_active and user.is_staff):
        return Standing.OUT
    if getattr(user, "otp_device", None) is not None:
        return Standing.IN
    known = getattr(user, "enrolled", None)  # read with the person, unless they have only just logged in
    if is_enrolled(user) if known is None else known:
        return Standing.CODE
    return Standing.ENROL if settings.SECOND_FACTOR == "required" else Standing.IN


def is_enrolled(user: User) -> bool:
    """Whether the person has a second factor."""
    return bool(AuthenticatorApp.objects.filter(user=user, confirmed=True).exists())


def begin(user: User) -> AuthenticatorApp:
    """The secret that is being set up: the same until its first code has come."""
    device: AuthenticatorApp
    device, _ = AuthenticatorApp.objects.get_or_create(user=user, confirmed=False, defaults={"name": APP})
    return device


def picture(device: AuthenticatorApp) -> str:
    """The secret as a QR code, made here: an SVG element."""
    return str(segno.make(device.config_url, error="m").svg_inline(scale=5, border=2, light="#fff"))


def secret_text(device: AuthenticatorApp) -> str:
    """The secret as it is typed into an app that has no camera: in fours."""
    text = device.config_url.partition("secret=")[2].partition("&")[0]
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def confirm(*, user: User, code: str, now: dt.datetime) -> tuple[AuthenticatorApp, list[str]]:
    """Take the new secret into use by its first code, instead of any older; answers with new backup codes.

    Locks the person's secrets. Raises `WrongCode`.
    """
    with transaction.atomic():
        device = AuthenticatorApp.objects.select_for_update().filter(user=user, confirmed=False).first()
        if device is None:
            raise WrongCode("Begin anew: this secret is not being set up any more.")
        allowed, why = device.verify_is_allowed()
        taken = allowed and device.verify_token(_plain(code))
        if taken:
            AuthenticatorApp.objects.filter(user=user).exclude(pk=device.pk).delete()
            TOTPDevice.objects.filter(user=user).delete()
            device.confirmed = True
            device.save()
            codes = _fresh_codes(user)
            _write(user, "enrol_second_factor", "A code of the new secret was given.", now)
    if not taken:
        raise WrongCode(_refusal(why))
    return device, codes


def verify(*, user: User, code: str, now: dt.datetime) -> AuthenticatorApp | StaticDevice:
    """The device whose code this is. A backup code is used up. Locks the device. Raises `WrongCode`."""
    plain = _plain(code)
    by_app = plain.isdigit() and len(plain) == 6
    with transaction.atomic():
        rows = (AuthenticatorApp if by_app else StaticDevice).objects.select_for_update()
        device = rows.filter(user=user, confirmed=True).first()
        allowed, why = device.verify_is_allowed() if device else (True, None)
        taken = bool(device) and allowed and device.verify_token(plain if by_app else _digest(plain))
        if taken and not by_app:
            _write(user, "use_backup_code", f"{device.token_set.count()} backup codes are left.", now)
        elif allowed and not taken:
            _write(user, "second_factor_refused", "The code was wrong.", now)
    if not taken:
        raise WrongCode(_refusal(why))
    return device


def new_codes(*, user: User, now: dt.datetime) -> list[str]:
    """Ten new backup codes; the old ones are void. They are known only now."""
    with transaction.atomic():
        codes = _fresh_codes(user)
        _write(user, "renew_backup_codes", "New backup codes were asked for.", now)
    return codes


def codes_left(user: User) -> int:
    """How many backup codes the person still has."""
    return int(StaticToken.objects.filter(device__user=user).count())


def remove(user: User) -> None:
    """Take the second factor away, backup codes included; whoever calls writes down why."""
    AuthenticatorApp.objects.filter(user=user).delete()
    TOTPDevice.objects.filter(user=user).delete()  # what older releases had: sessions may still go by it
    StaticDevice.objects.filter(user=user).delete()


def _fresh_codes(user: User) -> list[str]:
    codes = [get_random_string(2 * HALF, LETTERS) for _ in range(BACKUP_CODES)]
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name=BACKUP)
    StaticToken.objects.bulk_create(StaticToken(device=device, token=_digest(code)) for code in codes)
    return [f"{code[:HALF]}-{code[HALF:]}" for code in codes]


def _plain(code: str) -> str:
    return code.replace(" ", "").replace("-", "").lower()


def _digest(code: str) -> str:
    return salted_hmac("retailhub.console.backup_code", code, algorithm="sha256").hexdigest()[:DIGEST]


def _refusal(why: dict[str, dt.datetime] | None) -> str:
    if why and "locked_until" in why:
        return f"Too many wrong codes. Wait until {moment(why['locked_until'])} UTC, then try again."
    return "This code is not right. Each code of the app counts once, for half a minute."


def _write(user: User, action: str, reason: str, now: dt.datetime) -> None:
    name = user.get_username()
    audit.record(actor=user, action=action, subject=f"user:{name}"[:120], reason=reason, now=now)
