"""Tables of reconciliation: causes and cases."""

from reconciliation.models.case import Case, CaseEvent, Cause

__all__ = ["Case", "CaseEvent", "Cause"]
