"""Life, progress and figures, as machines ask for them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integrations.models import ConnectionState, Heartbeat, InboxMessage, OutboxMessage
from retailhub.console.pages import health
from retailhub.core import clock
from tests.support.world import SECRETS, World, order_body


def ready() -> tuple[int, list[str]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()["reasons"]


def test_the_process_lives_without_a_database() -> None:
    assert Client().get("/healthz").json() == {"status": "alive"}
    assert Client().post("/healthz").status_code == 405


def test_it_is_ready_while_a_pump_looks_and_nothing_is_left_lying(world: World) -> None:
    assert ready() == (200, [])


def test_it_is_not_ready_when_no_pump_ever_looked_or_none_does_any_more(world: World) -> None:
    Heartbeat.objects.update(beat_at=clock.now() - dt.timedelta(seconds=95))
    assert ready() == (503, ["No worker has looked for work for 1 min."])
    Heartbeat.objects.create(name="another", beat_at=clock.now())
    assert ready()[0] == 200
    Heartbeat.objects.all().delete()
    assert ready() == (503, ["No worker has ever looked for work."])


def test_it_is_not_ready_when_due_work_of_a_live_connection_is_left_lying(world: World) -> None:
    world.deliver(order_body(930))
    world.sink.refuse.clear()
    message = OutboxMessage.objects.get(status="parked")
    long_ago = clock.now() - dt.timedelta(seconds=400)
    OutboxMessage.objects.filter(pk=message.pk).update(status="pending", outcome="", due_at=long_ago)
    InboxMessage.objects.filter(status="pending").update(due_at=long_ago)
    code, reasons = ready()
    assert code == 503
    assert reasons == [
        f"1 message {way} of connection {name} left lying although due, the oldest for 6 min."
        for way, name in (("in", "eu"), ("out", "erp"))
    ]
    ConnectionState.objects.filter(connection=world.erp).update(paused_at=clock.now())
    assert len(ready()[1]) == 1
    world.work()
    ConnectionState.objects.filter(connection=world.erp).update(paused_at=None)
    world.work()
    assert ready() == (200, [])


def test_it_is_not_ready_before_the_database_is_migrated(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated", False)
    assert ready()[0] == 200
    monkeypatch.setattr(health, "_migrated", False)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'orders'")
    code, reasons = ready()
    assert code == 503
    assert reasons[0].endswith("migrations; run manage.py migrate.")


def test_it_is_not_ready_without_a_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("could not connect to server at 10.0.0.7")

    monkeypatch.setattr(health, "_bound", away)
    monkeypatch.setattr(connection, "close", lambda: None)
    assert ready() == (503, ["The database cannot be reached or does not answer in time."])


def scrape(**headers: str) -> tuple[int, str]:
    answer = Client().get("/metrics", **headers)  # type: ignore[arg-type]
    return answer.status_code, answer.content.decode()


def test_figures_are_read_from_the_rows(world: World) -> None:
    world.deliver(order_body(930))
    code, text = scrape()
    assert code == 200
    lines = text.splitlines()
    wanted: tuple[str, ...] = (
        'retailhub_messages{connection="eu",direction="in",lane="orders",status="pending"} 1.0',
        'retailhub_messages{connection="erp",direction="out",lane="orders",status="parked"} 1.0',
        'retailhub_parked_messages{code="period_closed",direction="out"} 1.0',
        'retailhub_parked_messages{code="body_not_json",direction="in"} 1.0',
        'retailhub_open_cases{code="sku_unmapped"} 2.0',
        'retailhub_orders{state="held"} 2.0',
        'retailhub_orders{state="accepted"} 3.0',
        'retailhub_orders{state="cancelled"} 0.0',
        'retailhub_refused_deliveries{connection="eu",reason="signature"} 1.0',
        'retailhub_connection_paused{connection="erp"} 0.0',
    )
    assert [line for line in wanted if line not in lines] == []
    assert any(line.startswith('retailhub_oldest_due_seconds{connection="eu"') for line in lines)
    assert any(line.startswith('retailhub_heartbeat_age_seconds{worker="pump@test"}') for line in lines)
    assert any(line.startswith("retailhub_database_connections ") for line in lines)
    assert not [secret for secret in SECRETS if secret in text]


def test_a_scrape_asks_as_little_of_many_rows_as_of_few(world: World) -> None:
    with CaptureQueriesContext(connection) as few:
        scrape()
    for number in range(1000, 1030):
        world.deliver(order_body(number))
    world.work()
    with CaptureQueriesContext(connection) as many:
        scrape()
    assert len(many) == len(few) < 16


def test_figures_are_for_this_network_or_with_the_token(world: World, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    for address in ("127.0.0.1", "10.1.2.3", "fd00::1"):
        assert scrape(REMOTE_ADDR=address)[0] == 200
    for address in ("8.8.8.8", "2001:4860:4860::8888", ""):
        assert scrape(REMOTE_ADDR=address)[0] == 403
    assert scrape(REMOTE_ADDR="10.1.2.3", HTTP_X_FORWARDED_FOR="8.8.8.8")[0] == 403
    assert scrape(REMOTE_ADDR="8.8.8.8", HTTP_AUTHORIZATION="Bearer ")[0] == 403
    settings.METRICS_TOKEN = "a-long-token"
    assert scrape(REMOTE_ADDR="8.8.8.8", HTTP_AUTHORIZATION="Bearer a-long-token")[0] == 200
    assert scrape(REMOTE_ADDR="8.8.8.8", HTTP_AUTHORIZATION="Bearer another-token")[0] == 403
