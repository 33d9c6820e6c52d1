"""What we write back to orders: public status, meta, notes and refunds.

Status and meta are idempotent. Notes and refunds are not: each carries its reference and is looked for before
it is made, so that after ``Unknown`` the same ask adopts what is there. Nothing is repeated in here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from integrations.connectors.answers import Answer
from integrations.connectors.woocommerce import batches, mapping, reading, refusals, schemas
from integrations.connectors.woocommerce.access import order_id
from integrations.connectors.woocommerce.history import listed_order
from integrations.connectors.woocommerce.pace import Pace
from integrations.connectors.woocommerce.refunds import REFERENCE, OrderDetails, refund_from_vendor
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.documents import Refund
from integrations.ports.errors import ConnectorError, Rejected, Transient, Unknown
from integrations.ports.stores import RefundAsk, RefundLine, StatusAsk, StoreWriter, WriteResult, Written

KEPT = dt.timedelta(hours=1)
"""How long the store's statuses are kept."""
NOT_BY_STATUS = frozenset({"refunded", "trash", "auto-draft", "checkout-draft"})
"""``refunded`` makes the store refund everything by itself; the others are no public statuses."""


class Writer(OrderDetails, StoreWriter):
    """Writes to orders. The key needs the right to write."""

    def __init__(self, info: ConnectionInfo, context: CallContext) -> None:
        super().__init__(info, context)
        self._order_batches = Pace(batches.START)
        self._statuses: tuple[dt.datetime, frozenset[str]] | None = None

    def known_statuses(self) -> frozenset[str]:
        """See `StoreWriter.known_statuses`. From the store's own report of orders by status, kept for an hour."""
        now = self.context.now()
        if self._statuses is None or now - self._statuses[0] >= KEPT:
            totals = reading.read(self._api.order_totals(), schemas.STATUS_TOTALS.decode)
            self._statuses = now, frozenset(total.slug for total in totals)
        return self._statuses[1]

    def set_statuses(self, asks: Sequence[StatusAsk]) -> list[WriteResult]:
        """See `StoreWriter.set_statuses`. In a batch the store would turn an unknown status into ``pending``.

        Besides ``unknown_status``: ``status_not_allowed`` (one that does more than show), ``status_not_kept``
        (the store has another one afterwards), ``item_gone``, and what `batches.send` says.
        """
        if not asks:
            return []
        try:
            known = self.known_statuses()
        except ConnectorError as error:
            return [error] * len(asks)
        results: list[WriteResult | None] = []
        seen: set[str] = set()
        for ask in asks:
            results.append(_status_refusal(ask, known, seen))
            seen.add(ask.order_ref)
        good = [ask for ask, result in zip(asks, results, strict=True) if result is None]
        changes = [{"id": int(ask.order_ref), "status": ask.status} for ask in good]
        outcomes = iter(batches.send(changes, self._api.change_orders, self._order_batches))
        return [result or _status_result(ask, next(outcomes)) for ask, result in zip(asks, results, strict=True)]

    def set_meta(self, order_ref: str, values: Mapping[str, str]) -> Written:
        """See `StoreWriter.set_meta`. Raises ``Rejected(order_gone)``."""
        if not values or not all(values):
            raise _not_allowed("values", "no key")
        meta = [{"key": key, "value": value} for key, value in values.items()]
        answer = self._api.change_order(order_id(order_ref), {"meta_data": meta})
        if answer.status >= 400:
            raise refusals.order_gone(answer)
        self.context.crashpoint("woocommerce.meta_written")
        return _written(answer, order_ref)

    def add_note(self, order_ref: str, *, reference: str, text: str, to_customer: bool) -> Written:
        """See `StoreWriter.add_note`. A note moves no date, so there is no version to tell."""
        mark = _mark(reference)
        if not text.strip():
            raise _not_allowed("text", "empty")
        found = [note for note in self.notes(order_ref) if note.text.endswith(mark)]
        self.context.crashpoint("woocommerce.note_looked_up")
        if not found:
            fields = {"note": f"{text.strip()} {mark}", "customer_note": to_customer}
            answer = self._api.add_note(order_id(order_ref), fields)
            if answer.status >= 400:
                raise refusals.order_gone(answer)
            reading.read(answer, schemas.NOTE.decode)
            self.context.crashpoint("woocommerce.note_created")
        return Written(order_ref, None)

    def refund(self, ask: RefundAsk) -> Written:
        """See `StoreWriter.refund`. Raises ``Rejected``: ``amount_differs`` for one under our reference with
        another amount, ``refund_refused`` (too much, not refundable), ``order_gone``.

        The reference also ends the reason: the store saves the reason with the refund itself, but the meta
        only after its mails and plugins have run, which may break it off in between.
        """
        fields = _refund_fields(ask)
        found = [refund for refund in self.refunds(ask.order_ref) if _is_under(refund, ask.reference)]
        self.context.crashpoint("woocommerce.refund_looked_up")
        if not found:
            found = [self._create_refund(ask, fields)]
            self.context.crashpoint("woocommerce.refund_created")
        for refund in found:
            if refund.amount != ask.amount:
                raise _amount_differs(refund, ask)
        return self._version(ask.order_ref)

    def _create_refund(self, ask: RefundAsk, fields: Mapping[str, Any]) -> Refund:
        answer = self._api.add_refund(order_id(ask.order_ref), fields)
        if refusals.error_code(answer) == refusals.REFUND_REFUSED:
            raise Rejected(
                f"{answer.host} refused the refund: {refusals.error_message(answer)[:200]}",
                code="refund_refused",
                evidence={"amount": str(ask.amount)} | answer.evidence(),
            )
        if answer.status >= 400:
            raise refusals.order_gone(answer)
        vendor = reading.read(answer, schemas.REFUND.decode)
        try:
            return refund_from_vendor(ask.order_ref, vendor)
        except Rejected as error:
            raise Unknown(
                "The refund was made, but what the store says of it cannot be read.",
                code="bad_answer",
                evidence=error.evidence,
            ) from error

    def _version(self, order_ref: str) -> Written:
        """The order as it is after the write; without a version when that cannot be read, for the write is done."""
        try:
            answer = self._api.order(order_id(order_ref))
            return _written(answer, order_ref) if answer.status == 200 else Written(order_ref, None)
        except ConnectorError:
            return Written(order_ref, None)


def _status_refusal(ask: StatusAsk, known: frozenset[str], seen: set[str]) -> ConnectorError | None:
    """Why this ask is not sent, or ``None``."""
    evidence = {"status": ask.status[:64], "order_ref": ask.order_ref[:40]}
    try:
        order_id(ask.order_ref)
    except Rejected as error:
        return error
    if ask.order_ref in seen:
        return Transient(
            "Another status is set for this order in the same call.", code="asked_twice", evidence=evidence
        )
    if ask.status in NOT_BY_STATUS:
        return Rejected(
            f"The status {ask.status[:64]} is not set by us: the store would do more than show it.",
            code="status_not_allowed",
            evidence=evidence,
        )
    if ask.status not in known:
        listed = ", ".join(sorted(known))
        return Rejected(
            f"The store has no status {ask.status[:64]}; it has {listed}.", code="unknown_status", evidence=evidence
        )
    return None


def _status_result(ask: StatusAsk, outcome: batches.Outcome) -> WriteResult:
    if isinstance(outcome, ConnectorError):
        return outcome
    try:
        written = schemas.WRITTEN_ORDER.decode(outcome)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Unknown(
            "The order cannot be read after its change.", code="bad_answer", evidence={"problem": str(error)}
        )
    if written.status != ask.status:
        return Rejected(
            f"The store made {written.status} of the status {ask.status}.",
            code="status_not_kept",
            evidence={"order_ref": ask.order_ref, "asked": ask.status, "got": written.status},
        )
    return Written(ask.order_ref, mapping.utc(written.date_modified_gmt), listed_order(outcome).order)


def _written(answer: Answer, order_ref: str) -> Written:
    """The version in a single order's answer; the order only when all of it can be read."""
    written = reading.read(answer, schemas.WRITTEN_ORDER.decode)
    if str(written.id) != order_ref:
        raise Unknown(
            f"{answer.host} answered with another order than was written to.",
            code="bad_answer",
            evidence={"asked": order_ref, "got": str(written.id)},
        )
    return Written(order_ref, mapping.utc(written.date_modified_gmt), listed_order(answer.body).order)


def _refund_fields(ask: RefundAsk) -> dict[str, Any]:
    """The call's body. ``api_refund`` false: the store would ask the payment provider otherwise."""
    if ask.amount <= 0:
        raise _not_allowed("amount", str(ask.amount))
    fields: dict[str, Any] = {
        "amount": f"{ask.amount:f}",
        "reason": f"{ask.reason.strip()} {_mark(ask.reference)}".strip(),
        "api_refund": False,
        "api_restock": ask.restock,
        "meta_data": [{"key": REFERENCE, "value": ask.reference}],
    }
    if ask.lines:
        fields["line_items"] = [_refund_line(line) for line in ask.lines]
    return fields


def _refund_line(line: RefundLine) -> dict[str, Any]:
    if line.quantity < 0 or line.amount < 0 or min(line.taxes.values(), default=Decimal(0)) < 0:
        raise _not_allowed("lines", line.line_ref)
    return {
        "id": int(order_id(line.line_ref)),
        "quantity": _number(line.quantity),
        "refund_total": _number(line.amount),
        "refund_tax": [{"id": int(rate), "refund_total": _number(amount)} for rate, amount in line.taxes.items()],
    }


def _number(value: Decimal) -> msgspec.Raw:
    """A JSON number with exactly these digits; the store's schema asks for numbers here."""
    return msgspec.Raw(f"{value:f}".encode())


def _mark(reference: str) -> str:
    if not reference or not reference.isascii() or any(sign in reference for sign in "[]<>& "):
        raise _not_allowed("reference", reference[:64])
    return f"[{reference}]"


def _is_under(refund: Refund, reference: str) -> bool:
    return refund.reference == reference or refund.reason.rstrip().endswith(_mark(reference))


def _amount_differs(refund: Refund, ask: RefundAsk) -> Rejected:
    return Rejected(
        f"The store has a refund of {refund.amount} under {ask.reference}, not of {ask.amount}.",
        code="amount_differs",
        evidence={"refund_ref": refund.refund_ref, "found": str(refund.amount), "asked": str(ask.amount)},
    )


def _not_allowed(field: str, value: str) -> Rejected:
    """Refused here, because the store would take it and do something else."""
    return Rejected(
        f"The value of {field} cannot be sent to a store.",
        code="value_not_allowed",
        evidence={"field": field, "value": value},
    )
