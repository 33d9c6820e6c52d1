"""The form in which a document that waits to be sent is edited: fields for what is often wrong, JSON for the rest.

Personal data is not shown in it: a field that stays empty, and a hidden value in the JSON, stay as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
from django import forms

from orders.policies.edits import FIXED
from orders.services import edits
from orders.services.edits import NotEdited
from reconciliation.admin.case_state import state_of
from retailhub.core import privacy
from retailhub.core.admin import ReasonForm
from retailhub.core.admin.words import pretty

PERSON = (
    ("customer.name", "Customer: name"),
    ("customer.email", "Customer: e-mail"),
    ("customer.phone", "Customer: phone"),
    ("customer.tax_number", "Customer: tax number"),
    *(
        (f"{place}.{field}", f"{label}: {words}")
        for place, label in (("billing", "Bill to"), ("shipping", "Ship to"))
        for field, words in (
            ("first_name", "first name"),
            ("last_name", "last name"),
            ("company", "company"),
            ("street_1", "street"),
            ("street_2", "street, second line"),
            ("postcode", "postcode"),
            ("city", "city"),
            ("country", "country, two letters"),
        )
    ),
    ("note", "Note of the customer"),
)
"""Empty on the form, because they are personal: what is typed takes their place."""
PLAIN = (
    ("number", "Number in the shop"),
    ("placed_on", "Placed on"),
    ("payment_method", "Payment method"),
    ("payment_ref", "Payment reference"),
    ("text", "Text of the note"),
    ("carrier", "Carrier"),
    ("url", "Tracking address"),
)
LINES = 20
KEPT = "Empty: stays as it is (not shown, because it is personal)."


class EditForm(ReasonForm):
    """Fields by path, ``__`` for dots. ``values["wanted"]`` is the whole document as it is to be."""

    def prepare(self, subject: Any) -> None:
        self.before: dict[str, Any] = {}
        state = state_of(subject)
        if not state.can_edit:
            return
        _row, self.before = edits.present(state.message.pk)
        for path, label, hidden in _fields(self.before):
            known = _get(self.before, path)
            initial = "" if hidden else str(known or "")
            self.fields[path.replace(".", "__")] = forms.CharField(
                label=label, required=False, initial=initial, strip=False, max_length=2000,
                help_text=KEPT if hidden else "",
            )  # fmt: skip
        rest = {name: value for name, value in privacy.mask_json(self.before).items() if name not in FIXED}
        self.fields["everything"] = forms.CharField(
            label="Everything, as JSON",
            required=False,
            initial=pretty(rest),
            widget=forms.Textarea({"rows": 12}),
            help_text=f"For what has no field above. {privacy.HIDDEN} stays as it is.",
        )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        try:
            wanted = self._wanted(values)
        except (msgspec.DecodeError, RecursionError):
            self.add_error("everything", "This is not JSON any more: a comma, a bracket or a quote is missing.")
            return values
        except NotEdited as error:
            self.add_error("everything", error.detail)
            return values
        return {**values, "wanted": wanted}

    def _wanted(self, values: dict[str, Any]) -> dict[str, Any]:
        wanted = copy.deepcopy(self.before)
        if values.get("everything", "").strip():
            told = msgspec.json.decode(values["everything"])
            if not isinstance(told, dict):
                raise NotEdited("The JSON must be the document: it begins with a curly bracket.")
            kept = {name: value for name, value in wanted.items() if name in FIXED}
            wanted = {**restored(told, self.before), **kept}
        for path, _label, hidden in _fields(self.before):
            given = values.get(path.replace(".", "__"), "")
            if given != ("" if hidden else str(_get(self.before, path) or "")):
                _set(wanted, path, given)
        return wanted


def restored(told: Any, before: Any) -> Any:
    """JSON that came back from a person, with what was hidden from them as it was before."""
    if told == privacy.HIDDEN or (
        isinstance(told, str) and privacy.HIDDEN in told and told == privacy.mask_json(before)
    ):
        return before
    if isinstance(told, dict) and isinstance(before, dict):
        return {name: restored(value, before.get(name)) for name, value in told.items()}
    if isinstance(told, list) and isinstance(before, list):
        return [restored(value, before[at] if at < len(before) else None) for at, value in enumerate(told)]
    return told


def _fields(document: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Path, label and whether it is personal, of the fields that this document has."""
    for path, label in PLAIN:
        if path in document:
            yield path, label, path == "text"
    for at, line in enumerate(document.get("lines", [])[:LINES]):
        name = str(line.get("name", ""))[:60]
        if line.get("kind") == "goods":
            yield f"lines.{at}.item_code", f"Line {at + 1}, {name}: item", False
            yield f"lines.{at}.quantity", f"Line {at + 1}, {name}: quantity", False
    for path, label in PERSON:
        if path.split(".")[0] in document:
            yield path, label, True


def _get(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = document[int(part)] if isinstance(document, list) else document.get(part)
        if document is None:
            return None
    return document


def _set(document: Any, path: str, value: str) -> None:
    *way, last = path.split(".")
    for part in way:
        document = document[int(part)] if isinstance(document, list) else document[part]
    document[last] = value
