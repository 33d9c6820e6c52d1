"""Orders: where each stands, why, and everything that happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from integrations import selectors as pipes
from integrations.ports import documents
from integrations.ports.documents import Address, OrderLine
from integrations.ports.documents import Order as OrderDocument
from orders import selectors
from orders.models import Order
from orders.services import postings
from orders.states import FulfilmentState, OrderState, PaymentState
from retailhub.core import audit, privacy
from retailhub.core.admin import (
    Act,
    Cell,
    Doing,
    Fact,
    ModelAdmin,
    Moment,
    Panel,
    Refused,
    choice_filter,
    display,
    subject_cell,
    table,
    text,
)
from retailhub.core.admin.words import moment, money, words

STATE_LABELS = {
    "received": "info",
    "held": "danger",
    "accepted": "success",
    "cancelled": "warning",
    "closed": "success",
}
STATE_TONES = {"held": "bad", "accepted": "good", "closed": "good", "cancelled": "warn"}
MOMENTS = 60
"""Of its timeline; all of it has a page of its own."""
DOCUMENT_TONES = {"confirmed": "good", "draft": "warn", "incomplete": "warn", "cancelled": "quiet"}


def _look_again(doing: Doing) -> str:
    order = doing.subject
    audit.record(actor=doing.actor, action="decide_again", subject=order.subject, reason=doing.reason, now=doing.now)
    if not postings.look_again(public_ids=[order.public_id]):
        raise Refused("The order is gone.")
    return f"{order.public_id} is decided on again."


def _unmask(doing: Doing) -> HttpResponse:
    order = doing.subject
    audit.record(
        actor=doing.actor,
        action="see_personal_data",
        subject=order.subject,
        reason=doing.reason,
        now=doing.now,
    )
    document = documents.decode(order.document, OrderDocument)
    rows = [
        (
            "Customer",
            document.customer.name,
            document.customer.email,
            document.customer.phone,
            document.customer.company,
        ),
        *(
            _address_row(label, address)
            for label, address in (("Billing", document.billing), ("Shipping", document.shipping))
        ),
    ]
    panel = table(
        "Who ordered",
        ["", "Name", "E-mail", "Phone", "Address or company"],
        [[text(part) for part in row] for row in rows],
    )
    context = {
        **order.shown_by.frame(doing.request),
        "title": f"{order.shown_by.title_of(order)} with personal data",
        "back": order.shown_by.url_of(order),
        "lead": "What you see here was written down in the audit.",
        "panels": [
            panel,
            table("Note of the customer", ["Note"], [[text(document.customer_note or "none")]]),
        ],
    }
    return TemplateResponse(doing.request, "console/record.html", context)


def _address_row(label: str, address: Address) -> tuple[str, str, str, str, str]:
    parts = (
        address.company,
        address.street_1,
        address.street_2,
        address.postcode,
        address.city,
        address.state,
        address.country,
    )
    place = ", ".join(part for part in parts if part)
    return label, f"{address.first_name} {address.last_name}".strip(), address.email, address.phone, place


@admin.register(Order)
class OrderAdmin(ModelAdmin):
    public_prefix = "ord_"
    list_display = (
        "shop_number",
        "store_name",
        "state_label",
        "payment",
        "fulfilment",
        "why",
        "in_erp",
        "amount",
        "placed",
    )
    list_display_links = ("shop_number",)
    list_filter = (
        choice_filter("order_state", "order", [state.value for state in OrderState]),
        choice_filter("payment_state", "payment", [state.value for state in PaymentState]),
        choice_filter("fulfilment_state", "fulfilment", [state.value for state in FulfilmentState]),
        "store",
    )
    search_exact = ("number", "order_ref", "public_id")
    acts = (
        Act(
            name="again",
            label="Decide again",
            permission="console.replay",
            run=_look_again,
            preview=lambda order: f"{order.public_id} is judged by the present rules, routes and mappings.",
            why_not=lambda order: "" if order.document else "The store has not told what is in it yet.",
        ),
        Act(
            name="unmask",
            label="Show personal data",
            permission="console.see_personal_data",
            run=_unmask,
            preview=lambda order: (
                f"Customer and addresses of {order.public_id} are shown, once. The audit keeps that you saw them."
            ),
            why_not=lambda order: "" if order.document else "The store has not told what is in it yet.",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        rows: QuerySet[Order] = super().get_queryset(request)
        return rows.select_related("store").defer("store__credentials", "document")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        wanted = {from_field or "pk": object_id} if from_field or object_id.isdigit() else {"public_id": object_id}
        rows = Order.objects.select_related("store", "customer__merged_into", "legal_entity", "region")
        return rows.defer("store__credentials").filter(**wanted).first()

    def find(self, request: HttpRequest, object_id: str) -> Any:
        row = super().find(request, object_id)
        row.shown_by = self
        row.references = pipes.references_of(subject=row.subject)
        return row

    @display(description="Number", ordering="id")
    def shop_number(self, order: Order) -> str:
        return order.number or f"#{order.order_ref}"

    @display(description="Store")
    def store_name(self, order: Order) -> str:
        return order.store.name

    @display(description="Order", label=STATE_LABELS)
    def state_label(self, order: Order) -> str:
        return order.order_state

    @display(description="Payment")
    def payment(self, order: Order) -> str:
        return words(order.payment_state)

    @display(description="Fulfilment")
    def fulfilment(self, order: Order) -> str:
        return words(order.fulfilment_state)

    def enrich(self, rows: list[Any]) -> None:
        references = pipes.references_by_subject(subjects=[row.subject for row in rows])
        for row in rows:
            row.standing = pipes.standing_of(references.get(row.subject, []))

    @display(description="Decision")
    def why(self, order: Any) -> str:
        return self.admin_site.decision(order.decision, order.standing)

    @display(description="In the ERP")
    def in_erp(self, order: Any) -> str:
        standing = order.standing
        if standing is None:
            return "–"
        return f"{standing.name}, {standing.state}" if standing.state else "not yet"

    @display(description="Total")
    def amount(self, order: Order) -> str:
        return money(order.total, order.currency)

    @display(description="Placed")
    def placed(self, order: Order) -> str:
        return moment(order.placed_at) if order.placed_at else "–"

    def title_of(self, obj: Order) -> str:
        return f"Order {obj.number or obj.order_ref} of {obj.store.name}"

    def lead(self, request: HttpRequest, obj: Any) -> str:
        return self.admin_site.decision(obj.decision, pipes.standing_of(obj.references))

    def facts(self, request: HttpRequest, obj: Order) -> Sequence[Fact]:
        entity = f"{obj.legal_entity}, {obj.region}" if obj.legal_entity_id else "decided when it is accepted"
        return [
            Fact("Our id", text(obj.public_id, mono=True)),
            Fact("Store", subject_cell(f"connection:{obj.store_id}", obj.store.name)),
            Fact("Id in the store", text(obj.order_ref, mono=True)),
            Fact("Order", text(words(obj.order_state), tone=STATE_TONES.get(obj.order_state, ""))),
            Fact("Payment", text(words(obj.payment_state))),
            Fact("Fulfilment", text(words(obj.fulfilment_state))),
            Fact("Status in the store", text(words(obj.status) or "–")),
            Fact("Total", _why(money(obj.total, obj.currency), obj.public_id, "total") if obj.document else text("–")),
            Fact("Placed", text(moment(obj.placed_at))),
            Fact(
                "Newest version",
                text(f"{obj.version}, of {moment(obj.version_at)}" if obj.version else "none yet"),
            ),
            Fact("Legal entity and region", text(entity)),
            Fact("Customer", _customer_cell(obj)),
            Fact("First seen", text(moment(obj.first_seen_at))),
        ]

    def panels(self, request: HttpRequest, obj: Order) -> Sequence[Panel]:
        document = documents.decode(obj.document, OrderDocument) if obj.document else None
        return [
            *self.admin_site.panels_about(obj.subject),
            _in_other_systems(obj),
            *([_lines(document, obj.public_id), _sums(document, obj.public_id)] if document else []),
            _timeline(obj, self.admin_site.story(selectors.view_of(obj))),
        ]


def _customer_cell(order: Order) -> Any:
    if order.customer_id is None or order.customer is None:
        return text("not known")
    return subject_cell(f"customer:{order.customer.public_id}")


def _in_other_systems(order: Any) -> Panel:
    rows = [
        [
            text(reference.connection.name),
            text(reference.document_type),
            text(reference.reference, mono=True),
            text(reference.number or reference.external_id or "–", mono=True),
            text(reference.state or "not there yet", tone=DOCUMENT_TONES.get(reference.state, "warn")),
            text(money(reference.total, reference.currency) or "–"),
            text(moment(reference.confirmed_at)),
        ]
        for reference in order.references
    ]
    headers = ["System", "Document", "Our reference", "Its number", "State", "Total", "Confirmed"]
    return table("Documents in other systems", headers, rows, empty="None.")


def _timeline(order: Order, story: Sequence[Moment]) -> Panel:
    left = len(story) - MOMENTS
    note = f"The newest {MOMENTS}; {left} before them are on the whole timeline." if left > 0 else ""
    link = text("The whole timeline", url=reverse("admin:timeline", args=[order.public_id]))
    template = "console/panels/timeline.html"
    return Panel(title="Timeline", template=template, data=story[-MOMENTS:], note=note, link=link)


def _why(value: object, public_id: str, field: str, *, mono: bool = False, tone: str = "why") -> Cell:
    """A value that leads to where it comes from."""
    page = reverse("admin:explain", args=[public_id])
    return text(value, url=f"{page}?{urlencode({'field': field})}", mono=mono, tone=tone)


def _lines(document: OrderDocument, public_id: str) -> Panel:
    def line_row(line: OrderLine, place: int) -> list[Any]:
        def why(value: object, name: str, **more: Any) -> Cell:
            return _why(value, public_id, f"lines.{place}.{name}", **more)

        return [
            why(line.sku or "no SKU", "sku", mono=True, tone="why" if line.sku else "bad"),
            why(line.name or "no name", "name"),
            why(f"{line.quantity.normalize():f}", "quantity"),
            why(money(line.total, document.currency), "total"),
            why(money(line.total_tax, document.currency), "total_tax"),
        ]

    charges = [
        [
            text(charge.kind.value),
            text(privacy.mask_text(charge.name)),
            text(""),
            _why(money(charge.total, document.currency), public_id, f"charges.{place}.total"),
            _why(money(charge.total_tax, document.currency), public_id, f"charges.{place}.total_tax"),
        ]
        for place, charge in enumerate(document.charges)
    ]
    rows = [line_row(line, place) for place, line in enumerate(document.lines[:200])] + charges
    note = f"{len(document.lines)} lines; the first 200 are shown." if len(document.lines) > 200 else ""
    headers = ["SKU", "Name", "Quantity", "Net", "Tax"]
    link = text("Where every value comes from", url=reverse("admin:explain", args=[public_id]))
    return table("Lines", headers, rows, empty="No lines.", note=note, link=link)


def _sums(document: OrderDocument, public_id: str) -> Panel:
    currency = document.currency
    rows = [
        [
            text(f"Tax {tax.percent.normalize():f} % {tax.label}"),
            _why(money(tax.amount + tax.shipping_amount, currency), public_id, f"taxes.{place}.amount"),
        ]
        for place, tax in enumerate(document.taxes)
    ]
    rows += [
        [text(f"Coupon {discount.code}"), text(f"{money(discount.amount, currency)}, in the lines already")]
        for discount in document.discounts
    ]
    rows += [
        [
            text(f"Refund {refund.refund_ref}"),
            _why(money(-refund.amount, currency), public_id, f"refunds.{place}.amount"),
        ]
        for place, refund in enumerate(document.refunds)
    ]
    rows.append([text("Total"), _why(money(document.total, currency), public_id, "total")])
    return table("Sums", ["", "Amount"], rows, note=f"Paid by {document.payment.method or 'nothing named'}.")
