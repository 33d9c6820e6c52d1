"""The whole story of one order."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.management.base import CommandParser

from orders import selectors as orders
from orders.selectors import OrderView
from retailhub.console import explain_words, explaining, story
from retailhub.console.explaining import NoSuchField
from retailhub.console.lookup import NotFound, find
from retailhub.console.story import Teller
from retailhub.console.story_parts import Entry
from retailhub.core import audit, clock, privacy
from retailhub.core.cli import Failed, HubCommand, actor

RAW = ("headers", "body", "bodies", "sent", "received")


class Command(HubCommand):
    help = "Tell all that happened to an order, from its first delivery to its documents in the ERP."
    expected = (NotFound, NoSuchField)

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "order",
            metavar="ORDER",
            help="ord_…, eu:1001, a number, a reference such as WC-eu-1001, or a message: msg_i12.",
        )
        parser.add_argument(
            "--field",
            default="",
            metavar="NAME",
            help="Where one value comes from: total, lines.0.total, billing.city.",
        )
        parser.add_argument("--raw", action="store_true", help="With the bodies that came and went.")
        parser.add_argument("--unmask", action="store_true", help="Show personal data; needs --reason, is audited.")
        parser.add_argument("--reason", default="")

    def work(self, **options: Any) -> None:
        found, unmask = find(options["order"]), options["unmask"]
        if unmask and not options["reason"].strip():
            raise Failed("reason_missing", "Say why personal data is shown with --reason; it is kept in the audit.")
        if unmask:
            about = found.order.subject if found.order else f"message:{options['order']}"
            audit.record(actor=actor(), action="unmask", subject=about, reason=options["reason"], now=clock.now())
        if options["field"]:
            self._explain(found.order, options["field"], unmasked=unmask)
            return
        teller = Teller(raw=options["raw"], unmasked=unmask)
        entries = teller.of_order(found.order) if found.order else teller.of_delivery(found.message_id or 0)
        facts = _summary(found.order, unmasked=unmask) if found.order else None
        if self.as_json:
            self.show({"order": facts, "story": entries})
        else:
            self._tell(facts, entries)

    def _explain(self, order: OrderView | None, name: str, *, unmasked: bool) -> None:
        if order is None:
            raise Failed("no_such_field", "This message belongs to no order, so it has no values.")
        found = explaining.explain(order, name, unmasked=unmasked)
        if self.as_json:
            self.show(found)
            return
        for line in explain_words.sentences(found):
            self.say(line)

    def _tell(self, facts: dict[str, Any] | None, entries: list[Entry]) -> None:
        for line in _heading(facts) if facts else ["This message belongs to no order."]:
            self.say(line)
        self.say("")
        self.table(
            ("when (UTC)", "what", ""),
            [
                (f"{entry.at:%Y-%m-%d %H:%M:%S}.{entry.at.microsecond // 1000:03}", entry.kind, entry.text)
                for entry in entries
            ],
        )
        for entry in entries:
            for name in RAW:
                if entry.facts.get(name):
                    self.say(f"\n{entry.kind} {entry.facts.get('message', '')} {name}:")
                    self.say(_pretty(entry.facts[name]))


def _pretty(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _summary(order: OrderView, *, unmasked: bool) -> dict[str, Any]:
    document = order.document
    person = document.customer if document else None
    return {
        "public_id": order.public_id,
        "store": order.store,
        "order_ref": order.order_ref,
        "number": order.number,
        "status": order.status,
        "order_state": order.order_state,
        "payment_state": order.payment_state,
        "fulfilment_state": order.fulfilment_state,
        "decision": order.decision,
        "decision_sentence": story.standing_sentence(order),
        "currency": document.currency if document else None,
        "total": format(document.total, "f") if document else None,
        "placed_at": document.created_at if document else None,
        "customer": {
            "public_id": order.customer_id or None,
            "email": _personal(person.email, privacy.mask_email, unmasked) if person else None,
            "name": _personal(person.name, privacy.mask_word, unmasked) if person else None,
        },
        "legal_entity": order.legal_entity or None,
        "region": order.region or None,
        "erp_documents": story.documents_of(order),
        "findings": [
            {"code": one.code, "key": one.key, "blocking": one.blocking}
            for one in orders.life_of(order_id=order.id).findings
        ],
    }


def _personal(text: str, mask: Any, unmasked: bool) -> str:  # noqa: FBT001 - one of two ways to show it
    return text if unmasked or not text else str(mask(text))


def _heading(facts: dict[str, Any]) -> list[str]:
    number = f" (number {facts['number']})" if facts["number"] not in {"", facts["order_ref"]} else ""
    lines = [
        f"Order {facts['order_ref']}{number} of {facts['store']}, {facts['public_id']}",
        f"{facts['status']} in the shop; order {facts['order_state']}, payment {facts['payment_state']},"
        f" fulfilment {facts['fulfilment_state']}",
        facts["decision_sentence"],
    ]
    if facts["total"] is not None:
        lines.append(f"{facts['currency']} {facts['total']}, placed {facts['placed_at']:%Y-%m-%d %H:%M:%S} UTC")
    customer = facts["customer"]
    if customer["public_id"]:
        lines.append(f"Customer {customer['public_id']} {customer['name'] or ''} {customer['email'] or ''}".rstrip())
    lines += [story.document_sentence(document) for document in facts["erp_documents"]]
    return lines
