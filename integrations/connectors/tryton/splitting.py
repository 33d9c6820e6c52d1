"""Calls that do all or nothing: on a no, look again, then split until the bad one stands alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from integrations.connectors.tryton.client import ConcurrencyFault, Fault, ServerFault, WarningFault
from integrations.ports.errors import ConnectorError, Rejected, Transient, Unknown

T = TypeVar("T")


def drive(
    items: list[T],
    act: Callable[[list[T]], None],
    still_open: Callable[[list[T]], list[T]],
    fail: Callable[[T, ConnectorError], None],
) -> None:
    """Do ``act`` for all items; tell ``fail`` of each that cannot be done.

    ``still_open`` looks again and answers the items that are yet to be done: an earlier attempt, or another
    worker, may have done some, and that may be why Tryton refused. Raises the ``ConnectorError`` that stops
    everything; when a write got no answer, its items are told `Unknown`, and `Transient` is raised.
    """
    if not items:
        return
    try:
        act(items)
    except Unknown as error:
        for item in items:
            fail(item, error)
        raise Transient(
            "An earlier call of the same batch got no answer, so this one was not made.", code="batch_stopped"
        ) from error
    except (Fault, Rejected) as error:
        _divide(items, act, still_open, fail, error)


def _divide(
    items: list[T],
    act: Callable[[list[T]], None],
    still_open: Callable[[list[T]], list[T]],
    fail: Callable[[T, ConnectorError], None],
    error: Fault | Rejected,
) -> None:
    left = still_open(items)
    if len(left) < len(items):
        drive(left, act, still_open, fail)
    elif len(items) == 1:
        fail(items[0], refused(error))
    else:
        middle = len(items) // 2
        drive(items[:middle], act, still_open, fail)
        drive(items[middle:], act, still_open, fail)


def refused(error: Fault | Rejected) -> ConnectorError:
    """What Tryton's no to one document means. Its own sentence may name people, so it is evidence only."""
    if isinstance(error, Rejected):
        return error
    evidence = {"erp_text": error.text}
    if isinstance(error, ConcurrencyFault):
        return Transient("Somebody changed the record in Tryton meanwhile.", code="concurrent_change")
    if isinstance(error, WarningFault):
        evidence["warning"] = error.name
        return Rejected("Tryton asks a question that a person has to answer.", code="erp_warning", evidence=evidence)
    if isinstance(error, ServerFault):
        return Rejected("Tryton failed on this document.", code="erp_fault", evidence=evidence)
    return Rejected("Tryton refused this document.", code="erp_refused", evidence=evidence)
