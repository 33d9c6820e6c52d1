"""Orders by one and by lists: what a store has on each of its shelves, whatever its webhooks told.

Lists are walked by page number with ``X-WP-Total``; times go as naive GMT with ``dates_are_gmt=true``, the only
form that means the same on every store. ``any`` hides trash and drafts, so these shelves are asked by
themselves. https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-orders
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence

import msgspec

from integrations.connectors.answers import Answer
from integrations.connectors.woocommerce import mapping, reading, schemas, webhooks
from integrations.connectors.woocommerce.access import StoreAccess, order_id
from integrations.connectors.woocommerce.pace import MOST, Pace
from integrations.connectors.woocommerce.refusals import INVALID_VALUE, refusal, refused_params
from integrations.connectors.woocommerce.signing import Params
from integrations.ports.capabilities import Gone, OrderSource
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.documents import Order
from integrations.ports.errors import ConnectorError, Misconfigured, Rejected, Transient
from integrations.ports.stores import (
    IdPage,
    ListedOrder,
    OrderHistory,
    OrderPage,
    Outline,
    OutlinePage,
    Shelf,
    SortKey,
)

STATUS_OF = {Shelf.LISTED: "any", Shelf.TRASH: "trash", Shelf.DRAFTS: "checkout-draft"}
OUTLINE = "id,status,date_created_gmt,date_modified_gmt"
"""Fields that a store tells of an order without looking into its lines or what plugins add."""
_TIMES = msgspec.json.Decoder(schemas.NewestOrder)
HOUR = dt.timedelta(hours=1)
KEPT = HOUR
"""How long it is remembered that a store has no drafts."""


class OrderLists(StoreAccess, OrderSource, OrderHistory):
    """A store's orders. ``page_size`` is that of the next call; it follows how quick the store's answers are."""

    def __init__(self, info: ConnectionInfo, context: CallContext) -> None:
        super().__init__(info, context)
        self.page_size = self.id_page_size = MOST
        self.told_at: dt.datetime | None = None
        self._order_pace = Pace()
        self._id_pace = Pace()
        self._no_drafts_since: dt.datetime | None = None

    def read_order(self, order_ref: str) -> Order | Gone:
        """The order as the store has it now; `Gone` only on the store's own "no such order".

        Raises ``Transient(answer_not_json)`` when something printed into the answer, ``Transient
        (answer_of_another_order)`` or ``Transient(answer_from_cache)`` when a cache mixed answers up or kept
        an old one, ``Rejected(order_unreadable)`` and what `answers` lists.
        """
        answer = self._api.order(order_id(order_ref))
        if answer.status == 404:
            return Gone(order_ref)
        reading.refuse_stale(answer, now=self.context.now())
        order = reading.read(answer, mapping.order_from_body)
        if order.order_ref != order_ref:
            raise _another_order(answer, asked=order_ref, got=order.order_ref)
        return order

    def changed_orders(
        self, *, shelf: Shelf, after: dt.datetime | None, page: int, before: dt.datetime | None = None
    ) -> OrderPage:
        """See `OrderHistory.changed_orders`."""
        return self._listed(shelf, _bounds(SortKey.CHANGED, after, before), page)

    def created_orders(
        self, *, shelf: Shelf, after: dt.datetime, page: int, before: dt.datetime | None = None
    ) -> OrderPage:
        """See `OrderHistory.created_orders`."""
        return self._listed(shelf, _bounds(SortKey.CREATED, after, before), page)

    def outlines(
        self, *, key: SortKey, shelf: Shelf, after: dt.datetime | None, page: int, before: dt.datetime | None = None
    ) -> OutlinePage:
        """See `OrderHistory.outlines`. Fails only for what is the store's own trouble, whatever its orders hold."""
        params = {**_bounds(key, after, before), "_fields": OUTLINE}
        bodies, total = self._page(shelf, params, page, self.page_size, self._id_pace)
        return OutlinePage(tuple([_outline_of(body) for body in bodies]), total)

    def named_orders(self, order_refs: Sequence[str]) -> list[ListedOrder]:
        """See `OrderHistory.named_orders`; in the order of the input. Only what is missing is looked for further."""
        if len(order_refs) > MOST:
            raise ValueError(f"at most {MOST} orders at once, not {len(order_refs)}")
        wanted = list(dict.fromkeys(order_id(order_ref) for order_ref in order_refs))
        found: dict[str, ListedOrder] = {}
        for shelf in STATUS_OF:
            missing = [order_ref for order_ref in wanted if order_ref not in found]
            size = self._order_pace.size
            for start in range(0, len(missing), size):
                for listed in self._included(shelf, missing[start : start + size]):
                    found[listed.order_ref] = listed
        return [found[order_ref] for order_ref in wanted if order_ref in found]

    def order_ids(self, *, shelf: Shelf, page: int, size: int) -> IdPage:
        """See `OrderHistory.order_ids`."""
        params: Params = {"orderby": "id", "order": "asc", "_fields": "id", "per_page": size, "page": page}
        try:
            with self._id_pace.watch(size) as load:
                answer = self._shelf(shelf, params)
                bodies = reading.items(answer) if answer is not None else []
                load.got = len(bodies)
        finally:
            self.id_page_size = self._id_pace.size
        if answer is None:
            return IdPage((), 0)
        total = reading.total(answer) if bodies or page == 1 else self._count(shelf, params)
        return IdPage(tuple([_ref_of(body) for body in bodies]), total)

    def home(self) -> str:
        """See `OrderHistory.home`: from the system report, which not every key may read."""
        try:
            report = reading.read(self._api.system_status(), schemas.SYSTEM_STATUS.decode)
        except ConnectorError:
            return ""
        return report.environment.home_url.rstrip("/")

    def _listed(self, shelf: Shelf, params: Params, page: int) -> OrderPage:
        try:
            bodies, total = self._page(shelf, params, page, self.page_size, self._order_pace)
        finally:
            self.page_size = self._order_pace.size
        return OrderPage(tuple([listed_order(body) for body in bodies]), total)

    def _included(self, shelf: Shelf, order_refs: Sequence[str]) -> list[ListedOrder]:
        """Those of a few orders that are on this shelf."""
        params: Params = {"include": ",".join(order_refs), "per_page": len(order_refs)}
        with self._order_pace.watch(len(order_refs)) as load:
            answer = self._shelf(shelf, params)
            bodies = reading.items(answer) if answer is not None else []
            load.got = len(bodies)
        found = [listed_order(body) for body in bodies]
        for listed in found:
            if answer is not None and listed.order_ref not in order_refs:
                raise _another_order(answer, asked=",".join(order_refs)[:200], got=listed.order_ref)
        return found

    def _page(self, shelf: Shelf, params: Params, page: int, whole: int, pace: Pace) -> tuple[list[bytes], int]:
        """The bodies of page ``page`` of ``whole`` orders each, in as many answers as the store can bear."""
        size = pace.part_of(whole)
        first = (page - 1) * whole // size + 1
        bodies: list[bytes] = []
        total = 0
        for number in range(first, first + whole // size):
            with pace.watch(size) as load:
                answer = self._shelf(shelf, {**params, "per_page": size, "page": number})
                part = reading.items(answer) if answer is not None else []
                load.got = len(part)
            if answer is None:
                return [], 0
            if part or number == 1:
                total = reading.total(answer)
            if len(part) == size < total:
                refuse_unsorted(answer, part, str(params["orderby"]))
            bodies += part
            if len(part) < size:
                break
        if not bodies and page > 1:
            total = self._count(shelf, params)
        return bodies, total

    def _count(self, shelf: Shelf, params: Params) -> int:
        """How many orders a list has; past its end a store says 0."""
        answer = self._shelf(shelf, {**params, "_fields": "id", "per_page": 1, "page": 1})
        return reading.total(answer) if answer is not None else 0

    def _shelf(self, shelf: Shelf, params: Params) -> Answer | None:
        """One list answer; ``None`` for the drafts of a store that has no such status, remembered for `KEPT`."""
        now = self.context.now()
        drafts = shelf is Shelf.DRAFTS
        if drafts and self._no_drafts_since is not None and now - self._no_drafts_since < KEPT:
            return None
        accept = frozenset({INVALID_VALUE}) if drafts else frozenset()
        answer = self._api.orders({**params, "status": STATUS_OF[shelf]}, accept=accept)
        self.told_at = reading.date_of(answer.headers) or self.told_at
        if answer.status == 400:
            if refused_params(answer) != {"status"}:
                raise refusal(answer, now=now)
            self._no_drafts_since = now
            return None
        return reading.refuse_stale(answer, now=now)


def refuse_unsorted(answer: Answer, bodies: Sequence[bytes], orderby: str) -> None:
    """Raise ``Misconfigured(list_not_sorted)`` where one answer does not rise by what was asked for.

    Looks go on behind the highest moment of a page, so whatever stands behind it and is earlier would be skipped.
    Single steps back of up to an hour are let pass: WordPress sorts by local time, which goes back once a year.
    """
    rows = [_outline_of(body) for body in bodies] if orderby in {"modified", "date"} else []
    told = [row.modified_at if orderby == "modified" else row.created_at for row in rows]
    moments = [moment for moment in told if moment is not None]
    steps_back = [before - after for before, after in itertools.pairwise(moments) if after < before]
    if not steps_back or (max(steps_back) <= HOUR and 3 * len(steps_back) <= 2 * (len(moments) - 1)):
        return
    raise Misconfigured(
        f"{answer.host} does not sort its orders by {orderby} when asked to, so that some would be skipped; a plugin"
        " sorts them its own way.",
        code="list_not_sorted",
        evidence={"field": "base_url", "orderby": orderby, "steps_back": str(len(steps_back))} | answer.evidence(),
    )


def listed_order(body: bytes) -> ListedOrder:
    """An order of a list. One that cannot be read keeps its bytes, and its id where they tell one."""
    try:
        order = mapping.order_from_body(body)
    except (Rejected, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ListedOrder(webhooks.peek(body).resource_id or "", body, None)
    return ListedOrder(order.order_ref, body, order)


def _outline_of(body: bytes) -> Outline:
    try:
        told = _TIMES.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # its id is enough to find it by
        return Outline(_ref_of(body), None, None)
    return Outline(str(told.id), _utc(told.date_modified_gmt), _utc(told.date_created_gmt))


def _ref_of(body: bytes) -> str:
    try:
        return str(schemas.ORDER_ID.decode(body).id)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejected(
            "The store's list of order ids holds something that is no id.",
            code="answer_unexpected",
            evidence={"entry": body[:100].decode("utf-8", "replace"), "problem": str(error)[:200]},
        ) from error


def _utc(naive: dt.datetime | None) -> dt.datetime | None:
    return naive and naive.replace(tzinfo=dt.UTC)


def _bounds(key: SortKey, after: dt.datetime | None, before: dt.datetime | None) -> dict[str, str | int]:
    """Strictly between the two, in naive GMT."""
    usual, prefix = ("modified", "modified_") if key is SortKey.CHANGED else ("date", "")
    params: dict[str, str | int] = {"orderby": _sort_key(usual, after, before), "order": "asc"}
    if after is not None:
        params[f"{prefix}after"] = naive_gmt(after)
    if before is not None:
        params[f"{prefix}before"] = naive_gmt(before)
    return {**params, "dates_are_gmt": "true"}


def naive_gmt(moment: dt.datetime) -> str:
    """Whole seconds without a zone: a ``Z`` together with ``dates_are_gmt`` shifts by the store's own zone."""
    return moment.astimezone(dt.UTC).replace(microsecond=0, tzinfo=None).isoformat()


def _sort_key(usual: str, after: dt.datetime | None, before: dt.datetime | None) -> str:
    """Orders of one second come in no certain order by their time, so a page of that second would skip some."""
    one_second = after is not None and before is not None and before - after <= dt.timedelta(seconds=2)
    return "id" if one_second else usual


def _another_order(answer: Answer, *, asked: str, got: str) -> ConnectorError:
    return Transient(
        f"{answer.host} answered with another order than was asked for; a cache mixes answers up.",
        code="answer_of_another_order",
        evidence={"asked": asked, "got": got},
    )
