"""Intake: deliveries a second into real web processes, against bare inserts of the same bytes."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import time
from typing import Any

import psycopg2

from retailhub.bench import load, machine
from retailhub.bench.deliveries import prebuilt
from retailhub.sandbox.stack import HOST, Stack

CONNECTIONS = 64
CLIENTS = 16
SECRET = "bench-secret"  # noqa: S105 - signs made-up deliveries
ROUNDS = 3


def measure(stack: Stack, *, count: int) -> dict[str, Any]:
    """200s a second, p50, p99, CPU of web and PostgreSQL, and the ratio to bare inserts in the same run.

    Web is running and connection ``shop`` has `SECRET`. Rounds alternate; medians are told.
    """
    bodies = prebuilt(count * (ROUNDS + 1), secret=SECRET, host=f"{HOST}:{stack.port}", now=dt.datetime.now(dt.UTC))
    requests = [
        load.request_bytes("/webhooks/woocommerce/shop/", f"{HOST}:{stack.port}", _headers(headers), body)
        for headers, body in bodies
    ]
    load.run((HOST, stack.port), requests[:200], connections=CONNECTIONS)
    rounds, bare = [], []
    for number in range(ROUNDS):
        part = requests[count * (number + 1) : count * (number + 2)]
        rounds.append(_round(stack, part))
        bare.append(_bare(stack.services.database_url, [body for _, body in bodies[:count]]))
    chosen = sorted(rounds, key=lambda one: one["per_second"])[ROUNDS // 2]
    inserts = sorted(bare)[ROUNDS // 2]
    return {
        **chosen,
        "bare_inserts_per_second": round(inserts, 1),
        "ratio_to_bare_inserts": round(chosen["per_second"] / inserts, 3),
        "connections": CONNECTIONS,
        "bytes": len(bodies[0][1]),
    }


def _headers(headers: dict[str, str]) -> list[tuple[str, str]]:
    dropped = {"host", "connection", "content-length"}
    return [(name, value) for name, value in headers.items() if name.lower() not in dropped]


def _round(stack: Stack, requests: list[bytes]) -> dict[str, Any]:
    children = stack.services.supervisor.children
    web = [children["web"].pid]
    postgres = [children["postgres"].pid] if "postgres" in children else []
    web_before, postgres_before = machine.cpu_seconds(web), machine.cpu_seconds(postgres)
    done = load.run((HOST, stack.port), requests, connections=CONNECTIONS)
    web_used, postgres_used = machine.cpu_seconds(web) - web_before, machine.cpu_seconds(postgres) - postgres_before
    return {
        "per_second": round(done.ok / done.seconds, 1),
        "p50_ms": round(done.percentile(0.50), 2),
        "p99_ms": round(done.percentile(0.99), 2),
        "web_cpu_ms": round(web_used / max(done.ok, 1) * 1000, 3),
        "postgres_cpu_ms": round(postgres_used / max(done.ok, 1) * 1000, 3) if postgres else None,
        "not_ok": sum(done.other.values()),
    }


def _bare(database_url: str, bodies: list[bytes]) -> float:
    """Rows a second that 16 clients insert, one row and one commit each, into a table of id and bytes."""
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_bare")
        cursor.execute("CREATE TABLE bench_bare (id bigserial PRIMARY KEY, body bytea NOT NULL)")
    connection.close()
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(CLIENTS + 1)
    share = max(len(bodies) // CLIENTS, 1)
    clients = [
        context.Process(target=_insert, args=(database_url, bodies[i * share : (i + 1) * share], gate))
        for i in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    gate.wait()
    began = time.perf_counter()
    for client in clients:
        client.join()
    seconds = time.perf_counter() - began
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bench_bare")
        inserted: int = (cursor.fetchone() or (0,))[0]
        cursor.execute("DROP TABLE bench_bare")
    connection.close()
    return inserted / seconds


def _insert(database_url: str, bodies: list[bytes], gate: Any) -> None:
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        gate.wait()
        for body in bodies:
            cursor.execute("INSERT INTO bench_bare (body) VALUES (%s)", (body,))
    connection.close()
