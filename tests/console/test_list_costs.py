"""What lists, searches and pages ask of the database: as often for many rows as for few, and never a whole big table.

The questions are those of the console's bench (`retailhub.bench.console_asks`), read off the addresses of the product,
on rows that its generator makes: a list that is new is asked here by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse

from reconciliation.selectors import triage
from retailhub.bench import console_data
from retailhub.bench.console import Query, listening
from retailhub.bench.console_asks import Ask, Request, asks
from retailhub.core.admin import ModelAdmin
from tests.support.world import World, person

BIG = {
    "orders_order",
    "orders_orderversion",
    "orders_ordersku",
    "orders_customer",
    "reconciliation_case",
    "integrations_inboxmessage",
    "integrations_outboxmessage",
    "integrations_externalreference",
    "core_auditentry",
}
FEW, MANY = 3, 60


@pytest.fixture
def full(world: World) -> World:
    """More of everything than a page of a list shows."""
    console_data.generate(console_data.Size(orders=2 * MANY, cases=MANY), told=lambda _step: None)
    return world


def asked_by(client: Client, request: Request) -> list[Query]:
    """The queries of one page, and of the page that a search leads to."""
    with listening() as found:
        if request.data is None:
            answer = client.get(request.url)
        else:
            answer = client.post(request.url, request.data)
            answer = client.get(answer.headers["Location"]) if answer.status_code == 302 else answer
    assert answer.status_code == 200 or (answer.status_code == 302 and request.may_lead_on), request.url
    return found


def of_lists(found: Sequence[Ask]) -> list[Ask]:
    return [ask for ask in found if "/admin/find/" not in ask.ways[0].url and ask.name.endswith(" list")]


def unbounded(sql: str) -> bool:
    """Whether it counts rows of a big table without an end."""
    if not re.search(r"\bcount\(", sql, re.IGNORECASE) or not any(table in sql for table in BIG):
        return False
    return "LIMIT" not in sql.upper()


def whole_tables(queries: Sequence[Query]) -> list[tuple[str, str]]:
    """Big tables that PostgreSQL would read whole even where it may choose anything else, and for what."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql, params in queries:
            if sql.lstrip(" (").upper().startswith(("SELECT", "WITH")) and any(table in sql for table in BIG):
                cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
                (plan,) = cursor.fetchone()
                plan = json.loads(plan) if isinstance(plan, str) else plan
                found += [(table, sql) for table in _seq_scans(plan[0]["Plan"]) if table in BIG]
        cursor.execute("SET LOCAL enable_seqscan = on")
    return found


def _seq_scans(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for part in node.get("Plans", ()):
        yield from _seq_scans(part)


def test_a_long_page_of_a_list_asks_as_often_as_a_short_one(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client, lists, numbers = person(everything=True), of_lists(list(asks())), {}
    assert len(lists) > 20
    for rows in (FEW, MANY):
        monkeypatch.setattr(ModelAdmin, "list_per_page", rows)
        monkeypatch.setattr(triage, "PAGE", rows)
        for ask in lists:
            asked_by(client, ask.ways[0])
            numbers[ask.name, rows] = len(asked_by(client, ask.ways[0]))
    differing = {ask.name: (numbers[ask.name, FEW], numbers[ask.name, MANY]) for ask in lists}
    assert {name: pair for name, pair in differing.items() if pair[0] != pair[1]} == {}
    assert max(numbers.values()) <= 16, sorted(differing.items(), key=lambda pair: -pair[1][1])[:3]


def test_no_list_search_or_page_counts_or_reads_a_whole_big_table(full: World) -> None:
    client, counted, whole = person(everything=True), [], []
    for ask in asks():
        for request in {request.url: request for request in ask.ways[:2]}.values():
            queries = asked_by(client, request)
            counted += [(request.url, sql) for sql, _ in queries if unbounded(sql)]
            whole += [(request.url, *found) for found in whole_tables(queries)]
    assert counted == []
    assert whole == []


def indexed(model: Any) -> set[str]:
    """Fields that an index of the whole table begins with."""
    whole = [index.fields_orders[0][0] for index in model._meta.indexes if index.fields_orders and not index.condition]
    return {"id", *whole}


def test_lists_of_big_tables_sort_by_what_has_an_index_whatever_an_address_asks_for(full: World) -> None:
    client = person(everything=True)
    pages: list[Any] = [page for model, page in admin.site._registry.items() if model._meta.db_table in BIG]
    assert len(pages) >= 6
    for page in pages:
        url = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")
        for number in range(len(page.list_display)):
            sorts = re.compile(rf'FROM "{page.opts.db_table}" .*ORDER BY "{page.opts.db_table}"\."(\w+)"')
            queries = asked_by(client, Request(url=f"{url}?o={number}"))
            columns = [found.group(1) for found in (sorts.search(sql) for sql, _ in queries) if found]
            assert columns, (url, number)
            assert set(columns) <= indexed(page.model), (url, number)


def test_the_reader_of_plans_finds_a_whole_table_and_an_endless_count(full: World) -> None:
    everything = "SELECT count(*) FROM orders_order WHERE status = 'processing'"
    assert [table for table, _ in whole_tables([(everything, None)])] == ["orders_order"]
    assert whole_tables([("SELECT id FROM orders_order WHERE number = '1' LIMIT 1", None)]) == []
    assert unbounded(everything)
    assert not unbounded("SELECT count(*) FROM (SELECT 1 FROM orders_order LIMIT 10000) AS each")
