"""Moments and JSON as people read them, in templates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.contrib import admin
from django.urls import reverse

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
    title = str(part["title"])
    return _labels().get(link) or title[:1].upper() + title[1:]


def _labels() -> dict[str, str]:
    """Address of a list → what the sidebar calls it. Asked of the site: its pages need these filters to be there."""
    named = {model._meta: admin.site.label(model._meta.label_lower) for model in admin.site._registry}  # type: ignore[attr-defined]
    return {
        reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"): label for meta, label in named.items() if label
    }


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
