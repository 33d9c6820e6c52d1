"""State machines as tables of allowed moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class MoveNotAllowed(ValueError):
    """A state may not follow another."""


@dataclass(frozen=True)
class Machine:
    """One axis of state: its name, where it starts, and for each state the states that may follow."""

    name: str
    initial: str
    moves: Mapping[str, frozenset[str]]

    def check(self, before: str, after: str) -> None:
        """Raise `MoveNotAllowed` unless ``after`` may follow ``before``; staying is always allowed."""
        if before != after and after not in self.moves[before]:
            raise MoveNotAllowed(f"{self.name}: {after} may not follow {before}")

    def allows(self, before: str, after: str) -> bool:
        return before == after or after in self.moves[before]

    def diagram(self) -> str:
        """The machine as a Mermaid state diagram."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial}"]
        for before in self.moves:
            lines += [f"    {before} --> {after}" for after in sorted(self.moves[before])]
        return "\n".join(lines) + "\n"
