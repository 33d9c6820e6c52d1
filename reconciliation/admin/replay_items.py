"""The items of a replay, a page at a time, each with what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from reconciliation.models import ReplayItem
from retailhub.core import privacy
from retailhub.core.admin import Fact, ModelAdmin, choice_filter, display, subject_cell, text
from retailhub.core.admin.words import moment, money, words

TONES = {"done": "good", "surprise": "bad", "skipped": "quiet", "under_way": "warn"}
ITEM_LABELS = {"done": "success", "surprise": "danger", "skipped": "warning", "under way": "info"}


@admin.register(ReplayItem)
class ReplayItemAdmin(ModelAdmin):
    """All items of one replay, a page at a time."""

    list_display = ("about", "amount_text", "state_label", "told", "there_as")
    list_filter = (choice_filter("state", "state", [state.value for state in ReplayItem.State]),)
    search_exact = ("subject",)
    ordering = ("run_id", "position")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "run__id__exact" or bool(super().lookup_allowed(lookup, value, request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReplayItem]:
        rows: QuerySet[ReplayItem] = super().get_queryset(request)
        return rows.defer("edit")

    def enrich(self, rows: list[Any]) -> None:
        names = self.admin_site.names([row.subject for row in rows])
        for row in rows:
            row.about_name = names.get(row.subject, row.subject.partition(":")[2])

    @display(description="About", ordering="position")
    def about(self, item: Any) -> str:
        return str(item.about_name)

    @display(description="Amount")
    def amount_text(self, item: ReplayItem) -> str:
        return money(item.amount, item.currency) or "–"

    @display(description="State", label=ITEM_LABELS)
    def state_label(self, item: ReplayItem) -> str:
        return words(item.state)

    @display(description="What came of it")
    def told(self, item: ReplayItem) -> str:
        return privacy.mask_text(item.result) or "–"

    @display(description="There as")
    def there_as(self, item: ReplayItem) -> str:
        return item.effect or "–"

    def title_of(self, obj: ReplayItem) -> str:
        return self.admin_site.names([obj.subject]).get(obj.subject, obj.subject.partition(":")[2])

    def facts(self, request: HttpRequest, obj: ReplayItem) -> Sequence[Fact]:
        return [
            Fact("About", subject_cell(obj.subject)),
            Fact("Replay", subject_cell(f"replay:{obj.run.public_id}")),
            Fact("State", text(words(obj.state), tone=TONES.get(obj.state, ""))),
            Fact("What came of it", text(privacy.mask_text(obj.result) or "–")),
            Fact("There as", text(obj.effect or "–", mono=bool(obj.effect))),
            Fact("Amount", text(money(obj.amount, obj.currency) or "–")),
            Fact("Began", text(moment(obj.started_at) if obj.started_at else "–")),
            Fact("Ended", text(moment(obj.finished_at) if obj.finished_at else "–")),
        ]
