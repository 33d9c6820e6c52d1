"""The pages that belong to no one model: each with its address, its place in the sidebar and who may see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpResponse

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


PAGES: tuple[Page, ...] = ()
