"""Tables of reconciliation: causes and cases, their totals, what people do about them, replays."""

from reconciliation.models.case import Case, CaseEvent, Cause
from reconciliation.models.replay import ReplayItem, ReplayRun
from reconciliation.models.totals import CauseDelta, CauseMoney, CauseNow, CauseSum
from reconciliation.models.work import BulkWork, CaseWork, CauseEvent, CauseWork, FirstView, SavedView

__all__ = [
    "BulkWork",
    "Case",
    "CaseEvent",
    "CaseWork",
    "Cause",
    "CauseDelta",
    "CauseEvent",
    "CauseMoney",
    "CauseNow",
    "CauseSum",
    "CauseWork",
    "FirstView",
    "ReplayItem",
    "ReplayRun",
    "SavedView",
]
