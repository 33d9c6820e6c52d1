"""Every case code: a plain sentence, who can mend it, how urgent it is. Each has docs/runbooks/<code>.md.

Sentences are filled with the case's evidence and facts; a name that is missing there is shown as "?".
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Side(StrEnum):
    """Who can mend it."""

    DATA = "data"
    CONFIGURATION = "configuration"
    OTHER_SYSTEM = "other_system"
    US = "us"


@dataclass(frozen=True)
class Code:
    """What a code means. ``urgent`` codes stop money or orders now."""

    code: str
    sentence: str
    side: Side
    urgent: bool = False
    evidence_key: str = ""
    """The evidence that names the value at fault, where the reporter gives no key."""


def _codes(*codes: Code) -> dict[str, Code]:
    return {code.code: code for code in codes}


CODES = _codes(
    # orders that wait
    Code("sku_unmapped", "The SKU {key} is not known in the ERP, so the order waits.", Side.DATA),
    Code(
        "line_without_product",
        'The line "{key}" points at no product, so nobody knows what to ship.',
        Side.DATA,
    ),
    Code(
        "totals_disagree",
        "The order's lines, charges and taxes do not add up to its total ({kind}): {remainder} remain.",
        Side.DATA,
    ),
    Code("tax_rate_unknown", "A line has tax at a rate ({key}) that the order does not list.", Side.DATA),
    Code(
        "negative_fee",
        'The order has a negative fee "{key}" of {amount}; nobody said how to book it.',
        Side.CONFIGURATION,
    ),
    Code(
        "parent_child_order",
        "The order is a part of order {parent}; posting both would book it twice.",
        Side.CONFIGURATION,
    ),
    Code("customer_unknown", "Nothing on the order says who the customer is.", Side.DATA),
    Code("no_route", "No route says which ERP gets this store's orders for {key}.", Side.CONFIGURATION),
    Code(
        "order_status_unknown",
        'The store uses the status "{key}", and no rule says whether such orders are posted.',
        Side.CONFIGURATION,
    ),
    # orders that went on, but a person must know
    Code(
        "refund_not_posted",
        "{refunded} was refunded in the shop after the order was posted; the ERP has no credit note for it.",
        Side.DATA,
    ),
    Code(
        "edited_after_posting",
        "The order was changed in the shop after it was posted, and the ERP cannot change it.",
        Side.OTHER_SYSTEM,
    ),
    Code(
        "edit_outdated",
        "The order was changed in the shop after {edited_by} had edited what is sent of it; the edit was kept.",
        Side.DATA,
    ),
    Code("unpaid_after_posting", "The order went back to {status} in the shop after it was posted.", Side.DATA),
    # what the ERP said
    Code("unknown_item", "The ERP does not know the item {item_code}.", Side.DATA, evidence_key="item_code"),
    Code("unknown_tax", "The ERP has no tax of {percent} %.", Side.CONFIGURATION, evidence_key="percent"),
    Code("unknown_currency", "The ERP does not have the order's currency.", Side.CONFIGURATION),
    Code("period_closed", "The ERP's accounting period for this order is closed.", Side.OTHER_SYSTEM),
    Code(
        "amount_differs",
        "The ERP computes another amount than the shop; its document was left unconfirmed.",
        Side.OTHER_SYSTEM,
        urgent=True,
    ),
    Code(
        "duplicate_in_erp",
        "The ERP has more than one live document for this order.",
        Side.OTHER_SYSTEM,
        urgent=True,
    ),
    Code(
        "document_cancelled",
        "The order's document in the ERP was cancelled by somebody else.",
        Side.OTHER_SYSTEM,
    ),
    Code(
        "nothing_to_cancel",
        "The order is cancelled, but the ERP has no document to cancel.",
        Side.OTHER_SYSTEM,
    ),
    Code(
        "too_late_to_cancel",
        "The order was cancelled in the shop, but the ERP has gone too far to cancel it.",
        Side.OTHER_SYSTEM,
    ),
    Code("erp_warning", "The ERP asks a question that needs a person.", Side.OTHER_SYSTEM),
    Code("rejected", "The other system refused: {detail}", Side.OTHER_SYSTEM),
    Code(
        "result_unknown",
        "Nobody knows whether the other system did what it was asked.",
        Side.OTHER_SYSTEM,
        urgent=True,
    ),
    # what was to be written back to a store
    Code(
        "unknown_status",
        'The store has no status "{key}", so it goes on showing the order as before.',
        Side.CONFIGURATION,
        evidence_key="status",
    ),
    Code("refund_refused", "The store refused to refund {amount}: {detail}", Side.DATA),
    Code(
        "refund_differs",
        "The store has a refund of {found} where {asked} was to be refunded.",
        Side.DATA,
        urgent=True,
    ),
    # connections
    Code(
        "credentials_rejected",
        "The connection's credentials are refused; its work waits.",
        Side.CONFIGURATION,
        urgent=True,
    ),
    Code("misconfigured", "A setting of the connection is wrong: {detail}", Side.CONFIGURATION, urgent=True),
    Code("other_system_unavailable", "The other system has not answered for long.", Side.OTHER_SYSTEM),
    Code("rate_limited", "The other system has told us to wait.", Side.OTHER_SYSTEM),
    # a store's webhooks
    Code(
        "webhook_disabled",
        "The store switched off its webhooks for {topics} and told nothing of them from {since} UTC on. {detail}",
        Side.OTHER_SYSTEM,
    ),
    Code(
        "webhooks_missing",
        "{percent} % of the changes of the last 24 hours came without a delivery ({missing} of {changes}). {detail}",
        Side.OTHER_SYSTEM,
    ),
    Code(
        "webhooks_late",
        "The store's own timetable (WP-Cron) does not run: {detail}",
        Side.OTHER_SYSTEM,
    ),
    # what a store says of its orders
    Code(
        "orders_gone_at_once",
        "{number} orders are gone from the store at once, from {first} to {last}. {detail} Nothing was cancelled.",
        Side.OTHER_SYSTEM,
        urgent=True,
    ),
    Code(
        "store_went_back",
        "The shop shows older versions of {number} orders than RetailHub has seen, from {first} to {last}; it was"
        " probably restored from a backup.",
        Side.OTHER_SYSTEM,
        urgent=True,
    ),
    # deliveries that cannot be used
    Code(
        "delivery_names_no_order",
        "An order was deleted for good before the store had told of it; which one is not said.",
        Side.DATA,
    ),
    Code("order_unreadable", "An order came in a shape that RetailHub cannot read.", Side.US),
    Code("body_empty", "A signed delivery has no body.", Side.OTHER_SYSTEM),
    Code("body_compressed", "A signed delivery is compressed; stores send plain JSON.", Side.OTHER_SYSTEM),
    Code(
        "body_not_json",
        "A signed delivery is not JSON: something cut it off or wrote into it.",
        Side.OTHER_SYSTEM,
    ),
    Code("body_too_deep", "A signed delivery is nested deeper than any order is.", Side.OTHER_SYSTEM),
    Code("body_not_text", "A signed delivery holds text that is not valid Unicode.", Side.OTHER_SYSTEM),
    Code("body_number_not_finite", "A signed delivery holds NaN or Infinity.", Side.OTHER_SYSTEM),
    Code(
        "body_number_too_large",
        "A signed delivery holds a number with thousands of digits.",
        Side.OTHER_SYSTEM,
    ),
    Code("resource_unknown", "A signed delivery is about something that RetailHub does not know.", Side.US),
    # the store when it is read
    Code(
        "order_not_read",
        "An order could not be read from the store in many tries; its newest state is not known.",
        Side.OTHER_SYSTEM,
    ),
    Code(
        "answer_not_json",
        "The store answers something that is not JSON; a plugin may print into its answers.",
        Side.OTHER_SYSTEM,
    ),
    # us
    Code("worker_died", "Workers died three times over this message; it is kept apart.", Side.US, urgent=True),
    Code(
        "work_overdue",
        "Work of this connection has been due for longer than its deadline.",
        Side.US,
        urgent=True,
    ),
    Code(
        "schedule_late",
        "What RetailHub does again and again ({key}, every {every_seconds} seconds) is late by two periods.",
        Side.US,
    ),
    Code("notice_failed", "Notices of the rule {key} do not get through: {detail}", Side.CONFIGURATION),
    Code("audit_broken", "The audit does not hold, first at place {place} ({kind}): {detail}", Side.US, urgent=True),
    Code("internal_error", "RetailHub has a fault and could not go on with this.", Side.US, urgent=True),
)

FALLBACK = {
    "rejected": "rejected",
    "misconfigured": "misconfigured",
    "unknown": "result_unknown",
    "unread": "order_not_read",
    "auth": "credentials_rejected",
}
"""By a message's outcome, for a code that no table line explains."""


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def code_for(code: str, *, outcome: str = "") -> Code:
    """The table's line for a code; where a connector invents one, the line of its outcome."""
    return CODES.get(code) or CODES[FALLBACK.get(outcome, "internal_error")]


def sentence(code: Code, *, key: str, detail: str, evidence: Mapping[str, str]) -> str:
    """The code's sentence with the values of one case."""
    facts = _Blank({**evidence, "key": key, "detail": detail})
    return string.Formatter().vformat(code.sentence, (), facts)
