"""Connections: what other layers may know of them, and what people and the engine do to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django.db import transaction

from integrations.connectors.registry import kind_named
from integrations.events import ConnectionTrouble, ConnectionWell, PathsChanged
from integrations.models import Connection, ConnectionState, SalesRoute
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.errors import AuthRejected, ConnectorError, Misconfigured
from integrations.ports.stores import Moment
from integrations.states import Mode
from integrations.workflow import StoreFacts
from retailhub.core import audit, bus, clock

WRITES = "writes"
"""The part of a connection that a key without the right to write cannot use."""
SUCCESS_SECONDS = 5.0
"""How old the noted last success of a connection may grow while all goes well."""


INTAKE = "/webhooks/woocommerce/"
"""Path of the intake; a connection's name follows."""


def info_of(row: Connection) -> ConnectionInfo:
    """A connection as its connector sees it; decrypts the credentials."""
    return ConnectionInfo(row.name, row.kind, row.settings, row.credentials, deliver_to(row.name))


def deliver_to(name: str) -> str:
    """Where a store's webhooks deliver to; empty where nobody has said how we are reached."""
    return f"{django_settings.PUBLIC_URL}{INTAKE}{name}/" if django_settings.PUBLIC_URL else ""


def open_connector(row: Connection, context: CallContext) -> Any:
    """The connector of a connection. Raises `Misconfigured` for settings it cannot work with."""
    return kind_named(row.kind).make(info_of(row), context)


def named(name: str) -> Connection:
    """The connection of that name. Raises `Misconfigured` when there is none."""
    row = Connection.objects.filter(name=name).first()
    if row is None:
        raise Misconfigured(f"There is no connection named {name!r}.")
    return row


def read_sinks() -> list[str]:
    """Names of the connections that orders are posted to now, or that are looked at first: those that are read."""
    rows = Connection.objects.exclude(mode=Mode.OFF).order_by("pk")
    return [row.name for row in rows if kind_named(row.kind).role == "erp"]


def note_catalogue(*, connection_id: int) -> None:
    """Write down that a connection's catalogue was read to its end."""
    ConnectionState.objects.filter(pk=connection_id).update(catalogue_synced_at=clock.now())


def store_facts(ids: set[int]) -> dict[int, StoreFacts]:
    """What flows need to know of these stores."""
    return {
        row.pk: StoreFacts(
            id=row.pk,
            name=row.name,
            code=row.settings.get("store_code") or row.name,
            mode=row.mode,
            live_from=row.live_from,
            status_map={Moment(moment): status for moment, status in row.settings.get("status_map", {}).items()},
            note_when_posted=bool(row.settings.get("note_when_posted")),
        )
        for row in Connection.objects.filter(pk__in=ids)
    }


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where a store's orders for some countries go. No countries: everything that no other route names."""

    store_id: int
    sink_id: int
    sink_mode: str
    can_amend: bool
    region_id: int
    legal_entity_id: int
    countries: frozenset[str]


def routes() -> list[Route]:
    """All routes of all stores."""
    rows = SalesRoute.objects.select_related("region", "sink").order_by("pk")
    return [
        Route(
            store_id=row.store_id,
            sink_id=row.sink_id,
            sink_mode=row.sink.mode,
            can_amend=kind_named(row.sink.kind).can_amend,
            region_id=row.region_id,
            legal_entity_id=row.region.legal_entity_id,
            countries=frozenset(row.region.countries),
        )
        for row in rows
    ]


def add(
    *,
    name: str,
    kind: str,
    settings: Mapping[str, Any],
    credentials: Mapping[str, Any],
    mode: str,
    live_from: dt.datetime | None,
    actor: Any,
    now: dt.datetime,
    max_in_flight: int = 2,
    settle_seconds: int = 5,
) -> Connection:
    """Make a connection. Raises `Misconfigured` when the kind is unknown or its settings are not usable."""
    _check(name, kind, settings, credentials, mode, live_from)
    with transaction.atomic():
        row = Connection.objects.create(
            name=name,
            kind=kind,
            settings=dict(settings),
            credentials=dict(credentials),  # type: ignore[misc]  # the field takes JSON, its base text
            mode=mode,
            live_from=live_from,
            max_in_flight=max_in_flight,
            settle_seconds=settle_seconds,
        )
        ConnectionState.objects.create(connection=row)
        audit.record(
            actor=actor,
            action="add_connection",
            subject=f"connection:{name}",
            reason="added",
            now=now,
            after={"kind": kind, "mode": mode},
        )
    return row


def _check(
    name: str,
    kind: str,
    settings: Mapping[str, Any],
    credentials: Mapping[str, Any],
    mode: str,
    live_from: dt.datetime | None,
) -> None:
    known = kind_named(kind)
    known.parse_settings(settings)
    known.parse_credentials(credentials)
    if mode == Mode.LIVE and known.role == "store" and live_from is None:
        raise Misconfigured(f"Connection {name} cannot be live without live_from: orders before it are not posted.")
    _check_store_code(settings)


def _check_store_code(settings: Mapping[str, Any], *, but: int = 0) -> None:
    code = settings.get("store_code")
    if code and Connection.objects.filter(settings__store_code=code).exclude(pk=but).exists():
        raise Misconfigured(f"store_code {code} belongs to another store: their references would be the same.")


def change(
    *,
    name: str,
    settings: Mapping[str, Any],
    credentials: Mapping[str, Any],
    limits: Mapping[str, int],
    actor: Any,
    reason: str,
    now: dt.datetime,
) -> list[str]:
    """Change some settings, credentials or limits (``max_in_flight``, ``settle_seconds``); what is not named stays.

    Returns the names of what changed. Locks the row. Raises `Misconfigured` when the whole would not be usable.
    Values of credentials are in no audit row.
    """
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(name=name)
        before = {**row.settings, "max_in_flight": row.max_in_flight, "settle_seconds": row.settle_seconds}
        secrets = {key for key, value in credentials.items() if row.credentials.get(key) != value}
        _take_over(row, settings, credentials, limits)
        # mended, as far as we know: what was held back for the old settings is tried at once
        ConnectionState.objects.filter(pk=row.pk).update(retry_at=None, writes_retry_at=None)
        after = {**row.settings, "max_in_flight": row.max_in_flight, "settle_seconds": row.settle_seconds}
        changed = sorted(key for key, value in after.items() if before.get(key) != value)
        audit.record(
            actor=actor,
            action="change_connection",
            subject=f"connection:{name}",
            reason=reason,
            now=now,
            before={key: before.get(key) for key in changed},
            after={**{key: after[key] for key in changed}, "credentials": sorted(secrets)},
        )
    return changed + sorted(secrets)


def _take_over(
    row: Connection, settings: Mapping[str, Any], credentials: Mapping[str, Any], limits: Mapping[str, int]
) -> None:
    """Put changes into the row and save it. Raises `Misconfigured` when the whole would not be usable."""
    row.settings = {**row.settings, **settings}
    row.credentials = {**row.credentials, **credentials}
    for key, value in limits.items():
        setattr(row, key, value)
    known = kind_named(row.kind)
    known.parse_settings(row.settings)
    known.parse_credentials(row.credentials)
    _check_store_code(row.settings, but=row.pk)
    row.save()


def set_mode(*, name: str, mode: str, live_from: dt.datetime | None, actor: Any, reason: str, now: dt.datetime) -> None:
    """Switch a connection off, to shadow or live. Locks its row."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(name=name)
        before = {"mode": row.mode, "live_from": row.live_from and row.live_from.isoformat()}
        row.mode, row.live_from = mode, live_from or row.live_from
        if mode == Mode.LIVE and kind_named(row.kind).role == "store" and row.live_from is None:
            raise Misconfigured(f"Connection {name} cannot be live without live_from.")
        row.save()
        audit.record(
            actor=actor,
            action="set_mode",
            subject=f"connection:{name}",
            reason=reason,
            now=now,
            before=before,
            after={"mode": row.mode, "live_from": row.live_from and row.live_from.isoformat()},
        )
        fed = SalesRoute.objects.filter(sink=row).values_list("store_id", flat=True)
        bus.publish(PathsChanged(sorted({row.pk, *fed}), now))


def set_modes(
    *, names: Sequence[str], mode: str, live_from: dt.datetime | None, actor: Any, reason: str, now: dt.datetime
) -> None:
    """Switch several connections together, in this order; ``live_from`` is for the stores among them."""
    with transaction.atomic():
        for name in names:
            is_store = kind_named(named(name).kind).role == "store"
            since = live_from if is_store else None
            set_mode(name=name, mode=mode, live_from=since, actor=actor, reason=reason, now=now)


def pause(*, name: str, until: dt.datetime | None, actor: Any, reason: str, now: dt.datetime) -> None:
    """Send nothing to a connection until ``until`` (or until resumed). Work is held, intake goes on."""
    with transaction.atomic():
        state = ConnectionState.objects.select_for_update().get(connection__name=name)
        state.paused_at, state.paused_until = now, until
        state.paused_by = actor if isinstance(actor, str) else actor.get_username()
        state.paused_reason = reason
        state.save()
        audit.record(
            actor=actor,
            action="pause_connection",
            subject=f"connection:{name}",
            reason=reason,
            now=now,
            after={"until": until and until.isoformat()},
        )


def resume(*, name: str, actor: Any, reason: str, now: dt.datetime) -> None:
    """Let a paused connection go on, and forget a time it asked us to wait for."""
    with transaction.atomic():
        state = ConnectionState.objects.select_for_update().get(connection__name=name)
        state.paused_at = state.paused_until = state.retry_at = state.writes_retry_at = None
        state.paused_by = state.paused_reason = ""
        state.save()
        audit.record(actor=actor, action="resume_connection", subject=f"connection:{name}", reason=reason, now=now)


def note_trouble(*, connection_id: int, error: ConnectorError, retry_at: dt.datetime | None = None) -> None:
    """Write down that a connection as a whole does not work, and until when to leave it alone."""
    now = clock.now()
    with transaction.atomic():
        values: dict[str, Any] = {"last_failure_at": now, "last_failure_code": error.code[:60]}
        if retry_at is not None:
            values["retry_at"] = retry_at
        ConnectionState.objects.filter(pk=connection_id).update(**values)
        bus.publish(ConnectionTrouble(connection_id, error.code, error.detail, now, outcome=_for_a_person(error)))


def hold_writes(*, connection_id: int, until: dt.datetime, refused: ConnectorError | None = None) -> None:
    """Write nothing to a connection until then, though it is read on. ``refused``: it may not be written to at all."""
    with transaction.atomic():
        values: dict[str, Any] = {"writes_retry_at": until}
        if refused is not None:
            values["writes_failure_code"] = refused.code[:60]
        ConnectionState.objects.filter(pk=connection_id).update(**values)
        if refused is not None:
            now = clock.now()
            bus.publish(
                ConnectionTrouble(connection_id, refused.code, refused.detail, now, outcome="auth", part=WRITES)
            )


def note_written(*, connection_id: int) -> None:
    """Write down that something was written to a connection: that it refused writes before is over."""
    with transaction.atomic():
        troubled = ConnectionState.objects.filter(pk=connection_id).exclude(writes_failure_code="")
        if troubled.update(writes_failure_code="", writes_retry_at=None):
            bus.publish(ConnectionWell(connection_id, clock.now(), part=WRITES))


def _for_a_person(error: ConnectorError) -> str:
    if isinstance(error, AuthRejected):
        return "auth"
    return "misconfigured" if isinstance(error, Misconfigured) else ""


def note_success(*, connection_id: int) -> None:
    """Write down that a call succeeded; trouble before it is over."""
    now = clock.now()
    with transaction.atomic():
        troubled = ConnectionState.objects.filter(pk=connection_id).exclude(last_failure_code="")
        if troubled.update(last_failure_code="", last_success_at=now):
            bus.publish(ConnectionWell(connection_id, now))
            return
    # written seldom: the row is what claims wait for
    fresh = now - dt.timedelta(seconds=SUCCESS_SECONDS)
    seldom = ConnectionState.objects.filter(pk=connection_id).exclude(last_success_at__gt=fresh)
    seldom.update(last_success_at=now)
