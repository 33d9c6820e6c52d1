"""The pages that belong to no one model: each with its address, its place in the sidebar and who may see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpResponse

from retailhub.console.pages import explain, figure, flows, guide, search, timeline

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


SENT, BOTH = ("POST",), ("GET", "HEAD", "POST")
CONNECT, SWITCH = "console.connect_system", "console.set_connection_mode"
GUIDE = (
    Page(
        name="guide", address="set-up/", permission="integrations.view_connection", view=guide.overview, label="Set-up"
    ),
    Page(name="guide_connect", address="set-up/connect/", permission=CONNECT, view=guide.connect, methods=BOTH),
    Page(name="guide_test", address="set-up/test/", permission=CONNECT, view=guide.test, methods=SENT),
    Page(name="guide_route", address="set-up/route/", permission=CONNECT, view=guide.route, methods=BOTH),
    Page(name="guide_catalogue", address="set-up/catalogue/", permission=CONNECT, view=guide.catalogue, methods=SENT),
    Page(name="guide_skus", address="set-up/skus/", permission=CONNECT, view=guide.skus, methods=SENT),
    Page(name="guide_secret", address="set-up/secret/", permission=CONNECT, view=guide.secret, methods=SENT),
    Page(name="guide_mode", address="set-up/mode/", permission=SWITCH, view=guide.mode, methods=BOTH),
)
"""The first-run guide. Its acts have addresses of their own, so that each has its permission."""

PAGES: tuple[Page, ...] = (
    *GUIDE,
    Page(
        name="flows",
        address="flows/",
        permission="integrations.view_connection",
        view=flows.view,
        label="Flows",
    ),
    Page(name="timeline", address="timeline/<slug:order>/", permission="orders.view_order", view=timeline.view),
    Page(name="explain", address="explain/<slug:order>/", permission="orders.view_order", view=explain.view),
    Page(
        name="explain_unmask",
        address="explain/<slug:order>/unmask/",
        permission="console.see_personal_data",
        view=explain.unmask,
        methods=BOTH,
    ),
    Page(name="find", address="find/", permission="orders.view_order", view=search.view, label="Search", methods=BOTH),
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
