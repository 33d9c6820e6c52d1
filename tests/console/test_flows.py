"""The page of what moves and what waits."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.urls import reverse

from integrations import connections, flow_reads, polls
from integrations.flow_reads import Flow
from integrations.models import OutboxMessage, Poll
from integrations.states import PollKind
from retailhub.console.pages.flows import Block
from retailhub.core import clock
from tests.support.world import World, order_body, person

QUERIES = 9
"""Of the page, for somebody with single permissions."""


def blocks(**permissions: Any) -> dict[str, Block]:
    client = person("console.pause_connection", "console.resume_connection", **permissions)
    return {block.name: block for block in client.get(reverse("admin:flows")).context["blocks"]}


def rows_of(block: Block) -> dict[str, list[str]]:
    return {row[0].text: [cell.text for cell in row[1:]] for row in block.flows.data.rows}


def flow(world: World, direction: str, name: str = "erp") -> Flow:
    key = {"eu": world.eu.pk, "erp": world.erp.pk}[name]
    found = [one for one in flow_reads.flows(with_rates=True) if (one.connection_id, one.direction) == (key, direction)]
    assert len(found) == 1
    return found[0]


def test_a_flow_tells_depth_oldest_lag_rate_and_what_is_parked(world: World) -> None:
    OutboxMessage.objects.filter(status="parked").update(
        due_at=clock.now() - dt.timedelta(minutes=20), created_at=clock.now() - dt.timedelta(minutes=30)
    )
    assert flow(world, "o") == Flow(
        connection_id=world.erp.pk, direction="o", lane=0, parked=1, rate=2 / flow_reads.RATE_MINUTES
    )
    OutboxMessage.objects.filter(status="parked").update(status="pending", outcome="")
    waiting = flow(world, "o")
    assert (waiting.pending, waiting.parked) == (1, 0)
    assert 1200 <= waiting.lag_seconds < 1260
    assert 1800 <= waiting.oldest_seconds < 1860
    assert rows_of(blocks()["erp"])["out, orders"] == ["1", "30 min", "20 min", "0", "0", "0.4"]


def test_what_came_and_is_not_worked_yet_waits_on_the_way_in(world: World) -> None:
    world.deliver(order_body(950))
    coming = flow(world, "i", "eu")
    assert (coming.pending, coming.parked, coming.rate) == (1, 1, 8 / flow_reads.RATE_MINUTES)


def test_counting_stops_at_its_cap(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(flow_reads, "CAP", 2)
    for number in (951, 952, 953):
        world.deliver(order_body(number))
    assert flow(world, "i", "eu").pending == 2


def test_a_look_tells_how_far_its_round_is(world: World) -> None:
    polls.ensure(connection_id=world.eu.pk, kinds=list(PollKind))
    Poll.objects.filter(kind="history").update(began_at=clock.now(), seen=250, total=1000)
    Poll.objects.filter(kind="walk").update(failures=3, code="server_error")
    looks = {row[0].text: [cell.text for cell in row[1:]] for row in blocks()["eu"].looks.data.rows}
    assert len(looks) == len(PollKind)
    assert looks["history"][2] == "25%: 250 of 1,000 orders"
    assert looks["walk over all ids"][3] == "fails: server error (3 in a row)"
    assert looks["changed orders"][:2] == ["never", "now"]


def test_the_page_offers_to_pause_what_runs_and_to_resume_what_is_paused(world: World) -> None:
    assert [label for label, _ in blocks()["erp"].acts] == ["Pause"]
    connections.pause(name="erp", until=None, actor="test", reason="moving house", now=clock.now())
    block = blocks(name="rosa")["erp"]
    assert [label for label, _ in block.acts] == ["Resume"]
    assert block.how.sentence == "paused by test until resumed: moving house"
    shown = person(name="paul").get(reverse("admin:flows"))
    assert [each.acts for each in shown.context["blocks"]] == [[], []]


def test_flows_ask_as_many_questions_whatever_there_is(world: World, django_assert_num_queries: Any) -> None:
    client = person()
    client.get(reverse("admin:flows"))
    with django_assert_num_queries(QUERIES):
        client.get(reverse("admin:flows"))
    polls.ensure(connection_id=world.eu.pk, kinds=list(PollKind))
    for number in range(950, 970):
        world.deliver(order_body(number))
    with django_assert_num_queries(QUERIES):
        client.get(reverse("admin:flows"))


def test_flows_are_for_who_may_see_connections(world: World) -> None:
    nobody = person(name="nobody")
    nobody.get(reverse("admin:index")).context["user"].user_permissions.clear()
    assert nobody.get(reverse("admin:flows")).status_code == 403
