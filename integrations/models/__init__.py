"""Tables of the pipes: connections and their tests, organisation, messages, references."""

from integrations.models.connection import Connection, ConnectionState
from integrations.models.doctor import ConnectionTest
from integrations.models.doubts import OrderDoubt, StorePlace
from integrations.models.edits import MessageEdit
from integrations.models.identity import ExternalReference
from integrations.models.messages import (
    Attempt,
    ExchangeRecord,
    Heartbeat,
    InboxBody,
    InboxMessage,
    OutboxBody,
    OutboxMessage,
    ScheduleSlot,
)
from integrations.models.organisation import LegalEntity, Region, SalesRoute
from integrations.models.polls import Poll
from integrations.models.webhooks import WebhookCare, WebhookHole

__all__ = [
    "Attempt",
    "Connection",
    "ConnectionState",
    "ConnectionTest",
    "ExchangeRecord",
    "ExternalReference",
    "Heartbeat",
    "InboxBody",
    "InboxMessage",
    "LegalEntity",
    "MessageEdit",
    "OrderDoubt",
    "OutboxBody",
    "OutboxMessage",
    "Poll",
    "Region",
    "SalesRoute",
    "ScheduleSlot",
    "StorePlace",
    "WebhookCare",
    "WebhookHole",
]
