"""Triage: causes with open cases, filtered and in the order in which they need somebody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib.auth import get_user_model
from django.db.models import BooleanField, Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models import Case as When_

from reconciliation import policies
from reconciliation.codes import CODES, Side
from reconciliation.models import Case, Cause, CauseDelta, CauseMoney, CauseNow, CauseWork

COUNTED = 10_000
"""Matches are counted, and paged through, up to here."""
PAGE = 50
URGENT = sorted(code.code for code in CODES.values() if code.urgent)
AGES = {
    "1h": dt.timedelta(hours=1),
    "4h": dt.timedelta(hours=4),
    "1d": dt.timedelta(days=1),
    "7d": dt.timedelta(days=7),
    "30d": dt.timedelta(days=30),
}
PAST_DUE = "due"
ME, NOBODY = "me", "nobody"
SNOOZED = ("", "only", "any")
SORTS: dict[str, tuple[str, ...]] = {
    "": ("-urgent", "-risk", "-cases", "cause_id"),
    "money": ("-risk", "-cases", "cause_id"),
    "count": ("-cases", "-risk", "cause_id"),
    "age": ("oldest_at", "-risk", "cause_id"),
    "seen": ("-seen_at", "cause_id"),
}


class BadFilter(ValueError):
    """A filter says what cannot be; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What triage shows. Each field is as in the address of the page; empty means no matter."""

    q: str = ""
    """A code, a value at fault or a cause's id, exactly."""
    code: str = ""
    connection: str = ""
    """Name of the connection whose cause it is."""
    store: str = ""
    """Name of a store that cases of it are about."""
    age: str = ""
    """Its oldest open case is older than this (`AGES`), or past due (`PAST_DUE`)."""
    owner: str = ""
    """`ME`, `NOBODY` or a user's name."""
    tag: str = ""
    money: str = ""
    """At least so much at risk, all currencies together."""
    urgent: str = ""
    side: str = ""
    snoozed: str = ""
    """Empty for what is not put off, ``only`` for what is, ``any`` for both."""
    sort: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Filter:
        """From what an address says; what is not about the filter is left out. Raises `BadFilter`."""
        known = {each.name: values[each.name].strip() for each in fields(cls) if each.name in values}
        found = cls(**known)
        found.check()
        return found

    @classmethod
    def parse(cls, query: str) -> Filter:
        """From a query string such as ``code=sku_unmapped&owner=me``. Raises `BadFilter`."""
        values = dict(parse_qsl(query, keep_blank_values=True))
        strange = sorted(set(values) - {each.name for each in fields(cls)})
        if strange:
            raise BadFilter(f"Nothing can be filtered by {', '.join(strange)}.")
        return cls.of(values)

    @property
    def said(self) -> list[tuple[str, str]]:
        """Names and values, in one order, without what is empty."""
        return [(each.name, getattr(self, each.name)) for each in fields(self) if getattr(self, each.name)]

    @property
    def query(self) -> str:
        """The filter as a query string."""
        return urlencode(self.said)

    @property
    def least(self) -> Decimal | None:
        """The smallest amount."""
        return Decimal(self.money) if self.money else None

    def check(self) -> None:
        """Raise `BadFilter` for a value that cannot be."""
        allowed = (
            (self.age, (*AGES, PAST_DUE), "age"),
            (self.side, [side.value for side in Side], "side"),
            (self.snoozed, SNOOZED, "snoozed"),
            (self.sort, SORTS, "sort"),
            (self.urgent, ("1",), "urgent"),
        )
        for value, known, name in allowed:
            if value and value not in known:
                raise BadFilter(f'"{value}" is nothing that "{name}" can be.')
        try:
            amount = self.least
        except InvalidOperation as error:
            raise BadFilter(f'"{self.money}" is no amount of money.') from error
        if amount is not None and not amount.is_finite():
            raise BadFilter(f'"{self.money}" is no amount of money.')


def matching(chosen: Filter, *, person_id: int | None, now: dt.datetime) -> QuerySet[CauseNow]:
    """The causes that match, in no order. ``person_id`` is who says "me"."""
    rows = CauseNow.objects.all()
    for name in ("code", "connection__name"):
        value = getattr(chosen, name.partition("_")[0])
        rows = rows.filter(**{name: value}) if value else rows
    if chosen.q:
        rows = rows.filter(Q(code=chosen.q) | Q(cause__key=chosen.q) | Q(cause__public_id=chosen.q))
    if chosen.store:
        of_store = Case.objects.filter(state=Case.State.OPEN, store__name=chosen.store)
        rows = rows.filter(cause_id__in=of_store.values("cause_id"))
    if chosen.urgent:
        rows = rows.filter(code__in=URGENT)
    if chosen.side:
        rows = rows.filter(code__in=[code.code for code in CODES.values() if code.side.value == chosen.side])
    if chosen.least is not None:
        rows = rows.filter(risk__gte=chosen.least)
    return rows.filter(_aged(chosen.age, now), *_worked(chosen, person_id, now))


def _aged(age: str, now: dt.datetime) -> Q:
    if not age:
        return Q()
    if age == PAST_DUE:
        urgent = Q(code__in=URGENT)
        late = Q(oldest_at__lt=now - policies.URGENT_WITHIN), Q(oldest_at__lt=now - policies.WITHIN)
        return (urgent & late[0]) | late[1]
    return Q(oldest_at__lt=now - AGES[age])


def _worked(chosen: Filter, person_id: int | None, now: dt.datetime) -> list[Any]:
    """What the working state has to be."""
    work = CauseWork.objects.filter(cause_id=OuterRef("cause_id"))
    found: list[Any] = []
    if chosen.snoozed != "any":
        put_off = Exists(work.filter(snoozed_until__gt=now))
        found.append(put_off if chosen.snoozed == "only" else ~put_off)
    if chosen.owner == NOBODY:
        found.append(~Exists(work.filter(owner__isnull=False)))
    elif chosen.owner == ME:
        found.append(Exists(work.filter(owner=person_id)))
    elif chosen.owner:
        found.append(Exists(work.filter(owner__username=chosen.owner)))
    if chosen.tag:
        found.append(Exists(work.filter(tags__contains=[chosen.tag])))
    return found


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many causes match and how many open cases they have; no further than `COUNTED` causes."""

    causes: int
    cases: int

    @property
    def more(self) -> bool:
        return self.causes >= COUNTED


def size_of(rows: QuerySet[CauseNow]) -> Size:
    """How much that is."""
    found = rows.order_by()[:COUNTED].aggregate(causes=Count("cause_id"), cases=Sum("cases"))
    return Size(causes=found["causes"], cases=found["cases"] or 0)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One cause as triage shows it. ``money`` by currency; ``work`` where somebody did anything about it."""

    cause: Cause
    cases: int
    money: Mapping[str, Decimal]
    seen_at: dt.datetime | None
    oldest_at: dt.datetime
    sentence: str
    urgent: bool
    due_at: dt.datetime
    work: CauseWork | None


def page_of(rows: QuerySet[CauseNow], *, sort: str, number: int) -> list[Row]:
    """One page, from 1, in one of `SORTS`."""
    urgent = When_(
        When(code__in=URGENT, then=Value(value=True)), default=Value(value=False), output_field=BooleanField()
    )
    begin = (number - 1) * PAGE
    return rows_of(list(rows.annotate(urgent=urgent).order_by(*SORTS[sort])[begin : begin + PAGE]))


def row_of(*, cause_id: int) -> Row | None:
    """One cause; nothing where it has no open case."""
    found = rows_of(list(CauseNow.objects.filter(pk=cause_id)))
    return found[0] if found else None


def rows_of(found: Sequence[CauseNow]) -> list[Row]:
    """What triage shows of these, in their order."""
    keys = [each.pk for each in found]
    newest = Case.objects.filter(cause=OuterRef("pk"), state=Case.State.OPEN).order_by("-opened_at").values("sentence")
    causes = (
        Cause.objects.filter(pk__in=keys)
        .select_related("connection", "work__owner")
        .defer("connection__credentials")
        .annotate(newest=Subquery(newest[:1]))
    )
    by_key = {cause.pk: cause for cause in causes}
    money = money_of(cause_ids=keys)
    return [_row(each, by_key[each.pk], money.get(each.pk, {})) for each in found if each.pk in by_key]


def _row(each: CauseNow, cause: Cause, money: Mapping[str, Decimal]) -> Row:
    urgent = each.code in URGENT
    return Row(
        cause=cause,
        cases=each.cases,
        money=money,
        seen_at=each.seen_at,
        oldest_at=each.oldest_at,
        sentence=cause.newest or "",  # type: ignore[attr-defined]
        urgent=urgent,
        due_at=policies.due_at(urgent=urgent, since=each.oldest_at),
        work=getattr(cause, "work", None),
    )


def money_of(*, cause_ids: Sequence[int]) -> dict[int, dict[str, Decimal]]:
    """Money at risk in the open cases of these causes, by currency; a cause without any is not in the answer."""
    parts = [
        model.objects.filter(cause_id__in=list(cause_ids))
        .exclude(currency="")
        .values_list("cause_id", "currency", "cases", "money")
        for model in (CauseMoney, CauseDelta)
    ]
    found: dict[int, dict[str, list[Decimal]]] = {}
    for cause_id, currency, cases, money in parts[0].union(parts[1], all=True):
        amount = found.setdefault(cause_id, {}).setdefault(currency, [Decimal(0), Decimal(0)])
        amount[0] += cases
        amount[1] += money
    return {
        cause_id: {currency: money for currency, (cases, money) in sorted(amounts.items()) if cases}
        for cause_id, amounts in found.items()
        if any(cases for cases, _ in amounts.values())
    }


def found_past(term: str) -> list[Cause]:
    """Causes without open cases whose value at fault or id is exactly this, newest first."""
    if not term:
        return []
    rows = Cause.objects.filter(Q(key=term) | Q(public_id=term)).order_by("-pk")[:PAGE]
    opened = set(CauseNow.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    return [row for row in rows if row.pk not in opened]


def causes_matching(chosen: Filter, *, person_id: int | None, now: dt.datetime) -> list[int]:
    """Keys of all causes that match, however many, in order of keys."""
    return sorted(matching(chosen, person_id=person_id, now=now).values_list("cause_id", flat=True))


def open_cases_of(*, cause_ids: Sequence[int]) -> list[int]:
    """Keys of the open cases of these causes, in order."""
    rows = Case.objects.filter(cause_id__in=list(cause_ids), state=Case.State.OPEN)
    return sorted(rows.values_list("pk", flat=True))


def ignored_cases_of(*, cause_ids: Sequence[int]) -> list[int]:
    """Keys of the ignored cases of these causes, in order."""
    rows = Case.objects.filter(cause_id__in=list(cause_ids), state=Case.State.IGNORED)
    return sorted(rows.values_list("pk", flat=True))


def people() -> list[tuple[int, str]]:
    """Who may be given work: key and user name."""
    rows = get_user_model()._default_manager.filter(is_active=True, is_staff=True)
    return list(rows.order_by("username").values_list("pk", "username"))


def tags() -> list[str]:
    """Tags that causes have."""
    used: set[str] = set()
    for each in CauseWork.objects.exclude(tags=[]).values_list("tags", flat=True):
        used.update(each)
    return sorted(used)
