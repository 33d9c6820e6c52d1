"""A piece of a stored body around one value, as text; personal values in it masked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from retailhub.core import privacy
from retailhub.core.json_places import Place, places

AROUND = 80
"""Bytes shown on each side."""
LONGEST = 400
"""Bytes of a value that are shown."""


@dataclass(frozen=True)
class Window:
    """What stands before, at and after a value."""

    before: str
    value: str
    after: str


def window(body: bytes, place: Place, *, base: Place, unmasked: bool) -> Window:
    """The text around a place; ``base`` is where the order stands in the body: only it is looked into."""
    first, last = max(place.offset - AROUND, base.offset), min(place.end + AROUND, base.end)
    end = min(place.end, place.offset + LONGEST)
    hidden = [] if unmasked else list(_personal(body, base))

    def text(start: int, stop: int) -> str:
        return _masked(body, start, stop, hidden, unmasked=unmasked)

    value = text(place.offset, end) + ("…" if end < place.end else "")
    return Window(text(first, place.offset), value, text(place.end, last))


def _personal(body: bytes, base: Place) -> Iterator[tuple[int, int]]:
    """The spans of personal values, without the quotes of texts."""
    for place in places(body[base.offset : base.end]).values():
        start, end = place.offset + base.offset, place.end + base.offset
        first = body[start : start + 1]
        if first in (b"{", b"[") or not privacy.is_personal(place.path):
            continue
        quoted = first == b'"'
        if end - start > 2 * quoted:
            yield (start + quoted, end - quoted)


def _masked(body: bytes, start: int, stop: int, hidden: list[tuple[int, int]], *, unmasked: bool) -> str:
    parts, at = [], start
    for begin, end in sorted(hidden):
        if end <= at or begin >= stop:
            continue
        parts += [body[at : max(begin, at)].decode("utf-8", "replace"), privacy.HIDDEN]
        at = min(end, stop)
    parts.append(body[at:stop].decode("utf-8", "replace"))
    text = "".join(parts)
    return text if unmasked else privacy.mask_text(text)
