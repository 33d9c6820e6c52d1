"""Lists over big tables: no count over all rows, no filter that reads a whole column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from django.contrib import admin
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold import decorators
from unfold.views import ChangeList

Unfold: Any = ChangeList
Row = TypeVar("Row", bound=Callable[..., Any])

COUNTED = 2_000
"""A list counts, and offers pages, up to this row: two filters together read many rows for each that they find."""
DEEP = 500
"""From this row on a page is found by its keys, which lie in an index, before its rows are read."""


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than `COUNTED` rows: a table of millions costs what one of thousands does."""

    template_name = "console/pagination.html"

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[:COUNTED].count()
        return min(len(rows), COUNTED)

    def page(self, number: int | str) -> Page[Any]:
        """Rows before a deep page are passed by in the index alone, not read."""
        valid, rows = self.validate_number(number), self.object_list
        first = (valid - 1) * self.per_page
        if first < DEEP or not isinstance(rows, QuerySet):
            return super().page(valid)
        keys = list(rows.values_list("pk", flat=True)[first : first + self.per_page])
        return Page(rows.filter(pk__in=keys), valid, self)

    @property
    def more(self) -> bool:
        """Whether there are rows beyond what was counted."""
        return self.count >= COUNTED


class List(Unfold):  # type: ignore[misc]
    """A change list whose page of rows is read once, and may be enriched with one query for all of them."""

    result_list: Any

    def get_ordering_field(self, field_name: Any) -> Any:
        """Nothing for a column that offers no sorting: an address may ask for it all the same."""
        return super().get_ordering_field(field_name) if field_name in self.sortable_by else None

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Model] = list(self.result_list)
        self.model_admin.enrich(rows)
        self.result_list = rows


def choice_filter(
    field: str, label: str, choices: Sequence[str] | Sequence[tuple[str, str]], *, default: str = ""
) -> type[admin.SimpleListFilter]:
    """A filter over known values. With a ``default`` the list begins filtered, and "all" takes it away."""
    pairs = [choice if isinstance(choice, tuple) else (choice, choice.replace("_", " ")) for choice in choices]

    class Filter(admin.SimpleListFilter):
        title = label
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
            return pairs

        def value(self) -> str | None:
            return super().value() or default or None

        def choices(self, changelist: Any) -> Any:
            for choice in super().choices(changelist):
                if default and choice["display"] == "All":
                    shown = {self.parameter_name: "all"}
                    yield {
                        **choice,
                        "selected": self.value() == "all",
                        "query_string": changelist.get_query_string(shown),
                    }
                else:
                    yield choice

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            chosen = self.value()
            return queryset if chosen in {None, "all"} else queryset.filter(**{field: chosen})

    return Filter


def display(
    *, description: str, ordering: str | None = None, label: Mapping[str, str] | None = None
) -> Callable[[Row], Row]:
    """A column of a list. ``label`` gives values a coloured badge: success, info, warning or danger."""
    shown = decorators.display(description=description, ordering=ordering, label=dict(label) if label else None)
    return cast(Callable[[Row], Row], shown)
