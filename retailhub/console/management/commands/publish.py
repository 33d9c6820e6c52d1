"""Write something back to an order in its store: a status, a note, tracking or a refund."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import CommandParser

from orders.policies.publication import AskedPart
from orders.services import publications
from orders.services.publications import Act, NotPublished, Published
from retailhub.console.lookup import NotFound, find
from retailhub.core import clock
from retailhub.core.cli import Failed, HubCommand, actor


class Command(HubCommand):
    help = "Show an order's customer something: set its status, add a note, give tracking, refund; or withdraw that."
    expected = (NotFound, NotPublished)

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("order", metavar="ORDER", help="ord_…, eu:1001, a number, or a reference.")
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="WHAT")
        status = verbs.add_parser("status", help="The public status: one of the store's status_map, and no step back.")
        status.add_argument("status")
        note = verbs.add_parser("note", help="A note on the order, for the shop's people unless --customer is given.")
        note.add_argument("text")
        note.add_argument("--customer", action="store_true", help="Show it to the customer; the store mails it.")
        tracking = verbs.add_parser("tracking", help="Where a parcel is.")
        tracking.add_argument("number")
        tracking.add_argument("--carrier", required=True)
        tracking.add_argument("--url", default="", help="Where the parcel can be followed.")
        refund = verbs.add_parser("refund", help="Money back, tax included. No payment provider is asked.")
        refund.add_argument("amount")
        refund.add_argument(
            "--line",
            action="append",
            default=[],
            metavar="REF:QTY:NET:TAX",
            help="What of a line it is for; all lines together make up the amount.",
        )
        refund.add_argument("--restock", action="store_true", help="Let the store put the pieces back to its stock.")
        withdraw = verbs.add_parser("withdraw", help="Give up what waits to be written untried, or is parked.")
        withdraw.add_argument("message", metavar="MESSAGE", help="msg_o12")
        for verb in (status, note, tracking, refund, withdraw):
            verb.add_argument("--reason", required=True, help="Why; kept in the audit, and shown with a refund.")

    def work(self, **options: Any) -> None:
        if not options["reason"].strip():
            raise Failed("reason_missing", "Say why with --reason; it is kept in the audit.")
        order = find(options["order"]).order
        if order is None:
            raise Failed("no_such_order", f"{options['order']} belongs to no order.")
        act = Act(actor=actor(), reason=options["reason"].strip(), now=clock.now())
        done: Published | None = getattr(self, f"_{options['verb']}")(order.subject, options, act)
        if done is None:
            self.answer({"withdrawn": options["message"]}, f"{options['message']} is not written any more.")
            return
        self.answer(
            {"message": done.message, "reference": done.reference, "operation": done.operation},
            f"{done.message} waits to be written to {order.store} as {done.reference}.",
        )

    def _status(self, subject: str, options: dict[str, Any], act: Act) -> Published:
        return publications.publish_status(subject=subject, status=options["status"], act=act)

    def _note(self, subject: str, options: dict[str, Any], act: Act) -> Published:
        return publications.publish_note(
            subject=subject, text=options["text"], to_customer=options["customer"], act=act
        )

    def _tracking(self, subject: str, options: dict[str, Any], act: Act) -> Published:
        return publications.publish_tracking(
            subject=subject, number=options["number"], carrier=options["carrier"], url=options["url"], act=act
        )

    def _refund(self, subject: str, options: dict[str, Any], act: Act) -> Published:
        return publications.publish_refund(
            subject=subject,
            amount=_amount(options["amount"]),
            parts=[_part(text) for text in options["line"]],
            restock=options["restock"],
            act=act,
        )

    def _withdraw(self, subject: str, options: dict[str, Any], act: Act) -> None:
        digits = options["message"].removeprefix("msg_o")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
            raise Failed("no_such_message", f"{options['message']!r} is no message such as msg_o12.")
        publications.withdraw(subject=subject, message_id=int(digits), act=act)


def _amount(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation as error:
        raise Failed("bad_amount", f"{text!r} is no amount, such as 12.50.") from error
    if not found.is_finite():
        raise Failed("bad_amount", f"{text!r} is no amount, such as 12.50.")
    return found


def _part(text: str) -> AskedPart:
    parts = text.split(":")
    if len(parts) != 4:
        raise Failed("bad_line", f"{text!r} must be written as REF:QTY:NET:TAX, such as 31:1:8.91:1.69.")
    ref, *numbers = parts
    quantity, net, tax = (_amount(number) for number in numbers)
    return AskedPart(line_ref=ref, quantity=quantity, net=net, tax=tax)
