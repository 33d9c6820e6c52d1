"""Pages of lists: numbers, counts and the Link header, which repeats the signed parameters of the call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from retailhub.sandbox.store.php import Params, write_query

PAGE: dict[str, dict[str, Any]] = {
    "page": {"type": "integer", "minimum": 1, "default": 1},
    "per_page": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
    "offset": {"type": "integer"},
    "context": {"type": "string", "enum": ("view", "edit")},
}


class Page(msgspec.Struct, frozen=True):
    """Which rows, and how many there are in all."""

    number: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        return -(-self.total // self.size)


def limits(read: Mapping[str, Any]) -> tuple[int, int]:
    """LIMIT and OFFSET of the page asked for."""
    size, number = read["per_page"], read["page"]
    return size, read.get("offset", (number - 1) * size)


def headers(page: Page, *, address: str, params: Params) -> dict[str, str]:
    """X-WP-Total, X-WP-TotalPages and Link as the store sends them."""
    links = []
    for name, number, there in (
        ("prev", min(page.number - 1, page.pages), page.number > 1),
        ("next", page.number + 1, page.number < page.pages),
    ):
        if there:
            query = write_query({**{k: v for k, v in params.items() if k != "page"}, "page": number})
            if "page" in params:
                query = write_query({**params, "page": number})
            links.append(f'<{address}?{query}>; rel="{name}"')
    found = {"X-WP-Total": str(page.total), "X-WP-TotalPages": str(page.pages)}
    if links:
        found["Link"] = ", ".join(links)
    return found
