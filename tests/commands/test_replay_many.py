"""`manage.py replay` for many: a plan, its start, a second person, how far it is, its end."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from integrations.models import InboxMessage
from inventory.models import SkuMapping
from reconciliation.models import Cause, ReplayRun
from reconciliation.services import replay_steps
from retailhub.core import clock
from tests.commands.conftest import command
from tests.support.world import UNKNOWN_SKU, World, build, order_body

REASON = ("--reason", "the item was added")


@pytest.fixture
def world(db: None) -> World:
    """Two orders wait for a SKU that is known by now."""
    made = build()
    SkuMapping.objects.create(
        connection=made.erp, sku=UNKNOWN_SKU, item_code="ITEM-1", source="catalogue", changed_at=clock.now()
    )
    return made


def go_round(world: World) -> None:
    while replay_steps.step():
        world.work()


def told(*words: str) -> Any:
    return command("replay", *words, "--json").json


def test_a_plan_does_nothing_until_it_is_started(world: World) -> None:
    cause = Cause.objects.get(code="sku_unmapped").public_id
    plan = told("plan", "--cause", cause, *REASON)
    assert (plan["state"], plan["items"], plan["source"]) == ("planned", 2, f"cause:{cause}")
    go_round(world)
    assert told("status", plan["replay"])["over"] == 0
    assert told("start", plan["replay"], "--no-wait")["state"] == "canary_1"
    go_round(world)
    assert told("start", plan["replay"])["error"]["code"] == "not_now"
    end = told("status", plan["replay"])
    assert (end["state"], end["done"], end["why"]) == ("done", 2, "2 of 2 went through.")
    assert [each["replay"] for each in told("status")["replays"]] == [plan["replay"]]


def test_more_than_a_few_are_never_done_at_once(world: World) -> None:
    for number in range(2000, 2009):
        world.deliver(order_body(number, sku=UNKNOWN_SKU + "-2"))
    world.work()
    held = InboxMessage.objects.filter(topic="order.retry").count()
    few = told("--code", "sku_unmapped", "--canary", *REASON)
    assert (few["state"], few["items"]) == ("planned", 11)
    many = told("--code", "sku_unmapped", *REASON)
    assert many["state"] == "planned"
    assert InboxMessage.objects.filter(topic="order.retry").count() == held
    assert told("--code", "sku_unmapped", *REASON, "--yes", "--no-wait")["state"] == "canary_1"


def test_a_plan_says_what_would_be_sent_first(world: World) -> None:
    said = command("replay", "--code", "sku_unmapped", "--canary", *REASON).out
    assert "First Order 904 of eu. Post order under WC-eu-904. It has never been sent." in said
    assert "EUR 250.32" in said
    assert "Start it with: manage.py replay start rpl_" in said


def test_another_person_approves_by_name_and_only_one_who_may(world: World, settings: Any) -> None:
    settings.REPLAY_APPROVAL_ABOVE = 1
    sven, nils = (User.objects.create_user(name) for name in ("sven", "nils"))
    sven.user_permissions.add(Permission.objects.get(codename="approve_replay"))
    run = told("--code", "sku_unmapped", "--canary", "--yes", *REASON)
    assert run["state"] == "awaiting_approval"
    assert told("approve", run["replay"], *REASON)["error"]["code"] == "not_now"
    assert told("approve", run["replay"], "--user", nils.username, *REASON)["error"]["code"] == "may_not_approve"
    assert told("approve", run["replay"], "--user", "sven")["error"]["code"] == "reason_missing"
    approved = told("approve", run["replay"], "--user", "sven", "--no-wait", *REASON)
    assert (approved["state"], approved["approver"]) == ("canary_1", "sven")
    go_round(world)
    assert ReplayRun.objects.get().state == "done"


def test_it_is_refused_cancelled_and_gone_on_with(world: World, settings: Any) -> None:
    SkuMapping.objects.filter(sku=UNKNOWN_SKU).delete()
    run = told("--code", "sku_unmapped", "--canary", "--yes", "--no-wait", *REASON)["replay"]
    go_round(world)
    assert told("status", run)["state"] == "stopped"
    assert told("go-on", run, "--leave", "--no-wait", *REASON)["state"] == "canary_1"
    go_round(world)
    assert told("cancel", run, *REASON)["state"] == "cancelled"
    settings.REPLAY_APPROVAL_ABOVE = 0
    other = told("--code", "sku_unmapped", "--canary", "--yes", *REASON)["replay"]
    User.objects.create_superuser("sven")
    assert told("refuse", other, "--user", "sven", *REASON)["why"].startswith("sven did not approve it")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("status", "rpl_1"), "no_such_thing"),
        (("start",), "choose_one"),
        (("plan",), "choose_one"),
        (("cancel", "rpl_1", "rpl_2"), "choose_one"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(world: World, words: tuple[str, ...], code: str) -> None:
    assert told(*words, *REASON)["error"]["code"] == code


def test_following_ends_with_the_replay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: go_round(world))
    said = command("replay", "--code", "sku_unmapped", "--canary", "--yes", *REASON).out
    assert "is done: 2 of 2 are over." in said
