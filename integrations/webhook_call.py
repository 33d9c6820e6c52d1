"""Posting a notice to somebody's webhook, through the same bounded, guarded HTTP client as every other call."""

from __future__ import annotations

from urllib.parse import urlsplit

from integrations.connectors.answers import Answer, is_html
from integrations.connectors.http import Effect, HttpClient
from integrations.ports.context import CallContext
from integrations.ports.errors import Misconfigured, Transient
from retailhub.core import clock
from retailhub.core.guard import assert_no_transaction

DEADLINE_SECONDS = 10.0
MOST_ANSWER_BYTES = 64 * 1024
ANY_2XX = frozenset(range(200, 300))
LATE_NO = b"Webhook message delivery failed with error"
"""What Office connectors of Teams answer with status 200 when the message did not get through."""


def check_url(url: str, *, allow_private: bool) -> str:
    """The address. Raises ``ValueError`` with a sentence that does not repeat it, as it is a secret."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.fragment or any(sign.isspace() for sign in url):
        raise ValueError("The webhook must be an address such as https://hooks.example.com/services/….")
    if parts.scheme != "https" and not allow_private:
        raise ValueError("The webhook must be https: whoever reads its address on the way could write there too.")
    return url


def post_json(*, url: str, body: bytes, message_id: str, allow_private: bool) -> None:
    """Post once. Raises the errors of `answers` for a write; nothing of the address is in them but its host.

    ``message_id`` goes along as ``Idempotency-Key``, the same at each try. Raises when a transaction is open.
    """
    parts = urlsplit(url)
    context = CallContext(
        now=clock.now,
        before_call=assert_no_transaction,
        correlation_id=message_id,
        deadline_seconds=DEADLINE_SECONDS,
        max_answer_bytes=MOST_ANSWER_BYTES,
    )
    client = HttpClient(
        base_url=f"{parts.scheme}://{parts.netloc}", context=lambda: context, allow_private=allow_private
    )
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        answer = client.call(
            "POST",
            path or "/",
            effect=Effect.WRITE,
            body=body,
            headers={"Accept": "*/*", "Idempotency-Key": message_id},
            handle=ANY_2XX,
        )
    finally:
        client.close()
    _look_into(answer)


def _look_into(answer: Answer) -> None:
    """A success that is none. Slack's own "ok" is labelled as a web page, so the label alone says nothing."""
    if LATE_NO in answer.body:
        raise Transient(f"{answer.host} took the notice, but could not pass it on.")
    if is_html(Answer(answer.status, {}, answer.body, answer.effect, answer.host)):
        raise Misconfigured(f"{answer.host} answered with a web page; it is no webhook that takes notices.")
