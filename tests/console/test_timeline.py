"""The whole life of an order: every kind of thing that happened, a page at a time."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations import selectors
from orders import selectors as orders
from orders.models import OrderTransition
from reconciliation.services import replay_runs, replays
from retailhub.console.pages.timeline import NAMES, PAGE
from retailhub.console.story import Teller
from retailhub.console.story_parts import KINDS
from retailhub.core import audit, clock
from tests.support.world import EMAIL, LAST_NAME, STREET, World, person

MOST_QUERIES = 30
SECONDS = 3.0
"""For a page of a story of 2,000 entries, on a machine that does other things too."""


def page(client: Client, world: World, query: str = "", number: int = 901) -> Any:
    return client.get(f"/admin/timeline/{world.order(number).public_id}/{query}")


def moments(answer: Any) -> list[Any]:
    return [moment for _, of_day in answer.context["data"] for moment in of_day]


def lengthen(world: World, count: int, number: int = 901) -> None:
    order, began = world.order(number), timezone.now() - dt.timedelta(days=9)
    OrderTransition.objects.bulk_create(
        [
            OrderTransition(
                order=order,
                axis="payment",
                before="pending",
                after="paid",
                why=f"change {step}",
                at=began + dt.timedelta(minutes=5 * step),
                trace_id="0" * 32,
            )
            for step in range(count)
        ]
    )


def test_every_kind_of_entry_has_a_filter_that_shows_only_it(world: World) -> None:
    assert set(NAMES) == set(KINDS)
    client = person()
    told = moments(page(client, world, number=903))
    assert {"delivery", "version", "transition", "effect", "attempt", "case"} <= {each.kind for each in told}
    for kind in ("effect", "case"):
        assert {each.kind for each in moments(page(client, world, f"?kind={kind}", 903))} == {kind}
    two = moments(page(client, world, "?kind=effect&kind=case&kind=colour", 903))
    assert {each.kind for each in two} == {"effect", "case"}


def test_people_and_replays_are_told_with_their_reasons_masked(world: World) -> None:
    order = world.order(903)
    now = clock.now()
    audit.record(actor="olga", action="see_personal_data", subject=order.subject, reason=f"asked by {EMAIL}", now=now)
    what = replays.plan_messages([str(row) for row in _parked(order.subject)])
    run = replay_runs.plan(what=what, source="messages", title="Again", author="olga", reason="test", now=now)
    told = {each.kind: each for each in moments(page(person(), world, "?kind=person&kind=replay", 903))}
    assert told["person"].what.startswith("olga: see personal data, because: asked by a•••@")
    assert run.public_id in told["replay"].what
    assert told["replay"].url.endswith(f"{run.public_id}/change/")


def _parked(subject: str) -> list[Any]:
    return [row for row in selectors.effects_of(subject=subject) if row.status == "parked"]


def test_work_of_one_message_carries_its_trace_and_amounts_are_shown(world: World) -> None:
    told = moments(page(person(), world))
    traces = {each.kind: each.trace for each in told if each.trace}
    assert traces["delivery"] == traces["version"] == traces["effect"] == traces["attempt"]
    order = orders.by_subject(world.order(901).subject)
    assert order is not None
    amounts = {entry.kind: entry.amount for entry in Teller().of_order(order) if entry.amount}
    assert amounts == {"version": "EUR 125.16", "document": "EUR 125.16"}
    assert all("EUR 125.16" in each.what or each.amount == "EUR 125.16" for each in told if each.kind in amounts)


def test_no_personal_data_is_told(world: World) -> None:
    text = page(person(), world).content.decode()
    assert [word for word in (EMAIL, LAST_NAME, STREET) if word in text] == []


def test_a_long_story_comes_in_pages_by_day_the_newest_first_asked_for(world: World) -> None:
    client = person()
    lengthen(world, 250)
    last = page(client, world)
    pages = last.context["pages"]
    assert last.context["number"] == pages == 3
    first = page(client, world, "?page=1")
    assert len(moments(first)) == PAGE
    days = [day for day, _ in first.context["data"]]
    assert days == sorted(set(days))
    every = [each for number in range(1, pages + 1) for each in moments(page(client, world, f"?page={number}"))]
    assert len(every) == last.context["count"] > 250
    assert [each.at for each in every] == sorted(each.at for each in every)
    for odd in ("?page=0", "?page=99", "?page=x", "?page=-1", "?page=99999999999"):
        assert page(client, world, odd).status_code == 200


def test_two_thousand_entries_are_quick_and_ask_no_more_queries_than_a_few(world: World) -> None:
    client = person()
    page(client, world)
    with CaptureQueriesContext(connection) as few:
        page(client, world)
    lengthen(world, 2000)
    began = time.monotonic()
    with CaptureQueriesContext(connection) as many:
        answer = page(client, world)
    assert answer.context["count"] > 2000
    assert time.monotonic() - began < SECONDS
    assert len(many) == len(few) <= MOST_QUERIES


def test_the_order_page_shows_the_newest_and_leads_to_the_rest(world: World) -> None:
    client = person()
    lengthen(world, 100)
    text = client.get(f"/admin/orders/order/{world.order(901).public_id}/change/").content.decode()
    assert f"/admin/timeline/{world.order(901).public_id}/" in text
    assert text.count("<time ") == 60
    assert page(client, world, number=902).status_code == 200
    assert client.get("/admin/timeline/ord_none/").status_code == 404
