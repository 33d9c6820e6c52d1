"""What is told and when: once for each change, in people's hours."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections

from integrations import connections as services
from reconciliation.models import ReplayRun
from reconciliation.selectors import news
from retailhub.console.models import Notice, NoticeTold
from retailhub.console.notices import changes, rules, sending, times
from retailhub.console.notices.chore import send_notices
from retailhub.core import clock
from tests.support.noticing import at, closes, later, opens, real_time, ring, rule
from tests.support.receivers import Hook

pytestmark = pytest.mark.django_db(transaction=True)
BERLIN, NEW_YORK, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")
OPENED = "Opened: The SKU {} is not known in the ERP, so the order waits."
CLOSED = "Closed: The SKU {} is not known in the ERP, so the order waits."


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as made:
        at("2026-11-24 12:00")
        yield made
    real_time()


@pytest.fixture
def erp() -> int:
    """A connection."""
    return services.add(
        name="erp",
        kind="lookalike_erp",
        settings={"base_url": "https://erp.example.com"},
        credentials={"api_key": "erp_must_stay_secret"},
        mode="live",
        live_from=None,
        actor="test",
        now=clock.now(),
    ).pk


def test_a_cause_of_many_cases_is_one_notice_and_is_not_told_again(hook: Hook) -> None:
    rule(hook.url)
    opens("A", cases_of=range(300), money="10.50")
    for _ in range(5):
        ring()
        later(minutes=10)
    assert hook.headlines == [OPENED.format("A")]
    (change,) = hook.calls[0].json["changes"]
    assert (change["what"], change["cases"], change["money"]) == ("opened", 300, {"EUR": "3150.000000"})
    assert Notice.objects.count() == 1


def test_a_cause_that_grows_tenfold_is_told_once_for_each_time(hook: Hook) -> None:
    rule(hook.url)
    told = []
    for size in (1, 9, 10, 99, 100, 101):
        opens("A", cases_of=range(size))
        ring()
        told.append(len(hook.calls))
        later(minutes=10)
    assert told == [1, 1, 2, 2, 3, 3]
    assert [call.json["changes"][0]["what"] for call in hook.calls] == ["opened", "grew", "grew"]
    assert hook.headlines[1] == "Grew tenfold: The SKU A is not known in the ERP, so the order waits."


def test_a_cause_is_told_to_be_closed_once_it_has_been_for_five_minutes(hook: Hook) -> None:
    rule(hook.url)
    opens("A")
    ring()
    closes("A")
    later(minutes=4)
    ring()
    later(minutes=4, seconds=50)
    ring()
    assert hook.headlines == [OPENED.format("A")]
    later(seconds=20)
    ring()
    later(minutes=30)
    ring()
    assert hook.headlines == [OPENED.format("A"), CLOSED.format("A")]
    assert not NoticeTold.objects.exists()


def test_what_comes_back_within_five_minutes_is_no_news_and_later_it_is(hook: Hook) -> None:
    rule(hook.url)
    for pause in (4, 4, 6):
        opens("A")
        ring()
        later(minutes=10)
        ring()
        closes("A")
        ring()
        later(minutes=pause)
        ring()
    opens("A")
    ring()
    later(minutes=6)
    ring()
    assert hook.headlines == [OPENED.format("A"), CLOSED.format("A"), OPENED.format("A")]


def test_what_was_open_when_a_rule_was_made_is_known_and_only_what_follows_is_told(hook: Hook) -> None:
    opens("OLD")
    rule(hook.url)
    ring()
    assert hook.calls == []
    closes("OLD")
    ring()
    later(minutes=6)
    ring()
    assert hook.headlines == [CLOSED.format("OLD")]


def test_a_flood_is_one_notice_at_once_and_one_for_all_that_follows_in_five_minutes(hook: Hook) -> None:
    rule(hook.url)
    opens("FIRST")
    ring()
    for number in range(37):
        opens(f"S-{number}")
        later(seconds=8)
        ring()
    assert hook.headlines == [OPENED.format("FIRST")]
    later(seconds=10)
    ring()
    assert hook.headlines[1:] == ["37 causes opened in 5 min"]
    assert (len(hook.calls[1].json["changes"]), hook.calls[1].json["more"]) == (10, 27)


def test_urgent_causes_stand_first_and_name_the_notice(hook: Hook) -> None:
    rule(hook.url)
    for number in range(12):
        opens(f"S-{number}", money="1000")
    opens("", code="audit_broken", evidence={"place": "12", "kind": "changed"})
    ring()
    assert hook.headlines == ["Urgent: 13 causes opened in 0 s"]
    first = hook.calls[0].json["changes"][0]
    assert (first["urgent"], first["sentence"]) == (True, "The audit does not hold, first at place 12 (changed).")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({}, {"A", "B", "", "C"}),
        ({"codes": "sku_unmapped"}, {"A", "B", "C"}),
        ({"codes": "audit_broken, schedule_late"}, {""}),
        ({"urgent_only": True}, {""}),
        ({"money_at_least": "99.50"}, {"B"}),
        ({"connection": "erp"}, {"C"}),
    ],
)
def test_a_rule_tells_only_of_what_it_names(hook: Hook, wanted: dict[str, Any], told: set[str], erp: int) -> None:
    made = rule(hook.url, **wanted)
    opens("A", money="99.49")
    opens("B", cases_of=(1, 2), money="49.75")
    opens("C", connection_id=erp)
    opens("", code="audit_broken")
    ring()
    keys = {key for key, subject in _subjects().items() if made.told.filter(subject=subject).exists()}
    assert keys == told
    assert len(hook.calls[0].json["changes"]) == len(told)


def test_a_cause_that_comes_above_the_money_named_is_told_then(hook: Hook) -> None:
    rule(hook.url, money_at_least="100")
    opens("A", money="60")
    ring()
    assert hook.calls == []
    opens("A", cases_of=(1, 2), money="60")
    ring()
    assert hook.headlines == [OPENED.format("A")]


def test_a_replay_that_waits_for_approval_is_told_once(hook: Hook) -> None:
    rule(hook.url, causes=False, approvals=True)
    opens("A")
    run = ReplayRun.objects.create(
        public_id="rpl_1",
        author_name="olga",
        reason="r",
        source="code:sku_unmapped",
        title="ada@example.com has paid",
        state="awaiting_approval",
        approval_needed=True,
        item_count=700,
        message_count=0,
        money={"EUR": "1200.00"},
        planned_at=clock.now(),
    )
    ring()
    ReplayRun.objects.filter(pk=run.pk).update(state="cancelled")
    later(minutes=10)
    ring()
    assert hook.headlines == ["A replay of 700 waits for another person's approval: a•••@example.com has paid."]
    assert hook.calls[0].json["changes"][0]["money"] == {"EUR": "1200.00"}


def test_in_quiet_hours_only_urgent_causes_are_told_and_the_rest_when_they_end(hook: Hook) -> None:
    rule(hook.url, zone="Europe/Berlin", quiet_from="22:00", quiet_to="07:00")
    at("2026-11-24 20:59:30")
    opens("EVENING")
    ring()
    at("2026-11-24 21:10")
    opens("NIGHT")
    opens("", code="audit_broken")
    ring()
    assert hook.headlines == [
        OPENED.format("EVENING"),
        "Urgent: Opened: The audit does not hold, first at place ? (?).",
    ]
    closes("EVENING")
    opens("GONE")
    at("2026-11-25 05:30")
    ring()
    closes("GONE")
    at("2026-11-25 05:59:30")
    ring()
    assert len(hook.calls) == 2
    at("2026-11-25 06:00:30")
    ring()
    assert hook.headlines[2:] == ["1 cause opened, 1 cause closed"]


def test_quiet_hours_that_nothing_passes_hold_urgent_causes_too(hook: Hook) -> None:
    rule(hook.url, quiet_from="11:00", quiet_to="13:00", urgent_passes=False)
    opens("", code="audit_broken")
    ring()
    assert hook.calls == []
    at("2026-11-24 13:00:30")
    ring()
    assert len(hook.calls) == 1


def test_a_daily_summary_comes_once_a_day_at_its_local_time_and_not_without_a_change(hook: Hook) -> None:
    at("2026-03-27 12:00")
    rule(hook.url, zone="Europe/Berlin", digest_at="08:00")
    opens("A")
    opens("B")
    told = []
    # 08:00 is 07:00 UTC until the 28th, and 06:00 from the 29th on
    for moment in ("27 23:00", "28 06:59", "28 07:01", "28 09:00", "29 05:59", "29 06:01", "30 05:59", "30 06:01"):
        at(f"2026-03-{moment}")
        ring()
        told.append(len(hook.calls))
        if moment == "29 06:01":
            closes("A")
    assert told == [0, 0, 1, 1, 1, 1, 1, 2]
    assert hook.headlines == [
        "Daily summary: 2 causes opened",
        "Daily summary: Closed: The SKU A is not known in the ERP, so the order waits.",
    ]
    assert hook.calls[1].json["open"] == 1


def test_after_a_stop_of_days_there_is_one_summary(hook: Hook) -> None:
    rule(hook.url, digest_at="08:00")
    opens("A")
    at("2026-11-29 17:00")
    ring()
    opens("B")
    ring()
    at("2026-11-30 08:00:05")
    ring()
    assert [each[:22] for each in hook.headlines] == ["Daily summary: Opened:"] * 2


def test_a_rule_that_is_off_tells_nothing_and_begins_anew_when_it_is_on(hook: Hook) -> None:
    made = rule(hook.url)
    opens("A")
    changes.watch(now=clock.now())
    rules.switch(name=made.name, enabled=False, actor="test", reason="quiet", now=clock.now())
    opens("B")
    ring()
    rules.switch(name=made.name, enabled=True, actor="test", reason="again", now=clock.now())
    ring()
    opens("C")
    ring()
    assert hook.headlines == [OPENED.format("C")]
    assert list(Notice.objects.order_by("id").values_list("status", flat=True)) == ["dropped", "sent"]


def test_two_workers_at_once_tell_of_a_change_once(hook: Hook) -> None:
    for number in range(6):
        rule(hook.url, name=str(number))
    opens("A")
    opens("B")
    _together(lambda: changes.watch(now=dt.datetime(2026, 11, 24, 12, 1, tzinfo=dt.UTC)))
    assert Notice.objects.count() == 6
    Notice.objects.update(due_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    _together(sending.send_due)
    ids = [call.headers["Idempotency-Key"] for call in hook.calls]
    assert sorted(ids) == sorted(Notice.objects.values_list("public_id", flat=True))


def test_the_schedule_rings_it_once_for_each_slot(hook: Hook) -> None:
    rule(hook.url)
    opens("A")
    send_notices()
    opens("B")
    later(minutes=6)
    send_notices()
    send_notices()
    assert hook.headlines == [OPENED.format("A"), OPENED.format("B")]


@pytest.mark.parametrize(
    ("zone", "date", "at_", "last", "utc"),
    [
        (BERLIN, "2026-01-10", "02:30", False, "2026-01-10T01:30"),
        # left out: the moment at which it was
        (BERLIN, "2026-03-29", "02:30", False, "2026-03-29T01:00"),
        (BERLIN, "2026-03-29", "02:30", True, "2026-03-29T01:00"),
        # twice: the first, or the last
        (BERLIN, "2026-10-25", "02:30", False, "2026-10-25T00:30"),
        (BERLIN, "2026-10-25", "02:30", True, "2026-10-25T01:30"),
        (NEW_YORK, "2026-03-08", "02:00", False, "2026-03-08T07:00"),
        # half an hour is left out
        (LORD_HOWE, "2026-10-04", "02:15", False, "2026-10-03T15:30"),
    ],
)
def test_a_local_time_is_one_moment_also_where_it_comes_twice_or_not_at_all(
    zone: ZoneInfo,
    date: str,
    at_: str,
    last: bool,  # noqa: FBT001 - a parameter of the table
    utc: str,
) -> None:
    found = times.moment_of(dt.date.fromisoformat(date), dt.time.fromisoformat(at_), zone, last=last)
    assert found == dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("begins", "ends", "date", "quiet_minutes"),
    [
        ("22:00", "07:00", "2026-03-29", 8 * 60),
        ("22:00", "07:00", "2026-10-25", 10 * 60),
        ("22:00", "07:00", "2026-06-10", 9 * 60),
        ("02:00", "02:30", "2026-10-25", 90),
        ("02:15", "02:45", "2026-03-29", 0),
        ("12:00", "13:00", "2026-03-29", 60),
    ],
)
def test_quiet_hours_have_no_hole_and_no_tail_where_the_clocks_change(
    begins: str, ends: str, date: str, quiet_minutes: int
) -> None:
    day = dt.datetime.fromisoformat(f"{date}T12:30").replace(tzinfo=dt.UTC) - dt.timedelta(days=1)
    minutes = [day + dt.timedelta(minutes=number) for number in range(1440)]
    from_, to = dt.time.fromisoformat(begins), dt.time.fromisoformat(ends)
    quiet = [times.is_quiet(each, begins=from_, ends=to, zone=BERLIN) for each in minutes]
    assert sum(quiet) == quiet_minutes
    assert sum(one != other for one, other in itertools.pairwise(quiet)) == (2 if quiet_minutes else 0)


def test_a_summary_in_an_hour_that_comes_twice_is_one() -> None:
    begin = dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC)
    moments = [begin + dt.timedelta(minutes=number) for number in range(600)]
    dates = [times.digest_date(each, at=dt.time(2, 30), zone=BERLIN) for each in moments]
    assert sum(one != other for one, other in itertools.pairwise(dates)) == 1


def _subjects() -> dict[str, str]:
    return {each.key: f"cause:{each.public_id}" for each in news.open_causes()}


def _together(work: Callable[[], object]) -> None:
    """Do it in two threads, each with a database connection of its own."""
    barrier = threading.Barrier(2)

    def run() -> None:
        try:
            connections["default"].ensure_connection()
            barrier.wait(10)
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
