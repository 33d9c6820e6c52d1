"""Admin pages of reconciliation: what needs a person."""

from reconciliation.admin import cases, causes, replays

__all__ = ["cases", "causes", "replays"]
