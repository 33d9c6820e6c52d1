"""Admin pages of reconciliation: what needs a person."""

from reconciliation.admin import cases, causes, replay_items, replays

__all__ = ["cases", "causes", "replay_items", "replays"]
