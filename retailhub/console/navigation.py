"""The sidebar: what operators need, in the order in which they need it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from retailhub.console.pages.directory import PAGES

GROUPS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "",
        (("Home", "home", ""),),
    ),
    (
        "What needs a person",
        (
            ("Triage", "rule", "reconciliation.cause"),
            ("Cases", "assignment_late", "reconciliation.case"),
            ("Replays", "replay", "reconciliation.replayrun"),
            ("Customer reviews", "group", "orders.customerreview"),
        ),
    ),
    (
        "What moves",
        (
            ("Orders", "shopping_cart", "orders.order"),
            ("Messages in", "move_to_inbox", "integrations.inboxmessage"),
            ("Messages out", "outbox", "integrations.outboxmessage"),
            ("Flows", "swap_horiz", "page:flows"),
            ("Connections", "cable", "integrations.connection"),
            ("Customers", "person", "orders.customer"),
        ),
    ),
    (
        "Rules",
        (
            ("SKU mappings", "sync_alt", "inventory.skumapping"),
            ("What is posted", "fact_check", "orders.eligibilityrule"),
            ("Routes", "route", "integrations.salesroute"),
            ("Regions", "public", "integrations.region"),
            ("Legal entities", "domain", "integrations.legalentity"),
        ),
    ),
    (
        "System",
        (
            ("Notices", "notifications", "console.noticerule"),
            ("Set-up", "flag", "page:guide"),
            ("Audit", "history", "core.auditentry"),
            ("Schedule", "schedule", "django_celery_beat.periodictask"),
            ("People", "badge", "auth.user"),
            ("Roles", "groups", "auth.group"),
        ),
    ),
)
"""Title of a group; label, symbol and model of each entry, or ``page:<name>``. The one without is the home page."""
LABELS = {model: label for _, entries in GROUPS for label, _, model in entries if "." in model}
PERMISSIONS = {f"page:{page.name}": page.permission for page in PAGES}


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar as django-unfold reads it: only what this person may see."""
    shown = []
    for title, entries in GROUPS:
        items = [_item(request, *entry) for entry in entries if _may_see(request, entry[2])]
        if items:
            shown.append({"title": title or None, "items": items})
    return shown


def _may_see(request: HttpRequest, model: str) -> bool:
    if model in PERMISSIONS:
        return bool(request.user.has_perm(PERMISSIONS[model]))
    app, _, name = model.partition(".")
    return not model or any(request.user.has_perm(f"{app}.{verb}_{name}") for verb in ("view", "change"))


def _item(request: HttpRequest, label: str, symbol: str, model: str) -> dict[str, Any]:
    home = reverse("admin:index")
    link = _address(model) if model else home
    active = request.path == home if link == home else request.path.startswith(link)
    return {"title": label, "icon": symbol, "link": link, "active": lambda _request: active}


def _address(entry: str) -> str:
    kind, _, name = entry.partition(":")
    return reverse(f"admin:{name}") if kind == "page" else reverse(f"admin:{entry.replace('.', '_')}_changelist")


def favicon(_request: HttpRequest) -> str:
    """The address of our own symbol."""
    return static("console/favicon.svg")


def stylesheet(_request: HttpRequest) -> str:
    """The address of our own styles."""
    return static("console/console.css")


def search_stylesheet(_request: HttpRequest) -> str:
    """The address of the search box's styles."""
    return static("console/search.css")


def search_script(_request: HttpRequest) -> str:
    """The address of the search box's key."""
    return static("console/search.js")
