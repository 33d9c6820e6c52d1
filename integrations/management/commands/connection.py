"""Connections: add, set, list, test, pause, resume, switch, routes of orders, and a store's webhooks."""

from __future__ import annotations

import datetime as dt
import re
import sys
from pathlib import Path
from typing import Any, cast

from django.core.management.base import CommandParser
from django.db import IntegrityError

from integrations import connections, doctor, organisation, polling, webhook_care, webhook_secrets
from integrations.connectors.registry import KINDS, kind_named
from integrations.management import readings
from integrations.models import Connection, SalesRoute
from integrations.ports.capabilities import Check, Health
from integrations.ports.errors import ConnectorError
from integrations.selectors import connection_states, queues
from integrations.states import Mode, PollKind
from integrations.webhook_facts import webhook_states
from retailhub.core import clock
from retailhub.core.cli import Failed, HubCommand, actor, moment, shown

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Command(HubCommand):
    help = "Connections: add, set, list, test, pause, resume, mode, route, webhooks, rotate-secret."
    expected = (ConnectorError,)

    def add_options(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        _add_options(verbs.add_parser("add", help="Make a connection."))
        _set_options(verbs.add_parser("set", help="Change settings, credentials or limits; the rest stays."))
        verbs.add_parser("list", help="Every connection with its condition.")
        test = verbs.add_parser("test", help="Call it and say what is wrong and how to mend it.")
        test.add_argument("name")
        pause = verbs.add_parser("pause", help="Send nothing to it; its work is held.")
        pause.add_argument("name")
        pause.add_argument("--reason", required=True)
        pause.add_argument("--until", help="ISO 8601 with an offset; without it until resumed.")
        resume = verbs.add_parser("resume", help="Let it go on.")
        resume.add_argument("name")
        resume.add_argument("--reason", default="resumed")
        mode = verbs.add_parser("mode", help="Switch it off, to shadow or live.")
        mode.add_argument("name")
        mode.add_argument("mode", choices=[mode.value for mode in Mode])
        mode.add_argument("--live-from", help="Orders before this moment are never posted.")
        mode.add_argument("--reason", required=True)
        _route_options(verbs.add_parser("route", help="Say which ERP gets a store's orders for some countries."))
        care = verbs.add_parser("webhooks", help="Say who looks after a store's webhooks.")
        care.add_argument("name")
        care.add_argument("who", choices=["care", "leave"], help="care: RetailHub; leave: people, it only tells.")
        care.add_argument("--reason", required=True)
        rotate = verbs.add_parser("rotate-secret", help="Give a store's webhooks a new secret, without a gap.")
        rotate.add_argument("name")

    def work(self, **options: Any) -> None:
        getattr(self, f"_{options['verb'].replace('-', '_')}")(options)

    def _add(self, options: dict[str, Any]) -> None:
        name, kind = options["name"], kind_named(options["kind"])
        if NAME.fullmatch(name) is None:
            raise Failed(
                "bad_name", f"{name!r} is no name: up to 40 lower-case letters, digits, dashes and underscores."
            )
        if Connection.objects.filter(name=name).exists():
            raise Failed("connection_exists", f"There is a connection named {name} already.")
        if options["max_in_flight"] < 1 or options["settle_seconds"] < 0:
            raise Failed("bad_limit", "--max-in-flight must be at least 1, and --settle-seconds at least 0.")
        settings = readings.settle(readings.pairs(options["setting"]), kind.parse_settings)
        live_from = _live_from(options["live_from"])
        try:
            row = connections.add(
                name=name,
                kind=kind.name,
                settings=settings,
                credentials=_credentials(options, kind.parse_credentials),
                mode=options["mode"],
                live_from=live_from,
                actor=actor(),
                now=clock.now(),
                max_in_flight=options["max_in_flight"],
                settle_seconds=options["settle_seconds"],
            )
        except IntegrityError as error:
            raise Failed("connection_exists", f"There is a connection named {name} already.") from error
        since = f", orders from {shown(live_from)} UTC on" if live_from else ""
        more = {"webhook_path": f"/webhooks/woocommerce/{name}/"} if kind.name == "woocommerce" else {}
        path = f" Its webhooks go to {more['webhook_path']}." if more else ""
        self.answer(
            {"connection": name, "id": row.pk, "kind": kind.name, "mode": row.mode, "live_from": live_from, **more},
            f"Added {name} ({kind.name}, {row.mode}{since}).{path}",
        )

    def _set(self, options: dict[str, Any]) -> None:
        row = connections.named(options["name"])
        kind = kind_named(row.kind)
        limits = {key: options[key] for key in ("max_in_flight", "settle_seconds") if options[key] is not None}
        if limits.get("max_in_flight", 1) < 1 or limits.get("settle_seconds", 0) < 0:
            raise Failed("bad_limit", "--max-in-flight must be at least 1, and --settle-seconds at least 0.")
        changed = connections.change(
            name=row.name,
            settings=readings.settle(
                readings.pairs(options["setting"]), lambda values: kind.parse_settings({**row.settings, **values})
            ),
            credentials=_credentials(
                options, lambda values: kind.parse_credentials({**cast(dict[str, Any], row.credentials), **values})
            ),
            limits=limits,
            actor=actor(),
            reason=options["reason"],
            now=clock.now(),
        )
        what = ", ".join(changed) or "nothing: it was so already"
        self.answer({"connection": row.name, "changed": changed}, f"Changed of {row.name}: {what}.")

    def _list(self, _options: dict[str, Any]) -> None:
        found = _facts()
        if self.as_json:
            self.show({"connections": found})
        elif not found:
            self.say("There are no connections yet; add one with: manage.py connection add")
        else:
            self.table(
                ("name", "kind", "mode", "live from", "condition", "waiting", "parked", "orders go to"),
                [_row(facts) for facts in found],
            )

    def _test(self, options: dict[str, Any]) -> None:
        row = connections.named(options["name"])
        checks = _checks(row)
        good = doctor.is_good(checks)
        if self.as_json:
            self.show({"connection": row.name, "ok": good, "checks": checks})
        for check in [] if self.as_json else checks:
            self.say(f"{check.health.value:8}{check.name}: {check.sentence}")
            if check.health is not Health.OK and check.fix:
                self.say(f"{'':8}{check.fix}")
        if not good:
            raise SystemExit(1)

    def _pause(self, options: dict[str, Any]) -> None:
        name = connections.named(options["name"]).name
        until = moment(options["until"]) if options["until"] else None
        now = clock.now()
        if until is not None and until <= now:
            raise Failed("in_the_past", f"{shown(until)} UTC is over already; nothing was paused.")
        connections.pause(name=name, until=until, actor=actor(), reason=options["reason"], now=now)
        how_long = f"until {shown(until)} UTC" if until else "until somebody resumes it"
        self.answer(
            {"connection": name, "paused": True, "until": until},
            f"Paused {name} {how_long}; its work is held, and intake goes on.",
        )

    def _resume(self, options: dict[str, Any]) -> None:
        name = connections.named(options["name"]).name
        connections.resume(name=name, actor=actor(), reason=options["reason"], now=clock.now())
        self.answer({"connection": name, "paused": False}, f"Resumed {name}; what was held goes on.")

    def _mode(self, options: dict[str, Any]) -> None:
        name, mode = connections.named(options["name"]).name, options["mode"]
        live_from = _live_from(options["live_from"])
        connections.set_mode(
            name=name, mode=mode, live_from=live_from, actor=actor(), reason=options["reason"], now=clock.now()
        )
        self.answer({"connection": name, "mode": mode}, f"{name} is {mode} now.")

    def _webhooks(self, options: dict[str, Any]) -> None:
        row, leave = _store(options["name"]), options["who"] == "leave"
        webhook_care.leave_to_people(row=row, leave=leave, actor=actor(), reason=options["reason"], now=clock.now())
        whose = "left to people; RetailHub only tells of them" if leave else "looked after by RetailHub"
        self.answer({"connection": row.name, "left_to_people": leave}, f"The webhooks of {row.name} are {whose}.")

    def _rotate_secret(self, options: dict[str, Any]) -> None:
        row = _store(options["name"])
        webhook_secrets.begin(row=row, actor=actor(), now=clock.now())
        polling.look_now(connection_id=row.pk, kind=PollKind.WEBHOOKS)
        self.answer(
            {"connection": row.name, "step": "giving"},
            f"{row.name} has a new secret beside the old one. The pumps give it to the webhooks within a minute; the "
            "old one goes when no delivery was signed with it for an hour. connection list shows how far that is.",
        )

    def _route(self, options: dict[str, Any]) -> None:
        countries = [code.strip().upper() for code in options["countries"].split(",") if code.strip()]
        wrong = [code for code in countries if re.fullmatch("[A-Z]{2}", code) is None]
        currency = options["currency"].upper()
        if wrong or re.fullmatch("[A-Z]{3}", currency) is None:
            code = (wrong or [currency])[0]
            raise Failed("bad_code", f"{code!r} is no ISO code: two letters for countries, three for currencies.")
        organisation.add_route(
            store=options["store"],
            sink=options["sink"],
            entity=options["entity"],
            entity_name=options["entity_name"],
            currency=currency,
            region=options["region"],
            countries=countries,
            actor=actor(),
            now=clock.now(),
        )
        where = ", ".join(countries) or "all countries without a route of their own"
        self.answer(
            {
                "store": options["store"],
                "sink": options["sink"],
                "region": options["region"],
                "entity": options["entity"],
                "countries": countries,
            },
            f"Orders of {options['store']} for {where} go to {options['sink']}, for {options['entity']}.",
        )


def _add_options(parser: Any) -> None:
    parser.add_argument("name", help="Short name; part of the webhook address.")
    parser.add_argument("--kind", required=True, help=f"One of {', '.join(sorted(KINDS))}.")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--credential", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--credentials-file", metavar="FILE", help="JSON object; - reads it from standard input, out of shell history."
    )
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], default=Mode.OFF.value)
    parser.add_argument("--live-from", help="ISO 8601 with an offset, or now; orders before it are never posted.")
    parser.add_argument("--max-in-flight", type=int, default=2)
    parser.add_argument("--settle-seconds", type=int, default=5, help="How long its search may lag.")


def _set_options(parser: Any) -> None:
    parser.add_argument("name")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--credential", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--credentials-file", metavar="FILE", help="JSON object with those that change; - reads it.")
    parser.add_argument("--max-in-flight", type=int)
    parser.add_argument("--settle-seconds", type=int)
    parser.add_argument("--reason", required=True)


def _route_options(parser: Any) -> None:
    parser.add_argument("store")
    parser.add_argument("sink")
    parser.add_argument("--entity", required=True, metavar="CODE", help="The company that sells; made if missing.")
    parser.add_argument("--entity-name", default="")
    parser.add_argument("--currency", required=True, help="ISO 4217 code of the company's books.")
    parser.add_argument("--region", required=True, metavar="CODE", help="The market; made if missing.")
    parser.add_argument("--countries", default="", help="ISO codes with commas; none: all that no other route names.")


def _live_from(text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    return clock.now() if text == "now" else moment(text)


def _credentials(options: dict[str, Any], parse: Any) -> dict[str, Any]:
    given = readings.pairs(options["credential"])
    source = options["credentials_file"]
    if source is None:
        return readings.settle(given, parse)
    if given:
        raise Failed("credentials_twice", "Give credentials by --credential or by --credentials-file, not by both.")
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed("unreadable", f"The credentials cannot be read from {source}.") from error
    return readings.from_json(text)


def _checks(row: Connection) -> list[Check]:
    """What the connector says of itself, kept as the connection's last test."""
    now = clock.now()
    try:
        checks = doctor.examine(row)
    except doctor.NotTestable as error:
        raise Failed("not_testable", str(error)) from error
    doctor.keep(row=row, checks=checks, actor=actor(), now=now)
    return checks


def _facts() -> list[dict[str, Any]]:
    now = clock.now()
    open_messages: dict[tuple[int, str], int] = {}
    for queue in queues():
        key = (queue.connection_id, "parked" if queue.status == "parked" else "waiting")
        open_messages[key] = open_messages.get(key, 0) + queue.count
    webhooks = webhook_states()
    routes: dict[int, list[dict[str, Any]]] = {}
    for route in SalesRoute.objects.select_related("region", "sink").order_by("pk"):
        told = {"sink": route.sink.name, "region": route.region.code, "countries": list(route.region.countries)}
        routes.setdefault(route.store_id, []).append(told)
    return [
        {
            "name": state.connection.name,
            "id": state.pk,
            "kind": state.connection.kind,
            "mode": state.connection.mode,
            "live_from": state.connection.live_from,
            "settings": state.connection.settings,
            "max_in_flight": state.connection.max_in_flight,
            "settle_seconds": state.connection.settle_seconds,
            "paused": state.paused_at is not None and (state.paused_until is None or state.paused_until > now),
            "paused_until": state.paused_until,
            "paused_by": state.paused_by,
            "paused_reason": state.paused_reason,
            "retry_at": state.retry_at,
            "last_success_at": state.last_success_at,
            "last_failure_at": state.last_failure_at,
            "last_failure_code": state.last_failure_code,
            "waiting": open_messages.get((state.pk, "waiting"), 0),
            "parked": open_messages.get((state.pk, "parked"), 0),
            "routes": routes.get(state.pk, []),
            "webhooks": webhooks.get(state.pk),
        }
        for state in connection_states()
    ]


def _store(name: str) -> Connection:
    row = connections.named(name)
    if kind_named(row.kind).role != "store":
        raise Failed("not_a_store", f"{row.name} is no store: it has no webhooks.")
    return row


def _row(facts: dict[str, Any]) -> list[str]:
    routes = [f"{', '.join(route['countries']) or 'all others'} → {route['sink']}" for route in facts["routes"]]
    return [
        facts["name"],
        facts["kind"],
        facts["mode"],
        shown(facts["live_from"]),
        _condition(facts),
        str(facts["waiting"]),
        str(facts["parked"]),
        "; ".join(routes),
    ]


def _condition(facts: dict[str, Any]) -> str:
    if facts["paused"]:
        until = f" until {shown(facts['paused_until'])}" if facts["paused_until"] else ""
        return f"paused{until}: {facts['paused_reason']}"
    if facts["last_failure_code"]:
        return f"in trouble: {facts['last_failure_code']}"
    return "; ".join(
        ["well" if facts["last_success_at"] else "not used yet", *_about_webhooks(facts["webhooks"] or {})]
    )


def _about_webhooks(found: dict[str, Any]) -> list[str]:
    said = []
    if found.get("hole_since"):
        said.append(f"webhooks off since {shown(found['hole_since'])}")
    if found.get("late_since"):
        said.append("webhooks late")
    if found.get("missing_since"):
        said.append("webhook deliveries missing")
    rotation = found.get("rotation")
    if rotation:
        given = f"given to {rotation['given']} of {rotation['of']} webhooks"
        said.append(f"new secret {given if rotation['step'] == 'giving' else 'given, the old one still accepted'}")
    return said
