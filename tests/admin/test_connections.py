"""The page of a connection: its condition in words, pauses with an end, and the doctor that a worker is."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from integrations import connections, doctor
from integrations.conditions import State, condition
from integrations.models import Connection, ConnectionState, ConnectionTest
from integrations.ports.capabilities import Check, Health
from integrations.ports.errors import Transient
from retailhub.core import clock
from retailhub.core.models import AuditEntry
from tests.support.hub import Hub
from tests.support.world import World, person

REASON = {"reason": "the merchant called"}
HOUR = dt.timedelta(hours=1)


def act(row: Connection, name: str) -> str:
    return reverse("admin:integrations_connection_act", args=[row.pk, name])


def page(client: Client, row: Connection) -> str:
    return client.get(reverse("admin:integrations_connection_change", args=[row.pk])).content.decode()


def erp_state(world: World, **values: object) -> ConnectionState:
    ConnectionState.objects.filter(connection=world.erp).update(**values)
    return ConnectionState.objects.select_related("connection").get(connection=world.erp)


def test_a_connection_is_paused_until_a_time_that_somebody_wrote(world: World) -> None:
    client = person("console.pause_connection")
    end = (clock.now() + 30 * HOUR).replace(microsecond=0)
    values = {**REASON, "until": "at", "at": end.strftime("%Y-%m-%d %H:%M:%S")}
    assert client.post(act(world.erp, "pause"), values).status_code == 302
    assert erp_state(world).paused_until == end
    assert AuditEntry.objects.get(action="pause_connection").after == {"until": end.isoformat()}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"until": "at"}, "Say until when."),
        ({"until": "at", "at": "2020-01-01 00:00"}, "That is over already"),
        ({"until": "60", "at": "2099-01-01 00:00"}, "or take it out"),
        ({"until": "a while"}, "Select a valid choice"),
    ],
)
def test_a_pause_without_a_clear_end_is_refused(world: World, values: dict[str, str], said: str) -> None:
    answer = person("console.pause_connection").post(act(world.erp, "pause"), {**REASON, **values})
    assert said in answer.content.decode()
    assert erp_state(world).paused_at is None


def test_a_pause_that_is_over_may_be_begun_anew(world: World) -> None:
    connections.pause(name="erp", until=clock.now() - HOUR, actor="test", reason="stocktaking", now=clock.now())
    client = person("console.pause_connection", "console.resume_connection")
    assert client.get(act(world.erp, "resume")).context["refusal"] == "It is not paused."
    assert client.post(act(world.erp, "pause"), {**REASON, "until": "resumed"}).status_code == 302
    assert erp_state(world).paused_until is None


def test_each_condition_has_its_word(world: World) -> None:
    now = clock.now()
    quiet = {"last_failure_code": "", "retry_at": None, "last_success_at": now}
    cases: list[tuple[dict[str, object], State, str]] = [
        ({}, State.OK, "good"),
        ({"last_success_at": None}, State.UNUSED, "quiet"),
        ({"retry_at": now + HOUR}, State.WAITING, "warn"),
        ({"last_failure_code": "credentials_rejected"}, State.REFUSED, "bad"),
        ({"last_failure_code": "other_system_unavailable", "retry_at": now + HOUR}, State.FAILING, "bad"),
        ({"writes_failure_code": "key_lacks_rights"}, State.REFUSED, "bad"),
        ({"paused_at": now, "paused_until": now + HOUR, "last_failure_code": "x"}, State.PAUSED, "warn"),
        ({"paused_at": now, "paused_until": now - HOUR, "writes_failure_code": ""}, State.OK, "good"),
    ]
    for values, word, tone in cases:
        found = condition(erp_state(world, **{**quiet, **values}), now)
        assert (found.state, found.tone) == (word, tone), values


def test_a_test_is_a_row_that_a_worker_makes_and_its_page_shows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [
        Check("credentials", Health.FAILED, "The key is refused.", "Enter a valid API key."),
        Check("products", Health.SKIPPED, "Not looked at."),
    ]
    monkeypatch.setattr(doctor, "examine", lambda *_args, **_more: checks)
    client = person("console.connect_system")
    assert "It has not been tested yet." in page(client, world.erp)
    assert client.post(act(world.erp, "test"), REASON).status_code == 302
    waiting = page(client, world.erp)
    assert "it waits for a worker" in waiting
    assert 'id="doctor" data-live="2"' in waiting
    assert "is being tested already" in client.post(act(world.erp, "test"), REASON).content.decode()
    assert (doctor.step(), doctor.step()) == (1, 0)
    done = page(client, world.erp)
    assert "1 of 2 need somebody." in done
    assert "Enter a valid API key." in done
    assert "data-live=" not in done
    assert AuditEntry.objects.get(action="test_connection").subject == "connection:erp"


def test_a_test_that_cannot_be_made_says_why_and_leaves_the_last_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctor.keep(row=world.erp, checks=[Check("reached", Health.OK, "It answers.")], actor="test", now=clock.now())

    def fail(*_args: object, **_more: object) -> list[Check]:
        raise Transient("The other system hung up.")

    monkeypatch.setattr(doctor, "examine", fail)
    doctor.ask(name="erp", actor="test", reason="why not", now=clock.now())
    assert doctor.step() == 1
    shown = page(person(), world.erp)
    assert "could not be made: The other system hung up." in shown
    assert "It answers." in shown


def test_a_test_whose_worker_died_is_made_again_and_then_given_up(world: World) -> None:
    made = doctor.ask(name="erp", actor="test", reason="why not", now=clock.now())
    for tries in (1, 2):
        first = doctor._claim()
        assert first is not None
        assert (first.pk, first.tries) == (made.pk, tries)
        assert doctor._claim() is None
        ConnectionTest.objects.filter(pk=made.pk).update(lease_until=clock.now() - HOUR)
    assert doctor.step() == 0
    made.refresh_from_db()
    assert (made.state, made.why) == ("broken", "The workers that made this test stopped before its end.")


def test_who_has_lost_a_test_writes_nothing_of_it(world: World) -> None:
    made = doctor.ask(name="erp", actor="test", reason="why not", now=clock.now())
    old = doctor._claim()
    ConnectionTest.objects.filter(pk=made.pk).update(lease_until=clock.now() - HOUR)
    new = doctor._claim()
    assert old is not None
    assert new is not None
    with pytest.raises(Transient, match="taken"):
        doctor._Watch(old)()
    doctor._finish(old, "done", checks=[Check("late", Health.OK, "Too late.")])
    made.refresh_from_db()
    assert (made.state, made.checks) == ("running", [])


def test_a_test_that_takes_too_long_is_given_up_at_its_next_call(world: World) -> None:
    doctor.ask(name="erp", actor="test", reason="why not", now=clock.now())
    held = doctor._claim()
    assert held is not None
    watch = doctor._Watch(held)
    watch()
    assert ConnectionTest.objects.get().calls == 1
    held.started_at = clock.now() - HOUR
    with pytest.raises(Transient, match="more than 60 seconds"):
        watch()


def test_only_the_last_tests_of_a_connection_are_kept(world: World) -> None:
    for _ in range(doctor.KEPT + 3):
        doctor.keep(row=world.erp, checks=[], actor="test", now=clock.now())
    assert ConnectionTest.objects.count() == doctor.KEPT


def test_a_worker_looks_at_a_real_connection(hub: Hub) -> None:
    hub.connect()
    doctor.ask(name="erp", actor="test", reason="why not", now=clock.now())
    assert doctor.step() == 1
    found = doctor.last(connection_id=Connection.objects.get(name="erp").pk)
    assert found is not None
    assert (found.state, found.calls > 0) == ("done", True)
    assert {check.name: check.health.value for check in doctor.checks_of(found)} == {
        "reachability": "ok",
        "credentials": "ok",
        "products": "failed",
    }


def test_a_store_shows_its_webhooks_and_its_looks(world: World) -> None:
    shown = page(person(), world.eu)
    assert "Looks at the store" in shown
    assert "Webhooks" in shown
    assert "Looks at the store" not in page(person(name="rosa"), world.erp)
