"""The store's webhooks fail, fall silent or are switched off: RetailHub mends them, and polling loses nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations import webhook_care, webhook_facts, webhook_secrets, webhooks
from integrations.connectors.woocommerce.findings import TOPICS
from integrations.models import Connection, ConnectionState, InboxMessage, Poll, WebhookCare, WebhookHole
from integrations.states import PollKind
from orders.models import Order
from reconciliation.models import Case
from retailhub.core import clock
from tests.support.shop import Door, Shop, known_skus, running_shop

HOOKS = PollKind.WEBHOOKS
HOUR = 3600.0


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path) -> Iterator[Shop]:
    """A look-alike store with webhooks of ours, connected and read once."""
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        shop.hook_up(topics=TOPICS)
        shop.look()
        shop.look(HOOKS)
        yield shop


def place(shop: Shop, count: int) -> list[str]:
    return [str(order) for order in shop.control.place_orders(count, way="rest")]


def heard(shop: Shop, count: int) -> list[str]:
    """Orders placed, told of and worked."""
    placed = place(shop, count)
    shop.tell()
    shop.settle()
    return placed


def switch_off(shop: Shop) -> list[str]:
    """Orders whose deliveries fail until the store has switched off the webhooks that told of them."""
    shop.door.answer = 500
    lost = place(shop, 8)
    shop.tell()
    shop.door.answer = 0
    assert statuses(shop)["order.updated"] == statuses(shop)["order.created"] == "disabled"
    return lost


def statuses(shop: Shop) -> dict[str, str]:
    return {hook.topic: hook.status for hook in shop.control.books().webhooks}


def shift(shop: Shop, seconds: float) -> None:
    """Move our clock and the store's, which takes no call whose time is far from its own."""
    shop.shift(seconds)
    shop.control.set_clock(int(seconds))


def settle_at(shop: Shop, seconds: float) -> None:
    """Work all that came in at a shifted clock, and leave it there."""
    shop.settle()
    shop.shift(seconds)


def tell_now(shop: Shop, order_refs: list[str]) -> None:
    """Somebody edits these orders, and each is delivered at once: the intake behind the door knows no shifted clock."""
    for ref in order_refs:
        shop.control.update(int(ref), customer_note="Ring twice.")
    with shop.connector() as connector:
        for listed in connector.named_orders(order_refs):
            assert shop.deliver(listed.body) == 200


def case(code: str) -> Case:
    return Case.objects.get(code=code)


def report(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = Poll.objects.get(connection=shop.eu.pk, kind=HOOKS).report
    return found


def due_in(shop: Shop, kind: PollKind = HOOKS) -> float:
    due_at = Poll.objects.get(connection=shop.eu.pk, kind=kind).due_at
    assert due_at is not None
    return (due_at - clock.now()).total_seconds()


def test_a_webhook_that_was_switched_off_is_set_active_and_its_hole_is_told_from_first_to_last(shop: Shop) -> None:
    heard(shop, 3)
    last = InboxMessage.objects.latest("received_at").received_at
    missed = [*switch_off(shop), *place(shop, 4)]

    shop.look(HOOKS)

    assert set(statuses(shop).values()) == {"active"}
    assert report(shop)["reactivated"] == ["order.updated", "order.created"]
    found = case("webhook_disabled")
    assert (found.state, found.subject) == ("open", f"connection:{shop.eu.pk}")
    assert f"told nothing of them from {last:%Y-%m-%d %H:%M:%S} UTC on" in found.sentence
    assert 55 < due_in(shop) < 61, "the next failure switches it off again at once"

    shop.settle()
    shop.look(HOOKS)

    hole = WebhookHole.objects.get()
    assert (hole.orders, hole.first_ref, hole.last_ref) == (12, missed[0], missed[-1])
    found = case("webhook_disabled")
    assert found.state == "closed"
    assert (found.evidence["orders"], found.evidence["first_order"]) == ("12", missed[0])
    assert f"12 orders came by polling alone: the first is {missed[0]}, the last {missed[-1]}." in found.sentence
    assert f"the last {missed[-1]}" in found.closed_because
    assert shop.untrue() == {}
    assert Case.objects.exclude(code="webhook_disabled").filter(code__startswith="webhook").count() == 0
    assert due_in(shop) > 250


def test_a_webhook_that_is_switched_off_again_reopens_the_same_case(shop: Shop) -> None:
    heard(shop, 2)
    switch_off(shop)
    shop.look(HOOKS)
    shop.settle()
    shop.look(HOOKS)
    assert case("webhook_disabled").state == "closed"

    shop.door.answer = 500
    again = place(shop, 1)
    shop.tell()
    shop.door.answer = 0
    assert statuses(shop)["order.updated"] == "disabled", "the count of failures stays"
    shop.look(HOOKS)
    assert (case("webhook_disabled").state, case("webhook_disabled").reopened_count) == ("open", 1)
    shop.settle()
    shop.look(HOOKS)

    found = case("webhook_disabled")
    assert (found.state, found.seen_count >= 2) == ("closed", True)
    assert found.evidence["last_order"] == again[0]
    assert shop.untrue() == {}


def test_a_hole_that_is_not_read_yet_goes_on_when_the_webhook_fails_again_and_the_store_is_not_pressed(
    shop: Shop,
) -> None:
    heard(shop, 2)
    first = switch_off(shop)
    shop.look(HOOKS)
    began = WebhookHole.objects.get().began_at

    # before what polling found is worked
    shop.door.answer = 500
    last = place(shop, 1)
    shop.tell()
    shop.look(HOOKS)
    assert due_in(shop) > 250
    shop.settle()
    shop.look(HOOKS)

    hole = WebhookHole.objects.get()
    assert (hole.began_at, hole.first_ref, hole.last_ref, hole.orders) == (began, first[0], last[0], 9)
    assert case("webhook_disabled").state == "closed"


def test_a_hole_is_known_before_anything_is_mended(shop: Shop) -> None:
    heard(shop, 1)
    missed = switch_off(shop)
    shop.control.behave(fatal=1.0, paths=["webhooks"], methods=["PUT"])

    shop.look(HOOKS)

    assert WebhookHole.objects.get().ended_at is None
    assert case("webhook_disabled").state == "open"
    assert Poll.objects.get(kind=HOOKS).failures > 0
    shop.control.be_good()
    shop.look(HOOKS)
    shop.settle()
    shop.look(HOOKS)
    assert case("webhook_disabled").state == "closed"
    assert WebhookHole.objects.get().first_ref == missed[0]


def test_webhooks_that_are_silent_for_two_hours_are_told_and_polling_has_found_all(shop: Shop) -> None:
    known = heard(shop, 2)
    period = Poll.objects.get(connection=shop.eu.pk, kind="changed").every_seconds
    shift(shop, 2 * HOUR + 60)
    unheard = place(shop, 6)

    shop.look()
    settle_at(shop, 2 * HOUR + 60)
    shop.look(HOOKS)

    found = case("webhooks_late")
    assert found.state == "open"
    assert found.sentence.startswith("The store's own timetable (WP-Cron) does not run: No delivery has come since ")
    assert "while polling found 6 changes in two hours." in found.sentence
    assert "wp-cron.php" in found.evidence["fix"]
    assert "cron" in found.evidence["store_says"]
    assert set(Order.objects.values_list("order_ref", flat=True)) == {*known, *unheard}
    assert shop.untrue() == {}
    assert not Case.objects.filter(code__in=["webhooks_missing", "webhook_disabled"]).exists()
    assert Poll.objects.get(connection=shop.eu.pk, kind="changed").every_seconds == period // 2

    # the queue runs at last: what waited is late, what comes from then on is not
    later = 2 * HOUR + 120
    shift(shop, later)
    tell_now(shop, unheard)
    settle_at(shop, later)
    shop.look(HOOKS)

    assert case("webhooks_late").state == "closed"
    assert Poll.objects.get(connection=shop.eu.pk, kind="changed").every_seconds == period


def test_the_share_of_missing_deliveries_is_what_the_stores_own_books_say(shop: Shop) -> None:
    # the store's times have no fractions: what changed in the second of the first look is not judged
    WebhookCare.objects.update(active_since=clock.now() - dt.timedelta(minutes=1))
    shop.control.trouble(drop=0.3, seed=11)
    placed = place(shop, 60)
    shop.tell()
    shop.look()
    shop.settle()
    shift(shop, 1000)
    shop.look(HOOKS)

    dropped = [each for each in shop.control.books().deliveries if each.outcome == "dropped"]
    missing = sum(each.topic == "order.updated" for each in dropped)
    assert 8 < missing < 30
    share = report(shop)["deliveries"]["last_24_hours"]
    assert share == {"changes": 60, "missing": missing, "percent": round(100 * missing / 60, 1)}
    assert case("webhooks_missing").evidence["missing"] == str(missing)
    assert shop.untrue() == {}
    assert len(placed) == Order.objects.count()


def test_a_secret_is_changed_without_a_refused_delivery(shop: Shop) -> None:
    old = shop.secret
    heard(shop, 1)
    webhook_secrets.begin(row=shop.eu, actor="test", now=clock.now())

    # whoever takes deliveries in may not know the new secret yet: nothing is signed with it
    shop.look(HOOKS)
    heard(shop, 1)
    assert webhook_facts.webhook_states()[shop.eu.pk]["rotation"]["given"] == 0
    assert due_in(shop) < 15

    webhooks.forget_secrets()
    shop.shift(12)
    shop.look(HOOKS)
    facts = webhook_facts.webhook_states()[shop.eu.pk]["rotation"]
    assert (facts["step"], facts["given"], facts["of"], facts["old_secret_used_at"]) == ("waiting", 5, 5, None)
    heard(shop, 1)
    # one that the store had signed before
    assert shop.deliver(b'{"id":999999}', topic="order.deleted") == 200
    used = WebhookCare.objects.get().old_secret_used_at
    assert used is not None

    shift(shop, HOUR - 60)
    shop.look(HOOKS)
    assert len(secrets(shop)) == 2
    shift(shop, HOUR + 60)
    shop.look(HOOKS)

    assert len(secrets(shop)) == 1
    assert secrets(shop) != [old]
    assert webhook_facts.webhook_states()[shop.eu.pk]["rotation"] is None
    webhooks.forget_secrets()
    heard(shop, 1)
    state = ConnectionState.objects.get(pk=shop.eu.pk)
    assert (state.refused_signature, state.refused_unsigned) == (0, 0)
    assert {each.outcome for each in shop.control.books().deliveries} == {"taken"}
    assert shop.deliver(b'{"id":999999}', topic="order.deleted") == 401


def secrets(shop: Shop) -> list[str]:
    return webhook_secrets.secrets_of(Connection.objects.get(pk=shop.eu.pk))


def test_webhooks_that_are_missing_are_made_where_the_hub_has_an_address(
    transactional_db: None, tmp_path: Path, settings: Any
) -> None:
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        shop.look(HOOKS)
        assert shop.control.books().webhooks == ()
        assert "There are none for order.created" in " ".join(report(shop)["sentences"])

        settings.PUBLIC_URL = shop.door.url
        shop.look(HOOKS)
        made = shop.control.books().webhooks
        assert {hook.topic for hook in made} == set(TOPICS)
        assert {hook.url for hook in made} == {f"{shop.door.url}/webhooks/woocommerce/eu/"}
        assert all(hook.name.startswith("RetailHub (eu)") for hook in made)
        heard(shop, 2)
        assert Order.objects.count() == 2
        shop.look(HOOKS)
        assert len(shop.control.books().webhooks) == len(TOPICS)


def test_webhooks_that_are_left_to_people_are_only_told_of(shop: Shop, settings: Any) -> None:
    settings.PUBLIC_URL = "https://hub.example.com"
    now = clock.now()
    webhook_care.leave_to_people(row=shop.eu, leave=True, actor="test", reason="ours", now=now)
    settings.PUBLIC_URL = ""
    heard(shop, 1)
    switch_off(shop)
    shop.look(HOOKS)

    assert statuses(shop)["order.updated"] == "disabled"
    assert case("webhook_disabled").state == "open"
    assert "left to people" in " ".join(report(shop)["sentences"])

    webhook_care.leave_to_people(row=shop.eu, leave=False, actor="test", reason="yours", now=now)
    shop.look(HOOKS)
    assert set(statuses(shop).values()) == {"active"}


def test_the_webhooks_of_another_hub_before_the_same_store_are_neither_mended_nor_given_our_secret(shop: Shop) -> None:
    heard(shop, 1)
    other = Door()
    other.answer = 500
    try:
        with shop.connector() as connector:
            url = f"{other.url}/webhooks/woocommerce/eu/"
            theirs = connector.create_webhook(topic="order.updated", delivery_url=url, secret="theirs", name="other")
        lost = [*place(shop, 8)]
        shop.tell()
        webhook_secrets.begin(row=shop.eu, actor="test", now=clock.now())
        webhooks.forget_secrets()
        shop.shift(12)
        shop.look(HOOKS)

        stands = {hook.id: hook.status for hook in shop.control.books().webhooks}
        assert stands.pop(int(theirs.ref)) == "disabled"
        assert set(stands.values()) == {"active"}
        assert [each["webhook"] for each in report(shop)["foreign"]] == [theirs.ref]
        assert not Case.objects.filter(code="webhook_disabled").exists()
        assert webhook_facts.webhook_states()[shop.eu.pk]["rotation"]["given"] == 5
        shop.shift(0)
        shop.settle()
        assert Order.objects.count() == len(lost) + 1
    finally:
        other.close()


def test_a_key_that_may_not_write_leaves_the_store_readable(shop: Shop) -> None:
    heard(shop, 1)
    switch_off(shop)
    shop.control.behave(read_only=True)
    shop.look(HOOKS)

    assert "The webhooks cannot be mended" in " ".join(report(shop)["sentences"])
    assert case("webhook_disabled").state == "open"
    assert ConnectionState.objects.get(pk=shop.eu.pk).last_failure_code == ""
    shop.look()
    shop.settle()
    assert Order.objects.count() == 9
