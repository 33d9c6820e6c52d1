from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retailhub.core.json_places import NotJson, parts, places, pointer
from tests.support import recordings

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def flat(value: Any, path: tuple[str | int, ...] = ()) -> dict[str, Any]:
    found = {pointer(path): value}
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in inner:
        found |= flat(member, (*path, name))
    return found


@settings(suppress_health_check=[HealthCheck.too_slow])  # so is a machine that has more to do
@given(VALUES, st.sampled_from((None, 1, "\t")), st.booleans())
def test_every_value_is_found_at_its_bytes(value: Any, indent: Any, ascii_only: bool) -> None:  # noqa: FBT001
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found = {name: json.loads(body[each.offset : each.end]) for name, each in places(body).items()}
    assert found == flat(json.loads(body))


def test_every_value_of_every_recorded_order_is_found_at_its_bytes() -> None:
    for recorded in recordings.order_bodies():
        found = {
            name: msgspec.json.decode(recorded.body[p.offset : p.end]) for name, p in places(recorded.body).items()
        }
        assert found == flat(msgspec.json.decode(recorded.body)), recorded.source


def test_of_members_of_one_name_the_last_is_told_as_readers_take_it() -> None:
    body = b'{"a": 1, "a": {"b": [22]}}'
    place = places(body)["/a/b/0"]
    assert (body[place.offset : place.end], place.path) == (b"22", ("a", "b", 0))


@pytest.mark.parametrize("body", [b"", b"{", b"[1,]", b'{"a" 1}', b"[1 2]", b'{"a":1} x', b'"open', b"{]"])
def test_what_is_no_json_has_no_places(body: bytes) -> None:
    with pytest.raises(NotJson):
        places(body)


def test_a_text_nested_thousands_deep_is_walked() -> None:
    deep = 2_000
    assert len(places(b"[" * deep + b"]" * deep)) == deep


def test_names_with_slashes_and_tildes_come_back_from_a_pointer() -> None:
    assert parts(pointer(("a/b", "~1", 3))) == ["a/b", "~1", "3"]
