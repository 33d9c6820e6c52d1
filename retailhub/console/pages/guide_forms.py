"""The forms of the first-run guide, made of what a connector declares of its settings and credentials."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
from django import forms
from django.forms import BoundField

from integrations import setups
from integrations.ports.errors import Misconfigured
from integrations.setups import Kind
from integrations.states import Mode

NAME = r"[a-z0-9][a-z0-9_-]{0,39}"
SECRET_BYTES = 32
SET = "Set. Leave this empty to keep it."
FIXED = frozenset({"store_code"})
"""Part of what other systems know us by, so it stays once a connection has worked."""


class PairsField(forms.CharField):
    """``name = value``, one a line; a mapping of text, or of numbers where ``number`` says so."""

    widget = forms.Textarea

    def __init__(self, *, number: bool, **more: Any) -> None:
        super().__init__(**more)
        self.number = number

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{name} = {each}" for name, each in value.items()) if isinstance(value, Mapping) else value

    def clean(self, value: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for line in filter(None, map(str.strip, super().clean(value).splitlines())):
            name, sign, text = (part.strip() for part in line.rpartition("="))
            if not sign or not name or not text or (self.number and not text.isdecimal()):
                raise forms.ValidationError(f"Write each line as name = {'number' if self.number else 'value'}.")
            found[name] = int(text) if self.number else text
        return found


class LinesField(forms.CharField):
    """Texts, one a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[str]:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]


FIELDS: Mapping[Any, Callable[..., forms.Field]] = {
    str: forms.CharField,
    int: forms.IntegerField,
    float: forms.FloatField,
    Decimal: forms.DecimalField,
    bool: forms.BooleanField,
    tuple: LinesField,
}


@dataclass(frozen=True)
class _Told:
    """What a struct says of one of its fields."""

    name: str
    type: Any
    meta: msgspec.Meta
    is_required: bool
    default: Any

    @property
    def extra(self) -> Mapping[str, Any]:
        return self.meta.extra or {}


def _told(struct: type[msgspec.Struct]) -> Iterator[_Told]:
    for field in msgspec.structs.fields(struct):
        kind, meta = field.type, msgspec.Meta(title=field.name)
        if typing.get_origin(kind) is typing.Annotated:
            kind, meta = typing.get_args(kind)[0], typing.get_args(kind)[1]
        default = field.default_factory() if callable(field.default_factory) else field.default
        yield _Told(field.name, kind, meta, field.required, default)


def _field(told: _Told) -> forms.Field:
    kind = told.type
    is_optional = isinstance(kind, types.UnionType)
    if is_optional:
        kind = next(part for part in typing.get_args(kind) if part is not type(None))
    origin = typing.get_origin(kind)
    more: dict[str, Any] = {
        "label": told.meta.title,
        "help_text": told.meta.description or "",
        "required": not (is_optional or kind is bool or origin in {dict, tuple}),
        "initial": None if told.is_required else told.default,
    }
    if origin is typing.Literal:
        return forms.ChoiceField(choices=[(value, value) for value in typing.get_args(kind)], **more)
    if origin is dict:
        return PairsField(number=typing.get_args(kind)[1] is int, **more)
    return FIELDS[origin or kind](**more)


class ConnectForm(forms.Form):
    """One kind's settings and credentials: for a new connection, or for one that there is, with a reason."""

    connection_name = forms.RegexField(
        regex=f"^{NAME}$",
        label="Name",
        help_text="Ours for it, such as eu or erp: small letters, digits, - and _. It cannot change later.",
        error_messages={"invalid": "Up to 40 small letters, digits, dashes and underscores, such as eu."},
    )

    def __init__(self, data: Any = None, *, kind: Kind, row: Any, troubles: Mapping[str, str]) -> None:
        super().__init__(data)
        self.kind, self.row, self.troubles = kind, row, troubles
        self._settings = list(_told(kind.settings))
        self._credentials = [told for told in _told(kind.credentials) if not told.extra.get("made")]
        self.fields |= {told.name: _field(told) for told in self._settings}
        self.fields |= {told.name: _field(told) for told in self._credentials}
        if row is not None:
            self._take_from(row)
        for told in self._credentials:
            self._hide(told)
        for name, field in self.fields.items():
            self._dress(name, field)

    def _take_from(self, row: Any) -> None:
        del self.fields["connection_name"]
        for name, value in row.settings.items():
            self.fields[name].initial = value
        for name in FIXED & set(self.fields):
            self.fields[name].disabled = row.mode != Mode.OFF.value
        for told in self._credentials:
            self.fields[told.name].required = False
        self.fields["reason"] = forms.CharField(
            min_length=3, max_length=500, label="Reason", help_text="Kept in the audit with your name."
        )

    def _hide(self, told: _Told) -> None:
        """A secret is typed unseen and never shown again; what is no secret is shown as it is."""
        field = self.fields[told.name]
        if not told.extra.get("plain"):
            field.widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
            if self.row is not None:
                field.help_text = f"{field.help_text} {SET}".strip()
        elif self.row is not None:
            field.initial = self.row.credentials.get(told.name)

    def _dress(self, name: str, field: forms.Field) -> None:
        attrs = field.widget.attrs
        if not isinstance(field.widget, forms.CheckboxInput):
            attrs["class"] = "rh-input"
        if isinstance(field.widget, forms.Textarea):
            attrs["rows"] = 3
        attrs |= {"spellcheck": "false", "autocapitalize": "none"}
        if field.help_text:
            attrs["aria-describedby"] = f"help_{name}"

    @property
    def first(self) -> list[tuple[BoundField, str]]:
        """What must be said, each with what the last test found at it."""
        return [part for part in self._parts(more=False) if part[0].name != "reason"]

    @property
    def last(self) -> list[tuple[BoundField, str]]:
        """Why something that there is already is changed."""
        return [(self["reason"], "")] if "reason" in self.fields else []

    @property
    def more(self) -> list[tuple[BoundField, str]]:
        """What has a sensible value already."""
        return self._parts(more=True)

    @property
    def is_more_open(self) -> bool:
        """Whether something that has a sensible value needs a look."""
        return any(field.errors or trouble for field, trouble in self.more)

    def _parts(self, *, more: bool) -> list[tuple[BoundField, str]]:
        optional = {told.name for told in self._settings if not told.is_required}
        return [(self[name], self.troubles.get(name, "")) for name in self.fields if (name in optional) is more]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        name = values.get("connection_name")
        if name and setups.is_taken(name):
            self.add_error("connection_name", f"There is a connection named {name} already.")
        if not self.errors:
            self._parse(self.kind.parse_settings, {**self._kept_settings(), **self.settings()})
        if not self.errors:
            self._parse(self.kind.parse_credentials, {**self._kept_credentials(), **self.credentials()})
        return values

    def _parse(self, parse: Callable[[Mapping[str, Any]], Any], values: Mapping[str, Any]) -> None:
        try:
            parse(values)
        except Misconfigured as error:
            words = [error.evidence.get("field", ""), *re.split(r"\W+", error.detail)]
            self.add_error(next((word for word in words if word in self.fields), None), error.detail)

    def _kept_settings(self) -> dict[str, Any]:
        return dict(self.row.settings) if self.row is not None else {}

    def _kept_credentials(self) -> dict[str, Any]:
        return dict(typing.cast(Mapping[str, Any], self.row.credentials)) if self.row is not None else {}

    def settings(self) -> dict[str, Any]:
        """The settings as they are kept: those that are not as declared, and those that were said before."""
        kept, found = self._kept_settings(), {}
        for told in self._settings:
            value = self.cleaned_data.get(told.name)
            value = None if value == "" else value
            is_default = not told.is_required and value == msgspec.to_builtins(told.default)
            if isinstance(told.default, Decimal):
                is_default = value == told.default
            if told.name in kept or not is_default:
                found[told.name] = str(value) if isinstance(value, Decimal) else value
        return found

    def credentials(self) -> dict[str, Any]:
        """The credentials that were typed, and for a new connection those that RetailHub makes itself."""
        names = [told.name for told in self._credentials]
        typed = {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name)}
        if self.row is not None:
            return typed
        made = [told.name for told in _told(self.kind.credentials) if told.extra.get("made")]
        if not hasattr(self, "_made"):
            self._made = {name: [secrets.token_urlsafe(SECRET_BYTES)] for name in made}
        return {**typed, **self._made}


class RouteForm(forms.Form):
    """Who sells, where, in which currency."""

    entity = forms.RegexField(
        regex=r"^[a-z0-9][a-z0-9-]{0,19}$",
        label="Code of the company",
        help_text="Short and yours, such as acme-de: small letters, digits and dashes.",
    )
    entity_name = forms.CharField(max_length=200, label="Name of the company", help_text="As its invoices say it.")
    currency = forms.RegexField(
        regex=r"^[A-Za-z]{3}$", label="Currency of its books", help_text="Three letters, such as EUR."
    )
    region = forms.RegexField(
        regex=r"^[a-z0-9][a-z0-9-]{0,19}$",
        label="Code of the region",
        help_text="A market of that company, such as everywhere or dach.",
        initial="everywhere",
    )
    countries = forms.CharField(
        required=False,
        label="Countries",
        help_text="Two letters each, with commas: DE, AT, CH. Empty: all that no other route names.",
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        _dress_all(self)

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean_countries(self) -> list[str]:
        codes = [code.strip().upper() for code in self.cleaned_data["countries"].split(",") if code.strip()]
        wrong = [code for code in codes if re.fullmatch("[A-Z]{2}", code) is None]
        if wrong:
            raise forms.ValidationError(f"{wrong[0]} is no country code: two letters, such as DE.")
        return codes


class ModeForm(forms.Form):
    """A mode for the store and its ERP, with a reason; for shadow also from when on orders are posted later."""

    SINCE: Sequence[tuple[str, str]] = (
        ("now", "From now on: only orders that customers place from this moment on"),
        ("date", "From the moment below on"),
    )
    since = forms.ChoiceField(choices=SINCE, initial="now", widget=forms.RadioSelect, label="Which orders")
    live_from = forms.DateTimeField(
        required=False,
        label="Moment (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}),
        help_text="Orders that were placed earlier are kept for reference and never posted.",
    )
    reason = forms.CharField(
        min_length=3, max_length=500, label="Reason", help_text="Kept in the audit with your name."
    )

    def __init__(self, *args: Any, asks_moment: bool, kept: dt.datetime | None, **more: Any) -> None:
        super().__init__(*args, **more)
        self.kept = kept
        if not asks_moment:
            del self.fields["since"], self.fields["live_from"]
        elif kept is not None:
            choices = [("kept", f"As set: from {kept:%Y-%m-%d %H:%M:%S} UTC on"), *self.SINCE]
            self.fields["since"] = forms.ChoiceField(
                choices=choices, initial="kept", widget=forms.RadioSelect, label="Which orders"
            )
        _dress_all(self)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("since") == "date" and not values.get("live_from") and "live_from" not in self.errors:
            self.add_error("live_from", "Say from which moment on.")
        return values

    def moment(self, now: dt.datetime) -> dt.datetime | None:
        """From when on orders are posted; ``None`` keeps what is set."""
        found: dt.datetime | None = self.cleaned_data.get("live_from")
        # stores tell of whole seconds: what is placed within this one counts
        return {"now": now.replace(microsecond=0), "date": found}.get(self.cleaned_data.get("since", ""))


def _dress_all(form: forms.Form) -> None:
    for name, field in form.fields.items():
        if not isinstance(field.widget, forms.RadioSelect):
            field.widget.attrs["class"] = "rh-input"
        if field.help_text:
            field.widget.attrs["aria-describedby"] = f"help_{name}"
