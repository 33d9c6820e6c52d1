"""Each bad manner of the ERP ends in the right class of error, and never in a double."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from integrations.ports.capabilities import Ask, Ensured, Target
from integrations.ports.context import Exchange
from integrations.ports.errors import RateLimited, Rejected, Unknown
from tests.connectors.lookalike_erp.support import Desk, said, with_target

SLOW = {"late_seconds": 0.8, "seconds_per_byte": 0.05}


@pytest.mark.parametrize(
    ("manner", "endpoint", "result", "after"),
    [
        ("commit_then_drop", "create", "Unknown connection_lost", "resumed"),
        ("commit_then_drop", "confirm", "Unknown connection_lost", "adopted"),
        ("drop_before_commit", "create", "Unknown connection_lost", "created"),
        ("drop_before_commit", "confirm", "Unknown connection_lost", "resumed"),
        ("error_body", "create", "Unknown error_in_answer", "resumed"),
        ("error_body", "confirm", "Unknown error_in_answer", "adopted"),
        ("error_body", "search", "Transient error_in_answer", "created"),
        ("error_body", "customers", "Transient customers_not_sent", "created"),
        ("error_body", "read_many", "Unknown read_back_failed", "adopted"),
        ("login_page", "create", "Unknown login_page", "created"),
        ("login_page", "confirm", "Unknown login_page", "resumed"),
        ("login_page", "search", "AuthRejected login_page", "created"),
        ("truncated", "create", "Unknown bad_answer", "resumed"),
        ("truncated", "confirm", "Unknown bad_answer", "adopted"),
        ("truncated", "search", "Transient bad_answer", "created"),
        ("rate_limited", "search", "RateLimited rate_limited", "created"),
        ("rate_limited", "create", "RateLimited rate_limited", "created"),
        ("rate_limited", "confirm", "RateLimited rate_limited", "resumed"),
        ("unavailable", "search", "RateLimited rate_limited", "created"),
        ("unavailable", "create", "Unknown server_error", "created"),
        ("unavailable", "confirm", "Unknown server_error", "resumed"),
        ("late", "create", "Unknown timed_out", "resumed"),
        ("late", "confirm", "Unknown timed_out", "adopted"),
        ("late", "search", "Transient timed_out", "created"),
        ("byte_by_byte", "create", "Unknown timed_out", "resumed"),
        ("byte_by_byte", "search", "Transient timed_out", "created"),
    ],
)
def test_a_bad_manner_has_its_class_and_the_next_try_ends_in_one_document(
    desk: Desk, manner: str, endpoint: str, result: str, after: str
) -> None:
    asks = desk.asks(3)
    slow = manner in {"late", "byte_by_byte"}
    desk.connector.context = replace(desk.context, deadline_seconds=0.3 if slow else 5)
    desk.control.behave(**{manner: 1.0}, endpoints=[endpoint], times=1, **SLOW)

    assert said(desk.connector.ensure_many(asks)) == [result] * 3

    desk.connector.context = desk.context
    assert said(desk.connector.ensure_many(asks)) == [after] * 3
    desk.assert_posted_once(asks)


def test_after_an_unknown_create_nothing_is_sent_again_in_the_same_call(desk: Desk) -> None:
    before = desk.control.books().calls
    desk.control.behave(commit_then_drop=1.0, endpoints=["create"])

    desk.connector.ensure_many(desk.asks(5))

    after = desk.control.books().calls
    assert after["create"] - before.get("create", 0) == 1
    assert after.get("confirm", 0) == before.get("confirm", 0)
    assert desk.states() == ["draft"] * 5


def test_only_the_items_of_the_broken_call_are_in_doubt(desk: Desk) -> None:
    left_over, adopted, fresh = desk.asks(3)
    desk.connector.ensure_many([adopted])
    desk.control.behave(drop_before_commit=1.0, endpoints=["confirm"], times=1)
    desk.connector.ensure_many([left_over])
    desk.control.behave(commit_then_drop=1.0, endpoints=["create"], times=1)

    results = desk.connector.ensure_many([left_over, adopted, fresh])

    assert said(results) == ["resumed", "adopted", "Unknown connection_lost"]


def test_an_unknown_confirm_tells_the_documents_id_for_the_next_look_up(desk: Desk) -> None:
    ask = desk.ask(1)
    desk.control.behave(commit_then_drop=1.0, endpoints=["confirm"], times=1, search_lag_seconds=3600.0)
    result = desk.connector.ensure_many([ask])[0]
    assert isinstance(result, Unknown)

    known = replace(ask, known_id=result.evidence["external_id"])

    assert said(desk.connector.ensure_many([known])) == ["adopted"]
    desk.assert_posted_once([ask])


def test_a_lagging_search_hides_a_document_only_until_the_settle_time(desk: Desk) -> None:
    ask = desk.ask(1)
    desk.control.behave(commit_then_drop=1.0, endpoints=["create"], times=1, search_lag_seconds=3600.0)
    assert said(desk.connector.ensure_many([ask])) == ["Unknown connection_lost"]
    assert desk.connector.find([ask.reference]) == {ask.reference: []}

    desk.control.behave(commit_then_drop=0.0, search_lag_seconds=0.0)

    assert said(desk.connector.ensure_many([ask])) == ["resumed"]
    desk.assert_posted_once([ask])


@pytest.mark.parametrize("as_date", [False, True])
def test_an_erp_that_asks_for_patience_names_the_time(desk: Desk, as_date: bool) -> None:  # noqa: FBT001
    now = dt.datetime.now(dt.UTC)
    desk.control.behave(rate_limited=1.0, endpoints=["create"], retry_after_seconds=90, retry_after_as_date=as_date)

    result = desk.connector.ensure_many([desk.ask(1)])[0]

    assert isinstance(result, RateLimited)
    assert dt.timedelta(seconds=88) < result.retry_at - now < dt.timedelta(seconds=92)
    assert desk.documents() == []


def test_a_503_on_a_write_is_in_doubt_until_the_time_it_names(desk: Desk) -> None:
    now = dt.datetime.now(dt.UTC)
    desk.control.behave(unavailable=1.0, endpoints=["create"], retry_after_seconds=90)

    result = desk.connector.ensure_many([desk.ask(1)])[0]

    assert isinstance(result, Unknown)
    assert result.retry_at is not None
    assert dt.timedelta(seconds=88) < result.retry_at - now < dt.timedelta(seconds=92)


def test_an_unknown_item_is_the_fault_of_its_own_order_only(desk: Desk) -> None:
    asks = desk.asks(3)
    strange = ask_with_item(desk, 4, "NOVELTY")

    results = desk.connector.ensure_many([*asks, strange])

    assert said(results) == ["created", "created", "created", "Rejected unknown_item"]
    assert isinstance(results[3], Rejected)
    assert results[3].evidence["item_code"] == "NOVELTY"
    assert "NOVELTY" in results[3].detail
    desk.control.add_products(["NOVELTY"])
    assert said(desk.connector.ensure_many([strange])) == ["created"]
    desk.assert_posted_once([*asks, strange])


def ask_with_item(desk: Desk, number: int, item_code: str) -> Ask:
    first, *others = desk.ask(number).document.lines
    return desk.ask(number, lines=(msgspec.structs.replace(first, item_code=item_code), *others))


def test_an_item_that_the_erp_forgot_is_unknown_again(desk: Desk) -> None:
    desk.control.behave(unknown_items=["TEE"])

    results = desk.connector.ensure_many([desk.ask(1)])

    assert said(results) == ["Rejected unknown_item"]
    assert isinstance(results[0], Rejected)
    assert results[0].evidence["item_code"] == "TEE"


def test_a_closed_period_is_a_business_no(desk: Desk) -> None:
    desk.control.behave(closed_before="2026-03-02")
    open_ask = desk.ask(2, placed_on=dt.date(2026, 3, 2))

    results = desk.connector.ensure_many([desk.ask(1), open_ask])

    assert said(results) == ["Rejected period_closed", "created"]
    desk.assert_posted_once([open_ask])


def test_a_batch_refused_as_a_whole_is_split_until_the_bad_ones_stand_alone(desk: Desk) -> None:
    desk.control.behave(all_or_nothing=True)
    asks = desk.asks(50)
    for number in (7, 30):
        asks[number - 1] = ask_with_item(desk, number, "GONE")

    results = desk.connector.ensure_many(asks)

    bad = [number for number, word in enumerate(said(results), start=1) if word == "Rejected unknown_item"]
    assert bad == [7, 30]
    assert said(results).count("created") == 48
    desk.assert_posted_once([ask for number, ask in enumerate(asks, start=1) if number not in bad])


@pytest.mark.parametrize("manners", [{"down": True}, {"revoked": True}])
def test_an_erp_that_is_down_or_revoked_the_key_has_nothing_done(desk: Desk, manners: Mapping[str, Any]) -> None:
    asks = desk.asks(2)
    desk.connector.ensure_many(asks[:1])
    desk.control.behave(**manners)

    word = "Transient unreachable" if "down" in manners else "AuthRejected credentials_rejected"
    assert said(desk.connector.ensure_many(asks)) == [word] * 2

    desk.control.be_good()
    assert said(desk.connector.ensure_many(asks)) == ["adopted", "created"]
    desk.assert_posted_once(asks)


def test_a_key_revoked_between_create_and_confirm_leaves_drafts_that_are_resumed(desk: Desk) -> None:
    asks = desk.asks(2)

    def revoke(name: str) -> None:
        if name == "lookalike_erp.created":
            desk.control.behave(revoked=True)

    desk.connector.context = replace(desk.context, crashpoint=revoke)
    assert said(desk.connector.ensure_many(asks)) == ["AuthRejected credentials_rejected"] * 2
    assert desk.states() == ["draft", "draft"]

    desk.control.be_good()
    desk.connector.context = desk.context
    assert said(desk.connector.ensure_many(asks)) == ["resumed"] * 2


def test_a_cancel_whose_answer_was_lost_is_found_done(desk: Desk) -> None:
    ask = desk.ask(1)
    desk.connector.ensure_many([ask])
    desk.control.behave(commit_then_drop=1.0, endpoints=["cancel"], times=1)
    cancel = with_target(ask, Target.CANCELLED)

    assert said(desk.connector.ensure_many([cancel])) == ["Unknown connection_lost"]
    assert said(desk.connector.ensure_many([cancel])) == ["adopted"]
    assert desk.states() == ["cancelled"]


def test_of_300_posts_with_every_fifth_answer_lost_none_is_doubled_or_lost(desk: Desk) -> None:
    asks = desk.asks(300)
    desk.control.behave(commit_then_drop=0.2, seed=11)

    for batch in batches(asks, 10):
        results = desk.ensure_within(batch, tries=20)
        assert all(isinstance(result, Ensured) for result in results)

    assert desk.control.books().faults["commit_then_drop"] > 10
    desk.assert_posted_once(asks)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_mixture_of_bad_manners_ends_in_one_right_document_each(desk: Desk, seed: int) -> None:
    asks = desk.asks(60)
    chances = dict.fromkeys(
        (
            "commit_then_drop",
            "drop_before_commit",
            "error_body",
            "login_page",
            "truncated",
            "rate_limited",
            "unavailable",
        ),
        0.06,
    )
    desk.control.behave(**chances, seed=seed)

    for batch in batches(asks, 5):
        results = desk.ensure_within(batch, tries=60)
        assert all(isinstance(result, Ensured) for result in results)

    desk.assert_posted_once(asks)


def test_what_is_recorded_of_a_call_holds_no_key(desk: Desk) -> None:
    told: list[Exchange] = []
    desk.connector.context = replace(desk.context, record=told.append)

    desk.connector.ensure_many([desk.ask(1)])

    assert [exchange.url.rpartition("/")[2].partition("?")[0] for exchange in told] == [
        "search",
        "customers",
        "sales-orders",
        "confirm",
        "sales-orders",
    ]
    assert all(exchange.status == 200 and exchange.received for exchange in told)
    assert desk.place.api_key not in repr(told)


def batches(asks: list[Ask], size: int) -> Iterator[list[Ask]]:
    for start in range(0, len(asks), size):
        yield asks[start : start + size]
