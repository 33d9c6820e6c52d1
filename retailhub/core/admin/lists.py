"""Lists over big tables: no count over all rows, no filter that reads a whole column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold import decorators
from unfold.views import ChangeList

Unfold: Any = ChangeList
Row = TypeVar("Row", bound=Callable[..., Any])

COUNTED = 10_000
"""A list counts, and offers pages, up to this row."""


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than `COUNTED` rows: a table of millions costs what one of ten thousand does."""

    template_name = "console/pagination.html"

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[:COUNTED].count()
        return min(len(rows), COUNTED)

    @property
    def more(self) -> bool:
        """Whether there are rows beyond what was counted."""
        return self.count >= COUNTED


class List(Unfold):  # type: ignore[misc]
    """A change list whose page of rows is read once, and may be enriched with one query for all of them."""

    result_list: Any

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
