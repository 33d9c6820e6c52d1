"""Order bodies for tests: a recorded one with other ids, statuses and times."""

from __future__ import annotations

import copy
import datetime as dt
import json
from typing import Any

from tests.support import recordings

PAID = "024-"
"""A recorded delivery of a small, paid, posted-at-once order."""
BEGAN = dt.datetime(2026, 11, 23, 6, 0, tzinfo=dt.UTC)


def order_body(
    order_id: int,
    *,
    status: str = "processing",
    seconds: int = 0,
    sku: str | None = None,
    note: str = "",
    email: str | None = None,
    created: dt.datetime | None = None,
) -> bytes:
    """One body; ``seconds`` after the beginning is its ``date_modified_gmt``."""
    body: dict[str, Any] = copy.deepcopy(json.loads(recordings.delivery(PAID).body))
    moment = (BEGAN + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    body |= {"id": order_id, "number": str(order_id), "status": status, "date_modified_gmt": moment}
    body["customer_note"] = note
    if email is not None:
        body["customer_id"] = 0
        body["billing"]["email"] = email
    if created is not None:
        body["date_created_gmt"] = created.strftime("%Y-%m-%dT%H:%M:%S")
    if sku is not None:
        for line in body["line_items"]:
            line["sku"] = sku
    return json.dumps(body, separators=(",", ":")).encode()


def skus() -> set[str]:
    """The SKUs of the recorded order."""
    return {line["sku"] for line in json.loads(recordings.delivery(PAID).body)["line_items"]}
