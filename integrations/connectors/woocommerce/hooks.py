"""Webhooks as the store keeps them. What they deliver is read in `webhooks`.

The store never shows a secret or how many failures in a row it counted; its status is all there is.
https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks
"""

from __future__ import annotations

from integrations.connectors.woocommerce import reading, schemas
from integrations.connectors.woocommerce.access import StoreAccess
from integrations.ports.errors import Misconfigured, Rejected
from integrations.ports.stores import HookStatus, Webhook, WebhookHost


class Hooks(StoreAccess, WebhookHost):
    """A store's webhooks; needs a key with the rights of a shop manager."""

    def webhooks(self) -> list[Webhook]:
        """See `WebhookHost.webhooks`; the newest first. Raises ``Transient(page_ignored)``."""
        found = reading.all_pages(self._api.webhooks, schemas.WEBHOOKS.decode, lambda hook: hook.id)
        return [_webhook(hook) for hook in found]

    def create_webhook(self, *, topic: str, delivery_url: str, secret: str, name: str) -> Webhook:
        """See `WebhookHost.create_webhook`. The store sends its ping while it answers, and takes no note of a
        ping that failed.

        After ``Unknown`` it may be there: read `webhooks` before another is made.
        """
        _refuse_empty(secret)
        fields = {"name": name, "topic": topic, "delivery_url": delivery_url, "secret": secret, "status": "active"}
        hook = _webhook(reading.read(self._api.create_webhook(fields), schemas.WEBHOOK.decode))
        self.context.crashpoint("woocommerce.webhook_created")
        return hook

    def change_webhook(self, ref: str, *, active: bool | None = None, secret: str | None = None) -> Webhook:
        """See `WebhookHost.change_webhook`. Raises ``Rejected(webhook_gone)``.

        Setting one active does not reset the store's count of failures: the next failure switches it off again.
        """
        fields = {}
        if active is not None:
            fields["status"] = "active" if active else "paused"
        if secret is not None:
            _refuse_empty(secret)
            fields["secret"] = secret
        answer = self._api.change_webhook(_hook_id(ref), fields)
        if answer.status >= 400:
            raise Rejected(
                f"{answer.host} has no webhook {ref} any more.", code="webhook_gone", evidence=answer.evidence()
            )
        return _webhook(reading.read(answer, schemas.WEBHOOK.decode))

    def delete_webhook(self, ref: str) -> None:
        """See `WebhookHost.delete_webhook`. For good: webhooks know no trash."""
        self._api.delete_webhook(_hook_id(ref))


def _webhook(vendor: schemas.VendorWebhook) -> Webhook:
    """A status of which we do not know is a plugin's; such a webhook does not deliver."""
    known = {status.value: status for status in HookStatus}
    status = known.get(vendor.status, HookStatus.DISABLED)
    return Webhook(str(vendor.id), vendor.topic, status, vendor.delivery_url, vendor.name)


def _refuse_empty(secret: str) -> None:
    if not secret:
        raise Misconfigured(
            "A webhook needs a secret: without one the store makes one that nobody can read.",
            code="webhook_secret_missing",
            evidence={"field": "webhook_secrets"},
        )


def _hook_id(ref: str) -> str:
    if not (ref.isascii() and ref.isdigit() and len(ref) < 20):
        raise Rejected(f"{ref[:40]!r} is no webhook's id.", code="webhook_gone")
    return ref
