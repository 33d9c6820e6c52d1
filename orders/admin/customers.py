"""Customers and the reviews of doubtful matches. Personal data is masked; seeing it is an act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from orders.models import Customer, CustomerReview, Order
from orders.services import customers
from retailhub.core import audit, privacy
from retailhub.core.admin import (
    Act,
    Doing,
    Fact,
    ModelAdmin,
    Panel,
    choice_filter,
    display,
    subject_cell,
    table,
    text,
)
from retailhub.core.admin.words import moment, money, words

DECIDED = CustomerReview.Decision
LABELS = {"open": "warning", "merged": "success", "different": "info"}


def masked_name(customer: Customer) -> str:
    """``A••• L•••``: initials only."""
    return " ".join(privacy.mask_word(part) for part in customer.name.split()) or "–"


def masked_email(customer: Customer) -> str:
    return privacy.mask_email(customer.email) if customer.email else "–"


def _unmask(doing: Doing) -> HttpResponse:
    row = doing.subject
    audit.record(
        actor=doing.actor,
        action="see_personal_data",
        subject=f"customer:{row.public_id}",
        reason=doing.reason,
        now=doing.now,
    )
    shown = [
        [text(label), text(value or "–")]
        for label, value in (
            ("Name", row.name),
            ("Company", row.company),
            ("E-mail", row.email),
            ("Phone", row.phone),
        )
    ]
    context = {
        **row.shown_by.frame(doing.request),
        "title": f"Customer {row.public_id} with personal data",
        "back": row.shown_by.url_of(row),
        "lead": "What you see here was written down in the audit.",
        "panels": [table("Personal data", ["", ""], shown)],
    }
    return TemplateResponse(doing.request, "console/record.html", context)


@admin.register(Customer)
class CustomerAdmin(ModelAdmin):
    public_prefix = "cus_"
    list_display = ("public_id", "who", "mail", "merged_into", "created")
    list_select_related = ("merged_into",)
    search_exact = ("public_id",)
    acts = (
        Act(
            name="unmask",
            label="Show personal data",
            permission="console.see_personal_data",
            run=_unmask,
            preview=lambda row: f"Name and contact data of {row} are shown, once. The audit keeps that you saw them.",
        ),
    )

    def title_of(self, obj: Customer) -> str:
        return f"Customer {obj.public_id}"

    def find(self, request: HttpRequest, object_id: str) -> Any:
        row = super().find(request, object_id)
        row.shown_by = self
        return row

    @display(description="Name")
    def who(self, row: Customer) -> str:
        return masked_name(row)

    @display(description="E-mail")
    def mail(self, row: Customer) -> str:
        return masked_email(row)

    @display(description="Since", ordering="id")
    def created(self, row: Customer) -> str:
        return moment(row.created_at)

    def facts(self, request: HttpRequest, obj: Customer) -> Sequence[Fact]:
        merged = subject_cell(f"customer:{obj.merged_into.public_id}") if obj.merged_into else text("no")
        return [
            Fact("Name", text(masked_name(obj))),
            Fact("E-mail", text(masked_email(obj))),
            Fact("Since", text(moment(obj.created_at))),
            Fact("Merged into another", merged),
        ]

    def panels(self, request: HttpRequest, obj: Customer) -> Sequence[Panel]:
        known = [[text(words(each.kind)), text(moment(each.since))] for each in obj.identities.order_by("id")[:50]]
        rows = (
            Order.objects.filter(customer=obj)
            .order_by("-id")
            .only("public_id", "number", "order_state", "total", "currency", "placed_at")[:50]
        )
        ordered = [
            [
                subject_cell(order.subject, order.number or order.public_id),
                text(words(order.order_state)),
                text(money(order.total, order.currency)),
                text(moment(order.placed_at)),
            ]
            for order in rows
        ]
        return [
            table(
                "Known by",
                ["Kind", "Since"],
                known,
                note="Kept as keyed hashes: they can be found, not read.",
            ),
            table("Newest orders", ["Order", "State", "Total", "Placed"], ordered),
        ]


def _merge(doing: Doing) -> str:
    customers.merge(review_id=doing.subject.pk, actor=doing.actor, reason=doing.reason, now=doing.now)
    return "The two are one: orders to come go to the other customer."


def _part(doing: Doing) -> str:
    customers.undo_merge(review_id=doing.subject.pk, actor=doing.actor, reason=doing.reason, now=doing.now)
    return "The two are two."


@admin.register(CustomerReview)
class CustomerReviewAdmin(ModelAdmin):
    list_display = ("pair", "why", "decision_label", "created", "decided_by")
    list_filter = (choice_filter("decision", "decision", [each.value for each in DECIDED], default="open"),)
    acts = (
        Act(
            name="merge",
            label="They are one: merge",
            permission="console.merge_customers",
            run=_merge,
            preview=lambda row: (
                f"Orders to come of {row.customer} go to {row.other}. Orders already posted stay with theirs."
            ),
            why_not=lambda row: "They are merged already." if row.decision == DECIDED.MERGED else "",
            danger=True,
        ),
        Act(
            name="different",
            label="They are two",
            permission="console.merge_customers",
            run=_part,
            preview=lambda row: f"{row.customer} stands by itself, also if it was merged before.",
            why_not=lambda row: "They are kept apart already." if row.decision == DECIDED.DIFFERENT else "",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomerReview]:
        rows: QuerySet[CustomerReview] = super().get_queryset(request)
        return rows.select_related("customer", "other")

    @display(description="Customers", ordering="id")
    def pair(self, row: CustomerReview) -> str:
        return f"{masked_name(row.customer)} and {masked_name(row.other)}"

    @display(description="Decision", label=LABELS)
    def decision_label(self, row: CustomerReview) -> str:
        return row.decision

    @display(description="Since")
    def created(self, row: CustomerReview) -> str:
        return moment(row.created_at)

    def lead(self, request: HttpRequest, obj: CustomerReview) -> str:
        return f"Two customers who may be one: {obj.why}."

    def facts(self, request: HttpRequest, obj: CustomerReview) -> Sequence[Fact]:
        by = f" by {obj.decided_by}, {moment(obj.decided_at)}" if obj.decided_by else ""
        return [
            Fact("Customer", subject_cell(f"customer:{obj.customer.public_id}")),
            Fact("The other", subject_cell(f"customer:{obj.other.public_id}")),
            Fact("Why", text(obj.why)),
            Fact("Decision", text(f"{obj.decision}{by}")),
        ]

    def panels(self, request: HttpRequest, obj: CustomerReview) -> Sequence[Panel]:
        pairs = [("Name", masked_name), ("E-mail", masked_email)]
        rows = [[text(label), text(read(obj.customer)), text(read(obj.other))] for label, read in pairs]
        rows.append([text("Since"), text(moment(obj.customer.created_at)), text(moment(obj.other.created_at))])
        return [table("Side by side", ["", obj.customer.public_id, obj.other.public_id], rows)]
