"""The pages about webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retailhub.sandbox.store import webhooks
from retailhub.sandbox.store.calls import Answer, Call, Doc, batch, listing, shown
from retailhub.sandbox.store.rest import Route

_BODY: dict[str, dict[str, Any]] = {
    "name": {"type": "string"},
    "status": {"type": "string", "enum": webhooks.STATUSES},
    "topic": {"type": "string"},
    "secret": {"type": "string"},
    "delivery_url": {"type": "string"},
}


def read(call: Call, webhook_id: int) -> Answer:
    return shown(call, webhooks.shown(call.store, webhooks.find(call.store, webhook_id)))


def read_list(call: Call) -> Answer:
    return listing(call, *webhooks.list_webhooks(call.store, call.params))


def create(call: Call) -> Answer:
    webhook_id = webhooks.create(call.store, call.posted)
    row = webhooks.find(call.store, webhook_id)
    return shown(call, webhooks.shown(call.store, row, fresh=True), status=201, location=f"webhooks/{webhook_id}")


def update(call: Call, webhook_id: int) -> Answer:
    webhooks.update(call.store, webhook_id, call.posted)
    return read(call, webhook_id)


def delete(call: Call, webhook_id: int) -> Answer:
    return shown(call, webhooks.delete(call.store, webhook_id, force=call.force))


def many(call: Call) -> Answer:
    store = call.store

    def create_one(posted: Mapping[str, Any]) -> Doc:
        return webhooks.shown(store, webhooks.find(store, webhooks.create(store, posted)), fresh=True)

    def update_one(webhook_id: int, posted: Mapping[str, Any]) -> Doc:
        webhooks.update(store, webhook_id, posted)
        return webhooks.shown(store, webhooks.find(store, webhook_id))

    def delete_one(webhook_id: int) -> Doc:
        return webhooks.delete(store, webhook_id, force=True)

    return batch(call, create=create_one, update=update_one, delete=delete_one)


ROUTES: list[Route] = [
    Route(
        pattern="webhooks",
        pages={"GET": read_list, "POST": create},
        body=_BODY,
        required=("topic", "delivery_url"),
    ),
    Route(pattern="webhooks/batch", pages={"POST": many, "PUT": many}),
    Route(pattern="webhooks/{id}", pages={"GET": read, "PUT": update, "DELETE": delete}, body=_BODY),
]
