"""SKU mappings: how a SKU is called elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from integrations import selectors
from inventory.forms import CodeCheckedForm
from inventory.models import SkuMapping
from inventory.services import mappings
from retailhub.core.admin import (
    Act,
    Doing,
    Fact,
    ModelAdmin,
    choice_filter,
    display,
    subject_cell,
    text,
)
from retailhub.core.admin.words import moment


class NewMappingForm(CodeCheckedForm):
    connection = forms.ChoiceField(label="System")
    sku = forms.CharField(label="SKU", max_length=200, strip=False, help_text="Exactly as the shop writes it.")
    item_code = forms.CharField(max_length=200, strip=False, help_text="What the other system calls it.")

    def prepare(self, subject: Any) -> None:
        self.fields["connection"].choices = selectors.sinks()  # type: ignore[attr-defined]


class CodeForm(CodeCheckedForm):
    item_code = forms.CharField(max_length=200, strip=False, help_text="What the other system calls it.")

    def prepare(self, subject: Any) -> None:
        self.fields["item_code"].initial = subject.item_code
        self.connection_id = int(subject.connection_id)

    def connection_of(self, values: dict[str, Any]) -> int:
        return self.connection_id


def _map_new(doing: Doing) -> str:
    values = doing.values
    mappings.map_sku(
        connection_id=int(values["connection"]),
        sku=values["sku"],
        item_code=values["item_code"],
        actor=doing.actor,
        reason=doing.reason,
        now=doing.now,
    )
    return f"{values['sku']} is mapped; orders that wait for it are decided on again."


def _map_again(doing: Doing) -> str:
    row = doing.subject
    mappings.map_sku(
        connection_id=row.connection_id,
        sku=row.sku,
        item_code=doing.values["item_code"],
        actor=doing.actor,
        reason=doing.reason,
        now=doing.now,
    )
    return f"{row.sku} is mapped; orders that wait for it are decided on again."


@admin.register(SkuMapping)
class SkuMappingAdmin(ModelAdmin):
    list_display = ("sku", "item_code", "connection_name", "source", "active", "changed")
    list_filter = (
        choice_filter("source", "source", [source.value for source in SkuMapping.Source]),
        choice_filter("active", "in use", [("True", "yes"), ("False", "no")]),
    )
    search_exact = ("sku", "item_code")
    list_acts = (
        Act(
            name="map",
            label="Map a SKU",
            permission="console.map_sku",
            form=NewMappingForm,
            run=_map_new,
            preview=lambda _row: "Orders that wait for the SKU are decided on again.",
            expected=(ValueError,),
        ),
    )
    acts = (
        Act(
            name="map",
            label="Change item code",
            permission="console.map_sku",
            form=CodeForm,
            run=_map_again,
            preview=lambda row: f"{row.sku} is called {row.item_code} now. Documents already sent stay as they are.",
            expected=(ValueError,),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[SkuMapping]:
        rows: QuerySet[SkuMapping] = super().get_queryset(request)
        return rows.select_related("connection").defer("connection__credentials")

    @display(description="System")
    def connection_name(self, row: SkuMapping) -> str:
        return row.connection.name

    @display(description="Changed")
    def changed(self, row: SkuMapping) -> str:
        return moment(row.changed_at)

    def facts(self, request: HttpRequest, obj: SkuMapping) -> Sequence[Fact]:
        return [
            Fact("SKU", text(obj.sku, mono=True)),
            Fact("Item code", text(obj.item_code, mono=True)),
            Fact("System", subject_cell(f"connection:{obj.connection_id}", obj.connection.name)),
            Fact("Comes from", text("the system's catalogue" if obj.source == "catalogue" else "a person")),
            Fact("In use", text("yes" if obj.active else "no")),
            Fact("Changed", text(moment(obj.changed_at))),
        ]
