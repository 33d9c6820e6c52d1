"""Posting to a webhook's address as the store does: its headers in its order, no redirects, no second try."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ssl
from urllib.parse import urlsplit

from retailhub.sandbox.store.settings import WC_VERSION

USER_AGENT = f"WooCommerce/{WC_VERSION} Hookshot (WordPress/7.1)"
_SALT = b"store"


class NoAnswer(Exception):
    """Refused, reset, too late or no HTTP."""


class Poster:
    """One address. Every post has a connection of its own."""

    def __init__(self, url: str, *, seconds: float) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc.rpartition("@")[2]
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._parts = parts
        self._seconds = seconds

    def post(self, headers: dict[str, str], body: bytes) -> int:
        """The status of the answer. Raises `NoAnswer`."""
        connection = self._connection()
        try:
            connection.putrequest("POST", self._path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswer(str(error)) from error
        finally:
            connection.close()
        return answer.status

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return http.client.HTTPSConnection(host, port, timeout=self._seconds, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._seconds)


def sign(secret: str, body: bytes) -> str:
    """base64(HMAC-SHA256(secret, body)), the value of X-WC-Webhook-Signature."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def delivery_id(webhook_id: int, second: int) -> str:
    """The same for all deliveries of one webhook within one second, so it names no delivery."""
    return hmac.new(_SALT, f"{webhook_id}{second}".encode(), hashlib.md5).hexdigest()


def headers_of(
    *, host: str, source: str, topic: str, webhook_id: int, secret: str, body: bytes, second: int
) -> dict[str, str]:
    """The headers of a delivery in the order they are sent."""
    resource, _, event = topic.partition(".")
    return {
        "Host": host,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "deflate, gzip, br, zstd",
        "Content-Type": "application/json",
        "X-WC-Webhook-Source": source,
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": sign(secret, body),
        "X-WC-Webhook-ID": str(webhook_id),
        "X-WC-Webhook-Delivery-ID": delivery_id(webhook_id, second),
        "Connection": "close",
        "Content-Length": str(len(body)),
    }


def ping_headers(webhook_id: int, host: str) -> dict[str, str]:
    """The headers of the form post that a new webhook sends; its body is ``webhook_id=N``."""
    return {
        "Host": host,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "deflate, gzip, br, zstd",
        "Connection": "close",
        "Content-Length": str(len(f"webhook_id={webhook_id}")),
        "Content-Type": "application/x-www-form-urlencoded",
    }


def ping(poster: Poster, webhook_id: int) -> bool:
    """The unsigned form post of a new webhook; whether it was taken."""
    try:
        return 200 <= poster.post(ping_headers(webhook_id, poster.host), f"webhook_id={webhook_id}".encode()) < 300
    except NoAnswer:
        return False
