"""How deliveries come: missing, late, silent; judged over a day."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest
from django.db import connection

from integrations.connectors.woocommerce.findings import TOPICS
from integrations.models import Poll, WebhookHole
from integrations.ports.stores import HookStatus
from reconciliation.models import Case
from tests.support.recordings import SECRET
from tests.support.webhook_shop import MINUTE, Shop, Told, case, known_since, look, polled, share, shift, store, tell


def test_a_tenth_of_the_deliveries_dropped_at_random_reads_as_ten_percent(shop: Shop) -> None:
    now, dice = known_since(shop, dt.timedelta(hours=24)), random.Random(3)
    told = []
    for number in range(1, 1501):
        # fifty orders change thirty times each, more than what a store merges apart
        at = now - dt.timedelta(hours=23) + dt.timedelta(seconds=50 * number)
        order = number % 50
        told.append(polled(order, at))
        if dice.random() >= 0.1:
            told += [Told(order, at), Told(order, at, topic="order.created")]
    tell(told)

    report = look(shop)

    changes, missing = share(report)
    assert changes == 1500
    assert abs(100 * missing / changes - 10) <= 1
    assert case("webhooks_missing").evidence["changes"] == "1500"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM integrations_inboxmessage WHERE version_at >= date_trunc('day', rh_now())")
        today = report["deliveries"]["since_midnight"]
        assert (today["changes"] > 0) == (cursor.fetchone()[0] > 0)


def test_a_delivery_of_a_state_a_little_newer_tells_of_the_older_one_too(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=3))
    at = now - dt.timedelta(hours=1)
    tell([polled(1, at), Told(1, at + dt.timedelta(seconds=90)), polled(2, at), Told(2, at + dt.timedelta(seconds=91))])
    assert share(look(shop)) == (4, 1)


def test_a_delivery_of_an_older_state_or_of_another_topic_or_order_tells_nothing(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=3))
    at = now - dt.timedelta(hours=1)
    tell([polled(1, at), Told(1, at - MINUTE), Told(1, at, topic="order.created"), Told(2, at)])
    assert share(look(shop)) == (3, 1)


def test_a_move_to_the_trash_is_told_by_a_delivery_that_names_no_version(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=3))
    at = now - dt.timedelta(hours=2)
    gone = Told(1, None, topic="order.deleted", received_at=at + MINUTE)
    much_later = Told(2, None, topic="order.deleted", received_at=at + 70 * MINUTE)
    tell([polled(1, at), gone, polled(2, at), much_later])
    assert share(look(shop)) == (2, 1)


def test_what_is_new_what_is_old_and_what_a_hole_explains_is_not_counted(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=12))
    hole = now - dt.timedelta(hours=6)
    WebhookHole.objects.create(
        connection=store(), topics=["order.updated"], began_at=hole, ended_at=hole + 10 * MINUTE, polled_at=now
    )
    counted = polled(5, now - dt.timedelta(hours=1))
    told = [polled(1, now - 14 * MINUTE), polled(2, now - dt.timedelta(hours=13)), polled(3, hole + MINUTE), counted]
    # what the last delivery before the hole had queued with
    tell([*told, polled(4, hole - 2 * MINUTE)])
    assert share(look(shop)) == (1, 1)


def test_missing_deliveries_are_a_case_above_five_percent_of_twenty_and_until_below_two(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=20))
    at = now - dt.timedelta(hours=10)
    tell([polled(number, at) for number in range(1, 3)] + [Told(number, at) for number in range(3, 20)])
    assert share(look(shop)) == (19, 2)
    assert not Case.objects.exists()
    tell([Told(20, at)])
    look(shop)
    assert case("webhooks_missing").state == "open"
    assert case("webhooks_missing").sentence.startswith("10.0 % of the changes of the last 24 hours came without")
    tell([Told(number, at) for number in range(100, 150)])
    assert share(look(shop)) == (70, 2)
    assert case("webhooks_missing").state == "open", "2.9 % is less than what opens it and more than what closes it"
    tell([Told(number, at) for number in range(200, 240)])
    look(shop)
    assert case("webhooks_missing").state == "closed"
    assert case("webhooks_missing").closed_because.startswith("2 of 110 changes (1.8 %) came without a delivery")


def test_late_deliveries_are_a_case_with_what_the_store_says_of_its_cron_and_polls_come_twice_as_often(
    shop: Shop,
) -> None:
    now = known_since(shop, dt.timedelta(hours=20))
    shop.cron = "WordPress's own cron is switched off."
    at = now - dt.timedelta(hours=4)
    late = [Told(n, at + n * MINUTE, received_at=at + (n + 11) * MINUTE) for n in range(20, 50)]
    tell([*[Told(n, at + n * MINUTE) for n in range(1, 20)], *late])

    look(shop)

    found = case("webhooks_late")
    assert (found.state, found.evidence["late_seconds"]) == ("open", "660")
    assert "more than 11 minutes after the change. WordPress's own cron is switched off." in found.sentence
    periods = dict(Poll.objects.values_list("kind", "every_seconds"))
    assert (periods["changed"], periods["trash"], periods["drafts"]) == (30, 30, 600)

    tell([Told(100 + n, now + n * MINUTE) for n in range(6)])
    shift(600)
    look(shop)
    assert case("webhooks_late").state == "closed"
    assert Poll.objects.get(kind="changed").every_seconds == 60


@pytest.mark.parametrize(("changes", "hours", "is_told"), [(5, 2.1, True), (4, 2.1, False), (5, 1.9, False)])
def test_silence_is_two_hours_without_a_delivery_while_polling_found_five_changes(
    shop: Shop, changes: int, hours: float, *, is_told: bool
) -> None:
    now = known_since(shop, dt.timedelta(hours=20))
    tell([Told(1, now - dt.timedelta(hours=hours), topic="product.updated")])
    tell([polled(number, now - 30 * MINUTE) for number in range(10, 10 + changes)])
    look(shop)
    assert Case.objects.filter(code="webhooks_late").exists() == is_told


def test_switched_off_webhooks_are_not_silent_and_not_missing(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=20))
    tell([Told(1, now - dt.timedelta(hours=3))])
    tell([polled(number, now - 60 * MINUTE) for number in range(10, 60)])
    for ref, hook in shop.hooks.items():
        shop.hooks[ref] = replace(hook, status=HookStatus.DISABLED)
    assert look(shop)["reactivated"] == list(TOPICS)
    assert list(Case.objects.values_list("code", flat=True)) == ["webhook_disabled"]
    hole = WebhookHole.objects.get()
    assert hole.began_at == now - dt.timedelta(hours=3) + dt.timedelta(seconds=5)
    changed = Poll.objects.get(kind="changed").cursor_at
    assert changed == hole.began_at - dt.timedelta(seconds=180)


def test_a_store_that_never_told_anything_has_a_hole_since_it_was_connected(shop: Shop) -> None:
    shop.hooks["2"] = replace(shop.hooks["2"], status=HookStatus.DISABLED)
    look(shop)
    assert WebhookHole.objects.get().began_at == store().created_at
    assert shop.secrets == {"2": SECRET}, "the secret is set along: another one may be why it failed"
