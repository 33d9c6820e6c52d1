"""What a store itself said of an order, by our names for the values: the bytes behind a version."""

from __future__ import annotations

from collections.abc import Mapping

from integrations import inbox, selectors
from integrations.connectors.registry import kind_named


def outline_of(*, message_id: int, order_ref: str, read_back: bool) -> Mapping[str, str] | None:
    """Values as they came with a message, or with the read that it led to; ``None`` where the bytes are not kept."""
    row = selectors.delivery_named(message_id)
    if row is None:
        return None
    outline = kind_named(row.connection.kind).outline
    if not read_back:
        kept = inbox.fetch_body(message_id)
        return outline(kept[1]) if kept else None
    if row.fence is None:
        return None
    calls = selectors.calls_under(fences=[row.fence], names=[order_ref], since=row.received_at, bodies=True)
    answers = [outline(call.received) for call in calls if call.status == 200]
    return next((found for found in reversed(answers) if found is not None), None)
