"""Where each value of an order comes from: all of them as a table, one of them back to its bytes and on to the ERP."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from integrations.ports import provenance
from orders import selectors as orders
from orders.selectors import OrderView
from retailhub.console import explaining
from retailhub.console.explaining import Explanation, NoSuchField
from retailhub.core import audit
from retailhub.core.admin import Act, Doing, Panel, ReasonForm, table, text
from retailhub.core.admin.acts import perform
from retailhub.core.admin.parts import message_url
from retailhub.core.admin.words import moment, words

MOST = 600
"""Values in the table of all; an order with more lines than that is read line by line."""


def address(public_id: str, name: str = "") -> str:
    """The page of an order's values, or of one of them."""
    page = reverse("admin:explain", args=[public_id])
    return f"{page}?{urlencode({'field': name})}" if name else page


def view(request: HttpRequest, order: str) -> HttpResponse:
    """All values, or the one that ``field`` names."""
    found = _named(order)
    name = request.GET.get("field", "")
    if not name:
        return _answer(
            request, found, {"panels": [_values(found)], "lead": "Choose a value to see where it comes from."}
        )
    return _answer(request, found, _one(found, name, unmasked=False))


def unmask(request: HttpRequest, order: str) -> HttpResponse:
    """The form for seeing a value and its bytes with personal data, and what it then shows, once."""
    found = _named(order)
    back = address(found.public_id, request.GET.get("field", ""))
    context = {**_frame(request), "subject_name": _title(found)}
    return perform(UNMASK, request, found, context=context, back=back)


class FieldForm(ReasonForm):
    """Which value, and why."""

    field = forms.ChoiceField(label="Value", choices=())
    field_order = ("field", "reason")

    def prepare(self, subject: Any) -> None:
        choices = [(name, name) for name, _ in provenance.fields(subject.document)] if subject.document else []
        chosen: Any = self.fields["field"]
        chosen.choices = choices


def _unmask(doing: Doing) -> HttpResponse:
    order, name = doing.subject, doing.values["field"]
    audit.record(
        actor=doing.actor,
        action="see_personal_data",
        subject=order.subject,
        reason=doing.reason,
        now=doing.now,
        after={"field": name},
    )
    shown = _one(order, name, unmasked=True)
    return _answer(doing.request, order, {**shown, "note": "What you see here was written down in the audit."})


UNMASK = Act(
    name="unmask",
    label="Show with personal data",
    permission="console.see_personal_data",
    form=FieldForm,
    run=_unmask,
    preview=lambda order: (
        f"One value of {order.public_id} and the text around it are shown as they came, once."
        " The audit keeps that you saw them."
    ),
    expected=(NoSuchField,),
    why_not=lambda order: "" if order.document else "The store has not told yet what is in it.",
)


def _named(public_id: str) -> OrderView:
    order = orders.by_subject(public_id)
    if order is None:
        raise Http404(f"There is no order {public_id}.")
    return order


def _title(order: OrderView) -> str:
    return f"Order {order.number or order.order_ref} of {order.store}"


def _frame(request: HttpRequest) -> dict[str, Any]:
    request.current_app = admin.site.name
    lists = {"list_url": reverse("admin:orders_order_changelist"), "list_name": "Orders"}
    return {**admin.site.each_context(request), **lists}


def _answer(request: HttpRequest, order: OrderView, shown: dict[str, Any]) -> HttpResponse:
    may_unmask = request.user.has_perm(UNMASK.permission) and order.document is not None
    context = {
        **_frame(request),
        "title": f"Where the values of {_title(order).lower()} come from",
        "order_name": _title(order),
        "order_url": reverse("admin:orders_order_change", args=[order.public_id]),
        "all_url": address(order.public_id),
        "unmask_url": reverse("admin:explain_unmask", args=[order.public_id]) if may_unmask else "",
        **shown,
    }
    return TemplateResponse(request, "console/explain.html", context)


def _values(order: OrderView) -> Panel:
    found = explaining.values_of(order)
    rows = [
        [
            text(name, url=address(order.public_id, name), mono=True),
            text(value or "empty", tone="" if value else "quiet"),
        ]
        for name, value in found[:MOST]
    ]
    note = f"{len(found)} values; the first {MOST} are shown." if len(found) > MOST else ""
    return table("Values", ["Field", "Value"], rows, empty="The store has not told yet what is in it.", note=note)


def _one(order: OrderView, name: str, *, unmasked: bool) -> dict[str, Any]:
    try:
        found = explaining.explain(order, name, unmasked=unmasked)
    except NoSuchField as error:
        raise Http404(error.detail) from error
    names = [each for each, _ in provenance.fields(order.document)] if order.document else []
    place = names.index(name)
    return {
        "found": found,
        "message_url": message_url(found.message.name) if found.message else "",
        "before": address(order.public_id, names[place - 1]) if place else "",
        "after": address(order.public_id, names[place + 1]) if place + 1 < len(names) else "",
        "panels": [_sent(found), _holds(found)],
    }


def _sent(found: Explanation) -> Panel:
    rows = [
        [
            text(each.message, url=message_url(each.message), mono=True),
            text(each.connection),
            text(each.field, mono=True),
            text(each.value or "empty"),
            text(each.rule),
            text(f"try {each.tries}, {moment(each.tried_at)}: {words(each.result)}" if each.tries else "not tried yet"),
            text(" ".join(part for part in (words(each.status), words(each.outcome), each.code) if part)),
        ]
        for each in found.sent
    ]
    headers = ["Message", "To", "Its field", "Value sent", "How", "Last try", "What became of it"]
    return table("Sent to the ERP", headers, rows, empty="This value is not sent to an ERP, or nothing was sent yet.")


def _holds(found: Explanation) -> Panel:
    rows = [
        [
            text(each.connection),
            text(each.reference, mono=True),
            text(each.name or "–", mono=True),
            text(words(each.state) or "not there yet"),
            text(each.value if each.value is not None else "not kept here", tone="" if each.value else "quiet"),
            text(moment(each.seen_at)),
        ]
        for each in found.holds
    ]
    note = "As the ERP last said. Of its documents RetailHub keeps number, state, currency and total."
    headers = ["ERP", "Our reference", "Its number", "State", "Value there", "Confirmed"]
    return table("What the ERP holds", headers, rows, empty="No document yet.", note=note)
