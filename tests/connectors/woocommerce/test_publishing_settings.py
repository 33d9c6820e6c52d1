"""What may be set about writing back to a store."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.connectors.woocommerce.config import parse_settings
from integrations.ports.errors import Misconfigured
from integrations.ports.stores import Moment

USUAL = {"base_url": "https://shop.example.com", "store_code": "eu"}


def test_a_store_is_told_nothing_by_itself_unless_it_is_set() -> None:
    settings = parse_settings(USUAL)
    assert (settings.status_map, settings.note_when_posted) == ({}, False)
    assert (settings.tracking_number_meta, settings.tracking_carrier_meta) == (
        "_tracking_number",
        "_tracking_provider",
    )


def test_a_map_gives_moments_statuses() -> None:
    settings = parse_settings({**USUAL, "status_map": {"paid": "processing", "shipped": "completed"}})
    assert settings.status_map == {Moment.PAID: "processing", Moment.SHIPPED: "completed"}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"status_map": {"packed": "packing"}}, "status_map"),
        ({"status_map": {"shipped": "wc-completed"}}, "status_map"),
        ({"status_map": {"shipped": "Completed"}}, "status_map"),
        ({"status_map": {"shipped": "refunded"}}, "status_map"),
        ({"status_map": {"shipped": "trash"}}, "status_map"),
        ({"status_map": {"shipped": "cancelled"}}, "status_map"),
        ({"status_map": "shipped=completed"}, "status_map"),
        ({"tracking_url_meta": " "}, "tracking_url_meta"),
        ({"tracking_number_meta": "_tracking_provider"}, "tracking_number_meta"),
        ({"note_when_posted": "yes"}, "note_when_posted"),
    ],
)
def test_what_a_store_would_misunderstand_is_refused_by_name(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_settings({**USUAL, **changed})
    assert named in caught.value.detail
