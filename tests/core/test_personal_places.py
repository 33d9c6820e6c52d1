from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retailhub.core import privacy
from tests.support import recordings

NAMES = st.sampled_from(("id", "key", "email", "city", "billing", "meta_data", "customer", "total", "note"))
BODIES = st.recursive(
    st.just("text"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def told(value: Any, path: tuple[str | int, ...] = ()) -> Any:
    """The value with every text replaced by whether its place is personal."""
    if isinstance(value, dict):
        return {name: told(member, (*path, name)) for name, member in value.items()}
    if isinstance(value, list):
        return [told(member, (*path, place)) for place, member in enumerate(value)]
    return value in {None, ""} or privacy.is_personal(path)


def hidden(value: Any, before: Any) -> Any:
    if isinstance(value, dict):
        return {name: hidden(member, before[name]) for name, member in value.items()}
    if isinstance(value, list):
        return [hidden(member, was) for member, was in zip(value, before, strict=True)]
    return before in {None, ""} or value == privacy.HIDDEN


@given(BODIES)
def test_a_place_is_personal_where_a_masked_body_hides_it(body: Any) -> None:
    assert told(body) == hidden(privacy.mask_json(body), body)


@pytest.mark.parametrize("name", ["020-", "100-"])
def test_so_it_is_in_what_stores_send(name: str) -> None:
    body = msgspec.json.decode(recordings.delivery(name).body)
    assert told(body) == hidden(privacy.mask_json(body), body)
    assert privacy.is_personal(("billing", "email"))
    assert not privacy.is_personal(("billing", "country"))
