"""Which orders may be posted: status × payment method, per store."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from orders.models import EligibilityRule
from orders.services import postings
from retailhub.core.admin import EditableAdmin, choice_filter, display


@admin.register(EligibilityRule)
class EligibilityRuleAdmin(EditableAdmin):
    """The most specific rule wins. Orders that a changed rule is about are decided on again at once."""

    list_display = ("status", "method", "where", "effect")
    list_filter = (choice_filter("post", "effect", [("True", "posted"), ("False", "waits")]),)
    search_exact = ("status", "payment_method")
    ordering = ("status", "payment_method", "id")
    acts = (EditableAdmin.remove_act(EligibilityRule, "rule"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[EligibilityRule]:
        rows: QuerySet[EligibilityRule] = super().get_queryset(request)
        return rows.select_related("store").defer("store__credentials")

    def after_save(self, obj: EligibilityRule) -> None:
        postings.note_rule(store_id=obj.store_id, status=obj.status)

    @display(description="Payment method", ordering="payment_method")
    def method(self, rule: EligibilityRule) -> str:
        return rule.payment_method or "any"

    @display(description="Store")
    def where(self, rule: EligibilityRule) -> str:
        return rule.store.name if rule.store else "all stores"

    @display(description="Such orders", label={"are posted": "success", "wait": "info"})
    def effect(self, rule: EligibilityRule) -> str:
        return "are posted" if rule.post else "wait"
