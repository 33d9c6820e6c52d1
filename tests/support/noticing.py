"""Causes that open and close, rules, and the clock, for tests of notices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from reconciliation.services import cases
from reconciliation.services.cases import Report
from retailhub.console.models import NoticeRule
from retailhub.console.notices import changes, rules, sending
from retailhub.console.notices.rules import Wanted
from retailhub.core import clock

FAMILY = "test"


def at(text: str) -> None:
    """Set this connection's clock: ``2026-03-28 21:30`` in UTC."""
    wanted = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('retailhub.clock_offset', (%s - clock_timestamp())::text, false)", [wanted])


def later(**by: float) -> None:
    """Move this connection's clock on."""
    at((clock.now() + dt.timedelta(**by)).replace(tzinfo=None).isoformat())


def real_time() -> None:
    """Leave the clock as other tests expect it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('retailhub.clock_offset', '0 seconds', false)")


def opens(
    key: str,
    *,
    cases_of: Iterable[int] = (1,),
    code: str = "sku_unmapped",
    money: str = "",
    connection_id: int | None = None,
    **more: Any,
) -> None:
    """A cause with a case for each number."""
    reports = [
        Report(
            code=code,
            subject=f"order:{key}-{number}"[:60],
            family=FAMILY,
            connection_id=connection_id,
            key=key,
            currency="EUR" if money else "",
            money=Decimal(money) if money else None,
            **more,
        )
        for number in cases_of
    ]
    with transaction.atomic():
        cases.open_many(reports=reports, now=clock.now())


def closes(key: str, *, cases_of: Iterable[int] = (1,)) -> None:
    """Its cases are gone."""
    with transaction.atomic():
        cases.close_for(
            family=FAMILY, why={f"order:{key}-{number}"[:60]: "mended" for number in cases_of}, now=clock.now()
        )


def rule(url: str, *, name: str = "desk", kind: str = "json", **wanted: Any) -> NoticeRule:
    """A rule that tells a webhook in one's own network."""
    given = Wanted(kind=kind, address=url, **{"allow_private": kind != "email", **wanted})
    return rules.add(name=name, wanted=given, actor="test", reason="a test", now=clock.now())


def ring() -> None:
    """What the schedule does each half minute."""
    changes.watch(now=clock.now())
    sending.send_due()
