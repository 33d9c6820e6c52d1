"""What there is to ask of the console: every list with each filter, sort and search, every page, and the search.

Read off the addresses that the product answers (`retailhub.console.access_matrix`), the lists' own filters and columns,
and rows that are there.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import RequestFactory
from django.urls import reverse

from orders.models import Order, OrderSku
from reconciliation.codes import CODES
from reconciliation.models import Case, Cause
from reconciliation.selectors import triage
from retailhub.bench.console_data import KNOWN_EMAILS, email_of
from retailhub.console import access_matrix
from retailhub.console.figures import FIGURES
from retailhub.console.pages.directory import PAGES

chance = random.Random(7)  # noqa: S311 - the same questions each time


@dataclass(frozen=True, kw_only=True)
class Request:
    """One address; with ``data`` it is sent."""

    url: str
    data: dict[str, str] | None = None
    may_lead_on: bool = False


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One kind of question with as many ways to put it as there are."""

    name: str
    ways: Sequence[Request]

    def requests(self, rounds: int) -> list[Request]:
        """So many, each way about as often as the others."""
        return [self.ways[number % len(self.ways)] for number in range(max(rounds, min(len(self.ways), 2 * rounds)))]


def asks() -> Iterator[Ask]:
    """Every question, from the addresses of the product."""
    seen: set[tuple[Any, str]] = set()
    for row in access_matrix.rows():
        if row.model is not None and row.what in {"list", "page"} and (row.model, row.what) not in seen:
            seen.add((row.model, row.what))
            yield from _of_list(row.model) if row.what == "list" else _of_page(row.model)
    yield Ask(name="home", ways=[Request(url=reverse("admin:index"))])
    for page in PAGES:
        if "GET" in page.methods:
            ways = [Request(url=url, may_lead_on=True) for url in _addresses(page.address)]
            yield Ask(name=f"page {page.name}", ways=ways)
    for kind, texts in _texts().items():
        if texts:
            ways = [Request(url=reverse("admin:find"), data={"text": text}, may_lead_on=True) for text in texts]
            yield Ask(name=f"search by {kind}", ways=ways)


def _addresses(address: str) -> list[str]:
    """An address with what it captures: each figure, some orders. Raises ``LookupError`` for what is not known."""
    captured = {"<slug:name>": [figure.name for figure in FIGURES], "<slug:order>": _values(Order, "public_id")}
    for what, values in captured.items():
        if what in address:
            return [f"/admin/{address.replace(what, value)}" for value in values]
    if "<" in address:
        raise LookupError(f"{address} captures something that nothing is known for.")
    return [f"/admin/{address}"]


def _of_list(model: Any) -> Iterator[Ask]:
    page: Any = admin.site._registry[model]
    name, url = model._meta.label, reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")

    def ask(what: str, queries: Sequence[str]) -> Ask:
        return Ask(name=f"{name} {what}".strip(), ways=[Request(url=f"{url}{query}") for query in queries])

    if model is Cause:
        yield from _of_triage(ask)
        return
    filters, sorts, pages = _choices(page)
    yield ask("list", ["", *(f"?p={number}" for number in (2, 5, 20, 40) if number <= pages)])
    for title, queries in filters.items():
        yield ask(f"filter {title}", queries)
    if len(filters) > 1:
        yield ask("two filters", [_two(filters) for _ in range(100)])
    for title, queries in sorts.items():
        yield ask(f"sort {title}", queries)
    for column in getattr(page, "search_exact", ()) or page.get_search_fields(None):
        found = [f"?q={value}" for value in _values(model, column)]
        yield ask(f"search {column}", [*found, "?q=nothing-is-called-so"])


def _choices(page: Any) -> tuple[dict[str, list[str]], dict[str, list[str]], int]:
    """Addresses of each filter's choices and of each way to sort, and how many pages, as the list itself offers."""
    request = RequestFactory().get("/")
    request.user = User.objects.filter(is_superuser=True).earliest("pk")
    shown = page.get_changelist_instance(request)
    filters = {str(spec.title): [each["query_string"] for each in spec.choices(shown)] for spec in shown.filter_specs}
    sorts = {
        str(column): [f"?o={number}", f"?o=-{number}"]
        for number, column in enumerate(shown.list_display)
        if shown.get_ordering_field(column)
    }
    return filters, sorts, shown.paginator.num_pages


def _two(filters: dict[str, list[str]]) -> str:
    one, other = chance.sample(sorted(filters), 2)
    return "?" + "&".join(chance.choice(filters[each]).lstrip("?") for each in (one, other))


def _of_triage(ask: Callable[[str, Sequence[str]], Ask]) -> Iterator[Ask]:
    """Its filter is its own: each field with its values, and all of them two by two."""
    values = _triage_values()
    yield ask("list", ["?view=everything", "?p=2", "?p=5"])
    for name, found in values.items():
        yield ask(f"filter {name}", [f"?{name}={value}" for value in found])
    pairs = [chance.sample(sorted(values), 2) for _ in range(100)]
    yield ask("two filters", ["?" + "&".join(f"{n}={chance.choice(values[n])}" for n in pair) for pair in pairs])


def _triage_values() -> dict[str, list[str]]:
    causes = list(Cause.objects.order_by("?")[:50])
    connections = sorted({cause.connection.name for cause in causes if cause.connection})
    values = {
        "q": [*(each.key for each in causes), *(each.public_id for each in causes)],
        "code": sorted({cause.code for cause in causes}),
        "connection": connections,
        "store": connections,
        "age": [*triage.AGES, triage.PAST_DUE],
        "owner": [triage.ME, triage.NOBODY, "person-1"],
        "tag": ["supplier", "none"],
        "money": ["1", "100000", "1e12"],
        "urgent": ["1"],
        "side": sorted({code.side.value for code in CODES.values()}),
        "snoozed": ["only", "any"],
        "sort": [name for name in triage.SORTS if name],
    }
    strange = {each.name for each in fields(triage.Filter)} ^ set(values)
    if strange:
        raise LookupError(f"Triage filters by {sorted(strange)}, and nothing is known to ask.")
    return values


def _of_page(model: Any) -> Iterator[Ask]:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    ways = [Request(url=reverse(name, args=[each])) for each in _values(model, "pk")]
    if ways:
        yield Ask(name=f"{model._meta.label} page", ways=ways)


def _values(model: Any, column: str, count: int = 50) -> list[Any]:
    """What rows have in a column: of rows all over the table, half of them among the newest."""
    key, rows = model._meta.pk.attname, model._default_manager
    if not model._meta.pk.get_internal_type().endswith("AutoField"):
        return list(rows.values_list(column, flat=True)[:count])
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT coalesce(min({key}), 0), coalesce(max({key}), 0) FROM "{model._meta.db_table}"')  # noqa: S608 - ours
        low, high = cursor.fetchone()
    picked = [chance.randint(low, high) for _ in range(count // 2)]
    found = [rows.filter(pk__gte=pk).order_by("pk").values_list(column, flat=True).first() for pk in picked]
    newest = rows.order_by("-pk").values_list(column, flat=True)[: count - len(picked)]
    return [value for value in [*found, *newest] if value not in {None, ""}]


def _texts() -> dict[str, list[str]]:
    """What people type into the search, by what it is."""
    models = {model._meta.label: model for model in admin.site._registry}
    documents = apps.get_model("integrations.ExternalReference").objects.exclude(number="").order_by("-pk")
    return {
        "number": _values(Order, "number"),
        "order": _values(Order, "public_id"),
        "SKU": list(dict.fromkeys(OrderSku.objects.values_list("sku", flat=True)[:2000]))[:50],
        "e-mail": [email_of(number) for number in range(1, KNOWN_EMAILS, 4)],
        "name": [name for name in _values(models["orders.Customer"], "name") if re.fullmatch(r"[\w ]+", name)],
        "document": list(documents.values_list("number", flat=True)[:50]),
        "message in": [f"msg_i{pk}" for pk in _values(models["integrations.InboxMessage"], "pk")],
        "message out": [f"msg_o{pk}" for pk in _values(models["integrations.OutboxMessage"], "pk")],
        "case": _values(Case, "public_id"),
        "value at fault": _values(Cause, "key"),
        "customer": _values(models["orders.Customer"], "public_id"),
        "nothing": ["nothing-is-called-so", "nobody@example.org", "ord_0", "99999999"],
    }
