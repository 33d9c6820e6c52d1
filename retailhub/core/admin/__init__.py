"""The one door to the admin's looks: everything that the apps' admin modules use comes from here.

django-unfold is imported in this package and in `retailhub.console` only, so that another look is one change.
"""

from __future__ import annotations

from retailhub.core.admin.acts import Act, Doing, ReasonForm, Refused
from retailhub.core.admin.base import EditableAdmin, ModelAdmin
from retailhub.core.admin.lists import choice_filter, display
from retailhub.core.admin.parts import Cell, Fact, Moment, Panel, subject_cell, table, text
from retailhub.core.admin.site import Site

__all__ = [
    "Act",
    "Cell",
    "Doing",
    "EditableAdmin",
    "Fact",
    "ModelAdmin",
    "Moment",
    "Panel",
    "ReasonForm",
    "Refused",
    "Site",
    "choice_filter",
    "display",
    "subject_cell",
    "table",
    "text",
]
