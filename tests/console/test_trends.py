"""Samples of figures: taken once a slot, folded into hours, forgotten; and what is drawn of them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django.urls import reverse

from retailhub.console import charts, figures, trends
from retailhub.console.models import FigureSample
from retailhub.console.tasks import measure
from retailhub.console.trends import Point
from retailhub.core import clock
from tests.support.world import World, person

NOON = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)
MINUTES = dt.timedelta(minutes=5)


def sample(figure: str, at: dt.datetime, value: str, *, part: str = "", seconds: int = 300) -> None:
    FigureSample.objects.create(
        figure=figure, part=part, seconds=seconds, at=at, value=Decimal(value), highest=Decimal(value)
    )


def test_every_figure_is_measured_once_in_a_slot(world: World) -> None:
    measure()
    measure()
    taken = {(row.figure, row.part): row.value for row in FigureSample.objects.all()}
    assert taken["held", ""] == 2
    assert taken["parked", ""] == 1
    assert taken["open_cases", ""] == 4
    assert taken["money_at_risk", "EUR"] == Decimal("375.48")
    assert 0 <= taken["posted_within", ""] < 60
    assert ("silence", "eu") in taken
    assert FigureSample.objects.count() == len(taken)


def test_samples_older_than_two_days_become_hours_and_older_than_ninety_are_forgotten(db: None) -> None:
    begin = NOON - dt.timedelta(days=3)
    for number in range(12):
        sample("held", begin + number * MINUTES, str(number))
    sample("held", NOON - dt.timedelta(hours=1), "7")
    sample("held", NOON - dt.timedelta(days=91), "3", seconds=3600)
    trends.fold(now=NOON)
    trends.fold(now=NOON)
    rows = FigureSample.objects.order_by("at").values_list("seconds", "at", "value", "highest")
    assert list(rows) == [
        (3600, begin, Decimal("5.500"), Decimal(11)),
        (300, NOON - dt.timedelta(hours=1), Decimal(7), Decimal(7)),
    ]


def test_an_hour_is_folded_whole(db: None) -> None:
    sample("held", NOON - trends.FINE - MINUTES, "4")
    sample("held", NOON - trends.FINE + MINUTES, "8")
    trends.fold(now=NOON + dt.timedelta(minutes=30))
    found = sorted(FigureSample.objects.values_list("seconds", "value"))
    assert found == [(300, Decimal(8)), (3600, Decimal(4))]


def test_a_trend_is_the_highest_part_of_each_step(db: None) -> None:
    sample("webhooks_missing", NOON, "1.5", part="eu")
    sample("webhooks_missing", NOON, "4", part="us")
    sample("webhooks_missing", NOON + MINUTES, "2", part="eu")
    found = trends.series(names=["webhooks_missing", "held"], since=NOON, step_seconds=900)
    assert found == {"webhooks_missing": [Point(at=NOON, value=Decimal(4))], "held": []}


def test_the_last_sample_is_not_told_as_of_now_when_it_is_old(db: None) -> None:
    sample("money_at_risk", NOON, "10", part="EUR")
    sample("money_at_risk", NOON, "20", part="USD")
    sample("money_at_risk", NOON - MINUTES, "90", part="GBP")
    young = trends.newest(names=["money_at_risk"], now=NOON + MINUTES)
    assert young["money_at_risk"].values == {"EUR": 10, "USD": 20}
    assert trends.newest(names=["money_at_risk"], now=NOON + dt.timedelta(minutes=30)) == {}


def draw(points: list[Point]) -> charts.Chart:
    made = charts.chart(
        figures.BY_NAME["held"],
        figures.Target(warn_at=Decimal(10), bad_at=Decimal(20)),
        points,
        since=NOON,
        until=NOON + dt.timedelta(hours=1),
        step_seconds=300,
        span_words="last hour",
    )
    assert made is not None
    return made


def test_a_chart_says_in_words_what_it_shows_and_where_the_target_is() -> None:
    drawn = draw([Point(at=NOON, value=Decimal(5)), Point(at=NOON + MINUTES, value=Decimal(20))])
    assert drawn.says == "Between 5 and 20, 20 at the end; a warning above 10."
    assert drawn.lines == ["4.0,46.0 30.0,4.0"]
    assert drawn.target == "32.0"


def test_a_time_without_samples_is_a_hole_in_the_line() -> None:
    points = [Point(at=NOON + number * MINUTES, value=Decimal(1)) for number in (0, 1, 8, 9, 12)]
    drawn = draw(points)
    assert [len(line.split()) for line in drawn.lines] == [2, 2]
    assert len(drawn.dots) == 1


def test_the_page_of_a_figure_draws_it_and_has_a_table_for_who_cannot_see_it(world: World) -> None:
    measure()
    for span in ("24h", "7d", "nonsense"):
        shown = person(name=f"olga-{span}").get(reverse("admin:figure", args=["held"]), {"span": span}).content.decode()
        assert "<svg" in shown
        assert "<desc" in shown
        assert 'data-label="Highest"' in shown


def test_what_an_hour_of_posting_took_is_nothing_when_nothing_was_posted(db: None) -> None:
    trends.measure(now=clock.now())
    assert not FigureSample.objects.filter(figure="posted_within").exists()
