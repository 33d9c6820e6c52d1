"""Many changes in one call, answered one by one: a failure of one never hides the others.

The store answers 200 with one entry for each change, in their order, and checks next to nothing: whoever
builds the changes does. More than a hundred are a 413.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from integrations.connectors.answers import Answer
from integrations.connectors.woocommerce import reading, schemas
from integrations.connectors.woocommerce.pace import Pace
from integrations.connectors.woocommerce.refusals import ORDER_GONE_CODES, PRODUCT_GONE
from integrations.ports.errors import AuthRejected, ConnectorError, Rejected, Transient, Unknown

Change = Mapping[str, Any]
"""Fields of one thing by the store's names; ``id`` says which."""
Outcome = bytes | ConnectorError
"""The thing as it is after its change, as the store sent it, or why it was not changed."""
Post = Callable[[Sequence[Change]], Answer]

START = 50
_VARIATION = "woocommerce_rest_invalid_product_id"
_GONE_CODES = ORDER_GONE_CODES | {
    PRODUCT_GONE,
    "woocommerce_rest_product_variation_invalid_id",
}


def send(changes: Sequence[Change], post: Post, pace: Pace) -> list[Outcome]:
    """One outcome for each change, in their order.

    A batch that is refused as a whole is halved until the bad change stands alone. After a batch without a
    definite answer its changes are `Unknown` and those behind it were not sent.
    """
    outcomes: list[Outcome] = []
    while len(outcomes) < len(changes):
        part = changes[len(outcomes) : len(outcomes) + pace.size]
        try:
            outcomes += _send_part(part, post, pace)
        except ConnectorError as error:
            outcomes += [error] * len(part)
            left = len(changes) - len(outcomes)
            outcomes += [_not_sent(error)] * left
    return outcomes


def _send_part(part: Sequence[Change], post: Post, pace: Pace) -> list[Outcome]:
    try:
        with pace.watch(len(part)) as load:
            entries = _entries(post(part), part)
            load.got = len(entries)
    except Rejected as error:
        if len(part) == 1:
            return [error]
    else:
        return entries
    middle = len(part) // 2
    return [*send(part[:middle], post, pace), *send(part[middle:], post, pace)]


def _entries(answer: Answer, part: Sequence[Change]) -> list[Outcome]:
    raws = reading.read(answer, schemas.BATCH.decode).update
    if len(raws) != len(part):
        raise Unknown(
            f"{answer.host} answered {len(raws)} entries for {len(part)} changes.",
            code="bad_answer",
            evidence=answer.evidence(),
        )
    return [_outcome(bytes(raw), int(change["id"])) for raw, change in zip(raws, part, strict=True)]


def _outcome(raw: bytes, asked: int) -> Outcome:
    evidence = {"id": str(asked), "answer": raw[:300].decode("utf-8", "replace")}
    try:
        item = schemas.BATCH_ITEM.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unknown("An entry of the batch's answer cannot be read.", code="bad_answer", evidence=evidence)
    if item.error is not None:
        return _refused(item.error, evidence)
    if item.id != asked:
        return Unknown("The batch's answer is about something else.", code="bad_answer", evidence=evidence)
    return raw


def _refused(error: schemas.VendorError, evidence: dict[str, str]) -> ConnectorError:
    """An item's refusal by its code; its status stands in ``data``."""
    status = error.data.get("status") if isinstance(error.data, dict) else error.data
    told = evidence | {"store_code": error.code, "status": str(status)}
    if error.code in _GONE_CODES:
        return Rejected("The store does not have this any more.", code="item_gone", evidence=told)
    if error.code == _VARIATION:
        return Rejected(
            "This is a variation, which the store changes only below its product.",
            code="variation_not_product",
            evidence=told,
        )
    if status in (401, 403):
        return AuthRejected("The key's user may not change this.", code="key_lacks_rights", evidence=told)
    if isinstance(status, int) and status >= 500:
        return Unknown("The store failed inside while it changed this.", code="server_error", evidence=told)
    return Rejected("The store refused this change.", code="item_refused", evidence=told)


def _not_sent(error: ConnectorError) -> ConnectorError:
    """What to tell of changes behind a batch that failed: they were not sent."""
    if not isinstance(error, Unknown):
        return error
    return Transient(
        "This was not sent, because the batch before it got no answer.",
        code="batch_stopped",
        evidence={"failure": error.code},
    )
