"""The REST API: who calls, which page it is, what it answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from retailhub.sandbox.store import auth, customers, order_reads, product_reads, things
from retailhub.sandbox.store.auth import Gate, denied
from retailhub.sandbox.store.calls import Answer, Call, Request, read_body
from retailhub.sandbox.store.errors import RestError, no_route
from retailhub.sandbox.store.params import Schema, check
from retailhub.sandbox.store.php import encode, read_query
from retailhub.sandbox.store.store import API, Store

Page = Callable[..., Answer]
_EDITS = {"PUT", "PATCH"}


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One address. ``body`` is what a POST or PUT to it is checked against, before anything else."""

    pattern: str
    pages: Mapping[str, Page]
    body: Mapping[str, Schema] = msgspec.field(default_factory=dict)
    required: Sequence[str] = ()

    @property
    def is_batch(self) -> bool:
        return self.pattern.endswith("/batch")


class Rest:
    """Answers requests. Counts them by method, address (numbers left out) and status."""

    def __init__(self, store: Store, gate: Gate, routes: Sequence[Route]) -> None:
        self.store, self.gate = store, gate
        self.calls: Counter[str] = Counter()
        self._routes: dict[str, list[tuple[re.Pattern[str], Route]]] = {}
        for route in routes:
            top = route.pattern.partition("/")[0]
            compiled = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", route.pattern))
            self._routes.setdefault(top, []).append((compiled, route))

    def answer(self, request: Request) -> Answer:
        """One request; never raises for what a caller did."""
        place = request.path.removeprefix(API).strip("/")
        pattern = place
        try:
            call = auth.Call(
                request.method,
                f"{request.origin}{request.path}",
                request.pairs,
                request.secure,
                request.headers.get("authorization", ""),
            )
            key = self.gate.admit(call, now=int(self.store.clock.exact()))
            pattern, answer = self._page(request, place, known=key is not None)
        except RestError as error:
            answer = Answer(status=error.status, body=encode(error.body()))
        self.calls[f"{request.method} {re.sub(r'[0-9]+', '{id}', pattern)} {answer.status}"] += 1
        return answer

    def _page(self, request: Request, place: str, *, known: bool) -> tuple[str, Answer]:
        route, found = self._find(place)
        method = "PUT" if request.method in _EDITS and "PUT" in route.pages else request.method
        if method == "POST" and "POST" not in route.pages and "PUT" in route.pages:
            method = "PUT"
        page = route.pages.get(method)
        if page is None:
            raise no_route()
        params = read_query(request.pairs)
        posted = {name: value for name, value in params.items() if not name.startswith("oauth_")} | read_body(request)
        if method in ("POST", "PUT"):
            check(posted, route.body, required=route.required if method == "POST" else ())
        if not known:
            raise denied(_deed(route, method, found))
        address = f"{self.store.api}/{place}"
        call = Call(store=self.store, method=method, address=address, params=params, posted=posted)
        answer = page(call, *(int(text) if text.isdigit() else text for text in found))
        answer.headers.setdefault("Link", f'<{self.store.settings.site}/wp-json/>; rel="https://api.w.org/"')
        answer.headers["Allow"] = ", ".join(route.pages)
        return route.pattern, answer

    def _find(self, place: str) -> tuple[Route, tuple[str, ...]]:
        for pattern, route in self._routes.get(place.partition("/")[0], ()):
            match = pattern.fullmatch(place)
            if match is not None:
                return route, match.groups()
        raise no_route()

    def build(self, topic: str, arg: int) -> bytes:
        """The body of a delivery: what a GET by the webhook's user answers now."""
        resource, _, event = topic.partition(".")
        if resource == "action":
            return encode({"action": event, "arg": arg})
        if event == "deleted":
            return encode({"id": arg})
        try:
            return encode(self._read(resource, arg))
        except RestError as error:
            return encode(error.body())

    def _read(self, resource: str, arg: int) -> Any:
        if self.store.settings.webhook_user not in ("shop_manager", "administrator"):
            raise denied("view", status=401)
        return READERS[resource](self.store, arg)


def _deed(route: Route, method: str, found: tuple[str, ...]) -> str:
    if route.is_batch:
        return "batch"
    if method == "GET":
        return "view" if found else "view_many"
    return {"POST": "create", "PUT": "edit", "DELETE": "delete"}[method]


READERS: dict[str, Callable[[Store, int], dict[str, Any]]] = {
    "order": order_reads.one_order,
    "product": product_reads.one_product,
    "customer": customers.one_customer,
    "coupon": things.one_coupon,
}
