"""The pages that belong to no one model: each with its address, its place in the sidebar and who may see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpResponse

from retailhub.console.pages import figure, flows

View = Callable[..., HttpResponse]


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page: ``admin:<name>`` at ``/admin/<address>``, for who has ``permission``.

    ``view`` takes the request, and what ``address`` captures. ``methods`` are those that it answers.
    """

    name: str
    address: str
    permission: str
    view: View
    label: str = ""
    """What the sidebar calls it; where it is empty the page is reached from others."""
    methods: tuple[str, ...] = ("GET", "HEAD")


PAGES: tuple[Page, ...] = (
    Page(
        name="flows",
        address="flows/",
        permission="integrations.view_connection",
        view=flows.view,
        label="Flows",
    ),
    Page(
        name="figure",
        address="figure/<slug:name>/",
        permission="reconciliation.view_cause",
        view=figure.view,
    ),
    Page(
        name="figure_target",
        address="figure/<slug:name>/target/",
        permission=figure.CHANGE,
        view=figure.change_target,
        methods=("GET", "HEAD", "POST"),
    ),
)
