"""The demo's reckoning, by ledgers made for it: each thing that can be wrong is told, once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from retailhub.sandbox.store.control import Books, PlacedOrder
from retailhub.sandbox.tally import Held, tally

NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def placed(ident: int, **more: Any) -> PlacedOrder:
    row: dict[str, Any] = {
        "id": ident,
        "way": "rest",
        "at": NOON,
        "currency": "EUR",
        "total": Decimal("10.00"),
        "refunded": Decimal(0),
        "status": "processing",
        "life": "paid_at_once",
        "expect": "posted",
        "planted": None,
    }
    return PlacedOrder(**row | more)


def reckon(
    *orders: PlacedOrder,
    held: tuple[Held, ...] = (),
    cases: dict[str, set[str]] | None = None,
    known: dict[str, str] | None = None,
    disabled: int = 0,
) -> dict[str, Any]:
    books = Books(tuple(orders), (), (), {}, {}, disabled)
    seen = {f"WC-eu-{row.id}": row.status for row in orders} if known is None else known
    return tally(books=books, held=list(held), cases=cases or {}, known=seen)


def in_erp(ident: int, total: str = "10.00", *, currency: str = "EUR", life: str = "") -> Held:
    return Held(f"WC-eu-{ident}{life}", currency, Decimal(total))


def test_posted_ineligible_and_planted_orders_leave_nothing_lost() -> None:
    result = reckon(
        placed(1),
        placed(2, status="pending", expect="nothing"),
        placed(3, planted="sku_unmapped", expect="case"),
        held=(in_erp(1),),
        cases={"sku_unmapped": {"WC-eu-3"}},
    )

    assert (result["placed"], result["posted"], result["ineligible"], result["lost"]) == (3, 1, 1, 0)
    assert result["cases"] == result["planted"] == {"sku_unmapped": 1}
    assert result["money_difference"] == {"EUR": "0.00"}
    assert (result["duplicates"], result["wrongly_posted"], result["stale"]) == (0, [], [])


def test_an_order_that_is_nowhere_is_lost() -> None:
    result = reckon(placed(1), placed(2), held=(in_erp(1),))

    assert (result["lost"], result["lost_references"]) == (1, ["WC-eu-2"])


def test_a_second_document_is_a_duplicate_and_too_much_money_whichever_life_it_names() -> None:
    result = reckon(placed(1), held=(in_erp(1), in_erp(1, life="-O2")))

    assert (result["duplicates"], result["money_difference"]) == (1, {"EUR": "10.00"})


@pytest.mark.parametrize(
    ("document", "difference"),
    [
        (in_erp(1, "9.99"), {"EUR": "0.01"}),
        (in_erp(1, currency="USD"), {"USD": "10.00"}),
        (in_erp(7), {"EUR": "10.00"}),
    ],
)
def test_another_amount_another_currency_and_an_order_nobody_placed_are_money(
    document: Held, difference: dict[str, str]
) -> None:
    assert reckon(placed(1), held=(document,))["money_difference"] == difference


def test_what_was_thrown_away_must_not_be_posted_and_what_was_paid_after_all_must() -> None:
    orders = (
        placed(1, status="trash"),
        placed(2, status="deleted"),
        placed(3, status="processing", expect="nothing", life="never_paid"),
    )
    right = reckon(*orders, held=(in_erp(3),))
    wrong = reckon(*orders, held=(in_erp(1), in_erp(2)))

    assert (right["ineligible"], right["lost"], right["wrongly_posted"]) == (2, 0, [])
    assert (wrong["lost_references"], wrong["wrongly_posted"]) == (["WC-eu-3"], ["WC-eu-1", "WC-eu-2"])


def test_an_order_known_otherwise_than_the_store_has_it_is_stale() -> None:
    orders = (placed(1), placed(2, status="trash"), placed(3, status="deleted"), placed(4, status="deleted"))
    known = {"WC-eu-1": "pending", "WC-eu-2": "trash", "WC-eu-3": "processing"}

    assert reckon(*orders, known=known)["stale"] == ["WC-eu-1", "WC-eu-3"]


def test_a_webhook_that_the_store_switched_off_was_planted_once_however_often() -> None:
    result = reckon(disabled=3, cases={"webhook_disabled": {"connection:1"}})

    assert result["planted"] == result["cases"] == {"webhook_disabled": 1}
    assert reckon(disabled=1)["cases"] == {}


def test_missing_deliveries_are_left_out_for_only_a_long_run_hears_of_them() -> None:
    cases = {"webhooks_missing": {"connection:1"}, "webhooks_late": {"connection:1"}}

    assert reckon(cases=cases)["cases"] == {"webhooks_late": 1}
