"""What pages that map SKUs have in common."""

from __future__ import annotations

from typing import Any

from django import forms

from inventory.selectors import in_catalogue
from retailhub.core.admin import ReasonForm


class CodeCheckedForm(ReasonForm):
    """Asks again when the item code is none of the system's catalogue."""

    field_order = ("connection", "sku", "item_code", "sure", "reason")

    sure = forms.BooleanField(
        required=False,
        label="It is right",
        help_text="Needed only for an item code that the system's catalogue, as last read, does not have.",
    )

    def connection_of(self, values: dict[str, Any]) -> int:
        """The system whose catalogue is asked."""
        return int(values["connection"])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        code = str(values.get("item_code", ""))
        if self.errors or not code.strip() or values.get("sure"):
            return values
        if not in_catalogue(connection_id=self.connection_of(values), code=code):
            self.add_error("item_code", f"The system's catalogue has no item {code}. If it is right, tick so below.")
        return values
