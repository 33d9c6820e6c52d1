"""Moments and JSON as people read them, in templates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.urls import reverse

from retailhub.console.navigation import LABELS
from retailhub.core.admin import words

register = template.Library()


@register.filter
def moment(at: dt.datetime | None) -> str:
    """``2026-11-23 21:07:10``, in UTC."""
    return words.moment(at)


@register.filter
def span(seconds: float) -> str:
    """``3 min``."""
    return words.span(seconds)


@register.filter
def page_name(part: Mapping[str, Any]) -> str:
    """A part of a page's heading (title and link), called what the sidebar calls the page."""
    link = str(part.get("link") or "")
    labels = {reverse(f"admin:{model.replace('.', '_')}_changelist"): label for model, label in LABELS.items()}
    title = str(part["title"])
    return labels.get(link) or title[:1].upper() + title[1:]


@register.filter
def people_s(parts: Sequence[Any]) -> Sequence[Any]:
    """The parts of a page's heading without the app's name, which no person uses."""
    return parts[1:] or parts


@register.filter
def at(values: Sequence[Any], position: int) -> Any:
    """The value at this position, from 0; nothing beyond the last."""
    return values[position] if position < len(values) else ""


@register.filter
def pretty(value: Any) -> str:
    """A JSON value over several lines."""
    return words.pretty(value)
