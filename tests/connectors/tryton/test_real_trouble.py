"""The connector against a real Tryton while things go wrong: lost answers, two workers at once, a slow server."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from integrations.connectors.answers import Answer, Effect
from integrations.connectors.tryton.connector import Connector
from integrations.ports.capabilities import Ask, Ensured, Result
from integrations.ports.context import CallContext
from integrations.ports.errors import ConnectorError, Unknown
from retailhub.sandbox.tryton.server import TrytonServer
from tests.connectors.tryton.build import asks, simple
from tests.connectors.tryton.test_real_tryton import assert_posted_once, codes

pytestmark = pytest.mark.tryton

Connect = Callable[..., Connector]
Reference = Callable[[], str]


def test_two_workers_with_the_same_orders_make_one_sale_one_shipment_and_one_invoice(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    wanted = asks(*(simple(reference(), customer=f"cus_{reference()}") for _ in range(12)))
    answers: dict[int, list[Result]] = {}
    start = threading.Barrier(2)

    def work(number: int, connector: Connector) -> None:
        start.wait()
        answers[number] = connector.ensure_many(wanted)

    workers = [threading.Thread(target=work, args=(number, connect())) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert {code for number in range(2) for code in codes(answers[number])} <= {"", "concurrent_change"}
    ensure_until_done(connect(), wanted, rounds=20)
    assert_posted_once(tryton, wanted)


def lose_answers(connector: Connector, monkeypatch: pytest.MonkeyPatch, share: float, seed: int) -> list[str]:
    """Let a share of the writes be done by Tryton while their answers are lost on the way; tells which."""
    rng = random.Random(seed)
    http = connector._client._http
    call, lost = http.call, []

    def lossy(method: str, path: str, **arguments: object) -> Answer:
        answer = call(method, path, **arguments)  # type: ignore[arg-type]
        if arguments["effect"] is Effect.WRITE and rng.random() < share:
            lost.append(path)
            raise Unknown("The connection broke before the answer was complete.", code="connection_lost")
        return answer

    monkeypatch.setattr(http, "call", lossy)
    return lost


def ensure_until_done(connector: Connector, wanted: list[Ask], *, rounds: int) -> None:
    """What the engine does with `Unknown` and `Transient`: ask again for what is not done."""
    left = wanted
    for _round in range(rounds):
        results = connector.ensure_many(left)
        left = [ask for ask, result in zip(left, results, strict=True) if not isinstance(result, Ensured)]
        if not left:
            return
    pytest.fail(f"{len(left)} orders are not done")


def run_lossy(
    tryton: TrytonServer, connect: Connect, reference: Reference, monkeypatch: pytest.MonkeyPatch, orders: int
) -> None:
    connector = connect()
    lost = lose_answers(connector, monkeypatch, share=0.2, seed=orders)
    wanted = asks(*(simple(reference()) for _ in range(orders)))
    for first in range(0, orders, 10):
        ensure_until_done(connector, wanted[first : first + 10], rounds=20)
    assert len(lost) > 0
    assert_posted_once(tryton, wanted)


def test_when_one_answer_in_five_is_lost_nothing_is_doubled(
    tryton: TrytonServer, connect: Connect, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_lossy(tryton, connect, reference, monkeypatch, orders=40)


@pytest.mark.long
def test_when_one_answer_in_five_of_three_hundred_orders_is_lost_nothing_is_doubled(
    tryton: TrytonServer, connect: Connect, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_lossy(tryton, connect, reference, monkeypatch, orders=300)


def test_an_order_whose_confirmation_takes_too_long_is_unknown_and_then_adopted(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    connector = connect()
    connector.ensure_many(asks(simple(reference())))
    wanted = asks(*(simple(reference()) for _ in range(8)))

    def hurry(point: str) -> None:
        if point == "tryton.after_quote":
            connector.context = CallContext(deadline_seconds=0.05)

    connector.context = CallContext(deadline_seconds=120, crashpoint=hurry)
    results = connector.ensure_many(wanted)
    assert all(isinstance(result, Unknown) for result in results)
    connector.context = CallContext(deadline_seconds=120)
    ensure_until_done(connector, wanted, rounds=5)
    assert_posted_once(tryton, wanted)


def test_a_server_that_is_down_is_tried_again_later(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    connector = connect()
    wanted = asks(simple(reference()))
    tryton.stop()
    try:
        (result,) = connector.ensure_many(wanted)
    finally:
        tryton.start(keep=True)
    assert isinstance(result, ConnectorError)
    assert result.code == "unreachable"
    assert codes(connector.ensure_many(wanted)) == [""]
    assert_posted_once(tryton, wanted)
