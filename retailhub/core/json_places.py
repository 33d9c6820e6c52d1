"""Where each value of a JSON text stands, in bytes. Exact: nothing is decoded and encoded again.

A place is a JSON pointer (RFC 6901), the offset of the value's first byte and its length in bytes. The text must be
JSON that was read before; anything else raises `NotJson`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

Path = tuple[str | int, ...]
_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_SCALAR = re.compile(_STRING + rb"|-?[0-9][0-9eE.+-]*|true|false|null", re.DOTALL)
_KEY = re.compile(_STRING, re.DOTALL)


class NotJson(ValueError):
    """The bytes are no JSON text."""


@dataclass(frozen=True)
class Place:
    """One value: its path, the offset of its first byte, and its length."""

    path: Path
    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length


def pointer(path: Sequence[str | int]) -> str:
    """``("line_items", 0, "total")`` → ``/line_items/0/total``."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def parts(text: str) -> list[str]:
    """The parts of a JSON pointer; numbers stay text."""
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def places(body: bytes) -> dict[str, Place]:
    """Every value of the text by its pointer, containers too; of members of one name the last, as readers take it."""
    found: dict[str, Place] = {}
    end = _space(body, 0)
    for place in _value(body, end, ()):
        found[pointer(place.path)] = place
        end = max(end, place.end)
    if _space(body, end) != len(body):
        raise NotJson(f"something follows the value at byte {end}")
    return found


def _value(body: bytes, at: int, path: Path) -> Iterator[Place]:
    """The places within the value at ``at``, its own last. Walks with a stack: deep texts are no trouble."""
    stack: list[tuple[Path, int, int, bool]] = []  # path, offset, members so far, whether it is an object
    while True:
        if body[at : at + 1] in (b"{", b"["):
            stack.append((path, at, 0, body[at : at + 1] == b"{"))
            at = _space(body, at + 1)
        else:
            end = _match(_SCALAR, body, at)
            yield Place(path, at, end - at)
            at = _space(body, end)
        while stack and body[at : at + 1] == (b"}" if stack[-1][3] else b"]"):
            own, start, _, _ = stack.pop()
            yield Place(own, start, at + 1 - start)
            at = _space(body, at + 1)
        if not stack:
            return
        own, start, members, is_object = stack.pop()
        stack.append((own, start, members + 1, is_object))
        if members:
            at = _space(body, _expect(body, at, b","))
        path, at = _member(body, at, own) if is_object else ((*own, members), at)


def _member(body: bytes, at: int, own: Path) -> tuple[Path, int]:
    end = _match(_KEY, body, at)
    name = msgspec.json.decode(body[at:end], type=str)
    return (*own, name), _space(body, _expect(body, _space(body, end), b":"))


def _space(body: bytes, at: int) -> int:
    found = _SPACE.match(body, at)
    return found.end() if found else at


def _match(pattern: re.Pattern[bytes], body: bytes, at: int) -> int:
    found = pattern.match(body, at)
    if found is None:
        raise NotJson(f"no JSON at byte {at}")
    return found.end()


def _expect(body: bytes, at: int, mark: bytes) -> int:
    if body[at : at + 1] != mark:
        raise NotJson(f"{mark.decode()} is missing at byte {at}")
    return at + 1
