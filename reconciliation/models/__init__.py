"""Tables of reconciliation: causes and cases, replays."""

from reconciliation.models.case import Case, CaseEvent, Cause
from reconciliation.models.replay import ReplayItem, ReplayRun

__all__ = ["Case", "CaseEvent", "Cause", "ReplayItem", "ReplayRun"]
