"""Moments and JSON as people read them, in templates."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template

from retailhub.core.admin import words

register = template.Library()


@register.filter
def moment(at: dt.datetime | None) -> str:
    """``2026-11-23 21:07:10``, in UTC."""
    return words.moment(at)


@register.filter
def pretty(value: Any) -> str:
    """A JSON value over several lines."""
    return words.pretty(value)
