"""Handing a mail to the mail server of the environment."""

from __future__ import annotations

import contextlib
import smtplib
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from integrations.ports.errors import AuthRejected, ConnectorError, Misconfigured, Rejected, Transient, Unknown
from retailhub.core.guard import assert_no_transaction
from retailhub.core.privacy import mask_text

SECONDS = 10
"""For each word of the mail server."""


def send(*, to: str, subject: str, text: str, public_id: str) -> None:
    """Send one mail. Its ``Message-ID`` comes from ``public_id``, so it is the same at each try.

    Raises errors of `integrations.ports.errors`, and when a transaction is open.
    """
    assert_no_transaction()
    if not settings.EMAIL_HOST:
        raise Misconfigured("No mail server is set; RETAILHUB_SMTP_URL names it.")
    headers = {
        "Message-ID": message_id(public_id),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    message = EmailMessage(subject, text, settings.DEFAULT_FROM_EMAIL, [to], headers=headers)
    server = EmailBackend(timeout=SECONDS)
    try:
        server.send_messages([message])
    except smtplib.SMTPException as error:
        raise _classified(error) from error
    except OSError as error:
        # it may have been taken before the line broke
        raise Unknown(f"The mail server did not answer: {type(error).__name__}.") from error
    finally:
        # what it says to a goodbye changes nothing
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.close()


def message_id(public_id: str) -> str:
    """``<ntc_…@hub.example.com>``."""
    return f"<{public_id}@{urlsplit(settings.PUBLIC_URL).hostname or 'retailhub.invalid'}>"


def _classified(error: smtplib.SMTPException) -> ConnectorError:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        status, said = next(iter(error.recipients.values()))
        return _refused("refused the address", status, said)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Misconfigured(f"The mail server cannot do what RETAILHUB_SMTP_URL asks for: {error}")
    if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
        return AuthRejected("The mail server refused the name or password of RETAILHUB_SMTP_URL.")
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused("refused the mail", error.smtp_code, error.smtp_error)
    return Unknown("The mail server hung up.")


def _refused(what: str, status: int, said: bytes | str) -> ConnectorError:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    detail = f"The mail server {what} ({status}): {mask_text(' '.join(words.split()))[:160]}"
    return Rejected(detail) if status >= 500 else Transient(detail)
