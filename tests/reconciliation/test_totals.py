"""The totals of causes are what the cases say, whoever opens and closes them at the same time, and nobody waits."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection, connections, transaction
from django.db.models import Count, Min, Sum
from django_celery_beat.models import PeriodicTask

from integrations import pump
from reconciliation import tasks
from reconciliation.models import Case, Cause, CauseDelta, CauseMoney, CauseNow, CauseSum
from reconciliation.selectors import triage
from reconciliation.services import cases, totals
from reconciliation.services.cases import Report
from retailhub.core import clock

KEYS = ("A", "B", "C")


def report(key: str, number: int, *, money: str | None = "10.50", currency: str = "EUR") -> Report:
    return Report(
        code="sku_unmapped",
        subject=f"order:ord_{number}",
        family="order",
        connection_id=None,
        key=key,
        currency=currency if money else "",
        money=Decimal(money) if money else None,
    )


def open_case(key: str, number: int, *, money: str | None = "10.50", currency: str = "EUR") -> None:
    with transaction.atomic():
        cases.open_many(reports=[report(key, number, money=money, currency=currency)], now=clock.now())


def close_case(number: int) -> None:
    with transaction.atomic():
        cases.close_for(family="order", why={f"order:ord_{number}": "It is over."}, now=clock.now())


def assert_true() -> None:
    """What is told of each cause is what its cases say."""
    plain = {
        row["cause"]: (row["n"], row["oldest"])
        for row in Case.objects.filter(state="open").values("cause").annotate(n=Count("pk"), oldest=Min("opened_at"))
    }
    assert {row.pk: (row.cases, row.oldest_at) for row in CauseNow.objects.all()} == plain
    money: dict[int, dict[str, Decimal]] = {}
    opened = Case.objects.filter(state="open", money_at_risk__isnull=False)
    for cause, currency, amount in opened.values_list("cause", "currency").annotate(Sum("money_at_risk")):
        money.setdefault(cause, {})[currency] = amount
    assert triage.money_of(cause_ids=[row.pk for row in Cause.objects.all()]) == money


@pytest.mark.django_db
def test_each_way_in_which_a_case_changes_is_counted_before_and_after_folding() -> None:
    def same() -> None:
        assert_true()
        totals.fold()
        assert not CauseDelta.objects.exists()
        assert_true()

    open_case("A", 1)
    open_case("A", 2, money="1500", currency="JPY")
    open_case("A", 3, money=None)
    same()
    open_case("A", 1, money="99")
    same()
    Case.objects.filter(subject="order:ord_1").update(money_at_risk=Decimal(77))
    same()
    close_case(1)
    same()
    open_case("A", 1)
    same()
    Case.objects.filter(subject="order:ord_2").update(state="ignored")
    same()
    Case.objects.filter(subject="order:ord_2").update(state="open", currency="USD")
    same()
    with transaction.atomic():
        cases.reflect(
            family="order",
            reports=[report("B", 1)],
            subjects=["order:ord_1", "order:ord_3"],
            proof={},
            now=clock.now(),
        )
    same()
    Case.objects.filter(subject="order:ord_2").delete()
    same()
    for number in (1, 2, 3):
        close_case(number)
    same()
    assert not CauseSum.objects.exists()
    assert not CauseMoney.objects.exists()


@pytest.mark.django_db
def test_money_without_decimals_weighs_a_hundredth_in_the_order_of_causes() -> None:
    open_case("A", 1, money="1500", currency="JPY")
    open_case("B", 2, money="20", currency="EUR")
    totals.fold()
    ordered = CauseNow.objects.order_by("-risk").values_list("cause__key", "risk")
    assert list(ordered) == [("B", Decimal(20)), ("A", Decimal(15))]


@pytest.mark.django_db
def test_what_is_only_seen_again_moves_when_the_cause_was_last_seen() -> None:
    open_case("A", 1)
    totals.fold()
    before = CauseNow.objects.get()
    open_case("A", 1)
    after = CauseNow.objects.get()
    assert (after.cases, after.risk) == (before.cases, before.risk)
    assert after.seen_at > before.seen_at  # type: ignore[operator]


@pytest.mark.django_db
def test_the_chore_folds_and_is_rung_by_pumps_and_by_the_schedule() -> None:
    open_case("A", 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('retailhub.clock_offset', '1 hour', true)")
    tasks.tend_triage()
    assert (CauseDelta.objects.count(), CauseSum.objects.get().cases) == (0, 1)
    assert tasks.tend_triage in pump.CHORES
    entry = PeriodicTask.objects.get(task="reconciliation.tend_triage")
    assert (entry.interval.every, entry.interval.period) == (15, "seconds")


@pytest.fixture
def workers(transactional_db: None) -> Callable[[int, Callable[[int], None]], None]:
    """Runs a piece of work in so many threads, each with a connection of its own."""

    def run(number: int, work: Callable[[int], None]) -> None:
        def alone(which: int) -> None:
            try:
                work(which)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(number) as pool:
            list(pool.map(alone, range(number)))

    return run


def test_no_change_is_lost_while_many_open_close_and_fold(
    workers: Callable[[int, Callable[[int], None]], None],
) -> None:
    for key in KEYS:
        open_case(key, 10_000 + ord(key))

    def work(which: int) -> None:
        dice = random.Random(which)
        for _ in range(40):
            number = which * 100 + dice.randrange(6)
            if which == 0:
                totals.fold()
            elif dice.random() < 0.5:
                open_case(dice.choice(KEYS), number, money=str(dice.randrange(1, 90)))
            else:
                close_case(number)

    workers(4, work)
    # whoever folds may have been the last
    open_case("A", 20_000)
    assert CauseDelta.objects.exists()
    assert_true()
    totals.fold()
    assert_true()


def test_opening_cases_of_one_cause_waits_for_nobody_who_does_the_same(
    workers: Callable[[int, Callable[[int], None]], None],
) -> None:
    open_case("A", 1)
    totals.fold()

    def another(_which: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        open_case("A", 2)
        close_case(1)
        totals.fold()

    with transaction.atomic():
        cases.open_many(reports=[report("A", 3)], now=clock.now())
        workers(1, another)
    assert CauseNow.objects.get().cases == 2
    assert_true()
