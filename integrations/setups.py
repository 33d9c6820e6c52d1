"""Setting up: a store with the ERP that gets its orders, and how far they are.

Read off the rows, so that anybody can go on with it at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q

from integrations import doctor
from integrations.connectors.registry import KINDS, Kind, kind_named
from integrations.connectors.woocommerce.findings import TOPICS
from integrations.models import Connection, ConnectionTest, ExternalReference, Poll, SalesRoute
from integrations.ports.capabilities import Check, Health
from integrations.states import Mode, PollKind

__all__ = [
    "TOPICS",
    "FirstLoad",
    "Kind",
    "Setup",
    "Side",
    "find",
    "first_load",
    "has_sandbox",
    "is_taken",
    "kind_named",
    "kinds",
    "side_named",
]

LATER: Mapping[str, str] = {
    "webhooks": "Nothing to mend now: they are made below or in shadow mode, and orders come in without them too."
}
"""Lines of a test that cannot be right yet, with what is said instead of how to mend them."""


@dataclass(frozen=True)
class Side:
    """One connection of the set-up with its newest test."""

    row: Connection
    test: ConnectionTest | None

    @property
    def label(self) -> str:
        """What people call its kind."""
        return kind_named(self.row.kind).label

    @property
    def checks(self) -> list[Check]:
        """What the newest test found."""
        found = doctor.checks_of(self.test) if self.test is not None else []
        return [
            Check(check.name, Health.SKIPPED, check.sentence, LATER[check.name])
            if check.name in LATER and check.health is Health.FAILED
            else check
            for check in found
        ]

    @property
    def is_open(self) -> bool:
        """Whether a test waits or runs."""
        return self.test is not None and self.test.state in ConnectionTest.OPEN

    @property
    def is_well(self) -> bool:
        """Whether its newest test found nothing wrong, or it works without ever having been tested here."""
        if self.test is None or self.is_open:
            return self.row.mode != Mode.OFF.value and not self.row.state.last_failure_code
        return self.test.state == ConnectionTest.State.DONE and doctor.is_good(self.checks)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A store, the ERP that gets its orders, and how far they are."""

    store: Side | None
    erp: Side | None
    route: SalesRoute | None
    posted: ExternalReference | None

    @property
    def done(self) -> Mapping[str, bool]:
        """Which steps are done."""
        store, erp = self.store, self.erp
        is_live = store is not None and store.row.mode == Mode.LIVE.value
        return {
            "erp": erp is not None and erp.is_well,
            "store": store is not None and store.is_well,
            "route": self.route is not None,
            "skus": erp is not None and erp.row.state.catalogue_synced_at is not None,
            "shadow": store is not None and store.row.mode != Mode.OFF.value and store.row.live_from is not None,
            "live": is_live and erp is not None and erp.row.mode == Mode.LIVE.value,
            "posted": self.posted is not None,
        }

    @property
    def present(self) -> str:
        """The first step that is not done; empty when all are."""
        return next((step for step, done in self.done.items() if not done), "")

    @property
    def names(self) -> dict[str, str]:
        """What the addresses of the guide carry along."""
        sides = {"store": self.store, "erp": self.erp}
        return {role: side.row.name for role, side in sides.items() if side is not None}

    @property
    def query(self) -> str:
        """The names as the query of an address; empty when nothing is connected yet."""
        return urlencode(self.names)


def find(*, store: str = "", erp: str = "") -> Setup:
    """The set-up of these connections; without names, of the first store that is not live, else of the first one."""
    rows = list(Connection.objects.select_related("state").order_by("pk"))
    roles = {role: [row for row in rows if kind_named(row.kind).role == role] for role in ("store", "erp")}
    chosen = _named(roles["store"], store) or _first(roles["store"])
    route = None
    if chosen is not None:
        routes = SalesRoute.objects.filter(store=chosen).select_related("region__legal_entity").order_by("pk")
        route = routes.filter(Q(sink__name=erp) if erp else Q()).first()
    sink = next((row for row in roles["erp"] if route and row.pk == route.sink_id), None)
    sink = sink or _named(roles["erp"], erp) or _first(roles["erp"])
    return Setup(store=_side(chosen), erp=_side(sink), route=route, posted=_posted(chosen, sink))


def _named(rows: Sequence[Connection], name: str) -> Connection | None:
    return next((row for row in rows if row.name == name), None)


def _first(rows: Sequence[Connection]) -> Connection | None:
    return next((row for row in rows if row.mode != Mode.LIVE.value), rows[0] if rows else None)


def _side(row: Connection | None) -> Side | None:
    return Side(row, doctor.last(connection_id=row.pk)) if row is not None else None


def _posted(store: Connection | None, sink: Connection | None) -> ExternalReference | None:
    """The first document of this store's orders; only a live store has any."""
    if store is None or sink is None or store.mode != Mode.LIVE.value:
        return None
    code = store.settings.get("store_code") or store.name
    ours = ExternalReference.objects.filter(connection=sink, reference__startswith=f"WC-{code}-")
    return ours.filter(confirmed_at__isnull=False).order_by("pk").first()


def kinds(role: str) -> list[Kind]:
    """The kinds that are connected as a store or an ERP; sandboxes last."""
    return sorted((kind for kind in KINDS.values() if kind.role == role), key=lambda kind: (kind.sandbox, kind.label))


def has_sandbox() -> bool:
    """Whether a sandbox is connected, as in the demo."""
    return Connection.objects.filter(kind__in=[kind.name for kind in KINDS.values() if kind.sandbox]).exists()


def side_named(name: str) -> Side | None:
    """A connection with its newest test; ``None`` when there is none of that name."""
    return _side(Connection.objects.select_related("state").filter(name=name).first()) if name else None


def is_taken(name: str) -> bool:
    """Whether there is a connection of that name."""
    return Connection.objects.filter(name=name).exists()


@dataclass(frozen=True, kw_only=True)
class FirstLoad:
    """How far the store's old orders have been read."""

    seen: int
    total: int | None
    is_over: bool
    trouble: str


def first_load(*, store_id: int) -> FirstLoad | None:
    """The reading of a store's orders from the first one on; ``None`` before it has begun."""
    row = Poll.objects.filter(connection=store_id, kind=PollKind.HISTORY).first()
    if row is None:
        return None
    seen = int(row.report.get("seen", row.seen)) if row.began_at is None else row.seen
    return FirstLoad(seen=seen, total=row.total, is_over=row.finished_at is not None, trouble=row.detail)
