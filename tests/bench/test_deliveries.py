"""What load is made of are deliveries like any other."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections import Counter

from integrations.connectors.woocommerce.mapping import order_from_body
from retailhub.bench.deliveries import DISTINCT, prebuilt

NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
SECRET = "bench-secret"


def test_deliveries_are_signed_of_the_wanted_size_and_each_of_another_order() -> None:
    ready = prebuilt(DISTINCT + 40, secret=SECRET, host="127.0.0.1:1", now=NOON)

    sizes = Counter(len(body) for _, body in ready)
    assert sizes[6144] > DISTINCT * 0.7
    assert min(sizes) == 6144
    assert len({json.loads(body)["id"] for _, body in ready}) == DISTINCT + 40
    for headers, body in ready:
        wanted = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
        assert headers["X-WC-Webhook-Signature"] == wanted
        assert int(headers["Content-Length"]) == len(body)
        assert headers["X-WC-Webhook-Topic"] == "order.updated"


def test_each_can_be_read_as_a_paid_order_of_its_number() -> None:
    for _, body in prebuilt(30, secret=SECRET, host="127.0.0.1:1", now=NOON):
        order = order_from_body(body)
        assert order.order_ref == str(json.loads(body)["id"])
        assert (order.source_status, order.created_at) == ("processing", NOON)
        assert order.total > 0
