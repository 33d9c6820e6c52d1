"""Mend what a case is about: edit and send, look up, adopt, give up, take back, or save the map that is missing."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import msgspec
from django.core.management.base import CommandParser

from integrations import selectors as pipes
from integrations.ports.errors import ConnectorError, Misconfigured
from orders import selectors as orders
from orders.services import edits
from orders.services.edits import NotEdited
from orders.services.giving_up import NotGivenUp
from orders.services.publications import NotPublished
from reconciliation import selectors
from reconciliation.models import Cause
from reconciliation.services import editing, giving_up, maps, reading_back
from reconciliation.services.case_notes import NotDone
from reconciliation.services.replay_runs import NotNow
from retailhub.core import clock
from retailhub.core.cli import Failed, HubCommand, actor

Who = dict[str, Any]


class Command(HubCommand):
    help = "Mend what a case is about, as its page does: edit, read again, look up, adopt, give up, take back, map."
    expected: ClassVar = (NotDone, NotEdited, NotGivenUp, NotPublished, NotNow, ConnectorError, Misconfigured)

    def add_options(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="WHAT")
        edit = verbs.add_parser("edit", help="Send a parked document with changed fields; money needs another's yes.")
        edit.add_argument("message", metavar="MESSAGE", help="msg_o12")
        edit.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="lines.0.item_code=A-1")
        drop = verbs.add_parser("drop-edit", help="Send the order's own document instead of an edit.")
        drop.add_argument("message", metavar="MESSAGE")
        read = verbs.add_parser("read-order", help="Have the store asked for an order as it has it now.")
        read.add_argument("order", metavar="ORDER", help="ord_…, a number, or the store's id of it.")
        look = verbs.add_parser("look-up", help="What the ERP has under a document's reference; settles what agrees.")
        look.add_argument("message", metavar="MESSAGE")
        adopt = verbs.add_parser("adopt", help="Say which document of the ERP is the order's.")
        adopt.add_argument("message", metavar="MESSAGE")
        adopt.add_argument("document", help="Its id in the ERP.")
        give = verbs.add_parser("give-up", help="Give a parked message up, and its order with it.")
        give.add_argument("message", metavar="MESSAGE")
        take = verbs.add_parser("take-back", help="Let go on what was given up.")
        take.add_argument("subject", metavar="ORDER", help="ord_…, or msg_i12 for a delivery.")
        mapped = verbs.add_parser("map", help="Save the map that a cause asks for; what waits for it goes again.")
        mapped.add_argument("cause", metavar="CAUSE", help="cause_…")
        mapped.add_argument("value", help="post or wait; the ERP's id; the status to show; the tax's id.")
        mapped.add_argument("--all-stores", action="store_true", help="For a status: every store, not only this one.")
        mapped.add_argument("--method", default="", help="For a status: only orders paid so.")
        mapped.add_argument("--region", type=int, help="For a country: id of a region that serves it.")
        mapped.add_argument("--company", type=int, help="For a country: id of the company of a new region.")
        for verb in verbs.choices.values():
            verb.add_argument("--reason", required=True, help="Why; kept in the audit.")

    def work(self, **options: Any) -> None:
        if not options["reason"].strip():
            raise Failed("reason_missing", "Say why with --reason; it is kept in the audit.")
        who: Who = {"actor": actor(), "reason": options["reason"].strip(), "now": clock.now()}
        getattr(self, f"_{options['verb'].replace('-', '_')}")(options, who)

    def _edit(self, options: dict[str, Any], who: Who) -> None:
        pk = _document(options["message"])
        _row, before = edits.present(pk)
        wanted = copy.deepcopy(before)
        for pair in options["set"]:
            path, mark, value = pair.partition("=")
            if not mark:
                raise Failed("bad_field", f"{pair!r} must be written as PATH=VALUE, such as lines.0.item_code=A-1.")
            _set(wanted, path, value)
        sent = editing.edit_and_send(message_id=pk, wanted=wanted, **who)
        told = editing.told(sent.edited.changes)
        replay = sent.run.public_id if sent.run else None
        waits = f" It changes money: somebody else approves {replay}." if replay else ""
        self.answer({"message": f"msg_o{pk}", "changes": told, "replay": replay}, f"{told}{waits}")

    def _drop_edit(self, options: dict[str, Any], who: Who) -> None:
        pk = _document(options["message"])
        row = pipes.effect_named(pk)
        if row is None:
            raise Failed("no_such_message", f"There is no message {options['message']}.")
        editing.drop_edit(subject=row.subject, message_ids=[pk], **who)
        self.answer({"dropped": options["message"]}, "The edit is dropped; the order's own document goes instead.")

    def _read_order(self, options: dict[str, Any], who: Who) -> None:
        subject = _order(options["order"])
        reading_back.read_order(subject=subject, **who)
        self.answer({"order": subject.removeprefix("order:")}, "The store is asked for the order.")

    def _look_up(self, options: dict[str, Any], who: Who) -> None:
        found = reading_back.read_document(message_id=_document(options["message"]), **who)
        there = [{"id": one.external_id, "number": one.number, "state": one.state, "total": str(one.total),
                  "currency": one.currency} for one in found.documents]  # fmt: skip
        self.answer({"reference": found.reference, "settled": found.settled, "found": there}, found.sentence)

    def _adopt(self, options: dict[str, Any], who: Who) -> None:
        pk = _document(options["message"])
        document = reading_back.adopt(message_id=pk, external_id=options["document"], **who)
        name = document.number or document.external_id
        self.answer({"message": f"msg_o{pk}", "document": document.external_id}, f"{name} is its document now.")

    def _give_up(self, options: dict[str, Any], who: Who) -> None:
        giving_up.give_up(name=options["message"], **who)
        self.answer({"given_up": options["message"]}, f"{options['message']} is given up.")

    def _take_back(self, options: dict[str, Any], who: Who) -> None:
        name = options["subject"]
        subject = f"message:{name}" if name.startswith("msg_") else _order(name)
        giving_up.take_back(subject=subject, **who)
        self.answer({"taken_back": name}, "It goes on.")

    def _map(self, options: dict[str, Any], who: Who) -> None:
        cause = Cause.objects.filter(public_id=options["cause"]).first()
        if cause is None:
            raise Failed("no_such_cause", f"There is no cause {options['cause']}.")
        gone = _mapped(cause, options, who)
        self.answer({"again": gone.number, "replay": gone.replay or None}, f"Saved. {gone.sentence}".strip())


def _mapped(cause: Cause, options: dict[str, Any], who: Who) -> maps.Gone:
    value = options["value"]
    if cause.code == "order_status_unknown":
        if value not in {"post", "wait"}:
            raise Failed("bad_value", "Say post or wait.")
        store = None if options["all_stores"] else cause.connection_id
        return maps.map_status(
            cause=cause, store_id=store, payment_method=options["method"], post=value == "post", **who
        )
    if cause.code == "unknown_status":
        return maps.map_store_status(cause=cause, status=value, **who)
    if cause.code not in {"no_route", "unknown_tax"}:
        raise Failed("no_map", f"No map mends {selectors.sentence_of(cause)}")
    if not (value.isascii() and value.isdigit()):
        raise Failed("bad_value", f"{value!r} is no id: a whole number is needed.")
    if cause.code == "unknown_tax":
        return maps.map_tax(cause=cause, tax_id=int(value), **who)
    region, company = options["region"], options["company"]
    return maps.map_country(cause=cause, sink_id=int(value), region_id=region, entity_id=company, **who)


def _document(name: str) -> int:
    direction, number = giving_up.split(name)
    if direction != "o":
        raise Failed("no_such_message", f"{name} is no document that goes out, such as msg_o12.")
    return number


def _order(name: str) -> str:
    row = orders.order_named(name)
    if row is None:
        raise Failed("no_such_order", f"There is no order {name}.")
    return str(row.subject)


def _set(document: Any, path: str, text: str) -> None:
    """Put a value at a path: JSON where it is an object, list or truth value, else text."""
    *way, last = path.split(".")
    try:
        for part in way:
            document = document[int(part)] if isinstance(document, list) else document[part]
        value = msgspec.json.decode(text) if text[:1] in {"{", "["} or text in {"true", "false"} else text
        document[int(last) if isinstance(document, list) else last] = value
    except (KeyError, IndexError, ValueError, TypeError, msgspec.DecodeError) as error:
        raise Failed("bad_field", f"The document has no {path}, or {text!r} cannot be its value.") from error
